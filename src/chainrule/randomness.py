"""Randomness that depends on the seed and on what it is for, and on nothing else.

Every draw is keyed: by the seed, by its purpose, and by the epoch, row or neuron that it is for.
So a run is the same whatever the number of threads, and whether or not it was stopped and resumed
between two epochs: there is no state to lose.
"""

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What random numbers are drawn for; the values are part of what a seed means."""

    SPLIT = 0
    INITIAL = 1
    SHUFFLE = 2
    DROPOUT = 3


def generator(seed: int, purpose: Purpose, epoch: int = 0) -> np.random.Generator:
    """A generator of its own for each (seed, purpose, epoch).

    Philox (Salmon et al. 2011) turns a key and a counter into random bits. Seed and purpose are the
    key, the epoch is the counter's highest word, which no epoch's own draws can reach.
    """
    key = np.array([seed, purpose], dtype=np.uint64)
    counter = np.array([0, 0, 0, epoch], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def keep_mask(
    key: int, rows: NDArray[np.integer[Any]], width: int, dropout: float
) -> NDArray[np.bool_]:
    """Which activations of a layer survive dropout, shape (n, width).

    Each answer depends only on the key (drawn for one layer in one epoch), the number of the row in
    the table and the number of the neuron: on neither the batch nor the order of the rows.

    Args:
        key: 0 .. 2^32 - 1.
        rows: row numbers, shape (n,).
        width: the number of neurons.
        dropout: the share that does not survive.
    """
    neurons = np.arange(width, dtype=np.uint32) * _GOLDEN
    of_row = _mix(rows.astype(np.uint32) ^ np.uint32(key))
    bits = _mix(of_row[:, None] + neurons)
    return bits >= np.uint32(round(dropout * (2**32 - 1)))


_GOLDEN = np.uint32(0x9E3779B9)  # 2^32 over the golden ratio: multiples of it fill the range evenly


def _mix(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Scatter 32 bits so that inputs one apart share nothing (MurmurHash3's final step)."""
    bits = (bits ^ (bits >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    bits = (bits ^ (bits >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return bits ^ (bits >> np.uint32(16))
