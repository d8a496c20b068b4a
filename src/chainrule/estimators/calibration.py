"""Probabilities that mean what they say: temperature scaling, and how far off they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from chainrule.arrays import Floats
from chainrule.estimators.members import HeldOut
from chainrule.losses import Loss
from chainrule.model import Model, class_probabilities

BINS = 15


@dataclass(frozen=True)
class Calibration:
    """What temperature scaling did.

    Attributes:
        temperature: T, which divides the scores: above 1 the network was too sure of itself.
        n_rows: held-out rows that T was fitted on.
        error_before: the expected calibration error of these rows with T = 1.
        error_after: with T. They chose it, so that new rows may have a slightly larger one.
    """

    temperature: float
    n_rows: int
    error_before: float
    error_after: float


def fit_temperature(held_out: Sequence[HeldOut], loss: Loss) -> Calibration:
    """The temperature that minimises the log loss of held-out rows (Guo et al. 2017, 1706.04599).

        p = mean over the members of link(scores / T)

    The members of a row are those that did not learn from it.
    """
    y = np.concatenate([np.asarray(rows.y).reshape(-1) for rows in held_out]).astype(np.int64)

    def probabilities(temperature: float) -> Floats:
        return np.concatenate([pooled(rows.scores / temperature, loss) for rows in held_out])

    def log_loss(log_temperature: float) -> float:
        of_truth = probabilities(np.exp(log_temperature))[np.arange(len(y)), y]
        return -float(np.mean(np.log(np.maximum(of_truth, np.finfo(np.float64).tiny))))

    found = minimize_scalar(log_loss, bounds=(-3.0, 3.0), method="bounded")
    temperature = float(np.exp(found.x))
    before, after = probabilities(1.0), probabilities(temperature)
    return Calibration(
        temperature,
        len(y),
        expected_calibration_error(before, y),
        expected_calibration_error(after, y),
    )


def pooled(scores: Floats, loss: Loss) -> Floats:
    """The mean of the members' probabilities (n, classes) of their scores (members, n, k)."""
    return np.mean([class_probabilities(loss.link(of_member)) for of_member in scores], axis=0)


def expected_calibration_error(
    probabilities: Floats, y: NDArray[np.int64], bins: int = BINS
) -> float:
    """How far confidence is from accuracy, on average over the rows (Naeini et al. 2015).

    The rows are put into bins of equal width by their confidence, the probability of the class
    that is predicted:

        sum over bins of (rows in the bin / rows) |accuracy in the bin - mean confidence in it|
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == y
    of_bin = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(of_bin, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(y))


def with_temperature(model: Model, temperature: float) -> Model:
    """The model whose scores are divided by T: its last layer's weights and biases are."""
    parameters = model.parameters.copy()
    parameters.W[-1][...] /= temperature
    parameters.b[-1][...] /= temperature
    return replace(model, parameters=parameters)
