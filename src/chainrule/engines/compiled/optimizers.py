"""The optimisers' compiled twins: penalty, decay, moments and step in one pass over theta."""

from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.activations import pointer
from chainrule.engines.compiled.kernels import kernel
from chainrule.engines.compiled.losses import REALS
from chainrule.optimizers import SGD, Adam, AdamW, Optimizer, RMSProp

VECTORS = {SGD: ("v",), RMSProp: ("v",), Adam: ("m", "v"), AdamW: ("m", "v")}
"""The optimisers that have twins here, and the vectors of their state."""


def parameters(optimizer: Optimizer) -> list[float]:
    """An optimiser's numbers, in the order in which its kernel reads them."""
    if isinstance(optimizer, SGD):
        return [optimizer.momentum, float(optimizer.nesterov)]
    if isinstance(optimizer, RMSProp):
        return [optimizer.decay, optimizer.epsilon]
    if isinstance(optimizer, Adam):
        decay = optimizer.decay if isinstance(optimizer, AdamW) else 0.0
        return [optimizer.beta1, optimizer.beta2, optimizer.epsilon, decay]
    raise TypeError(type(optimizer).__name__)


@cache
def update(kind: type[Optimizer], real: Any) -> int:
    """Address of `update(theta, gradient, m, v, count, t, rate, l2, parameters)`.

    Steps count from t = 1. The optimiser is given gradient + l2 theta, as the reference does it.
    """
    one = real(1)

    def sgd(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> None:  # fmt: skip
        step, penalty, momentum = real(rate), real(l2), real(numbers[0])
        ahead, here = (momentum, one) if numbers[1] else (one, real(0))
        for i in range(count):
            g = gradient[i] + penalty * theta[i]
            moved = momentum * v[i] + g
            v[i] = moved
            theta[i] -= step * (here * g + ahead * moved)

    def rmsprop(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> None:  # fmt: skip
        step, penalty = real(rate), real(l2)
        decay, rest, epsilon = real(numbers[0]), real(1 - numbers[0]), real(numbers[1])
        for i in range(count):
            g = gradient[i] + penalty * theta[i]
            square = decay * v[i] + rest * g * g
            v[i] = square
            theta[i] -= step * g / (np.sqrt(square) + epsilon)

    def adam(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> None:  # fmt: skip
        penalty, epsilon = real(l2), real(numbers[2])
        beta1, rest1 = real(numbers[0]), real(1 - numbers[0])
        beta2, rest2 = real(numbers[1]), real(1 - numbers[1])
        step = real(rate / (1 - numbers[0] ** t))
        unbiased = real(1 / (1 - numbers[1] ** t))
        shrink = real(rate * numbers[3])
        for i in range(count):
            g = gradient[i] + penalty * theta[i]
            mean = beta1 * m[i] + rest1 * g
            square = beta2 * v[i] + rest2 * g * g
            m[i] = mean
            v[i] = square
            kept = theta[i] - shrink * theta[i]
            theta[i] = kept - step * mean / (np.sqrt(square * unbiased) + epsilon)

    function = {SGD: sgd, RMSProp: rmsprop, Adam: adam, AdamW: adam}[kind]
    p, i, f = pointer(real), "int64", "float64"
    name = f"update-{function.__name__}-{real.__name__}"
    return kernel(function, name, (p, p, p, p, i, i, f, f, REALS))


@cache
def squares(real: Any) -> int:
    """Address of `squares(theta, count)`: the sum of the squares, a float64."""

    def run(theta: Any, count: int) -> float:
        total = real(0)
        for i in range(count):
            total += theta[i] * theta[i]
        return float(total)

    return kernel(run, f"squares-{real.__name__}", (pointer(real), "int64"), "float64")
