"""A configuration file: options of `chainrule train` in TOML, by their long names.

    target = "species"
    hidden = [64, 64]
    ignore = ["year"]

It stands between the command line, which wins, and the defaults.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import typer

from chainrule.choices import did_you_mean
from chainrule.errors import InputError

_LISTS_OF_WORDS = ("hidden", "activation")
"""Options of several words, which the command line separates by commas."""


def apply_configuration(context: typer.Context, path: Path | None) -> Path | None:
    """Make the options of the file at `path` the defaults of this command line.

    Raises:
        InputError: the file cannot be read, or has a key or a value that no option takes.
    """
    if path is not None:
        context.default_map = configuration(path, context)
    return path


def configuration(path: Path, context: typer.Context) -> dict[str, Any]:
    """The options of the file at `path`, in the form that the command line gives them."""
    kinds = get_type_hints(context.command.callback)
    options = {
        option.name: max(option.opts, key=len)[2:]
        for option in context.command.params
        if option.name in kinds and option.opts[0].startswith("--") and option.name != "config"
    }
    found: dict[str, Any] = {}
    for key, value in _read(path).items():
        name = key.replace("-", "_")
        if name not in options:
            near = did_you_mean(key.replace("_", "-"), options.values())
            raise InputError(
                f"{path}: there is no option '{key}'{near}; "
                "the keys are the long options of 'chainrule train --help'."
            )
        if name in found:
            raise InputError(f"{path}: '{options[name]}' is given twice, with - and with _.")
        found[name] = _typed(path, key, value, str(kinds[name]))
    return found


def _read(path: Path) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise InputError(f"'{path}' is not a TOML file: it is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"'{path}' is not a TOML file: {error}.") from None


def _typed(path: Path, key: str, value: Any, kind: str) -> Any:
    """The value, if it is of the kind that the option's annotation names."""
    if key in _LISTS_OF_WORDS:
        words = value if isinstance(value, list) else [value]
        if all(_is(word, str) or _is(word, int) for word in words):
            return ",".join(map(str, words))
        expected = f"a text or a list, such as {key} = [64, 64]" if key == "hidden" else "a text"
    elif "list[str]" in kind:
        words = value if isinstance(value, list) else [value]
        if all(_is(word, str) for word in words):
            return words
        expected = "a text or a list of texts"
    elif "bool" in kind:
        if _is(value, bool):
            return value
        expected = "true or false"
    elif "int" in kind:
        if _is(value, int):
            return value
        expected = "a whole number"
    elif "float" in kind:
        if _is(value, float) or _is(value, int):
            return value
        expected = "a number"
    else:
        if _is(value, str):
            return value
        expected = "a text"
    raise InputError(f"{path}: '{key}' is {value!r}, but must be {expected}.")


def _is(value: Any, kind: type) -> bool:
    """Whether the value is of this very kind: true is no whole number here."""
    return type(value) is kind
