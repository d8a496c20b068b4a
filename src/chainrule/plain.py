"""Frozen dataclasses as plain JSON data, and the strict way back.

The fitted state of a table encoding is stored in model files, which may come from strangers.
Reading therefore builds only the dataclass that the caller names, refuses unknown and lacking keys,
and lets no infinity and no NaN through.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from chainrule.errors import ModelFileError

T = TypeVar("T")

LATER = "later"
"""Marks a field that came later than the first files, in which its default was the rule."""


def to_plain(value: Any) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None; dataclasses become dicts of
    their fields.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [to_plain(item) for item in value]
    return value


def from_plain(cls: type[T], data: Any, where: str) -> T:
    """Read back what `to_plain` wrote of a value of type `cls`.

    `where` names the place in messages. A field whose metadata say LATER may be lacking, and then
    has its default. Raises ModelFileError where a key is unknown, another one lacking,
    a value is of another type, a number is not finite, or the dataclass refuses the values (by a
    ValueError in its `__post_init__`).
    """
    if not isinstance(data, Mapping):
        raise ModelFileError(f"{where}: expected an object with named values, got {_kind(data)}")
    hints = get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    for key in data:
        if key not in names:
            raise ModelFileError(f"{where}: {key!r} is not known; known are {', '.join(names)}")
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        if f.name not in data and not f.metadata.get(LATER):
            raise ModelFileError(f"{where}: {f.name!r} is missing")
    values = {name: _read(hints[name], data[name], f"{where}, {name}") for name in data}
    try:
        return cls(**values)
    except ValueError as error:
        raise ModelFileError(f"{where}: {error}") from error


def _read(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(hint), value, where)
    if origin is Literal:
        # 1 == True and 1 == 1.0 in Python: the type has to agree as well.
        if any(value == choice and type(value) is type(choice) for choice in get_args(hint)):
            return value
        choices = ", ".join(repr(choice) for choice in get_args(hint))
        raise ModelFileError(f"{where}: expected one of {choices}, got {_kind(value)}")
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ModelFileError(f"{where}: expected a list, got {_kind(value)}")
        (item, _) = typing.get_args(hint)
        return tuple(_read(item, entry, f"{where}[{i}]") for i, entry in enumerate(value))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value, where)
    if hint is float and type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ModelFileError(f"{where}: expected a finite number")
        return number
    if type(value) is not hint:
        raise ModelFileError(f"{where}: expected {hint.__name__}, got {_kind(value)}")
    return value


def _read_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    """None, or the member whose JSON form has exactly this type (so that class labels keep int,
    float and bool apart).
    """
    if value is None and type(None) in members:
        return None
    members = tuple(member for member in members if member is not type(None))
    exact = [member for member in members if type(value) is member]
    if not exact and len(members) > 1:
        names = ", ".join(member.__name__ for member in members)
        raise ModelFileError(f"{where}: expected one of {names}, got {_kind(value)}")
    return _read(exact[0] if exact else members[0], value, where)


def _kind(value: Any) -> str:
    """The value in a message: its text where that is short, else its type."""
    text = repr(value) if isinstance(value, str | int | float | bool) else type(value).__name__
    return text if len(text) <= 40 else type(value).__name__
