"""A fitted tabular estimator as a model file.

One network is the model file of that network, with what the estimator knows besides under
"estimator" in its training record. An ensemble is a document {"members": [...]} of such documents,
with tensors called "members.0.layers.0.W" and so on.
"""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from chainrule.errors import ModelFileError
from chainrule.estimators.calibration import Calibration
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
    documents, tensors = [], []
    for model in estimator.members_:
        document, of_model = model.to_document()
        documents.append(document)
        tensors.append(of_model)
    documents[0]["training"]["estimator"] = state
    if len(documents) == 1:
        write_model_file(path, documents[0], tensors[0])
        return
    named = {
        f"members.{k}.{name}": tensor
        for k, of_model in enumerate(tensors)
        for name, tensor in of_model.items()
    }
    write_model_file(path, {"members": documents}, named)


def read_tabular(path: str | os.PathLike[str], kind: type[E]) -> E:
    """Read an estimator of that class.

    Raises:
        ModelFileError: the file is missing, damaged, foreign, newer, or of another class.
    """
    document, tensors = read_model_file(path)
    try:
        members = _members(document, tensors)
        training = dict(members[0].training)
        state = training.pop("estimator", None)
        if state is None or state["class"] != kind.__name__:
            found = "a model that is no estimator" if state is None else f"a {state['class']}"
            raise ModelFileError(
                f"{os.fspath(path)!r} holds {found}, not a {kind.__name__}: load it with what "
                "saved it."
            )
        return _estimator(kind, state, members)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(
            f"{os.fspath(path)!r} is whole, but what it says is not a {kind.__name__} "
            f"({type(error).__name__}: {error}); fit and save the estimator again."
        ) from error


def _members(document: Mapping[str, Any], tensors: Mapping[str, Any]) -> tuple[Model, ...]:
    if "members" not in document:
        return (Model.from_document(document, tensors),)
    of_member: list[dict[str, Any]] = [{} for _ in document["members"]]
    for name, tensor in tensors.items():
        _, k, own = name.split(".", 2)
        of_member[int(k)][own] = tensor
    return tuple(
        Model.from_document(member, own)
        for member, own in zip(document["members"], of_member, strict=True)
    )


def _estimator(kind: type[E], state: Mapping[str, Any], members: tuple[Model, ...]) -> E:
    parameters = {name: from_plain(value) for name, value in state["parameters"].items()}
    estimator: Any = kind(**parameters)
    check_tabular_parameters(kind.__name__, parameters)
    for name, value in state["attributes"].items():
        if name not in _ATTRIBUTES:
            raise ValueError(f"it has the unknown attribute {name}")
        setattr(estimator, name, from_plain(value))
    estimator.members_ = members
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
