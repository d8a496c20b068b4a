"""The target: out of scale, ruled by a few rows, or contradicted by the rows themselves."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats, Integers
from chainrule.doctor.case import Case
from chainrule.doctor.finding import Finding, NextStep
from chainrule.doctor.retraining import retrain

OUT_OF_SCALE = 10.0
"""Root mean square of the targets as the network learns them, or its inverse: scaled it is 1."""

RULED_BY_ONE = 0.5
"""Part of the sum of squares that a single row may hold."""

NEIGHBOURS = 15
MOST_ROWS, FEWEST_ROWS = 2_000, 100
"""Rows whose neighbours are asked, at most and at least."""

SUREST = 0.3
"""The part of the rows whose neighbours agree most."""

AS_WRONG, FEWEST = 0.4, 6
"""Mistakes among those, in mistakes among all rows, at the lower end of what chance allows; and how
many there must be. Six real tables had 0.27 at most, tables with a tenth of their labels mixed up
0.4 to 0.85."""

KNOWS = 0.6
"""Neighbours that make more than this part of the trivial answer's mistakes know too little."""

CONTRADICTED = 0.005
"""Part of the rows that are like others in every input, but not in the target."""


def target_scale(case: Case) -> Iterator[Finding]:
    """Targets as the network learns them, which should be numbers around 1."""
    if case.model.task != "regression":
        return
    y = np.asarray(case.any.rows.y, dtype=np.float64)[:, 0]
    size = float(np.sqrt(np.mean(y**2)))
    loss, target = case.network.loss.name, case.model.target
    if target.scaling == "none" and not 1 / OUT_OF_SCALE <= size <= OUT_OF_SCALE:
        yield Finding(
            "target not scaled",
            "warning",
            "The network learns the target in its own unit, and its numbers are far from 1: it has "
            "to move a long way before it can learn anything else. Scale the target.",
            {"root mean square of the target": size, "mean": float(y.mean())},
            retrain(case.model),
        )
        return
    squares = (y - y.mean()) ** 2
    share = float(squares.max() / squares.sum()) if squares.any() else 0.0
    if loss == "squared" and len(y) >= 20 and share > RULED_BY_ONE:
        largest = float(target.decode(y[squares.argmax()].reshape(1, 1))[0, 0])
        evidence: dict[str, float | str] = {
            "its target": largest,
            "median": float(np.median(target.decode(y[:, None]))),
            "its part of the squared distances from the mean": share,
        }
        if case.any.at is not None:
            evidence["row"] = int(case.any.at[squares.argmax()]) + 1
        yield Finding(
            "target ruled by one row",
            "warning",
            "One target is so far from all others that scaling and loss follow it alone. Correct "
            "it if it is a mistake; the absolute loss does not let it rule.",
            evidence,
            retrain(case.model, loss="absolute"),
        )


def label_noise(case: Case) -> Iterator[Finding]:
    """Rows that contradict one another: the same inputs, or nearly the same, and other targets."""
    yield from _same_inputs(case)
    if case.model.task == "classification":
        yield from _sure_and_wrong(case)


def _sure_and_wrong(case: Case) -> Iterator[Finding]:
    """Rows of another class than their neighbours, where these agree.

    Where classes overlap, neighbours disagree, and where they agree they are hardly ever wrong;
    labels that were mixed up contradict them everywhere alike.
    """
    part, k = case.any, len(case.model.target.classes)
    y = part.classes[:MOST_ROWS]
    n = len(y)
    if n < FEWEST_ROWS:
        return
    shares = neighbours_vote(part.rows.X[:MOST_ROWS, case.plain_inputs], y, k)
    wrong, agreement = shares.argmax(axis=1) != y, shares.max(axis=1)
    surest = np.flatnonzero(agreement >= np.sort(agreement)[-int(SUREST * n)])
    mistakes, usual = int(wrong[surest].sum()), n - int(np.bincount(y).max())
    if mistakes < FEWEST or wrong.sum() > KNOWS * usual:
        return
    if lower_bound(mistakes, len(surest)) < AS_WRONG * wrong.mean():
        return
    evidence: dict[str, float | str] = {
        "mistakes where the neighbours agree most": f"{mistakes:,} of {len(surest):,}",
        "mistakes of the neighbours in all": f"{int(wrong.sum()):,} of {n:,}",
    }
    step = NextStep("doctor")
    if part.at is not None:
        doubtful = surest[wrong[surest]]
        doubtful = part.at[doubtful[np.argsort(-agreement[doubtful], kind="stable")]] + 1
        evidence["rows"] = ", ".join(map(str, doubtful[:5].tolist()))
        step = NextStep("explain", ("--row", str(int(doubtful[0]))))
    yield Finding(
        "label noise",
        "warning",
        "Rows are of another class than the rows most like them, as often where these agree as "
        "elsewhere. So it is where labels were mixed up: look at such rows, and correct them.",
        evidence,
        step,
    )


def neighbours_vote(X: Floats, y: Integers, k: int) -> Floats:
    """The share of each class (n, k) among the 15 rows of X (n, d) nearest to each row."""
    X = X.astype(np.float32)
    squares = np.einsum("ij,ij->i", X, X)
    apart = squares[:, None] + squares - 2 * X @ X.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    shares: Floats = np.eye(k)[y[nearest]].mean(axis=1)
    return shares


def lower_bound(hits: int, n: int, z: float = 2.0) -> float:
    """The lower end of Wilson's interval for a share of `hits` in n, z standard errors away."""
    share = hits / n
    middle, width = share + z * z / (2 * n), z * np.sqrt(share * (1 - share) / n + (z / 2 / n) ** 2)
    return float((middle - width) / (1 + z * z / n))


def _same_inputs(case: Case) -> Iterator[Finding]:
    """Rows with the same inputs and different targets: what no model can know."""
    part = case.any
    group, counts = np.unique(part.rows.X, axis=0, return_inverse=True, return_counts=True)[1:]
    group = group.reshape(-1)
    twins = counts[group] > 1
    n, n_twins = len(group), int(twins.sum())
    if case.model.task == "classification":
        pairs = group * len(case.model.target.classes) + part.classes
        own, times = np.unique(pairs, return_counts=True)
        most = np.zeros(len(counts), dtype=np.int64)
        np.maximum.at(most, own // len(case.model.target.classes), times)
        contradicted = int((counts - most).sum())
        if contradicted < max(5, CONTRADICTED * n):
            return
        evidence: dict[str, float | str] = {
            "rows with the same inputs as others": f"{n_twins:,} of {n:,}",
            "of these in the minority of their like": contradicted,
            "highest accuracy on these rows": 1 - contradicted / n,
        }
    else:
        y = case.model.target.decode(np.asarray(part.rows.y, dtype=np.float64))[:, 0]
        if n_twins < 20:
            return
        within = _deviations(y, group, counts)[twins]
        rmse = float(np.sqrt(np.mean(within**2)))
        if n_twins < CONTRADICTED * n or rmse < 0.05 * y.std():
            return
        evidence = {
            "rows with the same inputs as others": f"{n_twins:,} of {n:,}",
            "lowest RMSE on these rows": rmse,
            "standard deviation of the target": float(y.std()),
        }
    yield Finding(
        "contradicting rows",
        "note",
        "Rows that are the same in every input have different targets: no model can be right on "
        "all of them. A column that tells them apart would help.",
        evidence,
        NextStep("evaluate"),
    )


def _deviations(y: Floats, group: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats:
    """Each target less the mean of its group."""
    found: Floats = y - (np.bincount(group, weights=y) / counts)[group]
    return found
