"""One step of an optimiser from a trace's gradient, worked out for a single parameter.

It is an illustration: the first step that this optimiser would take from the model's parameters if
this row were all there is, from a state of zeros and without a penalty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any

import numpy as np

from chainrule.errors import InputError
from chainrule.network import Parameters
from chainrule.optimizers import SGD, Adam, AdamW, Optimizer, RMSProp
from chainrule.trace.formula import Formula
from chainrule.trace.records import Trace

PLAIN_DESCENT = SGD(momentum=0.0, nesterov=False)
"""The notes' rule: w <- w - rate dJ/dw."""


@dataclass(frozen=True)
class StepLine:
    """One quantity of a step: its symbol, its formula in symbols and with numbers, its value."""

    symbol: str
    symbols: str
    formula: Formula
    numbers: Mapping[str, float]

    @property
    def value(self) -> float:
        """What the formula gives."""
        return self.formula.compute(self.numbers)


@dataclass(frozen=True, eq=False)
class Step:
    """The first step of an optimiser.

    Attributes:
        optimizer, rate: whose, and how long.
        old, new, gradient: the parameters before and after, and dJ/d of each.
    """

    optimizer: Optimizer
    rate: float
    old: Parameters
    new: Parameters
    gradient: Parameters

    def lines(self, w: float, g: float) -> tuple[StepLine, ...]:
        """The way from a parameter w with the derivative g to its new value, the last line."""
        return WORKED[self.optimizer.name](self.optimizer, w, g, self.rate)

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data; new weights by layer, (d, h), and biases, (h,)."""
        settings = {one.name: getattr(self.optimizer, one.name) for one in fields(self.optimizer)}
        return {
            "optimizer": {"name": self.optimizer.name, **settings},
            "rate": self.rate,
            "new_W": [W.tolist() for W in self.new.W],
            "new_b": [b.tolist() for b in self.new.b],
        }


def take_step(trace: Trace, optimizer: Optimizer = PLAIN_DESCENT, rate: float = 0.1) -> Step:
    """The first step of the optimiser on the traced row.

    Raises:
        InputError: the row has no target, so that there is no gradient.
    """
    if trace.gradient is None:
        raise InputError(
            f"row {trace.row + 1} has no '{trace.target.name}': without the target there is no "
            "loss, and nothing to carry back."
        )
    theta = trace.parameters.theta
    with np.errstate(over="ignore", invalid="ignore"):
        _, new = optimizer.step(optimizer.init(theta), trace.gradient.theta, theta, rate)
    return Step(optimizer, rate, trace.parameters, Parameters(trace.network, new), trace.gradient)


def _descent(rule: SGD, w: float, g: float, rate: float) -> tuple[StepLine, ...]:
    if rule.momentum == 0:
        return (_new_weight("g", w, g, rate),)
    u = rule.momentum
    if rule.rate_in_velocity:
        lines = [StepLine("v", "momentum · 0 + rate · g", _MOVING, {"u": u, "r": rate, "g": g})]
        if rule.nesterov:
            ahead = Formula("{k} · {g} + {u} · {v}", lambda n: n["k"] * n["g"] + n["u"] * n["v"])
            numbers = {"k": rate, "g": g, "u": u, "v": lines[0].value}
            lines.append(StepLine("n", "rate · g + momentum · v", ahead, numbers))
        last = lines[-1]
        numbers = {"w": w, "g": last.value}
        return (*lines, StepLine("new w", f"w - {last.symbol}", _AS_FAR, numbers))
    lines = [StepLine("v", "momentum · 0 + g", _MOVING, {"u": u, "r": 1.0, "g": g})]
    if rule.nesterov:
        ahead = Formula("{g} + {u} · {v}", lambda n: n["g"] + n["u"] * n["v"])
        lines.append(StepLine("n", "g + momentum · v", ahead, {"u": u, "v": g, "g": g}))
    return (*lines, _new_weight(lines[-1].symbol, w, lines[-1].value, rate))


def _rmsprop(rule: RMSProp, w: float, g: float, rate: float) -> tuple[StepLine, ...]:
    u = rule.decay
    v = StepLine(
        "v", "decay · 0 + (1 - decay) · g²", _MOVING_SQUARE, {"u": u, "r": _rest(u), "g": g}
    )
    last = {"w": w, "k": rate, "m": g, "v": v.value, "e": rule.epsilon}
    return v, StepLine("new w", "w - rate · g / (√v + epsilon)", _DIVIDED, last)


def _adam(rule: Adam, w: float, g: float, rate: float) -> tuple[StepLine, ...]:
    one, two = rule.beta1, rule.beta2
    m = StepLine("m", "beta1 · 0 + (1 - beta1) · g", _MOVING, {"u": one, "r": _rest(one), "g": g})
    v = StepLine(
        "v", "beta2 · 0 + (1 - beta2) · g²", _MOVING_SQUARE, {"u": two, "r": _rest(two), "g": g}
    )
    m_hat = StepLine("m_hat", "m / (1 - beta1¹)", _CORRECTED, {"m": m.value, "u": one})
    v_hat = StepLine("v_hat", "v / (1 - beta2¹)", _CORRECTED, {"m": v.value, "u": two})
    last = {"w": w, "k": rate, "m": m_hat.value, "v": v_hat.value, "e": rule.added(1)}
    added = "epsilon / √(1 - beta2¹)" if rule.epsilon_hat else "epsilon"
    symbols = f"w - rate · m_hat / (√v_hat + {added})"
    return m, v, m_hat, v_hat, StepLine("new w", symbols, _DIVIDED, last)


def _adamw(rule: AdamW, w: float, g: float, rate: float) -> tuple[StepLine, ...]:
    shrink = Formula("{w} - {k} · {u} · {w}", lambda n: n["w"] - n["k"] * n["u"] * n["w"])
    numbers = {"w": w, "k": rate, "u": rule.decay}
    shrunk = StepLine("w", "w - rate · decay · w", shrink, numbers)
    return (shrunk, *_adam(rule, shrunk.value, g, rate))


def _rest(share: float) -> float:
    """1 - share, as it is written: 0.1 rather than 0.09999999999999998."""
    return round(1 - share, 12)


def _new_weight(direction: str, w: float, value: float, rate: float) -> StepLine:
    numbers = {"w": w, "k": rate, "g": value}
    return StepLine("new w", f"w - rate · {direction}", _STRAIGHT, numbers)


_MOVING = Formula("{u} · 0 + {r} · {g}", lambda n: n["r"] * n["g"])
_MOVING_SQUARE = Formula("{u} · 0 + {r} · {g}²", lambda n: n["r"] * n["g"] ** 2)
_CORRECTED = Formula("{m} / (1 - {u})", lambda n: n["m"] / (1 - n["u"]))
_STRAIGHT = Formula("{w} - {k} · {g}", lambda n: n["w"] - n["k"] * n["g"])
_AS_FAR = Formula("{w} - {g}", lambda n: n["w"] - n["g"])
_DIVIDED = Formula(
    "{w} - {k} · {m} / (√{v} + {e})",
    lambda n: n["w"] - n["k"] * n["m"] / (sqrt(max(n["v"], 0.0)) + n["e"]),
)

WORKED: Mapping[str, Callable[[Any, float, float, float], tuple[StepLine, ...]]] = {
    SGD.name: _descent,
    RMSProp.name: _rmsprop,
    Adam.name: _adam,
    AdamW.name: _adamw,
}
"""By optimiser: the lines of its first step; the last one gives the new parameter."""
