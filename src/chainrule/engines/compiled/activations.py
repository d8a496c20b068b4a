"""The activations' compiled twins: bias, activation and dropout in one pass after each product.

Of every activation there are up to three kernels, each with the numbers of a layer row by row:

    forward   z <- g(z + b)
    learning  slope <- g'(z + b), z <- g(z + b), both times the dropout factor of the neuron
    backward  delta <- delta g'(a), from a = g(z) alone, and its sums over the rows

`learning` serves the activations whose slope cannot be had from a, and every layer with dropout;
its way back is `backward_by_slope`, the same for all.
"""

from functools import cache
from typing import Any

import numpy as np

from chainrule.activations import LEAK, SELU_ALPHA, SELU_SCALE
from chainrule.engines.compiled.elementwise import functions
from chainrule.engines.compiled.kernels import inlined, kernel

FROM_ACTIVATION = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus")
"""Activations whose slope is a function of a."""

NAMES = (*FROM_ACTIVATION, "gelu", "silu", "mish")
"""Every activation that has a twin here."""

INTEGERS = "CPointer(int64)"


def pointer(real: Any) -> str:
    """Numba's word for the address of numbers of type `real`."""
    return f"CPointer({real.__name__})"


@cache
def formulas(name: str, real: Any) -> tuple[Any, Any]:
    """z -> (g(z), g'(z)), and a -> g'(a) or None: `activations.py` once more, one number a time."""
    f = functions(real)
    exp, expm1, sigmoid, tanh, normal = f.exp, f.expm1, f.sigmoid, f.tanh, f.normal
    softplus = f.softplus
    zero, one, two = real(0), real(1), real(2)
    leak, scale, scaled_alpha = real(LEAK), real(SELU_SCALE), real(SELU_SCALE * SELU_ALPHA)
    top = real(20 if real is np.float32 else 40)  # where mish is z to the last digit

    if name == "identity":

        @inlined
        def both(z: Any) -> Any:
            return z, one

        @inlined
        def slope(a: Any) -> Any:
            return one

    elif name == "sigmoid":

        @inlined
        def both(z: Any) -> Any:
            a = sigmoid(z)
            return a, a * (one - a)

        @inlined
        def slope(a: Any) -> Any:
            return a * (one - a)

    elif name == "tanh":

        @inlined
        def both(z: Any) -> Any:
            a = tanh(z)
            return a, one - a * a

        @inlined
        def slope(a: Any) -> Any:
            return one - a * a

    elif name == "relu":

        @inlined
        def both(z: Any) -> Any:
            return (zero if z < zero else z), (one if z > zero else zero)

        @inlined
        def slope(a: Any) -> Any:
            return one if a > zero else zero

    elif name == "leaky_relu":

        @inlined
        def both(z: Any) -> Any:
            return (z if z > zero else leak * z), (one if z > zero else leak)

        @inlined
        def slope(a: Any) -> Any:
            return one if a > zero else leak

    elif name == "elu":

        @inlined
        def both(z: Any) -> Any:
            below = expm1(zero if z > zero else z)
            return (z if z > zero else below), (one if z > zero else below + one)

        @inlined
        def slope(a: Any) -> Any:
            return one if a > zero else a + one

    elif name == "selu":

        @inlined
        def both(z: Any) -> Any:
            below = scaled_alpha * expm1(zero if z > zero else z)
            a = scale * z if z > zero else below
            return a, (scale if z > zero else below + scaled_alpha)

        @inlined
        def slope(a: Any) -> Any:
            return scale if a > zero else a + scaled_alpha

    elif name == "softplus":

        @inlined
        def both(z: Any) -> Any:
            return softplus(z), sigmoid(z)

        @inlined
        def slope(a: Any) -> Any:
            return -expm1(-a)

    elif name == "gelu":
        slope = None

        @inlined
        def both(z: Any) -> Any:
            below, density = normal(z)
            return z * below, below + z * density

    elif name == "silu":
        slope = None

        @inlined
        def both(z: Any) -> Any:
            s = sigmoid(z)
            a = z * s
            return a, s + a * (one - s)

    elif name == "mish":
        slope = None

        @inlined
        def both(z: Any) -> Any:
            # with e = e^z and n = e (e + 2):  tanh(softplus(z)) = n / (n + 2)
            e = exp(top if z > top else z)
            n = e * (e + two)
            t = n / (n + two)
            return z * t, t + z * (two / (n + two)) * (one + t) * (e / (one + e))

    return both, slope


@cache
def forward(name: str, real: Any) -> int:
    """Address of `forward(z, bias, rows, width)`."""
    both, _ = formulas(name, real)

    def run(z: Any, bias: Any, rows: int, width: int) -> None:
        for r in range(rows):
            at = r * width
            for j in range(width):
                z[at + j] = both(z[at + j] + bias[j])[0]

    p, i = pointer(real), "int64"
    return kernel(run, f"forward-{name}-{real.__name__}", (p, p, i, i))


@cache
def learning(name: str, real: Any) -> int:
    """Address of `learning(z, bias, rows, width, slope, numbers, key, threshold, factor)`.

    `numbers` are those of the rows in the table; with a threshold of 0 there is no dropout.
    """
    both, _ = formulas(name, real)
    zero = real(0)

    def run(
        z: Any, bias: Any, rows: int, width: int, slope: Any, numbers: Any, key: int,
        threshold: int, factor: float,
    ) -> None:  # fmt: skip
        kept = real(factor)
        for r in range(rows):
            at = r * width
            for j in range(width):
                a, g = both(z[at + j] + bias[j])
                z[at + j] = a
                slope[at + j] = g
            if threshold > 0:
                of_row = mixed(np.uint32(numbers[r]) ^ np.uint32(key))
                for j in range(width):
                    bits = mixed(np.uint32(of_row + np.uint32(np.uint32(j) * GOLDEN)))
                    keep = kept if bits >= np.uint32(threshold) else zero
                    z[at + j] *= keep
                    slope[at + j] *= keep

    p, i = pointer(real), "int64"
    arguments = (p, p, i, i, p, INTEGERS, i, i, "float64")
    return kernel(run, f"learning-{name}-{real.__name__}", arguments)


@cache
def backward(name: str, real: Any) -> int:
    """Address of `backward(delta, a, rows, width, sums)`."""
    _, slope = formulas(name, real)
    return _backward(slope, f"backward-{name}", real)


@cache
def backward_by_slope(real: Any) -> int:
    """Address of `backward(delta, slope, rows, width, sums)`."""

    @inlined
    def itself(slope: Any) -> Any:
        return slope

    return _backward(itself, "backward-by-slope", real)


def _backward(slope: Any, name: str, real: Any) -> int:
    zero = real(0)

    def run(delta: Any, known: Any, rows: int, width: int, sums: Any) -> None:
        for j in range(width):
            sums[j] = zero
        for r in range(0, rows - 1, 2):  # by twos: each sum waits for the one before it
            at, next_at = r * width, (r + 1) * width
            for j in range(width):
                d = delta[at + j] * slope(known[at + j])
                e = delta[next_at + j] * slope(known[next_at + j])
                delta[at + j] = d
                delta[next_at + j] = e
                sums[j] += d + e
        if rows % 2:
            at = (rows - 1) * width
            for j in range(width):
                d = delta[at + j] * slope(known[at + j])
                delta[at + j] = d
                sums[j] += d

    p, i = pointer(real), "int64"
    return kernel(run, f"{name}-{real.__name__}", (p, p, i, i, p))


GOLDEN = np.uint32(0x9E3779B9)  # as in `randomness.py`, whose answers these are bit for bit


@inlined
def mixed(bits: Any) -> Any:
    """`randomness._mix` of one number."""
    bits = np.uint32((bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    bits = np.uint32((bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35))
    return np.uint32(bits ^ (bits >> np.uint32(16)))
