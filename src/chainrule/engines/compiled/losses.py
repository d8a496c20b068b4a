"""The losses' compiled twins: scores to loss and delta, in one pass.

Each kernel takes the last layer's products, adds the bias, and gives the sum of the rows' shares of
the loss; where there is something to learn it also leaves delta = share * d loss / d score.
"""

from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.activations import INTEGERS, pointer
from chainrule.engines.compiled.elementwise import functions
from chainrule.engines.compiled.kernels import inlined, kernel

NAMES = (
    "squared",
    "absolute",
    "huber",
    "quantile",
    "poisson",
    "binary_cross_entropy",
    "softmax_cross_entropy",
)
"""Every loss that has a twin here."""

REALS = "CPointer(float64)"

MULTIPLIED = 16
"""Sums of exponentials whose product still is a float64 for any number of classes."""


@cache
def formula(name: str, real: Any) -> Any:
    """(y, s, parameter) -> (loss of this output, its derivative by s), as in `losses.py`."""
    f = functions(real)
    exp, sigmoid, softplus = f.exp, f.sigmoid, f.softplus
    zero, half, one = real(0), real(0.5), real(1)

    if name == "squared":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            r = s - y
            return half * r * r, r

    elif name == "absolute":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            r = s - y
            return abs(r), (one if r > zero else (-one if r < zero else r))

    elif name == "huber":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            r = s - y
            size = abs(r)
            inside = p if size > p else size
            value = inside * inside * half + p * (size - inside)
            return value, (p if r > p else (-p if r < -p else r))

    elif name == "quantile":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            r = y - s
            return (p * r if r > zero else (p - one) * r), (-p if r > zero else one - p)

    elif name == "poisson":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            e = exp(s)
            return e - y * s, e - y

    elif name == "binary_cross_entropy":

        @inlined
        def term(y: Any, s: Any, p: Any) -> Any:
            q = (one - p) * y + p * half
            return softplus(s) - q * s, sigmoid(s) - q

    return term


@cache
def loss(name: str, real: Any) -> int:
    """Address of the kernel of a loss, which returns its sum as a float64.

    loss(scores, bias, y, numbers, first, weight, inverse, rows, k, delta, parameters, numbered,
    weighted, learns). Row r of the scores is row numbers[r] of the table where `numbered`, else row
    first + r; its share is weight[row] * inverse where `weighted`, else `inverse`; delta is left
    only where the kernel `learns`. `parameters` has one number for each output.
    """
    p, i = pointer(real), "int64"
    y = INTEGERS if name == "softmax_cross_entropy" else p
    make = _softmax if name == "softmax_cross_entropy" else _by_output
    arguments = (p, p, y, INTEGERS, i, p, "float64", i, i, p, REALS, i, i, i)
    return kernel(make(name, real), f"loss-{name}-{real.__name__}", arguments, "float64")


def _by_output(name: str, real: Any) -> Any:
    term = formula(name, real)
    one_target = name == "quantile"  # one y for all outputs

    def run(
        scores: Any, bias: Any, y: Any, numbers: Any, first: int, weight: Any, inverse: float,
        rows: int, k: int, delta: Any, parameters: Any, numbered: int, weighted: int, learns: int,
    ) -> float:  # fmt: skip
        total = 0.0
        if k == 1 and learns and not weighted:  # rows side by side are what vectors are made of
            for r in range(rows):
                delta[r] = y[numbers[r] if numbered else first + r]
            for r in range(rows):
                part, slope = term(delta[r], scores[r] + bias[0], real(parameters[0]))
                delta[r] = real(inverse) * slope
                total += real(inverse) * part
            return total
        for r in range(rows):
            row = numbers[r] if numbered else first + r
            share = real(weight[row] * inverse) if weighted else real(inverse)
            at = r * k
            value = real(0)
            for j in range(k):
                target = y[row] if one_target else y[row * k + j]
                part, slope = term(target, scores[at + j] + bias[j], real(parameters[j]))
                value += part
                if learns:
                    delta[at + j] = share * slope
            total += share * value
        return total

    return run


def _softmax(name: str, real: Any) -> Any:
    exp = functions(real).exp
    one, zero = real(1), real(0)

    def run(
        scores: Any, bias: Any, y: Any, numbers: Any, first: int, weight: Any, inverse: float,
        rows: int, k: int, delta: Any, parameters: Any, numbered: int, weighted: int, learns: int,
    ) -> float:  # fmt: skip
        total, sizes = 0.0, 1.0
        smoothing = real(parameters[0])
        for r in range(rows):  # s - max s, so that no exponential overflows
            at = r * k
            top = scores[at] + bias[0]
            for j in range(k):
                s = scores[at + j] + bias[j]
                scores[at + j] = s
                top = s if s > top else top
            for j in range(k):
                scores[at + j] -= top
        if learns:  # in one long loop: k alone may be too few for vector instructions
            for i in range(rows * k):
                delta[i] = exp(scores[i])
        for r in range(rows):
            row = numbers[r] if numbered else first + r
            share = real(weight[row] * inverse) if weighted else real(inverse)
            at, own = r * k, y[row]
            size = zero
            for j in range(k):
                size += delta[at + j] if learns else exp(scores[at + j])
            value = (smoothing - one) * scores[at + own]
            if weighted:
                value += np.log(size)
            else:  # the logarithm of many at once; a size is at most k
                sizes *= size
                if r % MULTIPLIED == 0:
                    total += share * np.log(sizes)
                    sizes = 1.0
            if smoothing > zero:
                mean = zero
                for j in range(k):
                    mean += scores[at + j]
                value -= smoothing * (mean / real(k))
            total += share * value
            if learns:
                scale, even = share / size, share * smoothing / real(k)
                for j in range(k):
                    delta[at + j] = delta[at + j] * scale - even
                delta[at + own] -= share * (one - smoothing)
        return total + real(inverse) * np.log(sizes)

    return run
