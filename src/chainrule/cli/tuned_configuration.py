"""The configuration file that `chainrule tune` writes: options by their long names, as TOML.

`chainrule train TABLE --config FILE` reads it back, and trains the same model.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from chainrule.cli.tables import Dialect
from chainrule.options import Options


def tuned_configuration(target: str, options: Options, dialect: Dialect) -> str:
    """The text of the file: the target, and every option that was decided."""
    entries: dict[str, Any] = {"target": target}
    for option in fields(options):
        value = getattr(options, option.name)
        if option.name != "kinds" and value is not None and value != ():
            entries[option.name.replace("_", "-")] = value
    if options.hidden == ():
        entries["hidden"] = "none"
    entries.update(_by_kind(options.kinds))
    entries.update({word.removeprefix("--"): value for word, value in _pairs(dialect.words())})
    return "".join(f"{name} = {_toml(value)}\n" for name, value in entries.items())


def _by_kind(kinds: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns of each kind; the option that declares them has the kind's name."""
    found: dict[str, list[str]] = {}
    for column, kind in kinds.items():
        found.setdefault(kind, []).append(column)
    return found


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return list(zip(words[::2], words[1::2], strict=True))


def _toml(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        # a string of JSON is one of TOML, but for DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
