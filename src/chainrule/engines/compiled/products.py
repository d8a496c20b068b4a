"""Matrix products and transposes of our own, for matrices that are small.

A BLAS copies its factors into an order that suits it before it multiplies. That pays where a number
is used again thousands of times; the products of a batch with a layer of some hundred neurons are
a fifth faster without. Wider ones than `WIDEST`, narrower ones than `NARROWEST` and machines
without AVX-512 are left to the BLAS.
"""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import binding

from chainrule.engines.compiled.blas import AVX512
from chainrule.engines.compiled.job import BY_VECTOR, GEMM, MULTIPLY, SIZE
from chainrule.engines.compiled.kernels import Late, inner, kernel
from chainrule.engines.compiled.machine import call, gemm32, gemm64, peek

REGISTER = 64
"""Bytes of a vector register."""

PAIRS = "bfloat16"
"""Numbers of 4 bytes that are pairs of bfloat16."""

NARROWEST, WIDEST = 68, 2048
"""Bytes of a row of B and C."""

DEPTH = 256
"""Rows of B that are used at once, so that a panel of them stays in the cache."""

VECTORS = 4
"""Vectors of the widest tile: B's part of it is read once for all the tile's rows."""

PANEL_ROW = VECTORS * REGISTER
"""Bytes of a row of the widest tile."""

HEIGHTS = {4: (6, 2, 1), 3: (6, 2, 1), 2: (8, 2, 1), 1: (8, 2, 1)}
"""Rows of tiles by their vectors: up to 24 sums fit the registers beside what they are made of. A
tile more takes a tenth of a second to compile."""


def are_ours(width: int, real: Any) -> bool:
    """Whether products with rows of so many numbers are made here."""
    size = np.dtype(real).itemsize
    return _has_registers() and NARROWEST <= width * size <= WIDEST


@cache
def _has_registers() -> bool:
    features = dict(binding.get_host_cpu_features())
    return all(features.get(name, False) for name in AVX512)


def of_tiles(name: str, *arguments: Any) -> Any:
    """A function of `tiles.py`, made when a kernel that uses it is compiled."""

    def make() -> Any:
        from chainrule.engines.compiled import tiles

        return getattr(tiles, name)(*arguments)

    return Late(make)


def _column(real: Any, vectors: int) -> Any:
    """Tiles one below the other, as high as there are rows."""
    high, low, least = HEIGHTS[vectors]
    t0, t1, t2 = (of_tiles("tile", real, rows, vectors) for rows in HEIGHTS[vectors])

    @inner
    def run(
        A: int, a_row: int, a_step: int, B: int, b_row: int, C: int, c_row: int,
        m: int, k: int, columns: int, adds: int,
    ) -> None:  # fmt: skip
        while m >= high:
            t0(A, a_row, a_step, B, b_row, C, c_row, k, columns, adds, 0)
            A, C, m = A + high * a_row, C + high * c_row, m - high
        while m >= low:
            t1(A, a_row, a_step, B, b_row, C, c_row, k, columns, adds, 0)
            A, C, m = A + low * a_row, C + low * c_row, m - low
        while m >= least:
            t2(A, a_row, a_step, B, b_row, C, c_row, k, columns, adds, 0)
            A, C, m = A + least * a_row, C + least * c_row, m - least

    return run


@cache
def multiply(real: Any) -> int:
    """Address of `multiply(A, a_row, a_step, B, b_row, C, c_row, m, n, k, adds)`.

    C (m, n) <- A (m, k) B (k, n), added to what C holds if it `adds`. All are addresses or bytes
    but the counts; `a_row` and `a_step` lead from a row of A to the next and along a row, so that
    A may be the transpose of what lies there. Each entry of C is added up in the order of k.
    """
    size = 4 if real == PAIRS else np.dtype(real).itemsize
    lanes = REGISTER // size
    one, two, three, four = (_column(real, vectors) for vectors in range(1, VECTORS + 1))

    def run(
        A: int, a_row: int, a_step: int, B: int, b_row: int, b_panel: int, C: int, c_row: int,
        m: int, n: int, k: int, adds: int,
    ) -> None:  # fmt: skip
        for first in range(0, k, DEPTH):
            depth = min(DEPTH, k - first)
            left, right = A + first * a_step, B + first * b_row
            adds = adds or int(first > 0)
            for j in range(0, n, VECTORS * lanes):
                columns = min(VECTORS * lanes, n - j)
                b, c = right + j // (VECTORS * lanes) * b_panel, C + j * size
                if columns > 3 * lanes:
                    four(left, a_row, a_step, b, b_row, c, c_row, m, depth, columns, adds)
                elif columns > 2 * lanes:
                    three(left, a_row, a_step, b, b_row, c, c_row, m, depth, columns, adds)
                elif columns > lanes:
                    two(left, a_row, a_step, b, b_row, c, c_row, m, depth, columns, adds)
                else:
                    one(left, a_row, a_step, b, b_row, c, c_row, m, depth, columns, adds)

    return kernel(run, f"multiply-{getattr(real, '__name__', real)}", ("int64",) * 12)


@cache
def by_vector(real: Any) -> int:
    """Address of `by_vector(A, lda, turned, x, m, k, out, adds)`: out (m,) <- op(A) x.

    A is (m, k), or (k, m) where it is `turned`; what comes out is added if it `adds`. So are the
    products of a last layer with one neuron, for which a BLAS prepares longer than it multiplies.
    """

    def run(
        A: Any, lda: int, turned: int, x: Any, m: int, k: int, out: Any, adds: int
    ) -> None:  # fmt: skip
        if not turned:
            for i in range(m):
                total, at = real(0), i * lda
                for j in range(k):
                    total += A[at + j] * x[j]
                out[i] = out[i] + total if adds else total
            return
        if not adds:
            for i in range(m):
                out[i] = real(0)
        for j in range(k):
            at, factor = j * lda, x[j]
            for i in range(m):
                out[i] += factor * A[at + i]

    p, i = f"CPointer({real.__name__})", "int64"
    return kernel(run, f"by-vector-{real.__name__}", (p, i, i, p, i, i, p, i))


def _of_job(
    job: int, ta: int, tb: int, m: int, n: int, k: int, left: int, lda: int, right: int, ldb: int,
    beta: int, out: int,
) -> None:  # fmt: skip
    size = peek(job, SIZE)
    row = n * size
    if n == 1 and ldb == 1 and not tb:
        call(peek(job, BY_VECTOR), (left, lda, ta, right, m, k, out, beta))
    elif peek(job, MULTIPLY) and not tb and NARROWEST <= row <= WIDEST:
        along_row, along_k = (size, lda * size) if ta else (lda * size, size)
        call(
            peek(job, MULTIPLY),
            (left, along_row, along_k, right, ldb * size, PANEL_ROW, out, row, m, n, k, beta),
        )
    elif size == 4:
        gemm32(peek(job, GEMM), ta, tb, m, n, k, left, lda, right, ldb, beta, out, n)
    else:
        gemm64(peek(job, GEMM), ta, tb, m, n, k, left, lda, right, ldb, beta, out, n)


@cache
def product() -> int:
    """Address of `product(job, ta, tb, m, n, k, left, lda, right, ldb, beta, out)`.

    Row-major out (m, n) <- op(left) op(right) + beta out, made here or by the job's gemm.
    """
    return kernel(_of_job, "product", ("int64",) * 12)


@cache
def transpose(real: Any) -> int:
    """Address of `transpose(A, a_row, out, out_row, rows, columns)`: out <- A'; rows in bytes."""
    size = np.dtype(real).itemsize
    lanes = REGISTER // size

    turn = of_tiles("turned_tile", real)

    def run(A: int, a_row: int, out: int, out_row: int, rows: int, columns: int) -> None:
        for j in range(0, columns, lanes):  # so that what is written lies side by side
            for i in range(0, rows, lanes):
                source, target = A + i * a_row + j * size, out + j * out_row + i * size
                turn(source, a_row, target, out_row, min(lanes, rows - i), min(lanes, columns - j))

    return kernel(run, f"transpose-{real.__name__}", ("int64",) * 6)
