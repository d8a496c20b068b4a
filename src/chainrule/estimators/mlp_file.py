"""A fitted multilayer perceptron as a model file: parameters and attributes as plain data, and its
weights and biases as tensors.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from chainrule.errors import ModelFileError
from chainrule.estimators.mlp_parameters import check_parameters
from chainrule.estimators.plain_state import attributes_of, from_plain, parameters_of
from chainrule.model_file import read_model_file, write_model_file

E = TypeVar("E")

ATTRIBUTES = (
    "n_features_in_",
    "feature_names_in_",
    "medians_",
    "flagged_",
    "classes_",
    "n_outputs_",
    "n_layers_",
    "n_iter_",
    "t_",
    "out_activation_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_loss_curve_",
    "validation_scores_",
    "best_validation_score_",
    "_sparse_labels",
)
"""What is kept besides `coefs_` and `intercepts_`, of those that the estimator has."""


def write_estimator(path: str | os.PathLike[str], estimator: Any) -> None:
    """Write a fitted estimator.

    Raises:
        InputError: a parameter or a class label that is not plain data, or a path that cannot be
            written.
    """
    document = {
        "estimator": type(estimator).__name__,
        "parameters": parameters_of(estimator),
        "attributes": attributes_of(estimator, ATTRIBUTES),
    }
    pairs = enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True))
    tensors = {}
    for l, (W, b) in pairs:
        tensors[f"layers.{l}.W"] = np.ascontiguousarray(W)
        tensors[f"layers.{l}.b"] = np.ascontiguousarray(b)
    write_model_file(path, document, tensors)


def read_estimator(path: str | os.PathLike[str], kind: type[E]) -> E:
    """Read an estimator of that class.

    Raises:
        ModelFileError: the file is missing, damaged, foreign, newer, or of another class.
    """
    document, tensors = read_model_file(path)
    found = document.get("estimator")
    if found != kind.__name__:
        what = f"a {found}" if isinstance(found, str) else "a model that is no estimator"
        raise ModelFileError(
            f"{os.fspath(path)!r} holds {what}, not a {kind.__name__}: load it with what saved it."
        )
    try:
        return _estimator_of(kind, document, tensors)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} is whole, but what it says is not a {kind.__name__} "
            f"({type(error).__name__}: {error}); fit and save the estimator again."
        ) from error


def _estimator_of(kind: type[E], document: Mapping[str, Any], tensors: Mapping[str, Any]) -> E:
    parameters = {name: from_plain(value) for name, value in document["parameters"].items()}
    estimator: Any = kind(**parameters)
    check_parameters(kind.__name__, parameters)
    for name, value in document["attributes"].items():
        if name not in ATTRIBUTES:
            raise ValueError(f"it has the unknown attribute {name}")
        found = from_plain(value)
        setattr(estimator, name, list(found) if isinstance(found, tuple) else found)
    _give_tensors(estimator, tensors)
    return estimator


def _give_tensors(estimator: Any, tensors: Mapping[str, Any]) -> None:
    """Set the weights and biases of an estimator that has all of its other attributes.

    Raises:
        ValueError: they are not of its network.
    """
    layers = range(estimator.n_layers_ - 1)
    if set(tensors) != {f"layers.{l}.{part}" for l in layers for part in "Wb"}:
        raise ValueError("its tensors are not those of its layers")
    if {str(tensor.dtype) for tensor in tensors.values()} not in ({"float32"}, {"float64"}):
        raise ValueError("its tensors are not weights and biases")
    estimator.coefs_ = [tensors[f"layers.{l}.W"].copy() for l in layers]
    estimator.intercepts_ = [tensors[f"layers.{l}.b"].copy() for l in layers]
    network = estimator._fitted_network()
    if not np.isfinite(estimator._parameters(network).theta).all():
        raise ValueError("a weight is not finite")
    d, flagged = estimator.n_features_in_, 0
    if (filling := estimator._filling()) is not None:
        flagged = len(filling.flagged)
        if filling.medians.shape != (d,) or not set(filling.flagged.tolist()) <= set(range(d)):
            raise ValueError("its medians do not fit its inputs")
    if (network.n_inputs, network.n_outputs) != (d + flagged, estimator.n_outputs_):
        raise ValueError("its tensors do not fit its inputs and outputs")
