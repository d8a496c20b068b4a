"""The optimisers' compiled twins: penalty, decay, moments and step in one pass over theta."""

from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.activations import pointer
from chainrule.engines.compiled.kernels import REDUCING, ROUNDING, inlined, kernel
from chainrule.engines.compiled.losses import REALS
from chainrule.optimizers import FASTEST_SCALE, SGD, Adam, AdamW, Optimizer, RMSProp, ScaledAdamW

VECTORS = {
    SGD: ("v",),
    RMSProp: ("v",),
    Adam: ("m", "v"),
    AdamW: ("m", "v"),
    ScaledAdamW: ("m", "v", "a", "a_m", "a_v"),
}
"""The optimisers that have twins here, and the vectors of their state."""

SCALES = ("a", "a_m", "a_v")
"""Those with a number for each input, and not for each parameter."""


def parameters(optimizer: Optimizer) -> list[float]:
    """An optimiser's numbers, in the order in which its kernel reads them."""
    if isinstance(optimizer, SGD):
        inside = float(optimizer.rate_in_velocity)
        return [optimizer.momentum, float(optimizer.nesterov), inside]
    if isinstance(optimizer, RMSProp):
        return [optimizer.decay, optimizer.epsilon]
    if isinstance(optimizer, Adam):
        decay = optimizer.decay if isinstance(optimizer, AdamW) else 0.0
        quicker = optimizer.quicker if isinstance(optimizer, ScaledAdamW) else 0.0
        betas = optimizer.beta1, optimizer.beta2
        hat = float(optimizer.epsilon_hat)
        return [*betas, optimizer.epsilon, decay, quicker, FASTEST_SCALE, hat]
    raise TypeError(type(optimizer).__name__)


@cache
def update(kind: type[Optimizer], real: Any) -> int:
    """Address of `update(theta, gradient, m, v, count, t, rate, l2, parameters)`.

    It gives back the sum of the squares of the new theta. Steps count from t = 1. The optimiser is
    given gradient + l2 theta, as the reference does it.
    """
    one = real(1)
    with_square = inlined(_with_square, REDUCING)  # this sum alone may be added up in lanes

    def sgd(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> float:  # fmt: skip
        total = real(0)
        penalty, momentum = real(l2), real(numbers[0])
        within, step = (real(rate), one) if numbers[2] else (one, real(rate))
        ahead, here = (momentum, one) if numbers[1] else (one, real(0))
        for i in range(count):
            g = within * (gradient[i] + penalty * theta[i])
            moved = momentum * v[i] + g
            v[i] = moved
            after = theta[i] - step * (here * g + ahead * moved)
            theta[i] = after
            total = with_square(total, after)
        return float(total)

    def rmsprop(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> float:  # fmt: skip
        total, step, penalty = real(0), real(rate), real(l2)
        decay, rest, epsilon = real(numbers[0]), real(1 - numbers[0]), real(numbers[1])
        for i in range(count):
            g = gradient[i] + penalty * theta[i]
            square = decay * v[i] + rest * g * g
            v[i] = square
            after = theta[i] - step * g / (np.sqrt(square) + epsilon)
            theta[i] = after
            total = with_square(total, after)
        return float(total)

    def adam(
        theta: Any, gradient: Any, m: Any, v: Any, count: int, t: int, rate: float, l2: float,
        numbers: Any,
    ) -> float:  # fmt: skip
        total, penalty = real(0), real(l2)
        beta1, rest1 = real(numbers[0]), real(1 - numbers[0])
        beta2, rest2 = real(numbers[1]), real(1 - numbers[1])
        step = real(rate / (1 - numbers[0] ** t))
        unbiased = real(1 / (1 - numbers[1] ** t))
        hat = np.sqrt(1 - numbers[1] ** t) if numbers[6] else 1.0
        epsilon = real(numbers[2] / hat)
        shrink = real(rate * numbers[3])
        for i in range(count):
            g = gradient[i] + penalty * theta[i]
            mean = beta1 * m[i] + rest1 * g
            square = beta2 * v[i] + rest2 * g * g
            m[i] = mean
            v[i] = square
            kept = theta[i] - shrink * theta[i]
            after = kept - step * mean / (np.sqrt(square * unbiased) + epsilon)
            theta[i] = after
            total = with_square(total, after)
        return float(total)

    function = {SGD: sgd, RMSProp: rmsprop, Adam: adam, AdamW: adam, ScaledAdamW: adam}[kind]
    p, i, f = pointer(real), "int64", "float64"
    name = f"update-{function.__name__}-{real.__name__}"
    # no reassociation: LLVM would divide every parameter by 1 - beta^t in place of multiplying
    return kernel(function, name, (p, p, p, p, i, i, f, f, REALS), "float64", ROUNDING)


def _with_square(total: Any, x: Any) -> Any:
    return total + x * x


@cache
def update_scaled(real: Any) -> int:
    """Address of `update(W, gradient, m, v, a, a_m, a_v, height, h, t, rate, l2, parameters)`.

    ScaledAdamW's step for the weights (height, h) of some inputs and for the inputs' own scales;
    m and v are those of V = W / e^a, which is nowhere written down. It gives back the sum of the
    squares of the new W.
    """

    def run(
        W: Any, gradient: Any, m: Any, v: Any, a: Any, a_m: Any, a_v: Any, height: int, h: int,
        t: int, rate: float, l2: float, numbers: Any,
    ) -> float:  # fmt: skip
        total, penalty = real(0), real(l2)
        beta1, rest1 = real(numbers[0]), real(1 - numbers[0])
        beta2, rest2 = real(numbers[1]), real(1 - numbers[1])
        step = real(rate / (1 - numbers[0] ** t))
        unbiased = real(1 / (1 - numbers[1] ** t))
        hat = np.sqrt(1 - numbers[1] ** t) if numbers[6] else 1.0
        epsilon = real(numbers[2] / hat)
        kept = real(1 - rate * numbers[3])
        quicker = min(rate * numbers[4], numbers[5])
        quick, fade = real(quicker / (1 - numbers[0] ** t)), real(quicker * numbers[3])
        for i in range(height):
            at, pull = i * h, real(0)
            for j in range(at, at + h):
                pull += W[j] * (gradient[j] + penalty * W[j])
            a_m[i] = beta1 * a_m[i] + rest1 * pull
            a_v[i] = beta2 * a_v[i] + rest2 * pull * pull
            change = -fade * a[i] - quick * a_m[i] / (np.sqrt(a_v[i] * unbiased) + epsilon)
            before, grown = real(np.exp(a[i])), real(np.exp(change))
            a[i] += change
            own = step * before
            for j in range(at, at + h):
                g = before * (gradient[j] + penalty * W[j])
                mean = beta1 * m[j] + rest1 * g
                square = beta2 * v[j] + rest2 * g * g
                m[j] = mean
                v[j] = square
                after = grown * (kept * W[j] - own * mean / (np.sqrt(square * unbiased) + epsilon))
                W[j] = after
                total += after * after
        return float(total)

    p, i, f = pointer(real), "int64", "float64"
    arguments = (p, p, p, p, p, p, p, i, i, i, f, f, REALS)
    return kernel(run, f"update-scaled-{real.__name__}", arguments, "float64")
