"""Products with wide layers: the right factor packed once and used by many.

Rows of B that lie kilobytes apart push one another out of the cache, so B is packed into strips of
64 columns: all rows of the first strip, one after the other, then all rows of the next. W and its
transpose are packed by whoever updates a panel of W, delta by whoever computed its block; so no
thread packs what another has packed already, as a BLAS does at every call. The left factor is
copied in passing, some hundred rows and columns at a time. These products are a twelfth faster than
OpenBLAS's.

The numbers of a strip are float32, or pairs of bfloat16: number j of packed row i then holds
B[2 i, j] in its lower half and B[2 i + 1, j] in its upper. Products of pairs are exact and added up
in float32 (the instruction VDPBF16PS). The plain code is NumPy's `A @ B`, of rounded factors.
"""

from functools import cache
from typing import Any

import numpy as np
from llvmlite import binding

from chainrule.engines.compiled.job import (
    CHUNK,
    COPIES,
    DELTA,
    MULTIPLY_PACKED,
    MULTIPLY_STRIPS,
    PACK,
    PACK_TURNED,
    PACKED,
    PACKED_DELTA,
    PACKED_TURNED,
    PACKS,
    SIZE,
    WIDTH,
    WIDTH_IN,
    W,
)
from chainrule.engines.compiled.kernels import inlined, inner, kernel
from chainrule.engines.compiled.machine import call, peek
from chainrule.engines.compiled.products import (
    PAIRS,
    PANEL_ROW,
    WIDEST,
    are_ours,
    of_tiles,
)
from chainrule.errors import InputError

STRIP = PANEL_ROW // 4
"""Columns of a strip."""

DEPTH = 128
"""Packed rows of B that are used at once: a strip of them is two thirds of the L1 cache."""

TALL = 512
"""Rows of A that are copied at once: with DEPTH columns they fill a third of the L2 cache."""

COPY = max(TALL * (DEPTH + 16), DEPTH * (TALL + 16))
"""Numbers of the copy. Its rows are a cache line longer, so that not all begin in one set."""

MOST_TURNED = 512
"""Columns of W that are made pairs at once, before they are turned."""

LEAST_ROWS = 32
"""Rows of a batch from which on packing W pays."""

HALF, SIGN_OFF, INFINITE = np.uint32(0x7FFF), np.uint32(0x7FFFFFFF), np.uint32(0x7F800000)
UPPER, QUIET, SIXTEEN, ONE = (
    np.uint32(0xFFFF0000), np.uint32(0x400000), np.uint32(16), np.uint32(1),
)  # fmt: skip


BITS, INT = "CPointer(uint32)", "int64"
LANES = 16


def has_pairs() -> bool:
    """Whether this CPU multiplies bfloat16."""
    features = dict(binding.get_host_cpu_features())
    return are_ours(STRIP, np.float32) and features.get("avx512bf16", False)


def check_pairs(dtype: Any) -> None:
    """Refuse products of bfloat16 where there are none.

    Raises:
        InputError: the parameters are no float32, or the CPU has no such instructions.
    """
    if np.dtype(dtype) != np.float32:
        raise InputError(
            f"products in bfloat16 are for parameters in float32, not in {np.dtype(dtype)}."
        )
    if not has_pairs():
        raise InputError(
            "this CPU cannot multiply bfloat16 (it lacks the instructions AVX512-BF16); "
            "choose the precision float32."
        )


def are_packed(width: int, rows: int, real: Any) -> bool:
    """Whether float32 products with rows of so many numbers are made of a packed factor."""
    wide = real is np.float32 and width * 4 > WIDEST and rows >= LEAST_ROWS
    return wide and are_ours(STRIP, real)


@inlined
def paired(low: Any, high: Any) -> Any:
    """Two float32 as bits, rounded to bfloat16 (to nearest, ties to even) and put side by side."""
    low_half = low + HALF + ((low >> SIXTEEN) & ONE)
    high_half = high + HALF + ((high >> SIXTEEN) & ONE)
    # a NaN stays one: rounding could carry it over to a zero
    low_half = (low | QUIET) if (low & SIGN_OFF) > INFINITE else low_half
    high_half = (high | QUIET) if (high & SIGN_OFF) > INFINITE else high_half
    return np.uint32((low_half >> SIXTEEN) | (high_half & UPPER))


def size(k: int, n: int, packs: int) -> int:
    """Numbers of a packed factor (k, n)."""
    return -(-n // STRIP) * -(-k // packs) * STRIP


def pairs(kind: Any) -> int:
    """Rows of a factor that become one packed row."""
    return 2 if kind == PAIRS else 1


def _name(kind: Any) -> str:
    return kind if kind == PAIRS else kind.__name__


def _copied(kind: Any) -> Any:
    """(A, at, row, m, k, out, out_row): out <- A (m, k) from number `at` on, or its pairs."""
    packs = pairs(kind)
    nothing = np.uint32(0)

    @inlined
    def run(A: Any, at: int, row: int, m: int, k: int, out: Any, out_row: int) -> None:
        for r in range(m):
            here, to = at + r * row, r * out_row
            if packs == 2:
                for i in range(k // 2):
                    out[to + i] = paired(A[here + 2 * i], A[here + 2 * i + 1])
                if k % 2:
                    out[to + k // 2] = paired(A[here + k - 1], nothing)
            else:
                for i in range(k):
                    out[to + i] = A[here + i]

    return run


def _paired_rows(kind: Any) -> Any:
    """(A, at, row, k, m, out, to, out_row): out <- A (k, m), or pairs of its rows."""
    packs = pairs(kind)
    nothing = np.uint32(0)

    @inlined
    def run(A: Any, at: int, row: int, k: int, m: int, out: Any, to: int, out_row: int) -> None:
        for r in range(0, k, packs):
            here, below = at + r * row, at + (r + 1) * row
            if packs == 1:
                for i in range(m):
                    out[to + i] = A[here + i]
            elif r + 1 < k:
                for i in range(m):
                    out[to + i] = paired(A[here + i], A[below + i])
            else:
                for i in range(m):
                    out[to + i] = paired(A[here + i], nothing)
            to += out_row

    return run


@cache
def pack(kind: Any) -> int:
    """Address of `pack(B, k, n, out, strip)`: B (k, n) to packed rows, strips so many bytes apart.

    The last strip may have fewer columns, whose places are left as they are.
    """
    paired_rows = _paired_rows(kind)

    def run(B: Any, k: int, n: int, out: Any, strip: int) -> None:
        for j in range(0, n, STRIP):
            paired_rows(B, j, n, k, min(STRIP, n - j), out, j // STRIP * (strip // 4), STRIP)

    return kernel(run, f"pack-{_name(kind)}", (BITS, INT, INT, BITS, INT))


@cache
def pack_turned(kind: Any) -> int:
    """Address of `pack_turned(W, W, rows, h, out, strip, copy, copy)`: rows of W to W' packed.

    They are rows from a multiple of 64 on, `out` is the address of their strip, and `copy` has room
    for COPY numbers. Addresses come twice, the second time as whole numbers.
    """
    packs = pairs(kind)
    copied, turn = _copied(kind), of_tiles("turned_tile", np.float32)

    def run(
        W: Any, W_at: int, rows: int, h: int, out: int, strip: int, copy: Any, copy_at: int
    ) -> None:
        for top in range(0, rows, STRIP):
            some = min(STRIP, rows - top)
            for left in range(0, h, MOST_TURNED):
                columns = min(MOST_TURNED, h - left)
                at, row = W_at + (top * h + left) * 4, h * 4
                if packs == 2:
                    copied(W, top * h + left, h, some, columns, copy, MOST_TURNED)
                    at, row = copy_at, MOST_TURNED * 4
                width = (columns + packs - 1) // packs
                to = out + left // packs * PANEL_ROW
                for i in range(0, some, LANES):
                    for j in range(0, width, LANES):
                        turn(
                            at + i * row + j * 4, row, to + j * PANEL_ROW + i * 4,
                            PANEL_ROW, min(LANES, some - i), min(LANES, width - j),
                        )  # fmt: skip
            out += strip

    arguments = (BITS, INT, INT, INT, INT, INT, BITS, INT)
    return kernel(run, f"pack-turned-{_name(kind)}", arguments)


@cache
def multiply_packed(kind: Any) -> int:
    """Address of the product `(tiles, A, a_row, a_step, B, strip, C, m, n, k, adds, copy, copy)`.

    C (m, n) <- A (m, k) B (k, n), added to what C holds if it `adds`, with B packed in strips so
    many bytes apart. `tiles` is the address of `products.multiply`; `a_row` and `a_step` lead
    from a row of A to the next and along a row, in numbers, and one of them is 1. The address
    `copy`, given twice, has room for COPY numbers.
    """
    packs = pairs(kind)
    copied, paired_rows = _copied(kind), _paired_rows(kind)

    def run(
        tiles: int, A: Any, a_row: int, a_step: int, B: int, strip: int, C: int, m: int, n: int,
        k: int, adds: int, copy: Any, copy_at: int,
    ) -> None:  # fmt: skip
        for top in range(0, m, TALL):
            rows = min(TALL, m - top)
            for first in range(0, k, DEPTH * packs):
                depth = min(DEPTH * packs, k - first)
                at = top * a_row + first * a_step
                if a_step == 1:
                    copied(A, at, a_row, rows, depth, copy, DEPTH + LANES)
                    along_row, along_k = (DEPTH + LANES) * 4, 4
                else:
                    paired_rows(A, at, a_step, depth, rows, copy, 0, TALL + LANES)
                    along_row, along_k = 4, (TALL + LANES) * 4
                call(
                    tiles,
                    (copy_at, along_row, along_k, B + first // packs * PANEL_ROW, PANEL_ROW, strip,
                     C + top * n * 4, n * 4, rows, n, (depth + packs - 1) // packs,
                     int(adds != 0 or first > 0)),
                )  # fmt: skip

    arguments = (INT, BITS, INT, INT, INT, INT, INT, INT, INT, INT, INT, BITS, INT)
    return kernel(run, f"multiply-packed-{_name(kind)}", arguments)


@inner
def strip_bytes(job: int, rows: int) -> int:
    """Bytes of a packed strip of so many rows."""
    packs = peek(job, PACKS)
    return (rows + packs - 1) // packs * PANEL_ROW


def _product(
    job: int, me: int, m: int, n: int, k: int, left: int, a_row: int, a_step: int, right: int,
    of_strip: int, adds: int, out: int,
) -> None:  # fmt: skip
    copy = peek(job, COPIES) + me * COPY * 4
    call(
        peek(job, MULTIPLY_PACKED),
        (peek(job, MULTIPLY_STRIPS), left, a_row, a_step, right, strip_bytes(job, of_strip), out, m,
         n, k, adds, copy, copy),
    )  # fmt: skip


def _pack_delta(job: int, layer: int, at: int, rows: int) -> None:
    h = peek(layer, WIDTH)
    out = peek(layer, PACKED_DELTA) + strip_bytes(job, at)
    delta = peek(layer, DELTA) + at * h * peek(job, SIZE)
    call(peek(job, PACK), (delta, rows, h, out, strip_bytes(job, peek(job, CHUNK))))


def _pack_weights(job: int, me: int, layer: int, start: int, height: int) -> None:
    d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
    rows = peek(layer, W) + start * h * peek(job, SIZE)
    if peek(layer, PACKED):
        out = peek(layer, PACKED) + strip_bytes(job, start)
        call(peek(job, PACK), (rows, height, h, out, strip_bytes(job, d)))
    if peek(layer, PACKED_TURNED):
        width, copy = strip_bytes(job, h), peek(job, COPIES) + me * COPY * 4
        out = peek(layer, PACKED_TURNED) + start // STRIP * width
        call(peek(job, PACK_TURNED), (rows, rows, height, h, out, width, copy, copy))


@cache
def of_job() -> dict[str, int]:
    """Addresses of what the passes call, by the names of the job's entries.

    `packed_product(job, me, m, n, k, left, a_row, a_step, right, of_strip, adds, out)` is row-major
    out (m, n) <- left right, added if it `adds`; `right` has strips of so many rows.
    `pack_delta(job, layer, at, rows)` packs rows of delta from row `at` of the chunk on.
    `pack_weights(job, me, layer, start, height)` packs rows of W, for the way forward and the way
    back where the layer wants that.
    """
    return {
        "packed_product": kernel(_product, "packed-product", (INT,) * 12),
        "pack_delta": kernel(_pack_delta, "pack-delta", (INT,) * 4),
        "pack_weights": kernel(_pack_weights, "pack-weights", (INT,) * 5),
    }
