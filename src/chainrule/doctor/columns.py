"""The columns: one that tells all, several that tell the same, and too few rows for them."""

from collections.abc import Iterator

import numpy as np

from chainrule.arrays import Floats, Integers
from chainrule.doctor.case import Case, Part
from chainrule.doctor.finding import Finding
from chainrule.doctor.retraining import retrain
from chainrule.table.categories import CategoryColumn
from chainrule.table.encoder import Column
from chainrule.table.numbers import NumberColumn

ALL_BUT = 0.02
"""A column tells all if it leaves at most this part of the target unexplained."""

NEIGHBOURS = 5
FEWEST_MISTAKES = 10
"""Of the trivial answer; with fewer, a column that avoids them all may be a coincidence."""

SAME = 0.99
"""A number is collinear if the others explain at least this part of its variance."""

MOST_NUMBERS = 300

FEW, FEWER = 5, 2
"""Training rows for each input: below `FEW` a note, below `FEWER` a warning."""

FEW_IN_ALL, FEWER_IN_ALL = 100, 30


def leakage(case: Case) -> Iterator[Finding]:
    """Columns that alone tell the target, on rows that they were not compared with."""
    part = case.any
    if len(case.columns) < 2:
        return  # nothing else there is to learn from
    told = {
        column.name: share
        for column, place in case.columns
        if (share := told_alone(case, part, column, place)) >= 1 - ALL_BUT
    }
    if not told:
        return
    names = sorted(told, key=lambda name: -told[name])
    measure = (
        "share of the trivial answer's mistakes avoided"
        if case.model.task == "classification"
        else "R2 of ranks"
    )
    yield Finding(
        "leakage suspected",
        "warning",
        f"Column '{names[0]}' alone gives nearly all of '{case.model.target.name}'. If it is known "
        "only after the target, or was made from it, the model will fail when it is needed: see "
        "how it does without.",
        {f"{measure}, by '{name}' alone": told[name] for name in names[:3]},
        retrain(case.model, ignore=(*case.options.ignore, *names)),
    )


def told_alone(case: Case, part: Part, column: Column, place: slice) -> float:
    """How much of the target one column tells, 0 (nothing) to 1.

    Each row of one half of the rows is answered from the five rows of the other half whose cells
    are nearest to its own, or from all with the same cell. Of numbers the ranks are predicted, so
    that any rising function of the target counts as telling it.
    """
    x = _as_number(column, part.rows.X[:, place])
    order = np.random.default_rng(0).permutation(len(x))
    known, asked = order[: len(x) // 2], order[len(x) // 2 :]
    if case.model.task == "classification":
        k = len(case.model.target.classes)
        answers = _means(x[known], np.eye(k)[part.classes[known]], x[asked]).argmax(axis=1)
        true = part.classes[asked]
        usual = len(true) - int(np.bincount(true).max())
        if usual < FEWEST_MISTAKES:
            return 0.0
        return 1 - float((answers != true).sum()) / usual
    ranks = np.unique(np.asarray(part.rows.y)[:, 0], return_inverse=True)[1].astype(np.float64)
    spread = float(np.var(ranks[asked]))
    if len(asked) < FEWEST_MISTAKES or not spread:
        return 0.0
    answers = _means(x[known], ranks[known, None], x[asked])[:, 0]
    return 1 - float(np.mean((ranks[asked] - answers) ** 2)) / spread


def _as_number(column: Column, X: Floats) -> Floats:
    """The column's cell as one number: a category's place, or the number, missing ones apart."""
    if isinstance(column, CategoryColumn) and X.shape[1] > 1:
        return np.where(X.any(axis=1), X.argmax(axis=1), -1).astype(np.float64)
    x = X[:, 0].astype(np.float64)
    if getattr(column, "n_missing", 0) and X.shape[1] > 1:
        x = np.where(X[:, -1] > 0, np.inf, x)
    return x


def _means(x: Floats, y: Floats, asked: Floats) -> Floats:
    """Mean of y (n, k) over the rows whose x (n,) is the nearest to each one asked for."""
    order = np.argsort(x, kind="stable")
    x, sums = x[order], np.vstack([np.zeros(y.shape[1]), np.cumsum(y[order], axis=0)])
    low, high = np.searchsorted(x, asked, "left"), np.searchsorted(x, asked, "right")
    few = high - low < NEIGHBOURS
    low = np.where(few, np.clip((low + high - NEIGHBOURS) // 2, 0, None), low)
    high = np.where(few, np.minimum(low + NEIGHBOURS, len(x)), high)
    means: Floats = (sums[high] - sums[low]) / (high - low)[:, None]
    return means


def collinear_or_constant(case: Case) -> Iterator[Finding]:
    """Numbers that others explain, and columns that say nothing."""
    constant = [c.name for c in case.model.encoder.columns if c.describe().startswith("constant")]
    if constant:
        yield Finding(
            "constant columns",
            "note",
            f"{_listed(constant)} had one value in every training row, and is left out.",
            {"constant columns": len(constant)},
            retrain(case.model, ignore=(*case.options.ignore, *constant)),
        )
    numbers = [
        (column.name, place.start)
        for column, place in case.columns
        if isinstance(column, NumberColumn) and column.scaling
    ][:MOST_NUMBERS]
    names = [name for name, _ in numbers]
    explained, partner = _collinearity(case.any.rows.X[:, [at for _, at in numbers]])
    found = [i for i in np.argsort(-explained, kind="stable") if explained[i] >= SAME]
    if not found:
        return
    pairs: dict[str, float | str] = {
        f"R2 of '{names[i]}' from the others (nearest: '{names[partner[i]]}')": float(explained[i])
        for i in found[:5]
    }
    if len(found) > 5:
        pairs["more such columns"] = len(found) - 5
    yield Finding(
        "collinear columns",
        "note",
        f"{_listed([names[i] for i in found])}: what they say, other columns say too. The "
        "predictions do not suffer, but importance is shared out among them by chance.",
        pairs,
        retrain(case.model, ignore=(*case.options.ignore, names[found[0]])),
    )


def _collinearity(X: Floats) -> tuple[Floats, Integers]:
    """R2 (d,) of each column of X (n, d) from all others, and its most correlated column.

    R2_j = 1 - 1 / (inverse of the correlation matrix)_jj, the reciprocal of the variance inflation.
    """
    n, d = X.shape
    explained: Floats = np.zeros(d)
    partner: Integers = np.zeros(d, dtype=np.int64)
    X = X.astype(np.float64)
    at = np.flatnonzero(X.std(axis=0) > 1e-9)
    if len(at) < 2 or n <= d + 2:
        return explained, partner
    correlation: Floats = np.asarray(np.corrcoef(X[:, at], rowvar=False))
    ridge = 1e-9 * np.eye(len(at))  # an exact combination leaves no inverse
    inverse = np.linalg.inv(correlation + ridge)
    explained[at] = np.clip(1 - 1 / np.diag(inverse), 0, 1)
    np.fill_diagonal(correlation, 0)
    partner[at] = at[np.abs(correlation).argmax(axis=1)]
    return explained, partner


def too_few_rows(case: Case) -> Iterator[Finding]:
    """Training rows beside inputs and parameters."""
    part = case.learnt
    assert part is not None
    d, n = len(case.plain_inputs), part.n
    warn = n < FEWER * d or n < FEWER_IN_ALL
    if not (warn or n < FEW * d or n < FEW_IN_ALL):
        return
    yield Finding(
        "few rows",
        "warning" if warn else "note",
        f"{n:,} training rows are few for {d:,} inputs: chance may look like a rule. Compare with "
        "a linear model, and trust the figures only on rows of their own.",
        {
            "training rows": n,
            "inputs (bins aside)": d,
            "parameters": case.network.n_parameters,
        },
        retrain(case.model, hidden=()),
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
