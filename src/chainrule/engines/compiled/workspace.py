"""The room in which a network is trained or asked: its buffers, its kernels and their addresses."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.activations import ACTIVATIONS
from chainrule.arrays import Floats
from chainrule.engines import EpochPlan, Rows
from chainrule.engines.compiled import activations, losses, optimizers, products, rows, sparse
from chainrule.engines.compiled.blas import chosen_blas
from chainrule.engines.compiled.job import (
    AT,
    BATCH,
    ENTRIES,
    FACTOR,
    GRADIENT,
    JOB,
    KEY,
    L2,
    LAYER,
    LAYER_BYTES,
    ORDER,
    PANEL,
    RATES,
    RESULTS,
    ROW_ENDS,
    SHARE,
    SHARES,
    WEIGHT,
    A,
    M,
    N,
    V,
    W,
    Y,
)
from chainrule.engines.compiled.job import X as X_ENTRY
from chainrule.engines.compiled.machine import yield_address
from chainrule.engines.compiled.sparse import SparseTable
from chainrule.errors import InputError
from chainrule.losses import LOSSES, Quantile
from chainrule.network import Network
from chainrule.optimizers import Optimizer

CHUNK = 2048
"""Rows that buffers hold at most."""

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

ALIGNMENT = 64


class Workspace:
    """Buffers for a network and a number of rows; the same shapes always give the same division.

    Attributes:
        network: what it is for.
        real: `numpy.float32` or `numpy.float64`.
        chunk: rows that the buffers hold.
        density: the share of the inputs that are there, 1 unless they are sparse.
        block: rows of a block.
        panels: (layer, first row, rows) of each panel.
        held: arrays whose addresses a job has, kept alive.
        given: the arrays of others that it has.
        turned: the transposes of some layers' W, for the way back.
        numbers: the job's table.
        layers: its layers' table.
        sync: where threads meet.
        results: what a job found, by the names of `passes.RESULTS`.
        panel_squares: the sum of the squares of each panel's weights.
    """

    def __init__(self, network: Network, dtype: Any, most_rows: int, density: float = 1.0) -> None:
        check_network(network, dtype)
        self.network = network
        self.real: Any = np.dtype(dtype).type
        self.size = np.dtype(dtype).itemsize
        self.chunk, self.density = min(CHUNK, most_rows), density
        self.block, self.panels = division(network, self.chunk, density)
        self.held: list[Any] = []
        self.given: tuple[Any, ...] = ()
        self.turned: dict[int, NDArray[Any]] = {}
        self.sync = np.zeros(32, dtype=np.int64)
        self.results = np.zeros(len(RESULTS))
        self.panel_squares = np.zeros(len(self.panels))

    @property
    def n_blocks(self) -> int:
        """Blocks of a full chunk."""
        return -(-self.chunk // self.block)

    def room(self, count: int) -> int:
        """The address of `count` numbers of this workspace's type, aligned to a cache line."""
        return self.at(aligned(count, self.real))

    def at(self, array: NDArray[Any] | None) -> int:
        """The address of an array, 0 for None; its numbers are held."""
        self.held.append(array)
        return address(array)

    def job(
        self,
        theta: Floats,
        given: Rows,
        *,
        learns: bool,
        gradient: Floats | None = None,
        l2: float = 0.0,
        optimizer: Optimizer | None = None,
        vectors: Sequence[Floats | None] = (None, None),
        plan: EpochPlan | None = None,
    ) -> int:
        """The address of a job on these rows; the arrays given are read and written in place."""
        real, size, layers = self.real, self.size, self.network.layers
        X: Any = given.X
        is_sparse = isinstance(X, SparseTable)
        trains, gathers = optimizer is not None, plan is not None and not is_sparse
        stride = sum(_whole_lines(layer.n_outputs) for layer in layers)
        largest = max((rows + 1) * layers[l].n_outputs for l, _, rows in self.panels)
        sums = self.room(stride * self.n_blocks) if learns else 0
        table = np.zeros((len(layers) + 1, len(LAYER)), dtype=np.int64)
        if gathers:
            table[0, A] = self.room(self.chunk * layers[0].n_inputs)
        ours = any(products.are_ours(layer.n_outputs, real) for layer in layers)
        at = 0
        for l, layer in enumerate(layers):
            record = dict.fromkeys(LAYER, 0)
            d, h, name = layer.n_inputs, layer.n_outputs, layer.activation.name
            hidden = l < len(layers) - 1
            dropout = layer.dropout if trains else 0.0
            by_slope = (
                learns and hidden and (dropout > 0 or name not in activations.FROM_ACTIVATION)
            )
            record |= {
                "d": d,
                "h": h,
                "at": at,
                "A": self.room(self.chunk * h),
                "slopes": self.room(self.chunk * h) if by_slope else 0,
                "delta": self.room(self.chunk * h) if learns else 0,
                "sums": sums,
                "threshold": round(dropout * (2**32 - 1)),
            }
            if learns and l and products.are_ours(d, real):
                self.turned[l] = aligned(d * h, real).reshape(h, d)
                record["turned"] = address(self.turned[l])
            if by_slope:
                record["forward"] = activations.learning(name, real)
                record["backward"] = activations.backward_by_slope(real)
            elif hidden or not learns:
                record["forward"] = activations.forward(name, real)
            if learns and hidden and not by_slope:
                record["backward"] = activations.backward(name, real)
            table[l + 1] = list(record.values())
            table.view(np.float64)[l + 1, FACTOR] = 1 / (1 - dropout)
            at += layer.n_parameters * size
            sums += _whole_lines(h) * size
        job = dict.fromkeys(JOB, 0) | {
            "size": size,
            "layers": len(layers),
            "panels": len(self.panels),
            "chunk": self.chunk,
            "block": self.block,
            "k": self.network.n_outputs,
            "gemm": chosen_blas().gemm(real),
            "multiply": products.multiply(real) if ours else 0,
            "transpose": products.transpose(real) if self.turned and trains else 0,
            "gather": rows.gather(real) if gathers else 0,
            "sparse_product": sparse.product(real, X.columns.dtype) if is_sparse else 0,
            "sparse_gradient": (
                sparse.gradient(real, X.columns.dtype) if is_sparse and learns else 0
            ),
            "add_rows": rows.add_rows(real) if learns else 0,
            "weigh": rows.weigh(real) if plan and given.weight is not None else 0,
            "loss": losses.loss(self.network.loss.name, real),
            "update": optimizers.update(type(optimizer), real) if optimizer else 0,
            "squares": optimizers.squares(real) if trains and l2 else 0,
            "give_way": yield_address(),
            "scratch": self.room(_whole_lines(largest) * self.n_blocks) if trains else 0,
            "scratch_stride": _whole_lines(largest) * size,
            "sums_stride": stride * size,
            "block_losses": self.at(np.zeros(self.n_blocks)),
            "panel_squares": self.at(self.panel_squares),
            "results": self.at(self.results),
            "sync": self.at(self.sync),
            "loss_parameters": self.at(_loss_parameters(self.network)),
            "optimizer_parameters": self.at(
                np.array(optimizers.parameters(optimizer)) if optimizer else None
            ),
            "layer_table": self.at(table) + LAYER_BYTES,
            "panel_table": self.at(self.panel_table()),
        }
        self.numbers = np.array([job[name] for name in JOB], dtype=np.int64)
        self.numbers.view(np.float64)[L2] = l2
        self.layers = table[1:]
        return self.take(theta, given, gradient, vectors, plan)

    def take(
        self,
        theta: Floats,
        given: Rows,
        gradient: Floats | None = None,
        vectors: Sequence[Floats | None] = (None, None),
        plan: EpochPlan | None = None,
    ) -> int:
        """Do the same job with other arrays of the same kinds; its address."""
        X: Any = given.X
        rates = None if plan is None else np.array(plan.rates, dtype=np.float64)
        self.given = (theta, given, gradient, vectors, plan, rates)  # kept alive
        numbers, layers = self.numbers, self.layers
        for entry, vector in ((W, theta), (M, vectors[0]), (V, vectors[1])):
            layers[:, entry] = layers[:, AT] + address(vector)
        for l, turned in self.turned.items():
            at = layers[l, AT] // self.size
            turned[...] = theta[at : at + turned.size].reshape(turned.T.shape).T
        if isinstance(X, SparseTable):
            numbers[X_ENTRY], numbers[ENTRIES] = address(X.numbers), address(X.columns)
            numbers[ROW_ENDS] = address(X.row_ends)
        else:
            numbers[X_ENTRY] = address(X)
        numbers[Y], numbers[WEIGHT] = address(given.y), address(given.weight)
        numbers[N] = numbers[BATCH] = len(given)
        if plan is not None:
            layers[:, KEY] = plan.dropout_keys
            numbers[N], numbers[BATCH] = len(plan.order), plan.batch_size
            numbers[ORDER], numbers[RATES] = address(plan.order), address(rates)
        numbers[GRADIENT] = address(gradient)
        self.results[:] = 0
        return address(numbers)

    def panel_table(self) -> NDArray[np.int64]:
        """The panels as the passes read them."""
        layers = self.network.layers
        efforts = np.array(
            [
                rows * layers[l].n_outputs * _effort(self.chunk, 1.0 if l else self.density)
                for l, _, rows in self.panels
            ]
        )
        middles = (np.cumsum(efforts) - efforts / 2) / efforts.sum()
        table = np.zeros((len(self.panels), len(PANEL)), dtype=np.int64)
        table[:, :SHARE] = self.panels
        table[:, SHARE] = middles * SHARES
        return table


def aligned(count: int, real: Any) -> NDArray[Any]:
    """Room for so many numbers, from the beginning of a cache line on.

    Vectors of AVX-512 are as long as a line, and each that lies across two is read twice.
    """
    room = np.empty(count + ALIGNMENT // np.dtype(real).itemsize, dtype=real)
    start = -address(room) % ALIGNMENT // room.itemsize
    return room[start : start + count]


def address(array: NDArray[Any] | None) -> int:
    """Where the numbers of an array are, 0 for None."""
    if array is None:
        return 0
    found: int = array.__array_interface__["data"][0]  # five times as fast as array.ctypes
    return found


def division(
    network: Network, chunk: int, density: float = 1.0
) -> tuple[int, list[tuple[int, int, int]]]:
    """How a chunk of so many rows is divided: rows of a block, and (layer, first row, rows) panels.

    It follows from the shapes, from the share of the inputs that are there and from how many CPUs
    this machine has, used or not: so a run gives the same bits whatever the number of threads.
    """
    layers = network.layers
    efforts = [
        _effort(chunk, 1.0 if l else density) * layer.n_outputs for l, layer in enumerate(layers)
    ]
    total = sum(layer.n_inputs * effort for layer, effort in zip(layers, efforts, strict=True))
    if total < SMALL:
        return chunk, [(l, 0, layer.n_inputs) for l, layer in enumerate(layers)]
    parts = os.cpu_count() or 1
    block = max(LEAST_BLOCK, -(-chunk // parts))
    ends = [total * i / parts for i in range(1, parts)]
    panels, before = [], 0.0
    for l, (layer, effort) in enumerate(zip(layers, efforts, strict=True)):
        d, h = layer.n_inputs, layer.n_outputs
        cuts = {round((end - before) / effort) for end in ends}
        inside = sorted(cut for cut in cuts if LEAST_PANEL <= cut <= d - LEAST_PANEL)
        for first, stop in pairwise([0, *inside, d]):
            count = max(1, min(-(-(stop - first) * h // MOST_PANEL), (stop - first) // TALL_PANEL))
            edges = [first + (stop - first) * i // count for i in range(count + 1)]
            panels += [(l, a, b - a) for a, b in pairwise(edges)]
        before += d * effort
    return min(block, chunk), panels


def _effort(chunk: int, density: float) -> float:
    """What one weight costs in a step's second half, its update included, in multiply-adds."""
    return chunk * density + UPDATE_EFFORT


def check_network(network: Network, dtype: Any) -> None:
    """Refuse by name what has no compiled twin.

    Raises:
        InputError: an activation, a loss or a dtype of the user's own.
    """
    if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise InputError(
            f"the compiled engine works in float32 or float64, not in {np.dtype(dtype)}; "
            "convert the parameters, or choose the reference engine."
        )
    for layer in network.layers:
        name = layer.activation.name
        if name not in activations.NAMES or ACTIVATIONS.get(name) is not layer.activation:
            raise InputError(_no_twin("activation", name))
    name = network.loss.name
    if name not in losses.NAMES or LOSSES.get(name) is not type(network.loss):
        raise InputError(_no_twin("loss", name))


def check_optimizer(optimizer: Optimizer) -> None:
    """Refuse an optimiser that has no compiled twin.

    Raises:
        InputError: an optimiser of the user's own.
    """
    if type(optimizer) not in optimizers.VECTORS:
        raise InputError(_no_twin("optimizer", optimizer.name))


def _no_twin(what: str, name: str) -> str:
    return (
        f"the compiled engine has no {what} '{name}' of your own; choose the reference engine, "
        f"which runs any {what}, or one that chainrule has."
    )


def _loss_parameters(network: Network) -> NDArray[np.float64]:
    """The loss's parameter for each output: Huber's delta, a level, a smoothing, or 0."""
    loss, k = network.loss, network.n_outputs
    if isinstance(loss, Quantile):
        return np.array(loss.levels)
    return np.full(k, getattr(loss, "delta", getattr(loss, "smoothing", 0.0)), dtype=np.float64)


def _whole_lines(count: int) -> int:
    """So many numbers, rounded up so that the next begin on a cache line of their own."""
    return -(-count // ALIGNMENT) * ALIGNMENT
