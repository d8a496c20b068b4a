"""Long tails: numbers whose line runs on where the smooth clip would bend it.

The clip of `table/scaling.py` holds outliers within limits. Where a target is linear in a number
with a long tail, as of sums of money, it bends the line just where it matters most. Held-out rows
decide whether it does: with the numbers as they were, a linear model must answer them much better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats
from chainrule.engines import Rows
from chainrule.linear_start import LinearModel, few_rows, linear_models
from chainrule.losses import Loss
from chainrule.monitored_loss import monitored, monitored_loss
from chainrule.table.scaling import LIMIT, unclipped

FAR = 2.0
"""Limits of the clip from the median: a tail is long if a training row lies beyond."""

ONE_VALUE = 0.2
"""The largest share that one value may have of the training rows beyond the limit: a code such as
-999, which stands for a number that is missing, is no tail."""

TOLD = float(unclipped(np.array([LIMIT]))[0])
"""Spreads from the median up to which a clipped float32 tells how far out a number was."""

LEAST_T = 1.0
"""Standard errors by which a tail must go the way of its column's line, in every part."""

BETTER, SURE = 0.05, 2.0
"""The share by which the loss of held-out rows must fall, and by how many standard errors."""

ROOM = 10.0
"""The new limit of the clip, over the largest training number: hardly a bend, but an end."""


@dataclass(frozen=True)
class LongTails:
    """The columns of X that are better not clipped as usual.

    Attributes:
        columns: their places, (c,).
        limits: of their clips from now on, (c,).
        gain: the share by which the loss of held-out rows falls with them.
    """

    columns: NDArray[np.int64]
    limits: Floats
    gain: float


def long_tails(
    loss: Loss,
    parts: Sequence[tuple[Rows, Rows]],
    starts: Sequence[LinearModel],
    numbers: NDArray[np.int64],
    draws: np.random.Generator,
) -> LongTails | None:
    """The numbers whose tails are long and linear; None where there are none, or hardly.

    Args:
        loss: what is learnt.
        parts: rows to learn from, and rows that judge.
        starts: the linear model of each part, of the clipped inputs.
        numbers: the places of the scaled numbers among the inputs.
        draws: choose among rows that are too many.
    """
    columns = _with_tails(parts, numbers)
    if not len(columns):
        return None
    few = [few_rows(learnt, draws) for learnt, _ in parts]
    for learnt, start in zip(few, starts, strict=True):
        columns = columns[_goes_on(loss, learnt, start, columns)]
    if not len(columns):
        return None
    before, after = list[Floats](), list[Floats]()
    for learnt, (_, judging), start in zip(few, parts, starts, strict=True):
        rows = _straight(learnt, columns), _straight(judging, columns)
        (straight,) = linear_models(
            loss,
            start.W.shape[1],
            [rows],
            lambda *judged: monitored_loss(loss, *judged),
            draws,
        )
        for found, part, model in ((before, judging, start), (after, rows[1], straight)):
            of_rows = monitored(loss).value(part.y, model.scores(part.X))
            found.append(of_rows if part.weight is None else of_rows * part.weight)
    losses = np.concatenate(before)
    saved = losses - np.concatenate(after)
    noise = saved.std() / np.sqrt(len(saved))
    if saved.mean() <= max(BETTER * losses.mean(), SURE * noise):
        return None
    largest = unclipped(np.max([_farthest(learnt)[columns] for learnt, _ in parts], axis=0))
    limits = np.array([float(f"{ROOM * z:.2g}") for z in largest])
    return LongTails(columns, limits, float(saved.mean() / losses.mean()))


def _with_tails(
    parts: Sequence[tuple[Rows, Rows]], numbers: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The numbers that reach far out with many values, and nowhere farther than X can tell."""
    learnt = np.max([_farthest(rows)[numbers] for rows, _ in parts], axis=0)
    judging = np.max([_farthest(rows)[numbers] for _, rows in parts], axis=0)
    is_far = unclipped(learnt) > FAR * LIMIT
    is_told = unclipped(np.maximum(learnt, judging)) < TOLD
    return np.array(
        [
            column
            for column in numbers[is_far & is_told]
            if all(_many_values(rows.X[:, column]) for rows, _ in parts)
        ],
        dtype=np.int64,
    )


def _farthest(rows: Rows) -> Floats:
    """The largest magnitude of each input, (d,), without a copy of X."""
    farthest: Floats = np.maximum(rows.X.max(axis=0), -rows.X.min(axis=0))
    return farthest


def _many_values(x: Floats) -> bool:
    """Whether no value has a large share of the clipped numbers whose z is beyond the limit."""
    beyond = x[np.abs(unclipped(x)) > LIMIT]
    counts = np.unique(beyond, return_counts=True)[1]
    return len(beyond) > 0 and bool(counts.max() <= ONE_VALUE * len(beyond))


def _goes_on(
    loss: Loss, rows: Rows, start: LinearModel, columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Of which columns the loss falls where the clip's bend is taken from their lines.

        g_ij = -dJ_i/dscores . W_j (z_ij - x_ij),   t_j = sum_i g_ij / sqrt(sum_i g_ij^2)

    One outlier alone gives a t of 1 at most, however far out it lies.
    """
    bend = unclipped(rows.X[:, columns]) - rows.X[:, columns]
    slopes = loss.gradient(rows.y, start.scores(rows.X))
    falls = -(slopes @ start.W[columns].T) * bend
    if rows.weight is not None:
        falls = falls * rows.weight[:, None]
    sizes = np.sqrt((falls**2).sum(axis=0))
    found: NDArray[np.bool_] = falls.sum(axis=0) > LEAST_T * sizes
    return found


def _straight(rows: Rows, columns: NDArray[np.int64]) -> Rows:
    """The rows with these columns as they were before the clip."""
    X = rows.X.copy()
    X[:, columns] = unclipped(X[:, columns])
    return Rows(X, rows.y, rows.weight)
