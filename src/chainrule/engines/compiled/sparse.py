"""The first layer of a sparse table: its product and its gradient from the entries that are there.

Columns such as one-hot codes leave a few numbers in each row. In SciPy's CSR form these numbers and
their columns lie side by side; row r's begin at row_ends[r] and end where the next row's begin.
Thermometer codes leave a few differences, which are multiplied with running sums of W
(`thermometer.py`).
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats
from chainrule.engines.compiled.activations import INTEGERS, pointer
from chainrule.engines.compiled.kernels import kernel
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

    @property
    def density(self) -> float:
        """The share of entries that are there."""
        return len(self.numbers) / max(1, self.shape[0] * self.shape[1])


def kind(table: Any) -> Any:
    """Tables of one kind are read in the same way: None for dense ones, else the type of their
    indices and which inputs continue a code.
    """
    if not isinstance(table, SparseTable):
        return None
    return table.columns.dtype, None if table.continues is None else table.continues.tobytes()


def density(X: Floats | SparseTable) -> float:
    """The share of a table's entries that a product with it reads."""
    return X.density if isinstance(X, SparseTable) else 1.0


def _pointer(index: Any) -> str:
    return f"CPointer({np.dtype(index).name})"


@cache
def product(real: Any, index: Any) -> int:
    """Address of `product(X, columns, row_ends, numbers, numbered, first, rows, W, h, Z)`.

    Z[r] <- X[row] W, where row is numbers[r] if `numbered`, else first + r. X, the columns, W and Z
    are given as addresses.
    """
    size, step = np.dtype(real).itemsize, np.dtype(index).itemsize
    lanes = REGISTER // size
    one, two, three, four, eight = (
        of_tiles("tile", real, 1, vectors, index) for vectors in (1, 2, 3, 4, 8)
    )

    prefetch = of_tiles("prefetch")

    def run(
        X: int, columns: int, row_ends: Any, row_ends_at: int, numbers: Any, numbered: int,
        first: int, rows: int, W: int, h: int, Z: int,
    ) -> None:  # fmt: skip
        w_row = h * size
        for r in range(rows):
            if numbered and r + 2 * AHEAD < rows:  # rows in random order are not in the cache
                begin = np.int64(row_ends[numbers[r + AHEAD]])
                end = np.int64(row_ends[numbers[r + AHEAD] + 1])
                prefetch(X + begin * size)
                prefetch(X + end * size)
                prefetch(columns + begin * step)
                prefetch(columns + end * step)
                prefetch(row_ends_at + numbers[r + 2 * AHEAD] * step)
            row = numbers[r] if numbered else first + r
            begin = np.int64(row_ends[row])
            k = np.int64(row_ends[row + 1]) - begin
            x, chosen, w, z, left = X + begin * size, columns + begin * step, W, Z + r * w_row, h
            while left >= 8 * lanes:
                eight(x, 0, size, w, w_row, z, 0, k, 8 * lanes, 0, chosen)
                w, z, left = w + 8 * REGISTER, z + 8 * REGISTER, left - 8 * lanes
            if left > 4 * lanes:
                four(x, 0, size, w, w_row, z, 0, k, 4 * lanes, 0, chosen)
                w, z, left = w + 4 * REGISTER, z + 4 * REGISTER, left - 4 * lanes
            if left > 3 * lanes:
                four(x, 0, size, w, w_row, z, 0, k, left, 0, chosen)
            elif left > 2 * lanes:
                three(x, 0, size, w, w_row, z, 0, k, left, 0, chosen)
            elif left > lanes:
                two(x, 0, size, w, w_row, z, 0, k, left, 0, chosen)
            elif left > 0:
                one(x, 0, size, w, w_row, z, 0, k, left, 0, chosen)

    i = "int64"
    arguments = (i, i, _pointer(index), i, INTEGERS, i, i, i, i, i, i)
    return kernel(run, f"sparse-product-{real.__name__}-{np.dtype(index).name}", arguments)


@cache
def gradient(real: Any, index: Any) -> int:
    """Address of the kernel for some rows of dW = X' delta.

    gradient(X, columns, row_ends, numbers, numbered, first, rows, delta, h, start, height, dW, to,
    adds): rows start .. start + height of the gradient to dW (and `to`, the same address), added to
    what it holds if it `adds`. Each is added up in the order of the rows of delta.
    """
    size = np.dtype(real).itemsize
    lanes = REGISTER // size
    one, two, three, four = (of_tiles("scaled_row", real, vectors) for vectors in range(1, 5))

    def run(
        X: int, columns: Any, row_ends: Any, numbers: Any, numbered: int, first: int, rows: int,
        delta: int, h: int, start: int, height: int, dW: Any, to: int, adds: int,
    ) -> None:  # fmt: skip
        if not adds:
            for i in range(height * h):
                dW[i] = real(0)
        for r in range(rows):
            row = numbers[r] if numbered else first + r
            for e in range(np.int64(row_ends[row]), np.int64(row_ends[row + 1])):
                column = np.int64(columns[e]) - start
                if column < 0 or column >= height:
                    continue
                x, source, target = X + e * size, delta + r * h * size, to + column * h * size
                left = h
                while left > 4 * lanes:
                    four(x, source, target, 4 * lanes)
                    source, target = source + 4 * REGISTER, target + 4 * REGISTER
                    left -= 4 * lanes
                if left > 3 * lanes:
                    four(x, source, target, left)
                elif left > 2 * lanes:
                    three(x, source, target, left)
                elif left > lanes:
                    two(x, source, target, left)
                else:
                    one(x, source, target, left)

    i, p = "int64", f"CPointer({real.__name__})"
    c = _pointer(index)
    arguments = (i, c, c, INTEGERS, i, i, i, i, i, i, i, p, i, i)
    return kernel(run, f"sparse-gradient-{real.__name__}-{np.dtype(index).name}", arguments)


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
