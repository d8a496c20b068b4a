"""Formulas of the losses and links, in symbols and with places for numbers, by their names.

Every loss is a sum over the outputs, so that each output has a term of its own: its part of the
loss, and its derivative by that output's score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import exp, log

from chainrule.arrays import Floats, Targets
from chainrule.losses import BinaryCrossEntropy, Huber, Loss, Quantile, SoftmaxCrossEntropy
from chainrule.trace.formula import Formula

Work = tuple[Formula, Formula, Mapping[str, float]]


@dataclass(frozen=True)
class LossTerm:
    """The part of one output in the loss of a row.

    Attributes:
        target: what the output should have given, as the formulas take it.
        score, prediction: what it gave.
        loss, slope: its part of the loss, and the derivative of that by its score.
        value_formula, slope_formula: how these two are computed from `numbers`.
    """

    target: float
    score: float
    prediction: float
    loss: float
    slope: float
    value_formula: Formula
    slope_formula: Formula
    numbers: Mapping[str, float]


def _targets_as_given(loss: Any, y: Targets, k: int) -> Floats:
    return np.broadcast_to(y[0], (k,)).astype(np.float64)


@dataclass(frozen=True)
class LossFormula:
    """A loss in symbols, for each output: score s, target y, prediction y' or probability p.

    Attributes:
        link: how scores become predictions.
        value, slope: the loss and its derivative by s.
        work: (loss, s, y, output) -> the formulas of value and slope, and what stands in them
            beside s, y and p.
        targets: (loss, y, k) -> what each output should have given, (k,).
    """

    link: str
    value: str
    slope: str
    work: Callable[[Any, float, float, int], Work]
    targets: Callable[[Any, Targets, int], Floats] = _targets_as_given


_DIFFERENCE = Formula("{s} - {y}", lambda n: n["s"] - n["y"])
_EXCESS = Formula("{p} - {y}", lambda n: n["p"] - n["y"])
_GIVEN = Formula("{g}", lambda n: n["g"])
_SQUARED = Formula("({s} - {y})² / 2", lambda n: (n["s"] - n["y"]) * (n["s"] - n["y"]) / 2)
_ABSOLUTE = Formula("|{s} - {y}|", lambda n: abs(n["s"] - n["y"]))
_FAR = Formula(
    "{d} · (|{s} - {y}| - {d} / 2)", lambda n: n["d"] * (abs(n["s"] - n["y"]) - n["d"] / 2)
)
_ABOVE = Formula("{q} · ({y} - {s})", lambda n: n["q"] * (n["y"] - n["s"]))
_BELOW = Formula("(1 - {q}) · ({s} - {y})", lambda n: (1 - n["q"]) * (n["s"] - n["y"]))
_COUNT = Formula("e^{s} - {y} · {s}", lambda n: exp(n["s"]) - n["y"] * n["s"])
_YES_OR_NO = Formula(
    "ln(1 + e^{s}) - {y} · {s}", lambda n: float(np.logaddexp(0, n["s"])) - n["y"] * n["s"]
)
_SURPRISE = Formula("{n} · ln({p})", lambda n: n["n"] * log(n["p"]) if n["n"] and n["p"] else 0.0)


def _squared(loss: Loss, s: float, y: float, k: int) -> Work:
    return _SQUARED, _DIFFERENCE, {}


def _absolute(loss: Loss, s: float, y: float, k: int) -> Work:
    return _ABSOLUTE, _GIVEN, {"g": float(np.sign(s - y))}


def _huber(loss: Huber, s: float, y: float, k: int) -> Work:
    if abs(s - y) <= loss.delta:
        return _SQUARED, _DIFFERENCE, {}
    return _FAR, _GIVEN, {"d": loss.delta, "g": loss.delta if s > y else -loss.delta}


def _quantile(loss: Quantile, s: float, y: float, k: int) -> Work:
    q = loss.levels[k]
    if y > s:
        return _ABOVE, _GIVEN, {"q": q, "g": -q}
    return _BELOW, Formula("1 - {q}", lambda n: 1 - n["q"]), {"q": q}


def _poisson(loss: Loss, s: float, y: float, k: int) -> Work:
    return _COUNT, Formula("e^{s} - {y}", lambda n: exp(n["s"]) - n["y"]), {}


def _binary(loss: Loss, s: float, y: float, k: int) -> Work:
    return _YES_OR_NO, _EXCESS, {}


def _softmax(loss: Loss, s: float, y: float, k: int) -> Work:
    return _SURPRISE, _EXCESS, {"n": -y}


def _smoothed_shares(loss: BinaryCrossEntropy, y: Targets, k: int) -> Floats:
    return (1 - loss.smoothing) * y[0] + loss.smoothing / 2


def _target_distribution(loss: SoftmaxCrossEntropy, y: Targets, k: int) -> Floats:
    own = (np.arange(k) == y[0]).astype(np.float64)
    return (1 - loss.smoothing) * own + loss.smoothing / k


LOSS_FORMULAS = {
    "squared": LossFormula("y' = s", "(s - y)² / 2", "s - y", _squared),
    "absolute": LossFormula(
        "y' = s", "|s - y|", "1 where s > y, -1 where s < y, else 0", _absolute
    ),
    "huber": LossFormula(
        "y' = s",
        "(s - y)² / 2 up to |s - y| = d, then d · (|s - y| - d / 2)",
        "s - y, held within -d and d",
        _huber,
    ),
    "quantile": LossFormula(
        "y' = s, in ascending order",
        "q · (y - s) where y > s, else (1 - q) · (s - y)",
        "-q where y > s, else 1 - q",
        _quantile,
    ),
    "poisson": LossFormula("y' = e^s", "e^s - y · s", "e^s - y", _poisson),
    "binary_cross_entropy": LossFormula(
        "p = 1 / (1 + e^-s)", "ln(1 + e^s) - y · s", "p - y", _binary, _smoothed_shares
    ),
    "softmax_cross_entropy": LossFormula(
        "p = e^s / (sum of all e^s)", "-y · ln(p)", "p - y", _softmax, _target_distribution
    ),
}


def loss_terms(loss: Loss, y: Targets, scores: Floats) -> tuple[LossTerm, ...]:
    """The terms of the loss of one row, one for each output, from y and scores of shape (1, k)."""
    formula = LOSS_FORMULAS[loss.name]
    predictions = loss.link(scores)[0].tolist()
    slopes = loss.gradient(y, scores)[0].tolist()
    targets = formula.targets(loss, y, scores.shape[1]).tolist()
    terms = []
    for k, s in enumerate(scores[0].tolist()):
        value, slope, more = formula.work(loss, s, targets[k], k)
        numbers = {"s": s, "y": targets[k], "p": predictions[k], **more}
        part = value.compute(numbers)
        terms.append(
            LossTerm(targets[k], s, predictions[k], part, slopes[k], value, slope, numbers)
        )
    return tuple(terms)
