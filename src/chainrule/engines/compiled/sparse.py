"""The first layer of a sparse table: its product with W from the entries that are there.

Columns such as one-hot codes leave a few numbers in each row. In SciPy's CSR form these numbers and
their columns lie side by side; row r's begin at row_ends[r] and end where the next row's begin.
Thermometer codes leave a few differences, which are multiplied with running sums of W
(`thermometer.py`). The gradient is in `sparse_gradient.py`.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats
from chainrule.engines.compiled.activations import INTEGERS, pointer
from chainrule.engines.compiled.kernels import inner, kernel
from chainrule.engines.compiled.machine import pointer_to
from chainrule.engines.compiled.products import REGISTER, of_tiles

AHEAD = 4
"""Rows before its turn that a row's entries are asked for; where they are, as many rows before."""


@dataclass(frozen=True)
class SparseTable:
    """A table in CSR form.

    Attributes:
        numbers: the entries that are there.
        columns: theirs, int32 or int64.
        row_ends: where each row's begin, and at last where the last row's end; of the same type.
        shape: (n, d).
        continues: int64 (d,), 1 for an input that goes on with a thermometer code; None where the
            numbers are the inputs and no differences.
    """

    numbers: Floats
    columns: NDArray[Any]
    row_ends: NDArray[Any]
    shape: tuple[int, int]
    continues: NDArray[np.int64] | None = None

    @cached_property
    def longest(self) -> int:
        """The most entries that a row has."""
        return int(np.diff(self.row_ends).max(initial=0))

    @property
    def density(self) -> float:
        """The share of entries that are there."""
        return len(self.numbers) / max(1, self.shape[0] * self.shape[1])


def kind(table: Any) -> Any:
    """Tables of one kind are read in the same way and in the same room: None for dense ones, else
    the type of their indices, their longest row and which inputs continue a code.
    """
    if not isinstance(table, SparseTable):
        return None
    continues = None if table.continues is None else table.continues.tobytes()
    return table.columns.dtype, table.longest, continues


def density(X: Floats | SparseTable) -> float:
    """The share of a table's entries that a product with it reads."""
    return X.density if isinstance(X, SparseTable) else 1.0


@cache
def combination(real: Any, index: Any) -> Any:
    """A function for kernels: `combine(x, chosen, k, W, w_row, z, h, adds)`.

    z <- the sum of x[e] W[chosen[e]] over k entries, added to what z holds if it `adds`: a row of
    h numbers. All but the counts are addresses, `w_row` the bytes from a row of W to the next, and
    the entries of `chosen` of the type `index`.
    """
    size = np.dtype(real).itemsize
    lanes = REGISTER // size
    one, two, three, four, eight = (
        of_tiles("tile", real, 1, vectors, index) for vectors in (1, 2, 3, 4, 8)
    )

    @inner
    def combine(x: int, chosen: int, k: int, W: int, w_row: int, z: int, h: int, adds: int) -> None:
        w, left = W, h
        while left >= 8 * lanes:
            eight(x, 0, size, w, w_row, z, 0, k, 8 * lanes, adds, chosen)
            w, z, left = w + 8 * REGISTER, z + 8 * REGISTER, left - 8 * lanes
        if left > 4 * lanes:
            four(x, 0, size, w, w_row, z, 0, k, 4 * lanes, adds, chosen)
            w, z, left = w + 4 * REGISTER, z + 4 * REGISTER, left - 4 * lanes
        if left > 3 * lanes:
            four(x, 0, size, w, w_row, z, 0, k, left, adds, chosen)
        elif left > 2 * lanes:
            three(x, 0, size, w, w_row, z, 0, k, left, adds, chosen)
        elif left > lanes:
            two(x, 0, size, w, w_row, z, 0, k, left, adds, chosen)
        elif left > 0:
            one(x, 0, size, w, w_row, z, 0, k, left, adds, chosen)

    return combine


@cache
def product(real: Any, index: Any) -> int:
    """Address of `product(X, columns, row_ends, order, first, rows, W, h, Z)`.

    Z[r] <- X[row] W, where row is order[first + r], or first + r where `order` is 0. Arrays are
    given by their addresses.
    """
    size, step = np.dtype(real).itemsize, np.dtype(index).itemsize
    combine, prefetch = combination(real, index), of_tiles("prefetch")
    indices, integers = pointer_to(index), pointer_to(np.int64)

    def run(
        X: int, columns: int, row_ends: int, order: int, first: int, rows: int, W: int, h: int,
        Z: int,
    ) -> None:  # fmt: skip
        row_end, numbers = indices(row_ends), integers(order + first * 8)
        for r in range(rows):
            if order and r + 2 * AHEAD < rows:  # rows in random order are not in the cache
                begin = np.int64(row_end[numbers[r + AHEAD]])
                end = np.int64(row_end[numbers[r + AHEAD] + 1])
                prefetch(X + begin * size)
                prefetch(X + end * size)
                prefetch(columns + begin * step)
                prefetch(columns + end * step)
                prefetch(row_ends + numbers[r + 2 * AHEAD] * step)
            row = numbers[r] if order else first + r
            begin = np.int64(row_end[row])
            k = np.int64(row_end[row + 1]) - begin
            x, chosen = X + begin * size, columns + begin * step
            combine(x, chosen, k, W, h * size, Z + r * h * size, h, 0)

    return kernel(run, f"sparse-product-{real.__name__}-{np.dtype(index).name}", ("int64",) * 9)


@cache
def running_sums(real: Any) -> int:
    """Address of `running_sums(W, continues, height, h, C)`.

    C[i] <- W[i] + C[i - 1] for an input i that continues a code, else W[i]. The first row of W is
    that of an input that continues none.
    """

    def run(W: Any, continues: Any, height: int, h: int, C: Any) -> None:
        for i in range(height):
            at = i * h
            if i > 0 and continues[i]:
                before = at - h
                for j in range(h):
                    C[at + j] = C[before + j] + W[at + j]
            else:
                for j in range(h):
                    C[at + j] = W[at + j]

    p, i = pointer(real), "int64"
    return kernel(run, f"running-sums-{real.__name__}", (p, INTEGERS, i, i, p))


@cache
def sum_up(real: Any) -> Callable[[int, int, int, int, int], None]:
    """`running_sums`, to be called from Python."""
    return ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)(running_sums(real))


@cache
def gradient_of_sums(real: Any) -> int:
    """Address of `gradient_of_sums(G, continues, height, h)`: the gradient by the running sums
    becomes that by W, in place. Each row of a code is the sum from there on.
    """

    def run(G: Any, continues: Any, height: int, h: int) -> None:
        for i in range(height - 1, 0, -1):
            if continues[i]:
                at, before = i * h, (i - 1) * h
                for j in range(h):
                    G[before + j] += G[at + j]

    p, i = pointer(real), "int64"
    return kernel(run, f"gradient-of-sums-{real.__name__}", (p, INTEGERS, i, i))
