"""The course of a training: rates that were too high or too low, gradients that get lost."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from chainrule.doctor.case import Case
from chainrule.doctor.finding import Finding, NextStep
from chainrule.doctor.retraining import retrain, usual_options
from chainrule.gradient_probe import gradient_sizes, probe_of

WILD_START, WILD_LATER, JUMP = 25.0, 1.5, 1.1
"""Losses of the first epoch, and of those from the third on, in losses of a constant answer; the
latter only if the loss jumped from one epoch to the next, as it starts high and falls slowly where
the rate is too low.

Measured on seven tables with rates from 1e-5 to 10: with rates that cost no accuracy the first
epoch was below 22 and later ones below 1.2; with rates that ruined the model they were above.
"""

STILL_FALLING = 0.1
"""Part of the loss of a constant answer by which the second half of the learning still gained."""

SLOWLY_FALLING = 0.04
"""The same where the rate is below half of the usual one."""

CREEPING, STEADY, BEGUN = 0.3, 0.95, 0.25
"""Part of the whole gain that the second half had, part of the epochs in which the training loss
fell, and gain in losses of a constant answer, where a network has hardly begun to move."""

LOST, GROWN = 1e-3, 1e2
"""Gradient of the first layer in gradients of the last, where healthy trainings had 0.003 to 2; and
the largest of all gradients in those after the first epoch, where they had at most 30."""


def learning_rate(case: Case) -> Iterator[Finding]:
    """Losses far above those of a constant answer: steps too long. Still falling: too short."""
    losses = case.figures("loss")
    if not losses:
        return
    constant = case.any.loss_of_constant(case.any.constant)
    rate = case.options.rate
    worst = max(losses[2:], default=0.0)
    jumped = any(b > JUMP * a for a, b in pairwise(losses))
    searched = case.options.optimizer == "lbfgs"  # it finds the length of its steps by itself
    wild = losses[0] > WILD_START * constant or (jumped and worst > WILD_LATER * constant)
    if constant > 0 and wild and not searched:
        lower = {} if rate is None else {"rate": rate / 10}
        yield Finding(
            "learning rate too high",
            "warning",
            "On its way the network was far worse than one that always gives the same answer: the "
            "steps were too long. A lower rate usually ends in a better model.",
            {
                "rate": rate or "",
                "loss of epoch 1": losses[0],
                "highest loss from epoch 3 on": worst,
                "loss of a constant answer": constant,
            },
            retrain(case.model, **lower),
        )
        return
    yield from _too_slow(case, constant)


def _too_slow(case: Case, constant: float) -> Iterator[Finding]:
    judged = case.figures("validation loss") or case.figures("loss")
    rates = case.figures("rate")
    n, options = len(judged), case.options
    if len(rates) != n or n < 2:
        return
    usual = usual_options(case.model, options.optimizer).rate
    slow = options.rate is not None and usual is not None and options.rate < usual / 2
    travelled = np.cumsum(rates)
    middle = int(np.searchsorted(travelled, travelled[-1] / 2))
    best = int(np.argmin(judged))
    gain = judged[middle] - judged[best]
    enough = (SLOWLY_FALLING if slow else STILL_FALLING) * constant
    unfinished = n == options.epochs and best >= 0.9 * (n - 1) and gain >= enough
    if not unfinished and not (slow and _creeps(case.figures("loss"), middle, constant)):
        return
    change = {"rate": options.rate * 10} if slow and options.rate else {"epochs": 2 * n}
    yield Finding(
        "learning rate too low" if slow else "training ended too early",
        "warning",
        "The loss was still falling fast when the last epoch ended: the steps were too short, or "
        "there were too few of them.",
        {
            "rate": options.rate or "",
            "epochs": n,
            "best epoch": best + 1,
            "gain of the second half": gain,
            "loss of a constant answer": constant,
        },
        retrain(case.model, **change),
    )


def _creeps(losses: list[float], middle: int, constant: float) -> bool:
    """Whether the training loss fell in every epoch by as little, and had hardly begun to."""
    gain = losses[0] - losses[-1]
    steady = bool(np.mean(np.diff(losses) < 0) >= STEADY)
    return steady and losses[middle] - losses[-1] > CREEPING * gain and gain < BEGUN * constant


def gradients(case: Case) -> Iterator[Finding]:
    """The gradient of the first layer beside that of the last, and all of them over time."""
    n_layers = len(case.network.layers)
    if n_layers < 2:
        return
    names = [f"gradient.{l}" for l in range(n_layers)]
    measured = [
        [np.inf if figures[name] is None else figures[name] for name in names]
        for figures in case.model.history
        if all(name in figures for name in names)
    ]
    if measured:
        sizes, when = np.array(measured, dtype=np.float64), f"median of {len(measured)} epochs"
    else:
        probe = probe_of(case.any.rows)
        sizes = np.array([gradient_sizes(case.network, case.model.parameters, probe, 0.0)])
        when = "of the finished model"
    evidence: dict[str, float | str] = {
        f"dJ/dW[{l}], {when}": float(np.median(sizes[:, l])) for l in range(n_layers)
    }
    moving = sizes[((sizes > 0) & (sizes < np.inf)).all(axis=1)]
    ratio = 1.0  # where all gradients have stopped it is no matter of layers
    if len(moving) >= len(sizes) / 2:
        ratio = float(np.median(moving[:, 0] / moving[:, -1]))
    largest = sizes.max(axis=1)
    growth = float(largest.max() / largest[0]) if 0 < largest[0] < np.inf else 1.0
    if ratio < LOST:
        yield Finding(
            "vanishing gradients",
            "warning",
            "On its way down the gradient gets lost: the first layers hardly learn. Fewer layers, "
            "or an activation whose slope does not shrink it, let it through.",
            {"of the first layer / of the last": ratio} | evidence,
            _let_through(case),
        )
    elif ratio > GROWN or growth > GROWN or np.isinf(sizes).any():
        rate = None if case.options.optimizer == "lbfgs" else case.options.rate
        yield Finding(
            "exploding gradients",
            "warning",
            "The gradient grew out of measure, and with it the steps. A lower rate, fewer layers "
            "or smaller numbers in the table keep it in bounds.",
            {
                "of the first layer / of the last": ratio,
                "largest / largest after epoch 1": growth,
            }
            | evidence,
            retrain(case.model, **({} if rate is None else {"rate": rate / 10})),
        )


def _let_through(case: Case) -> NextStep:
    activation = case.options.activation or ()
    if set(activation) <= {"silu"}:
        return retrain(case.model, hidden=(case.options.hidden or ())[:2], initializer=None)
    return retrain(case.model, activation=("silu",), initializer=None)
