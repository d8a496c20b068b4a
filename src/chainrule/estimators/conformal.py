"""Intervals that hold a stated share of new targets, from rows that networks have not learnt from.

Each such row i says how far outside of the band that was predicted for it the target lay:

    E_i = max(low_i - y_i, y_i - high_i)

where both ends of the band are the prediction itself (then E_i is the absolute error), or two
quantiles that the network predicts. The interval of a new x with coverage 1 - alpha is

    [ the floor(alpha (n + 1))-th smallest of low_i(x) - E_i,
      the ceil((1 - alpha) (n + 1))-th smallest of high_i(x) + E_i ]

with the band of those networks that had not learnt from row i. Where that is all of them, it is
split conformal prediction (Lei et al. 2018, arXiv 1604.04173), of quantiles that of Romano et al.
2019 (arXiv 1905.03222): new targets, exchangeable with the n rows, fall into the interval with a
probability of at least 1 - alpha. Where each member of an ensemble holds out rows of its own, it
is CV+ (Barber et al. 2021, arXiv 1905.02928): at least 1 - 2 alpha in the worst case, and near
1 - alpha in practice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.errors import InputError

MOST_ROWS = 10_000
"""Rows that calibrate, at most: with so many, the coverage strays by less than 1 % around what is
asked for, and a model file stays small."""

_AT_ONCE = 2**22
"""Numbers that are ranked at once."""


@dataclass(frozen=True)
class CalibrationRows:
    """Rows that these members have not learnt from.

    Attributes:
        members: the numbers of the members.
        y: the targets in their own unit, shape (n,).
        predictions: the mean of the members' answers, shape (n, q): a number, or ascending
            quantiles.
    """

    members: tuple[int, ...]
    y: Floats
    predictions: Floats

    def __len__(self) -> int:
        """n, the number of rows."""
        return len(self.y)


def conformal_interval(
    groups: Sequence[CalibrationRows],
    answers: Floats,
    coverage: float,
    levels: Sequence[float] = (),
) -> Floats:
    """The interval for each row, shape (n, 2).

    Args:
        groups: the rows that calibrate; no row stands in two groups.
        answers: of every member for the rows asked about, shape (members, n, q).
        coverage: the share of targets that is to lie within.
        levels: of the q quantiles, ascending; () if the answers are single numbers.

    Raises:
        InputError: a coverage that is no share, or too few rows for it.
    """
    if not 0 < coverage < 1:
        raise InputError(f"coverage is {coverage}, but must lie between 0 and 1, such as 0.9.")
    n = sum(map(len, groups))
    rank = math.ceil(round(coverage * (n + 1), 9))
    if rank > n:
        least = math.ceil(round(coverage / (1 - coverage), 9))
        raise InputError(
            f"{n} rows were held out to calibrate intervals, but a coverage of {coverage:g} needs "
            f"at least {least}: fit with validation_fraction or calibration_fraction (or more "
            "rows), or ask for a smaller coverage."
        )
    below, above = _band(coverage, levels)
    lows, highs, excesses = [], [], []
    for group in groups:
        band = answers[list(group.members)].mean(axis=0)
        lows.append(band[:, below])
        highs.append(band[:, above])
        under, over = group.predictions[:, below] - group.y, group.y - group.predictions[:, above]
        excesses.append(np.maximum(under, over))
    upper = _ranked(highs, excesses, rank)
    lower = -_ranked([-low for low in lows], excesses, rank)
    return np.sort(np.stack([lower, upper], axis=1), axis=1)


def _band(coverage: float, levels: Sequence[float]) -> tuple[int, int]:
    """Which of the quantiles are the ends of the band: those nearest to leaving alpha / 2 out."""
    if not levels:
        return 0, 0
    ends = ((1 - coverage) / 2, (1 + coverage) / 2)
    below, above = (int(np.argmin([abs(q - end) for q in levels])) for end in ends)
    return below, above


def _ranked(ends: Sequence[Floats], excesses: Sequence[Floats], rank: int) -> Floats:
    """For each row the `rank`-th smallest of ends[g] + every one of excesses[g], over all groups.

    ends: (n,) for each group; excesses: (m_g,) for each group.
    """
    if len(ends) == 1:
        return ends[0] + np.partition(excesses[0], rank - 1)[rank - 1]
    n, m = len(ends[0]), sum(map(len, excesses))
    found = np.empty(n)
    step = max(1, _AT_ONCE // m)
    for start in range(0, n, step):
        some = slice(start, start + step)
        sums = [
            end[some, None] + excess[None, :] for end, excess in zip(ends, excesses, strict=True)
        ]
        found[some] = np.partition(np.hstack(sums), rank - 1, axis=1)[:, rank - 1]
    return found
