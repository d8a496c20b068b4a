"""Arrays that begin where a cache line does, and the addresses that compiled code takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes of a cache line."""


def aligned(count: int, real: Any) -> NDArray[Any]:
    """Room for so many numbers, from the beginning of a cache line on.

    Vectors of AVX-512 are as long as a line, and each that lies across two is read twice.
    """
    room = np.empty(count + ALIGNMENT // np.dtype(real).itemsize, dtype=real)
    start = -address(room) % ALIGNMENT // room.itemsize
    return room[start : start + count]


def zeros(count: int, real: Any) -> NDArray[Any]:
    """So many zeros in cache lines of their own.

    What one thread writes must not lie beside what another reads: their caches would pass the line
    to and fro.
    """
    lines = ALIGNMENT // np.dtype(real).itemsize
    found = aligned(-(-count // lines) * lines, real)[:count]
    found[:] = 0
    return found


def address(array: NDArray[Any] | None) -> int:
    """Where the numbers of an array are, 0 for None."""
    if array is None:
        return 0
    found: int = array.__array_interface__["data"][0]  # five times as fast as array.ctypes
    return found


def whole_lines(count: int) -> int:
    """So many numbers, rounded up so that the next begin on a cache line of their own."""
    return -(-count // ALIGNMENT) * ALIGNMENT
