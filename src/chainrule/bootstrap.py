"""The bootstrap: how far a figure might be off, had other rows of the same kind been judged.

Rows are drawn anew, as many as there are, with replacement, and the figure is computed again, many
times over; the middle 95 % of what is found is the interval (the percentile interval: Efron 1979,
Efron & Tibshirani 1993, chapter 13). A row keeps its weight when it is drawn; a weight says how
much a row counts, not that it is several rows.

Every figure here is a function of sums over the rows. So a redrawn figure needs redrawn sums only:
a matrix product of how often each row was drawn with the rows' terms. Of a long table, groups of
rows formed at random are drawn instead of rows. The mean of m rows has 1/m of their variance, so
that the sums vary as they would otherwise, and 2,000 groups are enough to know their spread to 2 %.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats, Integers

CONFIDENCE = 0.95
REDRAWS = 1_000
MOST_GROUPS = 2_000
FEWEST_ROWS = 10
"""With fewer rows no interval is given: hardly any other table could be drawn from them."""

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class SummedFigure:
    """A figure that is a function of sums over the rows.

    Attributes:
        terms: m vectors (n,), of which the sums are needed; may be an iterator.
        of_sums: from sums (..., m) to the figure (...), NaN where it is undefined.
        is_share: whether it is a weighted share of rows, which has a bound even where it is 0 or 1.
        at_zero: of a mean of distances, which noise can only make larger: draws what the noise
            alone would make of it, were all the distances 0.
    """

    terms: Iterable[Floats]
    of_sums: Callable[[Floats], Floats]
    is_share: bool = False
    at_zero: Callable[[np.random.Generator], Floats] | None = None


def intervals(
    figures: Mapping[str, SummedFigure], n: int, weight: Floats | None = None, seed: int = 0
) -> dict[str, Interval | None]:
    """The 95 % interval of each figure of n rows.

    None where it cannot be told: too few rows, a figure that is undefined in most redraws, or one
    that is the same in all of them.

    The interval of a distance such as the expected calibration error is turned around the value
    (the basic interval: Davison & Hinkley 1997, section 5.2), because the redraws add their noise
    to that of the rows: it says what is left of the value without noise. It begins at 0 where noise
    alone would make as much of a true 0 (consistency resampling: Bröcker & Smith 2007).

    A share of 0 or 1 does not vary when rows are redrawn, and yet it may be off: its interval is
    the exact one of the binomial distribution (Clopper & Pearson 1934), with the effective number
    of rows (sum w)^2 / sum w^2 (Kish 1965).
    """
    found: dict[str, Interval | None] = dict.fromkeys(figures)
    weight = np.ones(n) if weight is None else weight
    if np.count_nonzero(weight) < FEWEST_ROWS:
        return found
    draw = np.random.default_rng(seed)
    counts, group = _redraws(n, draw)
    n_effective = float(weight.sum() ** 2 / np.square(weight).sum())
    for name, figure in figures.items():
        terms = [np.bincount(group, weights=term) for term in figure.terms]
        if not terms:
            continue
        sums = np.stack(terms, axis=1)
        value = float(figure.of_sums(sums.sum(axis=0)))
        redrawn = figure.of_sums(counts @ sums)
        redrawn = redrawn[np.isfinite(redrawn)]
        if len(redrawn) < REDRAWS / 2 or not np.isfinite(value):
            continue
        outside = (1 - CONFIDENCE) / 2
        low, high = (float(q) for q in np.quantile(redrawn, (outside, 1 - outside)))
        if figure.is_share and value in (0.0, 1.0):
            bound = outside ** (1 / n_effective)
            found[name] = (bound, 1.0) if value == 1 else (0.0, 1 - bound)
        elif figure.at_zero is not None:
            is_noise = value <= np.quantile(figure.at_zero(draw), 1 - outside)
            lowest = 0.0 if is_noise else min(max(0.0, 2 * value - high), value)
            found[name] = (lowest, max(2 * value - low, value))
        elif low < high:
            found[name] = (low, high)
    return found


def _redraws(n: int, draw: np.random.Generator) -> tuple[Floats, Integers]:
    """How often each group is drawn, (REDRAWS, groups), and the group of each row, (n,)."""
    n_groups = min(n, MOST_GROUPS)
    group = np.arange(n) if n == n_groups else draw.permutation(n) % n_groups
    drawn = draw.integers(n_groups, size=(REDRAWS, n_groups))
    drawn += n_groups * np.arange(REDRAWS)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=REDRAWS * n_groups)
    return counts.reshape(REDRAWS, n_groups).astype(np.float64), group


def share(hit: np.ndarray, weight: Floats) -> SummedFigure:
    """The weighted share of rows that are hits (n,)."""
    return SummedFigure((weight, weight * hit), lambda s: s[..., 1] / s[..., 0], is_share=True)


def mean(values: Floats, weight: Floats) -> SummedFigure:
    """The weighted mean of values (n,)."""
    return SummedFigure((weight, weight * values), lambda s: _ratio(s[..., 1], s[..., 0]))


def root_mean(values: Floats, weight: Floats) -> SummedFigure:
    """The root of the weighted mean of values (n,)."""
    return SummedFigure((weight, weight * values), lambda s: np.sqrt(_ratio(s[..., 1], s[..., 0])))


def explained_share(y: Floats, predictions: Floats, weight: Floats) -> SummedFigure:
    """R2 of predictions (n,) of y (n,)."""
    centred = y - np.average(y, weights=weight)
    terms = (weight, weight * centred, weight * centred**2, weight * (y - predictions) ** 2)

    def of_sums(s: Floats) -> Floats:
        total, first, second, error = np.moveaxis(s, -1, 0)
        return 1 - _ratio(error, second - _ratio(first**2, total))

    return SummedFigure(terms, of_sums)


def mean_share_by_class(y: Integers, hit: np.ndarray, k: int, weight: Floats) -> SummedFigure:
    """Balanced accuracy: the mean over the k classes of the share of their rows that are hits."""
    terms = (
        weight * (y == c) * one
        for c in range(k)
        if (y == c).any()
        for one in (np.ones(len(y)), hit)
    )
    return SummedFigure(terms, lambda s: _mean_of_known(_ratio(s[..., 1::2], s[..., 0::2])))


def area(y: Integers, probabilities: Floats, weight: Floats) -> SummedFigure:
    """The area under the ROC curve, the mean over the classes where there are more than two.

    It is a mean over pairs of rows. Its first-order part is a mean over rows: each row of the class
    has the share of other rows below it, each other row the share of the class above it (the
    placements of DeLong, DeLong & Clarke-Pearson 1988). What that leaves out is of order 1/n.
    """
    k = probabilities.shape[1]
    classes = [c for c in ([1] if k == 2 else range(k)) if 0 < weight[y == c].sum() < weight.sum()]

    def terms() -> Iterable[Floats]:
        for c in classes:
            own, placed = y == c, _placements(y == c, probabilities[:, c], weight)
            for side in (own, ~own):
                yield weight * side
                yield weight * side * placed

    def of_sums(s: Floats) -> Floats:
        own = _ratio(s[..., 1::4], s[..., 0::4])
        other = _ratio(s[..., 3::4], s[..., 2::4])
        return np.clip(_mean_of_known(own + other - areas), 0, 1)

    areas = np.array([_area(y == c, probabilities[:, c], weight) for c in classes])
    return SummedFigure(terms(), of_sums)


def calibration_error(
    bins: Integers, p: Floats, came_true: np.ndarray, weight: Floats
) -> SummedFigure:
    """The expected calibration error of probabilities p (n,) in these bins (n,)."""
    rows = [bins == b for b in range(int(bins.max()) + 1)]
    terms = [weight, *(weight * (came_true - p) * one for one in rows)]
    deviation = np.sqrt([np.sum((weight**2 * p * (1 - p))[one]) for one in rows]) / weight.sum()
    return SummedFigure(
        terms,
        lambda s: np.abs(s[..., 1:]).sum(axis=-1) / s[..., 0],
        at_zero=lambda draw: np.abs(draw.normal(0, deviation, (REDRAWS, len(rows)))).sum(axis=1),
    )


def _placements(own: np.ndarray, score: Floats, weight: Floats) -> Floats:
    """For a row of the class the share of others below it, for another that of the class above."""
    _, place = np.unique(score, return_inverse=True)
    of_own = np.bincount(place, weights=weight * own)
    of_others = np.bincount(place, weights=weight * ~own)
    below = (np.cumsum(of_others) - of_others / 2) / of_others.sum()
    above = 1 - (np.cumsum(of_own) - of_own / 2) / of_own.sum()
    return np.where(own, below[place], above[place])


def _area(own: np.ndarray, score: Floats, weight: Floats) -> float:
    placed = _placements(own, score, weight)
    return float(np.average(placed[own], weights=weight[own]))


def _ratio(a: Floats, b: Floats) -> Floats:
    """a / b, and NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.broadcast(a, b).shape, np.nan), where=np.asarray(b) > 0)


def _mean_of_known(values: Floats) -> Floats:
    """The mean over the last axis of what is not NaN."""
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))
