"""The compiled engine: the reference engine's four verbs, as fast as this machine can.

Whole epochs run in compiled code without Python, on several threads, with products by the best BLAS
that can be had. Every number is the reference engine's but for rounding, and the same bits come out
whatever the number of threads. What has no compiled twin is refused by name.

It needs the packages numba and, for its best speed, scipy-openblas32. Numba itself is
imported only where a kernel has to be compiled (`kernels.py`).
"""

from collections.abc import Mapping
from threading import local
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from chainrule.arrays import Floats
from chainrule.cores import cores
from chainrule.engines import EpochPlan, Rows, Tell
from chainrule.engines.compiled.blas import chosen_blas
from chainrule.engines.compiled.cache_lines import aligned
from chainrule.engines.compiled.inputs import require, rows_for
from chainrule.engines.compiled.job import SEEN, STEPS, TOTAL
from chainrule.engines.compiled.job import J as J_AT
from chainrule.engines.compiled.kernels import COMPILED
from chainrule.engines.compiled.optimizers import SCALES, VECTORS
from chainrule.engines.compiled.passes import differentiate, train_steps
from chainrule.engines.compiled.prediction import scores as scores  # one of the four verbs
from chainrule.engines.compiled.sparse import density, kind
from chainrule.engines.compiled.tempo import Tempo
from chainrule.engines.compiled.threads import run_together, share
from chainrule.engines.compiled.workspace import Workspace, check_network, check_optimizer
from chainrule.losses import Quantile, SoftmaxCrossEntropy
from chainrule.network import Network, Parameters
from chainrule.optimizers import LBFGS, Optimizer, State

READS_DIFFERENCES = True
"""Rows may be given as `thermometer.ThermometerInputs`."""

SLICE = 2e9
"""Multiply-adds that run before Python is asked whether it was interrupted: 0.02 to 0.1 s."""

PER_ROW, PER_STEP = 200, 20_000
"""What a row and a step cost beyond their products, in multiply-adds: most of it where networks and
batches are tiny."""


def check(network: Network, optimizer: Optimizer | LBFGS, dtype: DTypeLike) -> None:
    """Refuse by name what has no compiled twin.

    Raises:
        InputError: an activation, a loss or an optimiser of the user's own, or another dtype.
    """
    check_network(network, dtype)
    if isinstance(optimizer, Optimizer):  # L-BFGS takes its steps elsewhere
        check_optimizer(optimizer)


def description() -> str:
    """What products and threads there are, in a few words for the screen."""
    count = cores()
    return f"{chosen_blas().source}, {count} thread{'s' if count > 1 else ''}"


def warm_up(
    network: Network,
    optimizer: Optimizer,
    dtype: DTypeLike = np.float32,
    like: Any = None,
) -> list[str]:
    """Load or compile all that epochs and scores of this network need; the kernels compiled.

    `like` are inputs of the form that will come, at least one row; by default dense ones.

    They are kept on disk, so that the list is empty ever after. What computes losses and gradients
    alone is compiled where it is asked for: few trainings need it, and it takes a second.
    """
    check(network, optimizer, dtype)
    before = len(COMPILED)
    parameters = Parameters.zeros(network, dtype)
    integers = isinstance(network.loss, SoftmaxCrossEntropy)
    width = 1 if isinstance(network.loss, Quantile) else network.n_outputs
    y = np.zeros(1, np.int64) if integers else np.zeros((1, width), dtype)
    X: Any = np.zeros((1, network.n_inputs), dtype) if like is None else like[:1]
    for weight in (None, np.ones(1, dtype)):
        rows = Rows(X, y, weight)
        keys = np.zeros(len(network.layers), np.uint32)
        plan = EpochPlan(np.zeros(1, np.int64), 1, np.full(1, 1e-3), keys)
        optimizer = optimizer.for_first_layer(*parameters.W[0].shape)
        state = optimizer.init(parameters.theta)
        train_epoch(network, parameters, optimizer, state, rows, plan, 1e-4)
    scores(network, parameters, rows.X)
    return COMPILED[before:]


_memory = local()
"""What each thread keeps from call to call: the workspace that it trained with last."""

KEPT = 4_000_000
"""Bytes of a workspace up to which it is kept between epochs; larger ones are made in no time,
compared with what is done in them."""


def mean_loss(network: Network, parameters: Parameters, rows: Rows) -> float:
    """The weighted mean of the rows' losses, without penalty."""
    return _whole(network, _vector(parameters), rows, None, None)


def loss_and_gradient(
    network: Network,
    parameters: Parameters,
    rows: Rows,
    l2: float = 0.0,
    *,
    tell: Tell | None = None,
) -> tuple[float, Parameters]:
    """J and its gradient by theta, on all the rows given."""
    gradient = Parameters(network, np.empty_like(_vector(parameters)))
    J = _whole(network, _vector(parameters), rows, gradient.theta, tell)
    if l2:
        for W, dW in zip(parameters.W, gradient.W, strict=True):
            J += l2 / 2 * float(np.vdot(W, W))
            dW += l2 * W
    return J, gradient


def train_epoch(
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    state: State,
    rows: Rows,
    plan: EpochPlan,
    l2: float = 0.0,
    tell: Tell | None = None,
) -> tuple[float, Parameters, State]:
    """One pass over the rows, one step of the optimiser for each batch.

    Returns the mean of J over the batches as they were met, weighted by their row weights, with the
    new parameters and state. It ends early where J is NaN or infinite, and returns that J.
    """
    check_optimizer(optimizer)
    theta = _moved(parameters.theta)
    rows = rows_for(network, rows, theta.dtype)
    names = VECTORS[type(optimizer)]
    scaled = getattr(optimizer, "d", 0)
    require(scaled in (0, network.n_inputs), f"the optimizer scales {scaled} inputs")
    for name in names:
        size, due = np.size(state[name]), scaled if name in SCALES else theta.size
        require(size == due, f"the optimizer's {name} has {size} numbers")
    vectors = {name: _moved(np.asarray(state[name], dtype=theta.dtype)) for name in names}
    plan = EpochPlan(
        np.ascontiguousarray(plan.order, dtype=np.int64),
        plan.batch_size,
        plan.rates,
        plan.dropout_keys,
        plan.bfloat16,
        plan.l2_of_sum,
    )
    order = plan.order
    require(0 <= order.min() <= order.max() < len(rows), "the order names a row there is not")
    most_rows = min(plan.batch_size, len(plan.order))
    space = _trained(network, theta.dtype, most_rows, optimizer, rows, l2, plan.bfloat16)
    gradient = np.empty_like(theta) if most_rows > space.chunk else None
    job = space.turn_to(theta, rows, gradient, vectors, plan)
    space.results[STEPS] = state.get("t", 0)
    if l2:
        for i, (l, first, count) in enumerate(space.panels):
            W = parameters.W[l][first : first + count]
            space.panel_squares[i] = float(np.vdot(W, W))
    tempo, first, n = _tempo(network), 0, min(len(plan.rates) * plan.batch_size, len(order))
    train_steps(job, 0, 0, 0, 0)  # no step: if it has to be compiled, then outside of any timing
    with share() as threads:
        while first < n and np.isfinite(space.results[J_AT]):
            most = min(threads(), space.n_blocks)
            count = tempo.threads(most)
            # until both ways of going are known slices are short, yet longer than a thread's start
            tries = most > 1 and not tempo.known
            stop = min(_slice_end(space, most_rows, first, SLICE / 20 if tries else SLICE), n)
            began = perf_counter()
            run_together(train_steps, space, job, space.sync, count, first, stop)
            tempo.note(count, (perf_counter() - began) / (stop - first))
            first = stop
            if tell is not None:
                tell(first / n)
    space.put_back()
    counted = {"t": int(space.results[STEPS])} if "t" in state else {}
    found = Parameters(network, theta), {**counted, **vectors}
    if not np.isfinite(space.results[J_AT]):
        return float(space.results[J_AT]), *found
    return float(space.results[TOTAL] / space.results[SEEN]), *found


class _Trained(Workspace):
    """A workspace that is used again in the next epoch, if that is as this one was.

    While it is used nobody else has it: whoever is told of the progress may train too.
    """

    def __init__(self, kind: tuple[Any, ...], optimizer: Optimizer, rows: Rows, l2: float) -> None:
        self.kind = kind
        network, dtype, most_rows = kind[:3]
        super().__init__(network, dtype, most_rows, rows.X, kind[-1])
        self.optimizer, self.l2 = optimizer, l2
        self.ready = False

    def turn_to(
        self,
        theta: Floats,
        rows: Rows,
        gradient: Floats | None,
        vectors: Mapping[str, Floats],
        plan: EpochPlan,
    ) -> int:
        """The address of the job of an epoch."""
        if self.ready:
            return self.take(theta, rows, gradient, vectors, plan)
        self.ready = True
        return self.job(
            theta, rows, learns=True, gradient=gradient, l2=self.l2, optimizer=self.optimizer,
            vectors=vectors, plan=plan,
        )  # fmt: skip

    def put_back(self) -> None:
        """Leave it for the next epoch, without the arrays of this one."""
        if sum(array.nbytes for array in self.held) <= KEPT:
            self.given = ()
            _memory.trained = self


def _trained(
    network: Network,
    dtype: np.dtype,
    most_rows: int,
    optimizer: Optimizer,
    rows: Rows,
    l2: float,
    bfloat16: bool,
) -> _Trained:
    """The workspace of this thread's last epoch, if it serves again, or a new one."""
    last: _Trained | None = getattr(_memory, "trained", None)
    _memory.trained = None
    weighted = rows.weight is not None
    of = (
        network, dtype, most_rows, optimizer, l2, weighted, kind(rows.X), density(rows.X), bfloat16,
    )  # fmt: skip
    if last is not None and last.kind[0] is network and last.kind[1:] == of[1:]:
        return last
    return _Trained(of, optimizer, rows, l2)


def _moved(vector: Floats) -> Floats:
    """A copy that vector instructions read well."""
    found = aligned(vector.size, vector.dtype)
    found[:] = vector
    return found


def _tempo(network: Network) -> Tempo:
    """The tempo of this thread's last network, or a new one for another."""
    last: tuple[Network, Tempo] | None = getattr(_memory, "tempo", None)
    if last is None or last[0] is not network:
        last = _memory.tempo = (network, Tempo())
    return last[1]


def _whole(
    network: Network, theta: Floats, rows: Rows, gradient: Floats | None, tell: Tell | None
) -> float:
    """Mean loss of all rows, and its gradient into a vector if one is given."""
    rows = rows_for(network, rows, theta.dtype)
    weight = float(len(rows) if rows.weight is None else rows.weight.sum(dtype=np.float64))
    learns = gradient is not None
    space = Workspace(network, theta.dtype, len(rows), rows.X)
    job = space.job(theta, rows, learns=learns, gradient=gradient)
    with share() as threads:
        for start, stop in _slices(len(rows), space):
            run_together(
                differentiate, space, job, space.sync, min(threads(), space.n_blocks),
                start, stop, 1 / weight, int(learns),
            )  # fmt: skip
            if tell is not None:
                tell(stop / len(rows))
    return float(space.results[J_AT])


def _row_cost(network: Network) -> int:
    """Multiply-adds that a row is worth, forward and back."""
    return 3 * network.n_parameters + PER_ROW


def _slice_end(space: Workspace, batch: int, first: int, work: float) -> int:
    """Where a slice of an epoch ends that begins with row `first` of the order.

    It is made of as many whole steps as so much work allows or, where a single step is more than
    that, of some of the step's chunks.
    """
    row_cost = _row_cost(space.network)
    steps = int(work / (batch * row_cost + PER_STEP))
    if steps or batch <= space.chunk:
        return (first // batch + max(1, steps)) * batch
    chunks = max(1, int(work / (space.chunk * row_cost)))
    return min(first + chunks * space.chunk, (first // batch + 1) * batch)


def _slices(n: int, space: Workspace) -> list[tuple[int, int]]:
    """Whole chunks of rows between which Python may be interrupted."""
    rows = max(1, int(SLICE / (_row_cost(space.network) * space.chunk))) * space.chunk
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]


def _vector(parameters: Parameters) -> Floats:
    return np.ascontiguousarray(parameters.theta)
