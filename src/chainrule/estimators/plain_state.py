"""The parameters and attributes of an estimator as plain JSON data, and back.

What JSON does not have is written as an object that names it: {"float": "nan"}, a dict as
{"items": [[key, value], ...]}, {"array": [...], "dtype": "<i8"}, {"schedule": {"name": ...}}.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from chainrule.choices import choose
from chainrule.errors import InputError
from chainrule.schedules import SCHEDULES, Schedule


def parameters_of(estimator: Any) -> dict[str, Any]:
    """What the estimator was made with, as plain data.

    Raises:
        InputError: a parameter is not plain data.
    """
    parameters = estimator.get_params(deep=False)
    if not isinstance(parameters["random_state"], int | np.integer | None):
        parameters["random_state"] = None  # a generator is no choice of the user's but a position
    return {name: to_plain(name, value) for name, value in parameters.items()}


def attributes_of(estimator: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named attributes that the estimator has, as plain data.

    Raises:
        InputError: one of them, such as a class label, is not plain data.
    """
    return {
        name: to_plain(name, getattr(estimator, name)) for name in names if hasattr(estimator, name)
    }


def to_plain(name: str, value: Any) -> Any:
    """The value as plain data; `name` is what it is called in messages.

    Raises:
        InputError: a model file does not hold such a value.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, list | tuple):
        return [to_plain(name, item) for item in value]
    if isinstance(value, Mapping):
        return {"items": [[to_plain(name, part) for part in item] for item in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufUO" and value.ndim == 1:
        return {
            "array": [to_plain(name, item) for item in value.tolist()],
            "dtype": value.dtype.str,
        }
    if isinstance(value, Schedule) and value.name in SCHEDULES:
        own = {field.name: to_plain(name, getattr(value, field.name)) for field in fields(value)}
        return {"schedule": {"name": value.name, **own}}
    raise InputError(
        f"'{name}' is {value!r}, which a model file does not hold: use numbers, strings, tuples, "
        "dicts and chainrule's own schedules, or save the estimator with joblib."
    )


def from_plain(value: Any) -> Any:
    """The value that `to_plain` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is not what `to_plain` writes.
    """
    if isinstance(value, list):
        return tuple(from_plain(item) for item in value)
    if not isinstance(value, dict):
        return value
    ((what, content),) = [(k, v) for k, v in value.items() if k != "dtype"]
    if what == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if what == "items":
        return {from_plain(key): from_plain(item) for key, item in content}
    if what == "array":
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufUO":
            raise ValueError(f"it has an array of {dtype}")
        return np.array([from_plain(item) for item in content], dtype=dtype)
    if what == "schedule":
        own = {name: from_plain(part) for name, part in content.items()}
        return choose("schedule", own.pop("name"), SCHEDULES)(**own)
    raise ValueError(f"it holds a {what}")
