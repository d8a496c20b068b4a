"""The fit: rows learnt by heart, and classes that are never the answer."""

from collections.abc import Iterator

import numpy as np

from chainrule.doctor.case import Case
from chainrule.doctor.finding import Finding, NextStep
from chainrule.doctor.retraining import retrain
from chainrule.training import START

SURE = 4.0
"""Standard errors that the difference of two losses must exceed."""

WIDE, WIDER = 0.25, 0.6
"""Losses on unseen rows above those on learnt ones, in losses of a constant answer."""

HARDLY = 0.95
"""A validation loss above this part of a constant answer's is hardly better."""

ENOUGH_ROWS = 10
"""Of a class that is never predicted, for a warning."""


def overfitting(case: Case) -> Iterator[Finding]:
    """The loss on rows that were not learnt from, beside that on rows that were."""
    learnt, unseen = case.learnt, case.unseen
    assert learnt is not None
    assert unseen is not None
    known, other = float(learnt.losses.mean()), float(unseen.losses.mean())
    constant = unseen.loss_of_constant(learnt.constant)
    error = np.hypot(*(part.losses.std() / np.sqrt(len(part.rows)) for part in (learnt, unseen)))
    gap = other - known
    worse = other > constant
    if gap < SURE * error or gap < WIDE * constant or not (worse or gap > WIDER * constant):
        yield from _best_long_ago(case, constant)
        return
    sentence = (
        "The network knows the rows that it has learnt from, and is worse on others than a "
        "constant answer"
        if worse
        else "The network is much worse on other rows than on those that it has learnt from"
    )
    yield Finding(
        "overfitting",
        "warning",
        f"{sentence}. More rows help most; dropout or fewer neurons also hold it back.",
        {
            "loss on training rows": known,
            "loss on rows not learnt from": other,
            "loss of a constant answer": constant,
        },
        _held_back(case),
    )


def _best_long_ago(case: Case, constant: float) -> Iterator[Finding]:
    """The validation loss after the best epoch, which is the one that was kept."""
    judged = case.figures("validation loss")
    if not judged or judged[-1] - min(judged) < WIDE * constant:
        return
    best = int(np.argmin(judged)) + 1
    useless = min(judged) > HARDLY * constant
    start = case.figures(START)
    if start and not useless and start[0] - min(judged) < WIDE * constant:
        return  # the linear model that it began as is enough, and was kept or hardly changed
    yield Finding(
        "overfitting",
        "warning" if useless else "note",
        "From the beginning the network learnt its rows by heart, and hardly anything that holds "
        "for others. More rows or better columns are needed."
        if useless
        else f"After epoch {best} the network learnt its rows by heart, and got worse on others. "
        "The model of that epoch was kept; dropout or fewer neurons may let it learn for longer.",
        {
            "best epoch": best,
            "validation loss then": min(judged),
            "validation loss at the end": judged[-1],
            "loss of a constant answer": constant,
        },
        _held_back(case),
    )


def _held_back(case: Case) -> NextStep:
    """Training with more dropout, or with a quarter of the neurons."""
    options = case.options
    if options.hidden and options.optimizer != "lbfgs" and (options.dropout or 0.0) < 0.3:
        return retrain(case.model, dropout=0.3)
    return retrain(case.model, hidden=tuple(max(4, h // 4) for h in options.hidden or ()))


def never_predicted(case: Case) -> Iterator[Finding]:
    """Classes that occur, and that no row is answered with."""
    if case.model.task != "classification":
        return
    parts = [part for part in (case.learnt, case.unseen) if part is not None]
    k = len(case.model.target.classes)
    true = np.bincount(np.concatenate([part.classes for part in parts]), minlength=k)
    chosen = np.concatenate([part.probabilities.argmax(axis=1) for part in parts])
    lost = np.flatnonzero((true > 0) & (np.bincount(chosen, minlength=k) == 0))
    if not len(lost):
        return
    names = [str(case.model.target.classes[c]) for c in lost]
    one = len(lost) == 1
    yield Finding(
        "a class never predicted" if one else "classes never predicted",
        "warning" if true[lost].max() >= ENOUGH_ROWS else "note",
        f"No row is answered with {_listed(names)}, although {'it occurs' if one else 'they occur'}"
        ". Look at the probabilities: a threshold of your own may find such rows. More rows of "
        "the class help, and so does a column of weights that lets them count more (--weight).",
        {f"rows of {name}": int(true[c]) for name, c in zip(names[:5], lost, strict=False)}
        | {"rows": int(true.sum())},
        NextStep("predict", ("--probabilities",)),
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:5])
    return f"{shown} and {len(names) - 5} more classes" if len(names) > 5 else shown
