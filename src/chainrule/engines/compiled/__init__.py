"""The compiled engine: the reference engine's four verbs, as fast as this machine can.

Whole epochs run in compiled code without Python, on several threads, with products by the best BLAS
that can be had. Every number is the reference engine's but for rounding, and the same bits come out
whatever the number of threads. What has no compiled twin is refused by name.

It needs the packages numba and, for its best speed, scipy-openblas32; importing this module takes a
third of a second, so it is imported only by those who train.
"""

from threading import local
from time import perf_counter

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse

from chainrule.arrays import Floats, Targets
from chainrule.engines import EpochPlan, Rows
from chainrule.engines.compiled.blas import chosen_blas
from chainrule.engines.compiled.cache import COMPILED
from chainrule.engines.compiled.optimizers import VECTORS
from chainrule.engines.compiled.passes import (
    SEEN,
    STEPS,
    TOTAL,
    differentiate,
    score,
    train_steps,
)
from chainrule.engines.compiled.passes import J as J_AT
from chainrule.engines.compiled.passes import X as X_AT
from chainrule.engines.compiled.threads import Tempo, cores, run_together, share
from chainrule.engines.compiled.workspace import Workspace, check_network, check_optimizer
from chainrule.errors import InputError
from chainrule.losses import Quantile, SoftmaxCrossEntropy
from chainrule.network import Network, Parameters
from chainrule.optimizers import LBFGS, Optimizer, State

SLICE = 2e9
"""Multiply-adds that run before Python is asked whether it was interrupted: 0.02 to 0.1 s."""

ROWS_ASKED = 256
"""Rows that are asked for scores at once: few enough that their activations stay in the cache."""

_DENSE = (
    "the compiled engine takes dense tables only, and X is sparse: choose the engine "
    "'auto', or convert X with X.toarray() if it fits into memory."
)


def check(
    network: Network, optimizer: Optimizer | LBFGS, dtype: DTypeLike, *, sparse: bool = False
) -> None:
    """Refuse by name what has no compiled twin.

    Raises:
        InputError: an activation, a loss or an optimiser of the user's own, another dtype, or
            sparse inputs.
    """
    if sparse:
        raise InputError(_DENSE)
    check_network(network, dtype)
    if isinstance(optimizer, Optimizer):  # L-BFGS takes its steps elsewhere
        check_optimizer(optimizer)


def description() -> str:
    """What products and threads there are, in a few words for the screen."""
    count = cores()
    return f"{chosen_blas().source}, {count} thread{'s' if count > 1 else ''}"


def warm_up(network: Network, optimizer: Optimizer, dtype: DTypeLike = np.float32) -> list[str]:
    """Load or compile all that training and asking this network needs; the kernels compiled.

    They are kept on disk, so that the list is empty ever after.
    """
    check(network, optimizer, dtype)
    before = len(COMPILED)
    parameters = Parameters.zeros(network, dtype)
    integers = isinstance(network.loss, SoftmaxCrossEntropy)
    width = 1 if isinstance(network.loss, Quantile) else network.n_outputs
    y = np.zeros(1, np.int64) if integers else np.zeros((1, width), dtype)
    for weight in (None, np.ones(1, dtype)):
        rows = Rows(np.zeros((1, network.n_inputs), dtype), y, weight)
        keys = np.zeros(len(network.layers), np.uint32)
        plan = EpochPlan(np.zeros(1, np.int64), 1, np.full(1, 1e-3), keys)
        state = optimizer.init(parameters.theta)
        train_epoch(network, parameters, optimizer, state, rows, plan, 1e-4)
    mean_loss(network, parameters, rows)
    scores(network, parameters, rows.X)
    return COMPILED[before:]


def scores(network: Network, parameters: Parameters, X: Floats) -> Floats:
    """Scores of shape (n, k): the last layer's sums, before the loss's link."""
    theta = _vector(parameters)
    n = X.shape[0]
    found = np.empty((n, network.n_outputs), dtype=theta.dtype)
    if n == 0:
        return found
    X = _table(X, theta.dtype)
    _require(X.shape == (n, network.n_inputs), f"inputs have shape {X.shape}")
    asked = _asked(network, theta, n)
    out = asked.turn_to(X, found)
    if n <= asked.block:
        asked.sync[:] = 0
        score(asked.address, 0, 0, 0, n, out)
        return found
    with share() as threads:
        for start, stop in _slices(n, asked, network.n_parameters):
            run_together(
                score,
                (asked, X, found),
                asked.address,
                asked.sync,
                min(threads(), asked.n_blocks),
                start,
                stop,
                out,
            )
    return found


class _Asked(Workspace):
    """A workspace that is asked for scores again and again, of other rows each time."""

    def __init__(self, network: Network, theta: Floats, n: int) -> None:
        super().__init__(network, theta.dtype, n)
        self.theta, self.n = theta, n
        self.block = min(n, ROWS_ASKED)
        self.chunk = min(n, self.block * cores())
        nothing = np.empty((n, 0), dtype=theta.dtype)
        self.address = self.job(theta, Rows(nothing, nothing), learns=False)
        self.table = self.held[-1]

    def turn_to(self, X: Floats, found: Floats) -> int:
        """Take the inputs from X; the address of `found`."""
        self.table[X_AT] = X.__array_interface__["data"][0]
        address: int = found.__array_interface__["data"][0]
        return address


_memory = local()


def _asked(network: Network, theta: Floats, n: int) -> _Asked:
    """The workspace that this thread asked last, if it is for these very parameters."""
    last: _Asked | None = getattr(_memory, "last", None)
    if last is None or last.n != n or last.theta is not theta or last.network is not network:
        last = _memory.last = _Asked(network, theta, n)
    return last


def mean_loss(network: Network, parameters: Parameters, rows: Rows) -> float:
    """The weighted mean of the rows' losses, without penalty."""
    return _whole(network, _vector(parameters), rows, None)


def loss_and_gradient(
    network: Network, parameters: Parameters, rows: Rows, l2: float = 0.0
) -> tuple[float, Parameters]:
    """J and its gradient by theta, on all the rows given."""
    gradient = Parameters(network, np.empty_like(_vector(parameters)))
    J = _whole(network, _vector(parameters), rows, gradient.theta)
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
) -> tuple[float, Parameters, State]:
    """One pass over the rows, one step of the optimiser for each batch.

    Returns the mean of J over the batches as they were met, weighted by their row weights, with the
    new parameters and state. It ends early where J is NaN or infinite, and returns that J.
    """
    check_optimizer(optimizer)
    theta = _vector(parameters).copy()
    rows = _rows(network, rows, theta.dtype)
    names = VECTORS[type(optimizer)]
    vectors = {name: np.array(state[name], dtype=theta.dtype) for name in names}
    for name, vector in vectors.items():
        _require(vector.shape == theta.shape, f"the optimizer's {name} has {vector.size} numbers")
    plan = EpochPlan(
        np.ascontiguousarray(plan.order, dtype=np.int64),
        plan.batch_size,
        plan.rates,
        plan.dropout_keys,
    )
    order = plan.order
    _require(0 <= order.min() <= order.max() < len(rows), "the order names a row there is not")
    most_rows = min(plan.batch_size, len(plan.order))
    space = Workspace(network, theta.dtype, most_rows)
    gradient = np.empty_like(theta) if most_rows > space.chunk else None
    job = space.job(
        theta, rows, learns=True, gradient=gradient, l2=l2, optimizer=optimizer,
        vectors=(vectors.get("m"), vectors.get("v")), plan=plan,
    )  # fmt: skip
    space.results[STEPS] = state.get("t", 0)
    if l2:
        for i, (l, first, count) in enumerate(space.panels):
            W = parameters.W[l][first : first + count]
            space.panel_squares[i] = float(np.vdot(W, W))
    steps = min(len(plan.rates), -(-len(plan.order) // plan.batch_size))
    at_once = max(1, int(SLICE / (3 * most_rows * network.n_parameters)))
    tempo, first = _tempo(network), 0
    train_steps(job, 0, 0, 0, 0)  # no step: if it has to be compiled, then outside of any timing
    with share() as threads:
        while first < steps and np.isfinite(space.results[J_AT]):
            most = min(threads(), space.n_blocks)
            count = tempo.threads(most)
            # until both ways of going are known, slices are short
            stop = min(first + (at_once if tempo.known or most == 1 else -(-steps // 20)), steps)
            stop = min(stop, first + at_once)
            began = perf_counter()
            run_together(train_steps, space, job, space.sync, count, first, stop)
            tempo.note(count, (perf_counter() - began) / (stop - first))
            first = stop
    counted = {"t": int(space.results[STEPS])} if "t" in state else {}
    found = Parameters(network, theta), {**counted, **vectors}
    if not np.isfinite(space.results[J_AT]):
        return float(space.results[J_AT]), *found
    return float(space.results[TOTAL] / space.results[SEEN]), *found


def _tempo(network: Network) -> Tempo:
    """The tempo of this thread's last network, or a new one for another."""
    last: tuple[Network, Tempo] | None = getattr(_memory, "tempo", None)
    if last is None or last[0] is not network:
        last = _memory.tempo = (network, Tempo())
    return last[1]


def _whole(network: Network, theta: Floats, rows: Rows, gradient: Floats | None) -> float:
    """Mean loss of all rows, and its gradient into a vector if one is given."""
    rows = _rows(network, rows, theta.dtype)
    weight = float(len(rows) if rows.weight is None else rows.weight.sum(dtype=np.float64))
    learns = gradient is not None
    space = Workspace(network, theta.dtype, len(rows))
    job = space.job(theta, rows, learns=learns, gradient=gradient)
    with share() as threads:
        for start, stop in _slices(len(rows), space, network.n_parameters):
            run_together(
                differentiate, space, job, space.sync, min(threads(), space.n_blocks),
                start, stop, 1 / weight, int(learns),
            )  # fmt: skip
    return float(space.results[J_AT])


def _slices(n: int, space: Workspace, p: int) -> list[tuple[int, int]]:
    """Whole chunks of rows between which Python may be interrupted."""
    rows = max(1, int(SLICE / (3 * p * space.chunk))) * space.chunk
    return [(start, min(start + rows, n)) for start in range(0, n, rows)]


def _vector(parameters: Parameters) -> Floats:
    return np.ascontiguousarray(parameters.theta)


def _table(X: Floats, dtype: np.dtype) -> Floats:
    """Inputs as the kernels read them.

    Raises:
        InputError: a sparse array.
    """
    if issparse(X):
        raise InputError(_DENSE)
    return np.ascontiguousarray(X, dtype=dtype)


def _rows(network: Network, rows: Rows, dtype: np.dtype) -> Rows:
    """The rows as the kernels read them: contiguous, of one dtype, classes as int64.

    Kernels look at no bounds, so what would lead them outside of an array ends here.

    Raises:
        InputError: shapes that do not fit the network, or a class that it does not have.
    """
    X, (n, k) = _table(rows.X, dtype), (len(rows), network.n_outputs)
    kind = np.int64 if isinstance(network.loss, SoftmaxCrossEntropy) else dtype
    y: Targets = np.ascontiguousarray(rows.y, dtype=kind)
    weight = None if rows.weight is None else np.ascontiguousarray(rows.weight, dtype=dtype)
    if kind is np.int64:
        expected: tuple[int, ...] = (n,)
        _require(not n or 0 <= y.min() <= y.max() < k, f"a class is not from 0 to {k - 1}")
    else:
        expected = (n, 1 if isinstance(network.loss, Quantile) else k)
    _require(X.shape == (n, network.n_inputs), f"inputs have shape {X.shape}")
    _require(y.shape == expected, f"targets have shape {y.shape}, not {expected}")
    _require(weight is None or weight.shape == (n,), "there is not one weight for each row")
    return Rows(X, y, weight)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise InputError(f"{what}: these rows do not fit this network.")
