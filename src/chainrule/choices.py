"""A name that a user typed, looked up among the values it can stand for."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from chainrule.errors import InputError

T = TypeVar("T")


def choose(what: str, name: str, choices: Mapping[str, T]) -> T:
    """The value called `name`; `what` says in one or two words what is being chosen.

    Raises:
        InputError: no value has that name; the message lists the names there are.
    """
    if name in choices:
        return choices[name]
    listed = ", ".join(choices)
    raise InputError(f"{what} '{name}' is unknown; choose one of: {listed}.")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'price'?)`, or nothing where no known name is near."""
    near = nearest(name, known)
    return "" if near is None else f" (did you mean '{near}'?)"


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The known name most like `name`, case aside; None where none is that like it (0 .. 1)."""
    names = {k.casefold(): k for k in known}
    near = get_close_matches(name.casefold(), list(names), n=1, cutoff=likeness)
    return names[near[0]] if near else None
