"""A fitted tabular estimator as a model file.

It is the model file of its model, with what the estimator knows besides under "estimator" in the
training record.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from chainrule.calibration import Calibration
from chainrule.errors import ModelFileError
from chainrule.estimators.conformal import CalibrationRows
from chainrule.estimators.plain_state import attributes_of, from_plain, parameters_of
from chainrule.estimators.tabular_options import check_tabular_parameters
from chainrule.model import Model
from chainrule.model_file import read_model_file, write_model_file

E = TypeVar("E")

_ATTRIBUTES = ("n_features_in_", "feature_names_in_", "classes_", "decisions_")


def write_tabular(path: str | os.PathLike[str], estimator: Any) -> None:
    """Write a fitted estimator.

    Raises:
        InputError: a parameter or a class label that is not plain data, or a path that cannot be
            written.
    """
    state = {
        "class": type(estimator).__name__,
        "parameters": parameters_of(estimator),
        "attributes": attributes_of(estimator, _ATTRIBUTES),
        "calibration": _calibration(estimator),
    }
    document, tensors = estimator.model_.to_document()
    document["training"]["estimator"] = state
    write_model_file(path, document, tensors)


def read_tabular(path: str | os.PathLike[str], kind: type[E]) -> E:
    """Read an estimator of that class.

    Raises:
        ModelFileError: the file is missing, damaged, foreign, newer, or of another class.
    """
    document, tensors = read_model_file(path)
    try:
        model = Model.from_document(document, tensors)
        state = model.training.get("estimator")
        if state is None or state["class"] != kind.__name__:
            found = "a model that is no estimator" if state is None else f"a {state['class']}"
            raise ModelFileError(
                f"{os.fspath(path)!r} holds {found}, not a {kind.__name__}: load it with what "
                "saved it."
            )
        return _estimator(kind, state, model)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"{os.fspath(path)!r} is whole, but what it says is not a {kind.__name__} "
            f"({type(error).__name__}: {error}); fit and save the estimator again."
        ) from error


def _estimator(kind: type[E], state: Mapping[str, Any], model: Model) -> E:
    parameters = {name: from_plain(value) for name, value in state["parameters"].items()}
    estimator: Any = kind(**parameters)
    check_tabular_parameters(kind.__name__, parameters)
    for name, value in state["attributes"].items():
        if name not in _ATTRIBUTES:
            raise ValueError(f"it has the unknown attribute {name}")
        setattr(estimator, name, from_plain(value))
    estimator.model_ = model
    calibration = state["calibration"]
    if "classes_" in state["attributes"]:
        estimator.calibration_ = None if calibration is None else Calibration(**calibration)
    else:
        estimator.calibration_rows_ = tuple(
            CalibrationRows(
                tuple(group["members"]), np.array(group["y"]), np.array(group["predictions"])
            )
            for group in calibration
        )
    return estimator


def _calibration(estimator: Any) -> Any:
    """What held-out rows told, as plain data."""
    if hasattr(estimator, "calibration_rows_"):
        return [
            {
                "members": list(group.members),
                "y": group.y.tolist(),
                "predictions": group.predictions.tolist(),
            }
            for group in estimator.calibration_rows_
        ]
    calibration = estimator.calibration_
    return None if calibration is None else vars(calibration)
