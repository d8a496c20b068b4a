"""Kernels that copy and add up rows of numbers."""

from functools import cache
from typing import Any

from chainrule.engines.compiled.activations import INTEGERS, pointer
from chainrule.engines.compiled.kernels import kernel
from chainrule.engines.compiled.products import of_tiles

LINE, ASKED = 64, 256
"""Bytes of a cache line, and of a row that are asked for before they are needed."""


@cache
def gather(real: Any) -> int:
    """Address of `gather(X, numbers, rows, width, out)`: out[r] <- X[numbers[r]]."""

    def run(X: Any, numbers: Any, rows: int, width: int, out: Any) -> None:
        for r in range(rows):
            source, at = numbers[r] * width, r * width
            for j in range(width):
                out[at + j] = X[source + j]

    p, i = pointer(real), "int64"
    return kernel(run, f"gather-{real.__name__}", (p, INTEGERS, i, i, p))


@cache
def ask() -> int:
    """Address of `ask(X, numbers, rows, row)`: rows of so many bytes are sent for, not waited for.

    Of long ones only the beginning: the CPU itself sees where that leads.
    """
    prefetch = of_tiles("prefetch")

    def run(X: int, numbers: Any, rows: int, row: int) -> None:
        for r in range(rows):
            for at in range(0, min(row, ASKED), LINE):
                prefetch(X + numbers[r] * row + at)

    return kernel(run, "ask", ("int64", INTEGERS, "int64", "int64"))


@cache
def add_rows(real: Any) -> int:
    """Address of `add_rows(X, stride, rows, width, out, adds)`: out <- (out if adds) + sum X[r].

    Rows begin `stride` numbers apart, and are added one after the other.
    """

    def run(X: Any, stride: int, rows: int, width: int, out: Any, adds: int) -> None:
        if not adds:
            for j in range(width):
                out[j] = real(0)
        for r in range(rows):
            at = r * stride
            for j in range(width):
                out[j] += X[at + j]

    p, i = pointer(real), "int64"
    return kernel(run, f"add-rows-{real.__name__}", (p, i, i, i, p, i))


@cache
def weigh(real: Any) -> int:
    """Address of `weigh(weight, numbers, rows)`: the sum of weight[numbers[r]], a float64."""

    def run(weight: Any, numbers: Any, rows: int) -> float:
        total = 0.0
        for r in range(rows):
            total += weight[numbers[r]]
        return total

    return kernel(run, f"weigh-{real.__name__}", (pointer(real), INTEGERS, "int64"), "float64")
