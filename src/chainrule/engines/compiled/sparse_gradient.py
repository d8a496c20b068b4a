"""The gradient of a sparse table's W, dW = X' delta, column of X by column, or row by row.

Row by row each entry of X adds a multiple of a row of delta to a row of dW in memory, which is read
and written for it. So the entries of a group of rows are first put in the order of their columns:
then a row of dW is a sum of rows of delta that stays in registers until it is whole, as in the
product. The rows of delta serve once for every entry beside them; so they are copied, a strip at a
time, to where they lie close together and stay in the nearest cache. Where a group has hardly an
entry for each column, as in words of texts, there is nothing to be summed, and rows it is.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.engines.compiled.cache_lines import whole_lines
from chainrule.engines.compiled.kernels import kernel
from chainrule.engines.compiled.machine import pointer_to
from chainrule.engines.compiled.products import REGISTER, of_tiles
from chainrule.engines.compiled.sparse import SparseTable, combination

GROUP = 64
"""Rows of a group: a strip of as many rows of delta is 32 KiB."""

VECTORS = 8
"""Vectors of a strip: so many sums at once keep the CPU from waiting for any of them."""

STRIP_BYTES = GROUP * VECTORS * REGISTER

AHEAD = 12
"""Rows before its turn that a row's entries are asked for."""


FEWEST = 0.5
"""Entries of a column in a group, in the mean, below which it goes row by row."""

ROOM = 1 << 24
"""Entries that a chunk has room for, unless a single group needs more. Room that no entry comes to
is memory only by name."""


def goes_by_columns(table: Any) -> bool:
    """Whether the gradient of a table's W is summed so."""
    return isinstance(table, SparseTable) and table.density * GROUP >= FEWEST


def most_rows(table: Any) -> int:
    """Rows of a chunk at most."""
    if not goes_by_columns(table):
        return sys.maxsize
    return max(1, ROOM // (GROUP * max(1, table.longest))) * GROUP


def of_job(
    table: SparseTable, real: Any, chunk: int, threads: int, room: Callable[[int], int]
) -> dict[str, int]:
    """The entries of a job on these kernels.

    Args:
        table: what comes in.
        real: the type of the numbers.
        chunk: rows of a chunk.
        threads: how many there are at most.
        room: gives the address of so many bytes.
    """
    if not goes_by_columns(table):
        return {"sparse_gradient": gradient_by_rows(real, table.columns.dtype)}
    entries = whole_lines(GROUP * table.longest)
    size = whole_lines(entries * (np.dtype(real).itemsize + 4) + (table.shape[1] + 1) * 4)
    return {
        "by_columns": by_columns(real, table.columns.dtype),
        "sparse_gradient": gradient(real),
        "groups": room(size * -(-chunk // GROUP)),
        "group_bytes": size,
        "group_entries": entries,
        "strips": room(STRIP_BYTES * threads),
    }


@cache
def by_columns(real: Any, index: Any) -> int:
    """Address of `by_columns(X, columns, row_ends, order, n, first, rows, d, group, entries)`.

    The entries of some rows of X go to a `group` with room for so many, in the order of their
    columns and, in a column, of their rows: their numbers, then their rows as counted from the
    first, then where each column begins and the last one ends, both int32. The rows are
    order[first] and so on, which has n in all, or first and so on where `order` is 0. Arrays are
    given by their addresses.
    """
    size, step = np.dtype(real).itemsize, np.dtype(index).itemsize
    prefetch = of_tiles("prefetch")
    kinds = (real, index, np.int32, np.int64)
    reals, indices, shorts, integers = (pointer_to(kind) for kind in kinds)

    def run(
        X: int, columns: int, row_ends: int, order: int, n: int, first: int, rows: int, d: int,
        group: int, entries: int,
    ) -> None:  # fmt: skip
        x, column_of, row_end, numbers = (
            reals(X), indices(columns), indices(row_ends), integers(order)
        )  # fmt: skip
        a, row_of_a = reals(group), shorts(group + entries * size)
        bound = shorts(group + entries * (size + 4))
        for c in range(d + 1):
            bound[c] = 0
        for r in range(rows):
            place = first + r
            if order and place + AHEAD < n:  # rows in random order are not in the cache
                far = numbers[place + AHEAD]
                begin, end = np.int64(row_end[far]), np.int64(row_end[far + 1])
                prefetch(X + begin * size)
                prefetch(X + (begin + end) // 2 * size)
                prefetch(X + end * size)
                prefetch(columns + begin * step)
                prefetch(columns + end * step)
            row = numbers[place] if order else place
            for e in range(np.int64(row_end[row]), np.int64(row_end[row + 1])):
                bound[np.int64(column_of[e]) + 1] += np.int32(1)
        before = np.int32(0)
        for c in range(1, d + 1):  # how many a column has becomes where it begins ...
            has = bound[c]
            bound[c] = before
            before += has
        for r in range(rows):
            row = numbers[first + r] if order else first + r
            for e in range(np.int64(row_end[row]), np.int64(row_end[row + 1])):
                follower = np.int64(column_of[e]) + 1
                at = bound[follower]
                a[at], row_of_a[at] = x[e], np.int32(r)
                bound[follower] = at + np.int32(1)  # ... and in the end where the next one does

    name = f"by-columns-{real.__name__}-{np.dtype(index).name}"
    return kernel(run, name, ("int64",) * 10)


@cache
def gradient_by_rows(real: Any, index: Any) -> int:
    """Address of the kernel for some rows of dW = X' delta, where columns have hardly an entry.

    gradient_by_rows(X, columns, row_ends, order, first, rows, delta, h, start, height, dW, adds):
    as `by_columns` is given X and `gradient` the rest.
    """
    size = np.dtype(real).itemsize
    lanes = REGISTER // size
    one, two, three, four = (of_tiles("scaled_row", real, vectors) for vectors in range(1, 5))
    reals, indices, integers = (pointer_to(kind) for kind in (real, index, np.int64))

    def run(
        X: int, columns: int, row_ends: int, order: int, first: int, rows: int, delta: int, h: int,
        start: int, height: int, dW: int, adds: int,
    ) -> None:  # fmt: skip
        column_of, row_end, numbers, out = (
            indices(columns), indices(row_ends), integers(order), reals(dW)
        )  # fmt: skip
        if not adds:
            for i in range(height * h):
                out[i] = real(0)
        for r in range(rows):
            row = numbers[first + r] if order else first + r
            for e in range(np.int64(row_end[row]), np.int64(row_end[row + 1])):
                column = np.int64(column_of[e]) - start
                if column < 0 or column >= height:
                    continue
                x, source, target = X + e * size, delta + r * h * size, dW + column * h * size
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

    name = f"sparse-gradient-by-rows-{real.__name__}-{np.dtype(index).name}"
    return kernel(run, name, ("int64",) * 12)


@cache
def gradient(real: Any) -> int:
    """Address of the kernel for some rows of dW = X' delta.

    gradient(groups, entries, bytes, rows, delta, h, start, height, dW, adds, strip): rows start ..
    start + height of the gradient, to dW, added to what it holds if it `adds`. The groups of X's
    rows, each with room for so many entries, are so many bytes apart; `strip` is the address of
    STRIP_BYTES.
    """
    size = np.dtype(real).itemsize
    width = VECTORS * REGISTER // size
    combine = combination(real, np.int32)
    reals, shorts = pointer_to(real), pointer_to(np.int32)

    def run(
        groups: int, entries: int, bytes: int, rows: int, delta: int, h: int, start: int,
        height: int, dW: int, adds: int, strip: int,
    ) -> None:  # fmt: skip
        source, copy = reals(delta), reals(strip)
        for first in range(0, rows, GROUP):
            group = groups + first // GROUP * bytes
            rows_of_a = group + entries * size
            bound = shorts(rows_of_a + entries * 4)
            for j in range(0, h, width):
                columns = min(width, h - j)
                for r in range(min(GROUP, rows - first)):
                    for i in range(columns):
                        copy[r * width + i] = source[(first + r) * h + j + i]
                begin = np.int64(bound[start])
                for c in range(height):
                    end = np.int64(bound[start + c + 1])
                    if end > begin or not adds:
                        a, chosen = group + begin * size, rows_of_a + begin * 4
                        to = dW + (c * h + j) * size
                        combine(
                            a, chosen, end - begin, strip, VECTORS * REGISTER, to, columns, adds
                        )
                    begin = end
            adds = 1

    return kernel(run, f"sparse-gradient-{real.__name__}", ("int64",) * 11)
