"""Plain data as JSON text in one canonical form, read so strictly that only that form passes.

A text is accepted when it is, character by character, what `encode` writes for what was read.
That one rule refuses duplicate keys, NaN and infinities (1e999 among them), lone surrogates,
stray spaces, and whatever else two readers of JSON could understand in two ways.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any, TypeAlias

MAX_DEPTH = 64
"""Lists and objects inside one another; a reader of JSON recurses once for each."""

MAX_VALUES = 1_000_000
"""Commas and opening brackets: a value costs about 100 bytes of memory, its text one or two."""

MAX_INTEGER = 2**128
"""Integers lie strictly between this and its negative: the seeds that NumPy draws do."""

_Place: TypeAlias = "str | tuple[_Place, str | int]"


def encode(value: object, name: str = "value") -> str:
    """The canonical JSON text of dicts, lists, strings, integers, finite floats, booleans, None.

    The order of keys is kept. `name` is what the messages call the value.

    Raises:
        TypeError: a value of another type, or a key that is not a string; says where it stands.
        ValueError: a number, text or structure beyond the limits of this module; says where.
    """
    _check(value, name, MAX_DEPTH)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    _check_cost(text)
    return text


def decode(text: str) -> Any:
    """The plain data that `encode` wrote as `text`.

    Raises:
        ValueError: any other text; nothing large was built before it was refused.
    """
    _check_cost(text)
    value = json.loads(text)  # its JSONDecodeError is a ValueError
    if encode(value) != text:
        raise ValueError("the JSON text is not in canonical form")
    return value


def _check(value: object, place: _Place, depth: int) -> None:
    """Refuse what JSON cannot hold exactly; `depth` is how many levels more are allowed."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, int):
        if not -MAX_INTEGER < value < MAX_INTEGER:
            raise ValueError(f"{_name(place)} is an integer of more than 128 bits")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{_name(place)} is {value}, which JSON cannot hold")
    elif isinstance(value, dict | list):
        if depth == 0:
            raise ValueError(f"{_name(place):.80} lies more than {MAX_DEPTH} levels deep")
        if isinstance(value, dict):
            for key, item in value.items():
                if not isinstance(key, str):
                    raise TypeError(f"{_name(place)} has the key {key!r}, which is not a string")
                _check_text(key, place)
                _check(item, (place, key), depth - 1)
        else:
            for index, item in enumerate(value):
                _check(item, (place, index), depth - 1)
    else:
        raise TypeError(f"{_name(place)} is of type {type(value).__name__}, not plain JSON data")


def _check_text(text: str, place: _Place) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{_name(place)} holds {text!r:.80}, which is not valid Unicode") from None


def _name(place: _Place) -> str:
    """`document['columns'][3]`, from (('document', 'columns'), 3)."""
    keys = []
    while isinstance(place, tuple):
        place, key = place
        keys.append(f"[{key!r}]")
    return place + "".join(reversed(keys))


def _check_cost(text: str) -> None:
    """Refuse a text that would be expensive to read, by its brackets, commas and quotes alone."""
    # Without escapes every quotation mark delimits a string. A run of backslashes is read from
    # its left, here as in JSON, so what is left of it before a quotation mark escapes that.
    bare = text.replace("\\\\", "").replace('\\"', "")
    if bare.count('"') > 4 * MAX_VALUES:
        raise ValueError(f"the JSON text holds more than {MAX_VALUES:,} values")
    structure = "".join(bare.split('"')[::2])
    opened = structure.count("[") + structure.count("{")
    if opened + structure.count(",") > MAX_VALUES:
        raise ValueError(f"the JSON text holds more than {MAX_VALUES:,} values")
    if opened > MAX_DEPTH:
        steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[][{}]", structure))
        if max(accumulate(steps)) > MAX_DEPTH:
            raise ValueError(f"the JSON text is nested more than {MAX_DEPTH} levels deep")
