"""Probabilities that mean what they say: temperature scaling by rows that were held out.

trained, calibration = calibrated(model, held_out)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize_scalar

from chainrule.arrays import Floats
from chainrule.ensemble import Ensemble, HeldOut
from chainrule.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from chainrule.model import Member, Model, class_probabilities
from chainrule.options import SMALL
from chainrule.reliability import expected_calibration_error

SPREAD = 0.5
"""Standard deviation of log T before any row is seen."""


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


def calibrated(model: Model, held_out: Sequence[HeldOut]) -> tuple[Model, Calibration]:
    """The model with the temperature that its held-out rows ask for."""
    calibration = fit_temperature(held_out, model.network.loss)
    return with_temperature(model, calibration.temperature), calibration


def answering(ensemble: Ensemble) -> Model:
    """The model of an ensemble, its probabilities mended by held-out rows where they need it."""
    model = ensemble.model()
    if not needs_calibration(model):
        return model
    held_out = ensemble.held_out(model)
    return calibrated(model, held_out)[0] if held_out else model


def needs_calibration(model: Model) -> bool:
    """Whether its probabilities are likely to be off: too timid where labels were smoothed, too
    sure where there were few rows.

    Elsewhere networks stopped at their best epoch are nearly calibrated, and a temperature of
    members that answer alone makes their mean too timid.
    """
    loss, training = model.network.loss, model.training
    if not isinstance(loss, BinaryCrossEntropy | SoftmaxCrossEntropy):
        return False
    return loss.smoothing > 0 or training["table_rows"] < SMALL


def fit_temperature(held_out: Sequence[HeldOut], loss: Loss) -> Calibration:
    """The temperature that minimises the log loss of held-out rows (Guo et al. 2017, 1706.04599).

        p = mean over the members of link(scores / T)
        T = argmin sum over the rows of weight (-log p[y]) + 1/2 (log T / SPREAD)^2

    The members of a row are those that did not learn from it. The second term is that of a normal
    log T: a few rows, all of them answered right, would else ask for a T of 0.
    """
    y = np.concatenate([np.asarray(rows.y).reshape(-1) for rows in held_out]).astype(np.int64)
    weight = np.concatenate([np.ones(len(r.y)) if r.weight is None else r.weight for r in held_out])
    weight = weight / weight.mean()

    def probabilities(temperature: float) -> Floats:
        return np.concatenate([pooled(rows.scores / temperature, loss) for rows in held_out])

    def penalised(log_temperature: float) -> float:
        of_truth = probabilities(np.exp(log_temperature))[np.arange(len(y)), y]
        log_loss = -weight @ np.log(np.maximum(of_truth, np.finfo(np.float64).tiny))
        return float(log_loss + 0.5 * (log_temperature / SPREAD) ** 2)

    found = minimize_scalar(penalised, bounds=(-3.0, 3.0), method="bounded")
    temperature = float(np.exp(found.x))
    before, after = probabilities(1.0), probabilities(temperature)
    return Calibration(
        temperature,
        len(y),
        expected_calibration_error(y, before),
        expected_calibration_error(y, after),
    )


def pooled(scores: Floats, loss: Loss) -> Floats:
    """The mean of the members' probabilities (n, classes) of their scores (members, n, k)."""
    return np.mean([class_probabilities(loss.link(of_member)) for of_member in scores], axis=0)


def with_temperature(model: Model, temperature: float) -> Model:
    """The model whose scores are divided by T: each last layer's weights and biases are."""

    def cooled(member: Member) -> Member:
        parameters = member.parameters.copy()
        parameters.W[-1][...] /= temperature
        parameters.b[-1][...] /= temperature
        return replace(member, parameters=parameters)

    return replace(
        model,
        members=tuple(map(cooled, model.members)),
        training={**model.training, "temperature": temperature},
    )
