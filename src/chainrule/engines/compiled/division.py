"""How a chunk is divided among threads: its rows into blocks, the weights into panels.

It follows from the shapes and the machine alone, never from how many threads there are
(`passes.py`). Which products are made of packed factors follows from the shapes too.
"""

import os
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines import LEAST_ROUNDED
from chainrule.engines.compiled import packed, products
from chainrule.network import Network

SMALL = 200_000
"""Multiply-adds of a step's second half below which a step is not worth dividing."""

UPDATE_EFFORT = 40
"""Multiply-adds that take as long as the update of one weight."""

LEAST_BLOCK = 16
"""Rows below which a block's products are no longer efficient."""

LEAST_PANEL = 8
"""Rows of W for the same."""

MOST_PANEL = 150_000
"""Weights of a panel at most, so that its gradient is still in the cache when it is used ..."""

TALL_PANEL = 256
"""... but not fewer rows than this, since each panel's product reads all of delta once more."""


def packed_layers(network: Network, chunk: int, kind: Any) -> list[tuple[bool, bool]]:
    """For each layer whether its products with W are made of packed factors, and those with W'."""
    if kind == products.PAIRS:
        wide = [min(layer.n_inputs, layer.n_outputs) >= LEAST_ROUNDED for layer in network.layers]
        return [(each, each and l > 0) for l, each in enumerate(wide)]
    return [
        (
            packed.are_packed(layer.n_outputs, chunk, kind),
            l > 0 and packed.are_packed(layer.n_inputs, chunk, kind),
        )
        for l, layer in enumerate(network.layers)
    ]


def division(
    network: Network,
    chunk: int,
    density: float = 1.0,
    packs: bool = False,
    continues: NDArray[np.int64] | None = None,
) -> tuple[int, list[tuple[int, int, int]]]:
    """How a chunk of so many rows is divided: rows of a block, and (layer, first row, rows) panels.

    It follows from the shapes, from the share of the inputs that are there and from how many CPUs
    this machine has, used or not: so a run gives the same bits whatever the number of threads.
    Where W `packs`, panels begin with a strip of its transpose; no panel of the first W begins with
    an input that `continues` a thermometer code.
    """
    layers = network.layers
    efforts = [
        weight_effort(chunk, 1.0 if l else density) * layer.n_outputs
        for l, layer in enumerate(layers)
    ]
    total = sum(layer.n_inputs * effort for layer, effort in zip(layers, efforts, strict=True))
    if total < SMALL:
        return chunk, [(l, 0, layer.n_inputs) for l, layer in enumerate(layers)]
    parts = os.cpu_count() or 1
    block = max(LEAST_BLOCK, -(-chunk // parts))
    block += block % 2  # pairs of rows stay together
    grid = packed.STRIP if packs else 1
    ends = [total * i / parts for i in range(1, parts)]
    free = None if continues is None else np.append(np.flatnonzero(continues == 0), len(continues))

    def allowed(l: int, row: int) -> int:
        """The row nearest to it with which a panel may begin or end."""
        return row if l or free is None else int(free[np.abs(free - row).argmin()])

    panels, before = [], 0.0
    for l, (layer, effort) in enumerate(zip(layers, efforts, strict=True)):
        d, h = layer.n_inputs, layer.n_outputs
        cuts = {allowed(l, round((end - before) / effort / grid) * grid) for end in ends}
        inside = sorted(cut for cut in cuts if LEAST_PANEL <= cut <= d - LEAST_PANEL)
        for first, stop in pairwise([0, *inside, d]):
            count = max(1, min(-(-(stop - first) * h // MOST_PANEL), (stop - first) // TALL_PANEL))
            inner = [first + (stop - first) * i // count // grid * grid for i in range(count)]
            edges = sorted({*(allowed(l, edge) for edge in inner), stop})
            panels += [(l, a, b - a) for a, b in pairwise(edges)]
        before += d * effort
    return min(block, chunk), panels


def weight_effort(chunk: int, density: float) -> float:
    """What one weight costs in a step's second half, its update included, in multiply-adds."""
    return chunk * density + UPDATE_EFFORT
