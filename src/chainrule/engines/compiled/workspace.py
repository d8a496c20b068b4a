"""The room in which a network is trained or asked: its buffers, its kernels and their addresses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.activations import ACTIVATIONS
from chainrule.arrays import Floats
from chainrule.engines import EpochPlan, Rows
from chainrule.engines.compiled import (
    activations,
    losses,
    optimizers,
    packed,
    products,
    rows,
    sparse,
    sparse_gradient,
)
from chainrule.engines.compiled.blas import chosen_blas
from chainrule.engines.compiled.cache_lines import address, aligned, whole_lines, zeros
from chainrule.engines.compiled.division import LEAST_BLOCK, division, packed_layers, weight_effort
from chainrule.engines.compiled.job import (
    AT,
    BATCH,
    ENTRIES,
    FACTOR,
    GRADIENT,
    JOB,
    KEY,
    L2,
    L2_OF_SUM,
    LAYER,
    LAYER_BYTES,
    ORDER,
    PANEL,
    RATES,
    RESULTS,
    ROW_ENDS,
    SCALE,
    SCALE_M,
    SCALE_V,
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
from chainrule.engines.compiled.sparse import SparseTable, density
from chainrule.errors import InputError
from chainrule.losses import LOSSES, Quantile
from chainrule.network import Network
from chainrule.optimizers import Optimizer

CHUNK = 2048
"""Rows that buffers hold at most ..."""

CHUNK_WORK = 4e10
"""... and the multiply-adds of a chunk, forward and back: some 0.2 s on two cores. Python hears of
an interrupt between chunks."""

NO_VECTORS: Mapping[str, Floats] = {}
"""Of an optimiser, where there is none."""

BLOCKS_PAY = 5
"""How many times more numbers than a gradient its factors need to have for it to be taken block by
block and added up (`Workspace.adds_blocks`)."""


class Workspace:
    """Buffers for a network and a number of rows; the same shapes always give the same division.

    Attributes:
        network: what it is for.
        real: `numpy.float32` or `numpy.float64`.
        factors: the numbers that products are made of: `real`, or `products.PAIRS` of bfloat16.
        packs: for each layer whether W is packed for products, and its transpose.
        chunk: rows that the buffers hold.
        density: the share of the inputs that are there, 1 unless they are sparse.
        continues: which inputs go on with a thermometer code (`sparse.SparseTable`), or None.
        block: rows of a block.
        panels: (layer, first row, rows) of each panel.
        held: arrays whose addresses a job has, kept alive.
        given: the arrays of others that it has.
        turned: the transposes of some layers' W, for the way back.
        sums_of_W: the running sums of the first W, where inputs continue codes.
        numbers: the job's table.
        layers: its layers' table.
        sync: where threads meet.
        results: what a job found, by the names of `job.RESULTS`.
        panel_squares: the sum of the squares of each panel's weights.
    """

    def __init__(
        self,
        network: Network,
        dtype: Any,
        most_rows: int,
        table: Any = None,
        bfloat16: bool = False,
    ) -> None:
        check_network(network, dtype)
        if bfloat16:
            packed.check_pairs(dtype)
        self.factors: Any = products.PAIRS if bfloat16 else np.dtype(dtype).type
        self.network = network
        self.real: Any = np.dtype(dtype).type
        self.size = np.dtype(dtype).itemsize
        self.density, self.continues = density(table), getattr(table, "continues", None)
        fast = max(LEAST_BLOCK, int(CHUNK_WORK / self.row_work))
        self.chunk = min(CHUNK, fast, most_rows, sparse_gradient.most_rows(table))
        self.packs = packed_layers(network, self.chunk, self.factors)
        packs = any(map(any, self.packs))
        self.block, self.panels = division(network, self.chunk, self.density, packs, self.continues)
        self.held: list[Any] = []
        self.given: tuple[Any, ...] = ()
        self.turned: dict[int, NDArray[Any]] = {}
        d, h = network.n_inputs, network.layers[0].n_outputs
        self.sums_of_W = aligned(d * h if self.continues is not None else 0, self.real)
        self.sync = zeros(32, np.int64)
        self.results = zeros(len(RESULTS), np.float64)
        self.panel_squares = zeros(len(self.panels), np.float64)

    @property
    def row_work(self) -> float:
        """Multiply-adds of one row's products, forward and back."""
        first, *others = (layer.n_inputs * layer.n_outputs for layer in self.network.layers)
        return 3 * max(1.0, first * self.density + sum(others))

    @property
    def n_blocks(self) -> int:
        """Blocks of a full chunk."""
        return -(-self.chunk // self.block)

    @property
    def adds_blocks(self) -> bool:
        """Whether each block's gradient is taken where its rows are, and those are added up.

        That is for networks whose gradient has fewer numbers than its factors: less has to go from
        core to core.
        """
        if self.n_blocks == 1 or any(map(any, self.packs)):
            return False
        factors = sum(layer.n_inputs + layer.n_outputs for layer in self.network.layers)
        return self.chunk * factors > BLOCKS_PAY * self.network.n_parameters

    def room(self, count: int) -> int:
        """The address of `count` numbers of this workspace's type, aligned to a cache line."""
        return self.bytes(count * self.size)

    def bytes(self, count: int) -> int:
        """The address of so many bytes, aligned to a cache line."""
        return self.at(aligned(count, np.uint8))

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
        vectors: Mapping[str, Floats] = NO_VECTORS,
        plan: EpochPlan | None = None,
    ) -> int:
        """The address of a job on these rows; the arrays given are read and written in place."""
        real, size, layers = self.real, self.size, self.network.layers
        X: Any = given.X
        is_sparse = isinstance(X, SparseTable)
        trains, gathers = optimizer is not None, plan is not None and not is_sparse
        stride = sum(whole_lines(layer.n_outputs) for layer in layers)
        largest = max((rows + 1) * layers[l].n_outputs for l, _, rows in self.panels)
        by_blocks = self.adds_blocks and not is_sparse
        if by_blocks:
            stride = whole_lines(self.network.n_parameters)
        sums = self.room(stride * self.n_blocks) if learns else 0
        table = zeros((len(layers) + 1) * len(LAYER), np.int64).reshape(-1, len(LAYER))
        if gathers:
            table[0, A] = self.room(self.chunk * layers[0].n_inputs)
        packs = packed.pairs(self.factors)
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
                "partial": sums if by_blocks and learns else 0,
                "sums": sums + d * h * size if by_blocks else sums,
                "threshold": round(dropout * (2**32 - 1)),
            }
            forward, back = self.packs[l] if trains else (False, False)
            if forward and not (is_sparse and l == 0):
                record["packed"] = self.room(packed.size(d, h, packs))
                record["packed_delta"] = self.room(packed.size(self.chunk, h, packs))
            if back:
                record["packed_turned"] = self.room(packed.size(h, d, packs))
            elif learns and l and products.are_ours(d, real):
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
            sums += (layer.n_parameters if by_blocks else whole_lines(h)) * size
        job = dict.fromkeys(JOB, 0) | {
            "size": size,
            "layers": len(layers),
            "panels": len(self.panels),
            "chunk": self.chunk,
            "block": self.block,
            "k": self.network.n_outputs,
            "product": products.product(),
            "by_vector": products.by_vector(real),
            "gemm": chosen_blas().gemm(real),
            "multiply": products.multiply(real) if ours else 0,
            "transpose": products.transpose(real) if self.turned and trains else 0,
            "packs": packs,
            "gather": rows.gather(real) if gathers else 0,
            "ask": rows.ask() if gathers and products.are_ours(64, real) else 0,
            "sparse_product": sparse.product(real, X.columns.dtype) if is_sparse else 0,
            "add_rows": rows.add_rows(real) if learns else 0,
            "weigh": rows.weigh(real) if plan and given.weight is not None else 0,
            "loss": losses.loss(self.network.loss.name, real),
            "update": optimizers.update(type(optimizer), real) if optimizer else 0,
            "update_scaled": (optimizers.update_scaled(real) if getattr(optimizer, "d", 0) else 0),
            "give_way": yield_address(),
            "scratch": self.room(whole_lines(largest) * self.n_blocks) if trains else 0,
            "scratch_stride": whole_lines(largest) * size,
            "sums_stride": stride * size,
            "block_losses": self.at(zeros(self.n_blocks, np.float64)),
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
        if trains and any(map(any, self.packs)):
            job |= packed.of_job() | {
                "multiply_packed": packed.multiply_packed(self.factors),
                "multiply_strips": products.multiply(self.factors),
                "pack": packed.pack(self.factors),
                "pack_turned": packed.pack_turned(self.factors),
                "copies": self.room(packed.COPY * self.n_blocks),
            }
        if is_sparse and learns:
            job |= sparse_gradient.of_job(X, real, self.chunk, self.n_blocks, self.bytes)
        if self.continues is not None:
            job |= {"continues": self.at(self.continues), "sums_of_W": self.at(self.sums_of_W)}
            if learns:
                job["running_sums"] = sparse.running_sums(real)
                job["gradient_of_sums"] = sparse.gradient_of_sums(real)
        self.numbers = zeros(len(JOB), np.int64)
        self.numbers[:] = [job[name] for name in JOB]
        self.numbers.view(np.float64)[L2] = l2
        self.layers = table[1:]
        return self.take(theta, given, gradient, vectors, plan)

    def take(
        self,
        theta: Floats,
        given: Rows,
        gradient: Floats | None = None,
        vectors: Mapping[str, Floats] = NO_VECTORS,
        plan: EpochPlan | None = None,
    ) -> int:
        """Do the same job with other arrays of the same kinds; its address."""
        X: Any = given.X
        rates = None if plan is None else np.array(plan.rates, dtype=np.float64)
        self.given = (theta, given, gradient, vectors, plan, rates)  # kept alive
        numbers, layers = self.numbers, self.layers
        for entry, vector in ((W, theta), (M, vectors.get("m")), (V, vectors.get("v"))):
            layers[:, entry] = layers[:, AT] + address(vector)
        for entry, name in ((SCALE, "a"), (SCALE_M, "a_m"), (SCALE_V, "a_v")):
            numbers[entry] = address(vectors.get(name))
        for l, turned in self.turned.items():
            at = layers[l, AT] // self.size
            turned[...] = theta[at : at + turned.size].reshape(turned.T.shape).T
        self.sum_up(theta)
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
            numbers[L2_OF_SUM] = plan.l2_of_sum
        numbers[GRADIENT] = address(gradient)
        self.results[:] = 0
        return address(numbers)

    def sum_up(self, theta: Floats) -> None:
        """Make the running sums of the first W, where inputs continue codes."""
        if self.continues is None:
            return
        d, h = self.network.n_inputs, self.network.layers[0].n_outputs
        sparse.sum_up(self.real)(
            address(theta), address(self.continues), d, h, address(self.sums_of_W)
        )

    def panel_table(self) -> NDArray[np.int64]:
        """The panels as the passes read them."""
        layers = self.network.layers
        efforts = np.array(
            [
                rows * layers[l].n_outputs * weight_effort(self.chunk, 1.0 if l else self.density)
                for l, _, rows in self.panels
            ]
        )
        middles = (np.cumsum(efforts) - efforts / 2) / efforts.sum()
        table = zeros(len(self.panels) * len(PANEL), np.int64).reshape(-1, len(PANEL))
        table[:, :SHARE] = self.panels
        table[:, SHARE] = middles * SHARES
        return table


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
