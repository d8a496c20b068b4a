"""Functions of one number that LLVM can turn into vector instructions.

Numba's exp and tanh are calls of the C library, one element at a time. These are short enough to be
inlined into a loop, and then work on 16 numbers at once. Everything comes from one series: that of
e^r - 1 (Taylor's) on |r| <= ln 2 / 2, after Cody and Waite's reduction x = n ln 2 + r. A NaN that
comes in goes out.

Errors, relative to the true value: float32 below 3e-7, float64 below 1e-15; `tests/engines` holds
them to that.
"""

import math
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.engines.compiled.kernels import inlined
from chainrule.engines.compiled.machine import power_of_two


@cache
def functions(real: Any) -> Any:
    """expm1, exp, log1p, sigmoid, tanh and normal for numbers of type `real`, by name."""
    single = real is np.float32
    fraction, bias = (23, 127) if single else (52, 1023)
    shift = real(1.5 * 2.0**fraction)  # x + shift - shift rounds x to a whole number
    exponent_shift = real(1.5 * 2.0**fraction + bias)
    log2_e = real(1 / math.log(2))
    ln2_high = real(0.693359375 if single else 6.93145751953125e-1)
    ln2_low = real(math.log(2) - 0.693359375 if single else 1.42860682030941723212e-6)
    lowest, highest = (real(-104), real(89)) if single else (real(-746), real(710))
    normal_low = real(-87 if single else -708)  # e^x is a normal number from here on
    zero, half, one, two = real(0), real(0.5), real(1), real(2)
    c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13 = (
        real(1 / math.factorial(i)) for i in range(2, 14)
    )

    if single:

        @inlined
        def series(r: Any) -> Any:
            return c2 + r * (c3 + r * (c4 + r * (c5 + r * (c6 + r * c7))))
    else:

        @inlined
        def series(r: Any) -> Any:
            r2 = r * r
            r4 = r2 * r2  # pairs of pairs do not wait for one another, as Horner's terms do
            low = (c2 + r * c3) + r2 * (c4 + r * c5)
            middle = (c6 + r * c7) + r2 * (c8 + r * c9)
            high = (c10 + r * c11) + r2 * (c12 + r * c13)
            return (low + r4 * middle) + (r4 * r4) * high

    @inlined
    def reduced(x: Any) -> Any:
        """e^r - 1, and 2^n as two factors, of which neither overflows before e^x does."""
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        n = (x * log2_e + shift) - shift
        r = (x - n * ln2_high) - n * ln2_low
        half_n = n * half + exponent_shift
        rest_n = (n - (half_n - exponent_shift)) + exponent_shift
        return r + r * r * series(r), power_of_two(half_n), power_of_two(rest_n)

    @inlined
    def exp(x: Any) -> Any:
        q, s, t = reduced(x)
        return ((one + q) * s) * t

    @inlined
    def expm1(x: Any) -> Any:
        q, s, t = reduced(x)
        return (q * s) * t + (s * t - one)

    @inlined
    def decay(x: Any) -> Any:
        """e^x - 1 and e^x for x <= 0, in fewer instructions; below the normal numbers e^x is 0."""
        vanishes = x < normal_low
        x = normal_low if vanishes else x
        shifted = x * log2_e + exponent_shift
        n = shifted - exponent_shift
        r = (x - n * ln2_high) - n * ln2_low
        s = zero if vanishes else power_of_two(shifted)
        q = r + r * r * series(r)
        return q * s + (s - one), q * s + s

    if single:

        @inlined
        def atanh_series(u: Any) -> Any:
            return one + u * (
                real(1 / 3) + u * (real(1 / 5) + u * (real(1 / 7) + u * (real(1 / 9) + u * (
                    real(1 / 11) + u * real(1 / 13))))))  # fmt: skip
    else:
        odd = tuple(real(1 / (2 * i + 1)) for i in range(17))

        @inlined
        def atanh_series(u: Any) -> Any:
            total = odd[16]
            for i in range(15, -1, -1):
                total = odd[i] + u * total
            return total

    @inlined
    def log1p(x: Any) -> Any:
        """ln(1 + x) for 0 <= x <= 1: twice the inverse tanh of x / (2 + x)."""
        s = x / (two + x)
        return two * s * atanh_series(s * s)

    @inlined
    def sigmoid(x: Any) -> Any:
        e = decay(-abs(x))[1]
        s = one / (one + e)
        return e * s if x < zero else s

    @inlined
    def tanh(x: Any) -> Any:
        q = decay(-two * abs(x))[0]
        t = -q / (q + two)
        return -t if x < zero else t

    @inlined
    def softplus(x: Any) -> Any:
        return (zero if x < zero else x) + log1p(decay(-abs(x))[1])

    root_half, root_two_pi = real(math.sqrt(0.5)), real(1 / math.sqrt(2 * math.pi))
    if single:
        # Abramowitz & Stegun 7.1.26, which shares its exponential with the density
        p = real(0.3275911)
        a1, a2, a3, a4, a5 = (
            real(c) for c in (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
        )

        @inlined
        def normal(z: Any) -> Any:
            e = decay(-half * z * z)[1]
            t = one / (one + p * (abs(z) * root_half))
            tail = half * e * t * (a1 + t * (a2 + t * (a3 + t * (a4 + t * a5))))
            return (tail if z < zero else one - tail), e * root_two_pi
    else:

        @inlined
        def normal(z: Any) -> Any:
            return half * (one + math.erf(z * root_half)), exp(-half * z * z) * root_two_pi

    names = SimpleNamespace(exp=exp, expm1=expm1, log1p=log1p, sigmoid=sigmoid, tanh=tanh)
    names.softplus, names.normal = softplus, normal
    return names
