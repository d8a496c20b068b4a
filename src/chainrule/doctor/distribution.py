"""The distribution: whether rows that were not learnt from are rows of the same kind."""

from collections.abc import Iterator

import numpy as np

from chainrule.arrays import Floats
from chainrule.doctor.case import Case, Part
from chainrule.doctor.finding import Finding
from chainrule.doctor.retraining import retrain
from chainrule.metrics import roc_auc

FALSE_ALARMS = 1e-3
"""How often rows of the same kind are taken for others, over all inputs together."""

FAR = 0.1
"""A distance of two distributions that is smaller is no trouble, however sure it is."""

TOLD_APART, SURE = 0.6, 5.0
"""Of the linear discriminator: its area under the ROC curve, and standard errors from 1/2."""

MOST_INPUTS = 256
MOST_ROWS = 2_000


def another_distribution(case: Case) -> Iterator[Finding]:
    """Each input of both parts side by side, the target too; then all inputs at once."""
    learnt, unseen = case.learnt, case.unseen
    assert learnt is not None
    assert unseen is not None
    of_inputs = case.model.encoder.input_names
    names = [of_inputs[i] for i in case.plain_inputs]
    at = case.plain_inputs
    values = [np.hstack([part.rows.X[:, at], _target(part)]) for part in (learnt, unseen)]
    distances = np.array([distance(a, b) for a, b in zip(*(v.T for v in values), strict=True)])
    limit = largest_by_chance(len(values[0]), len(values[1]), len(distances))
    far = np.flatnonzero(distances > max(limit, FAR))
    found: dict[str, float | str] = {}
    labels = [*(f"'{name}'" for name in names), f"the target '{case.model.target.name}'"]
    for i in far[np.argsort(-distances[far], kind="stable")][:4]:
        found[f"distance of {labels[i]}"] = float(distances[i])
    if found:
        found["largest by chance"] = limit
    area, error = told_apart(values[0][:, :-1], values[1][:, :-1], distances[:-1])
    if area > TOLD_APART and area - 0.5 > SURE * error:
        found["ROC AUC of telling them apart"] = area
    if not found:
        return
    shifted = [column.name for i in far[:1] if i < len(at) for column, place in case.columns
               if place.start <= at[i] < place.stop]  # fmt: skip
    yield Finding(
        "validation rows of another kind",
        "warning",
        "The rows that the model is judged by are not like those it has learnt from: their figures "
        "say little about other rows. Draw the validation rows from the same rows, or see how the "
        "model does without the columns that drift.",
        found,
        retrain(case.model, ignore=(*case.options.ignore, *shifted)),
    )


def distance(a: Floats, b: Floats) -> float:
    """The largest difference of the distribution functions of a and b (Kolmogorov, Smirnov)."""
    together = np.sort(np.concatenate([a, b]))
    below = [np.searchsorted(np.sort(x), together, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def largest_by_chance(n: int, m: int, n_tests: int) -> float:
    """A distance that n and m rows of the same kind exceed in one of 1,000 cases.

    P(D > d) <= 2 exp(-2 d^2 n m / (n + m)) (Smirnov's limit), shared among the tests (Bonferroni);
    discrete values exceed it more rarely still.
    """
    return float(np.sqrt(np.log(2 * n_tests / FALSE_ALARMS) * (n + m) / (2 * n * m)))


def told_apart(a: Floats, b: Floats, distances: Floats) -> tuple[float, float]:
    """The area under the ROC curve of a linear discriminator of the rows a and b, and its error.

    Least squares on half of the rows of each, judged on the other half, and the other way round.
    Of many inputs the 256 that are furthest apart would flatter it: those that vary most are taken.
    """
    draw = np.random.default_rng(0)
    a, b = (x[draw.permutation(len(x))[:MOST_ROWS]].astype(np.float64) for x in (a, b))
    spread = np.vstack([a, b]).std(axis=0)
    at = np.argsort(-spread, kind="stable")[:MOST_INPUTS]
    at = at[spread[at] > 1e-9]
    if not len(at) or min(len(a), len(b)) < 20:
        return 0.5, np.inf
    areas: list[float | None] = []
    for half in (0, 1):
        fit, judge = ((a[h::2][:, at], b[h::2][:, at]) for h in (half, 1 - half))
        w = _direction(*fit)
        scores = np.concatenate([judge[0] @ w, judge[1] @ w])
        is_b = np.repeat([0, 1], [len(judge[0]), len(judge[1])])
        areas.append(roc_auc(is_b, np.column_stack([-scores, scores])))
    n, m = len(a), len(b)
    # of the rank sum of n + m rows of the same kind (Mann & Whitney)
    return float(np.mean([area for area in areas if area is not None])), float(
        np.sqrt((n + m + 1) / (12 * n * m))
    )


def _direction(a: Floats, b: Floats) -> Floats:
    """Fisher's linear discriminant, (covariance + ridge)^-1 (mean of b - mean of a)."""
    within = np.vstack([a - a.mean(axis=0), b - b.mean(axis=0)])
    covariance = within.T @ within / len(within)
    ridge = 0.05 * np.trace(covariance) / len(covariance) + 1e-12
    found: Floats = np.linalg.solve(
        covariance + ridge * np.eye(len(covariance)), b.mean(axis=0) - a.mean(axis=0)
    )
    return found


def _target(part: Part) -> Floats:
    y = np.asarray(part.rows.y, dtype=np.float64)
    return y.reshape(len(y), -1)[:, :1]
