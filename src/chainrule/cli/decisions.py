"""Decisions: what was typed, made into `Options` and checked before any table is read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainrule.errors import InputError
from chainrule.optimizers import DECAYING
from chainrule.options import Options, network_of, settings_of, settled, task_of

LINEAR = "none"


def widths(text: str | None) -> tuple[int, ...] | None:
    """Widths of hidden layers: "64,64"; "none" or "" for a linear model."""
    if text is None:
        return None
    if text.strip() in ("", LINEAR):
        return ()
    words = text.split(",")
    if not all(word.strip().isdecimal() and int(word) > 0 for word in words):
        raise InputError(
            f"--hidden is '{text}', but must be whole numbers above 0 separated by commas, such as "
            f"64,64; or {LINEAR}, for a linear model."
        )
    return tuple(int(word) for word in words)


def names(text: str | None) -> tuple[str, ...] | None:
    """Names separated by commas."""
    return None if text is None else tuple(word.strip() for word in text.split(","))


def kinds_of(columns: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The kind that each column is to be taken for, from the columns of each kind.

    Raises:
        InputError: a column is to be of two kinds.
    """
    found: dict[str, str] = {}
    for kind, listed in columns.items():
        for column in listed:
            if found.setdefault(column, kind) != kind:
                raise InputError(
                    f"column '{column}' cannot be a {found[column]} and a {kind}; choose one."
                )
    return found


def check(options: Options) -> None:
    """Refuse now what would be refused after minutes of reading and encoding.

    The options are settled as for a table of one input; whatever depends on the table passes.

    Raises:
        InputError: an option that no table makes right; says what it can be.
    """
    try:
        _rehearse(options)
    except InputError as error:
        raise InputError(_as_typed(str(error))) from error


def _as_typed(message: str) -> str:
    """The message with the option that it begins with as it is typed: --batch-size."""
    first, _, rest = message.partition(" ")
    known = first in Options.__dataclass_fields__
    return f"--{first.replace('_', '-')} {rest}" if known else message


def _rehearse(options: Options) -> None:
    """Build what the options describe, and look at what only the table would show."""
    task = task_of(options)
    _check_belonging(options, task)
    n_classes = 2 if options.loss == "binary_cross_entropy" else 3
    rehearsed = replace(options, task=task or "classification")
    rehearsed = settled(rehearsed, n=1, task=rehearsed.task or "", n_classes=n_classes)
    network_of(rehearsed, 1, n_classes)
    settings_of(rehearsed)


def _check_belonging(options: Options, task: str | None) -> None:
    """Refuse options that would have no effect beside the others."""
    if options.label_smoothing and task == "regression":
        raise InputError("label_smoothing is for classification; leave it out of a regression.")
    if options.decay is not None and options.optimizer not in (None, *DECAYING):
        raise InputError(
            f"decay belongs to {' and '.join(DECAYING)}, and {options.optimizer} has none; use l2."
        )
    if options.optimizer == "lbfgs":
        for name in ("rate", "schedule", "batch_size", "dropout"):
            if getattr(options, name):
                raise InputError(
                    f"{name} has no place beside the optimizer lbfgs, which takes all rows at once "
                    "and finds the length of its steps by itself; leave it out."
                )
