"""A fitted multilayer perceptron as a model file: parameters and attributes as plain data, and its
weights and biases as tensors.

What JSON does not have is written as an object that names it: {"float": "nan"}, a dict as
{"items": [[key, value], ...]}, {"array": [...], "dtype": "<i8"}, {"schedule": {"name": ...}}.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from chainrule.choices import choose
from chainrule.errors import InputError, ModelFileError
from chainrule.estimators.mlp_parameters import check_parameters
from chainrule.model_file import read_model_file, write_model_file
from chainrule.schedules import SCHEDULES, Schedule

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
    parameters = estimator.get_params(deep=False)
    if not isinstance(parameters["random_state"], int | np.integer | None):
        parameters["random_state"] = None  # a generator is no choice of the user's but a position
    document = {
        "estimator": type(estimator).__name__,
        "parameters": {name: _to_plain(name, value) for name, value in parameters.items()},
        "attributes": {
            name: _to_plain(name, getattr(estimator, name))
            for name in ATTRIBUTES
            if hasattr(estimator, name)
        },
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
    parameters = {name: _from_plain(value) for name, value in document["parameters"].items()}
    estimator: Any = kind(**parameters)
    check_parameters(kind.__name__, parameters)
    for name, value in document["attributes"].items():
        if name not in ATTRIBUTES:
            raise ValueError(f"it has the unknown attribute {name}")
        found = _from_plain(value)
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


def _to_plain(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list | tuple):
        return [_to_plain(name, item) for item in value]
    if isinstance(value, Mapping):
        return {"items": [[_to_plain(name, part) for part in item] for item in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufUO" and value.ndim == 1:
        return {
            "array": [_to_plain(name, item) for item in value.tolist()],
            "dtype": value.dtype.str,
        }
    if isinstance(value, Schedule) and value.name in SCHEDULES:
        own = {field.name: _to_plain(name, getattr(value, field.name)) for field in fields(value)}
        return {"schedule": {"name": value.name, **own}}
    raise InputError(
        f"'{name}' is {value!r}, which a model file does not hold: use numbers, strings, tuples, "
        "dicts and chainrule's own schedules, or save the estimator with joblib."
    )


def _from_plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_plain(item) for item in value)
    if not isinstance(value, dict):
        return value
    ((what, content),) = [(k, v) for k, v in value.items() if k != "dtype"]
    if what == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if what == "items":
        return {_from_plain(key): _from_plain(item) for key, item in content}
    if what == "array":
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufUO":
            raise ValueError(f"it has an array of {dtype}")
        return np.array([_from_plain(item) for item in content], dtype=dtype)
    if what == "schedule":
        own = {name: _from_plain(part) for name, part in content.items()}
        return choose("schedule", own.pop("name"), SCHEDULES)(**own)
    raise ValueError(f"it holds a {what}")
