"""Metrics: how good predictions are, as figures that people know.

Every metric takes row weights, of shape (n,); None is 1 for all. scikit-learn's functions of the
same names are the oracle in the tests; they are not called because importing them takes longer than
training a small network does.
"""

import numpy as np

from chainrule.arrays import Floats, Integers


def accuracy(y: Integers, classes: Integers, weight: Floats | None = None) -> float:
    """Share of rows whose predicted class (n,) is the true one (n,)."""
    return float(np.average(y == classes, weights=weight))


def balanced_accuracy(y: Integers, classes: Integers, weight: Floats | None = None) -> float:
    """Mean over the classes that occur in y of the share of their rows predicted right."""
    shares = [
        accuracy(y[rows], classes[rows], _part(weight, rows)) for rows in _rows_by_class(y, weight)
    ]
    return float(np.mean(shares))


def log_losses(y: Integers, probabilities: Floats) -> Floats:
    """-ln of the probability (n, k) given to the true class of each row, (n,), in nats.

    Probabilities are kept away from 0 by the smallest step of their dtype, as scikit-learn does.
    """
    smallest = np.finfo(probabilities.dtype).eps
    own = np.clip(probabilities[np.arange(len(y)), y].astype(np.float64), smallest, 1 - smallest)
    return -np.log(own)


def log_loss(y: Integers, probabilities: Floats, weight: Floats | None = None) -> float:
    """Mean of the losses of the rows."""
    return float(np.average(log_losses(y, probabilities), weights=weight))


def roc_auc(y: Integers, probabilities: Floats, weight: Floats | None = None) -> float | None:
    """Probability that a row of a class gets a higher score for it than a row of another class.

    With two classes of the second one; with more, the mean over the classes, each against the rest
    (macro average). None where y holds a single class.
    """
    k = probabilities.shape[1]
    weight = np.ones(len(y)) if weight is None else weight
    areas = [
        _area(y == c, probabilities[:, c], weight)
        for c in ([1] if k == 2 else range(k))
        if 0 < weight[y == c].sum() < weight.sum()
    ]
    return float(np.mean(areas)) if areas else None


def confusion_matrix(
    y: Integers, classes: Integers, k: int, weight: Floats | None = None
) -> Floats:
    """Weight of the rows of class i predicted as class j, shape (k, k)."""
    pairs = y * k + classes
    return np.bincount(pairs, weights=weight, minlength=k * k).astype(np.float64).reshape(k, k)


def rmse(y: Floats, predictions: Floats, weight: Floats | None = None) -> float:
    """Root of the mean squared error, in the target's unit; both of shape (n,)."""
    return float(np.sqrt(np.average((y - predictions) ** 2, weights=weight)))


def mae(y: Floats, predictions: Floats, weight: Floats | None = None) -> float:
    """Mean absolute error, in the target's unit; both of shape (n,)."""
    return float(np.average(np.abs(y - predictions), weights=weight))


def r2(y: Floats, predictions: Floats, weight: Floats | None = None) -> float | None:
    """1 - squared error / squared distance from the mean; None where y is constant."""
    spread = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
    if spread == 0:
        return None
    return float(1 - np.average((y - predictions) ** 2, weights=weight) / spread)


def _area(positive: np.ndarray, score: Floats, weight: Floats) -> float:
    """Area under the ROC curve: of all pairs, how much weight is in order; ties count half."""
    _, group = np.unique(score, return_inverse=True)
    of_positives = np.bincount(group, weights=weight * positive)
    of_negatives = np.bincount(group, weights=weight * ~positive)
    below = np.cumsum(of_negatives) - of_negatives
    in_order = np.sum(of_positives * (below + of_negatives / 2))
    return float(in_order / (of_positives.sum() * of_negatives.sum()))


def _rows_by_class(y: Integers, weight: Floats | None) -> list[np.ndarray]:
    """The rows of each class that occurs with any weight."""
    groups = [np.flatnonzero(y == c) for c in np.unique(y)]
    return [rows for rows in groups if weight is None or weight[rows].sum() > 0]


def _part(weight: Floats | None, rows: np.ndarray) -> Floats | None:
    return None if weight is None else weight[rows]
