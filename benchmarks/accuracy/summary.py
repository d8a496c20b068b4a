"""The summary: ranks, ratios of errors and their intervals, out of results on the same splits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from accuracy.methods import Method
from accuracy.results import Result

REDRAWS = 2_000
CONFIDENCE = 0.95

Found = Mapping[str, Mapping[str, Mapping[int, Result]]]
"""Results by method, table and split."""


@dataclass(frozen=True)
class Ratio:
    """How many times the errors of one method are those of another.

    Attributes:
        value: geometric mean, over the tables, of the ratio of the mean errors over the splits.
        low, high: 95 % of redraws of tables, and of splits in them, lie between; both methods
            are redrawn together.
        better: on how many tables the first method's mean error is the lower one.
        n_tables: they share.
    """

    value: float
    low: float
    high: float
    better: int
    n_tables: int


def error(result: Result) -> float:
    """The error, at least that of half a row: a ratio to no error at all says nothing."""
    return max(result.error, 0.5 / result.n_judged)


def ratio(found: Found, one: str, other: str, figure: str = "error") -> Ratio | None:
    """The ratio of two methods' errors (or log losses) on the splits that both have."""
    pairs = []
    for table in found.get(one, {}):
        a, b = found[one][table], found.get(other, {}).get(table, {})
        shared = sorted(set(a) & set(b))
        values = [(_figure(a[s], figure), _figure(b[s], figure)) for s in shared]
        values = [pair for pair in values if None not in pair]
        if values:
            pairs.append(np.array(values, float))
    if not pairs:
        return None
    logs = np.array([_log_ratio(pair) for pair in pairs])
    draws = np.random.default_rng(0)
    redrawn = np.empty(REDRAWS)
    for number in range(REDRAWS):
        tables = draws.integers(len(pairs), size=len(pairs))
        splits = [pairs[t][draws.integers(len(pairs[t]), size=len(pairs[t]))] for t in tables]
        redrawn[number] = np.mean([_log_ratio(pair) for pair in splits])
    outside = (1 - CONFIDENCE) / 2
    low, high = np.exp(np.quantile(redrawn, (outside, 1 - outside)))
    return Ratio(
        float(np.exp(logs.mean())), float(low), float(high), int((logs < 0).sum()), len(pairs)
    )


def _figure(result: Result, figure: str) -> float | None:
    return error(result) if figure == "error" else getattr(result, figure)


def _log_ratio(pair: np.ndarray) -> float:
    a, b = pair.mean(axis=0)
    return float(np.log(a / b))


def mean_error(results: Mapping[int, Result]) -> float:
    """The mean error over the splits."""
    return float(np.mean([error(result) for result in results.values()]))


def mean_ranks(found: Found, methods: list[Method], due: Mapping[str, int]) -> dict[str, float]:
    """The mean over the tables of each method's rank, 1 the best; ties share.

    Ranked are the out-of-the-box methods that have all splits of all tables that are `due`.
    """
    ranked = [
        m.key
        for m in methods
        if not m.own_row and all(len(found[m.key].get(t, {})) >= n for t, n in due.items())
    ]
    if not ranked or not due:
        return {}
    errors = [[mean_error(found[key][table]) for key in ranked] for table in due]
    ranks = rankdata(errors, axis=1).mean(axis=0)
    return dict(zip(ranked, map(float, ranks), strict=True))


def mean_auc(results: Mapping[str, Mapping[int, Result]]) -> float | None:
    """The mean over the tables of classes, of the mean over the splits."""
    areas = [
        np.mean([r.auc for r in splits.values()])
        for splits in results.values()
        if splits and next(iter(splits.values())).auc is not None
    ]
    return float(np.mean(areas)) if areas else None


def seconds(results: Mapping[str, Mapping[int, Result]], field: str) -> float:
    """For one split of every table."""
    had = [[getattr(r, field) for r in splits.values()] for splits in results.values() if splits]
    return float(sum(np.mean(each) for each in had))
