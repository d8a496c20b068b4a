"""Training: an iterator of epochs.

    for epoch in train(network, rows, settings, validation=held_out):
        print(epoch.number, epoch.loss, epoch.validation_loss)

Each record holds all that the epoch left behind, the best parameters so far among it. To stop early
is to `break`; what was learnt up to there is in the last record.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread

import numpy as np
from numpy.typing import DTypeLike
from scipy.optimize import OptimizeResult, minimize

from chainrule.arrays import Floats, Targets
from chainrule.engines import Engine, EpochPlan, Rows, reference
from chainrule.errors import DivergedError, InputError
from chainrule.initializers import Initializer, initial_parameters
from chainrule.network import Network, Parameters
from chainrule.optimizers import LBFGS, Adam, Optimizer, State
from chainrule.randomness import Purpose, generator
from chainrule.schedules import Constant, Schedule

Metric = Callable[[Targets, Floats, Floats | None], float]
"""A figure from targets, predictions and row weights, in whatever unit its name says."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        optimizer: what makes updates of gradients.
        rate: the base learning rate.
        schedule: the rate of each step, from the base rate.
        batch_size: rows for each step; a number above n means all of them.
        epochs: passes over the rows, at most.
        patience: stop after this many epochs without a better loss; None never stops early. The
            loss is that of the validation rows, or of the training rows where there are none.
        tolerance: a loss is better if it is below the best by more than this.
        l2: weight of the penalty l2 / 2 sum W^2 in J.
        initializer: how weights are drawn; None lets each activation choose.
        seed: of everything random.
        dtype: float32, or float64 for proofs.
    """

    optimizer: Optimizer | LBFGS = field(default_factory=Adam)
    rate: float = 1e-3
    schedule: Schedule = field(default_factory=Constant)
    batch_size: int = 256
    epochs: int = 200
    patience: int | None = 20
    tolerance: float = 0.0
    l2: float = 0.0
    initializer: Initializer | None = None
    seed: int = 0
    dtype: DTypeLike = np.float32

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        _check("rate", self.rate, 0 < self.rate < math.inf, "a positive number")
        _check(
            "batch_size", self.batch_size, _is_whole(self.batch_size, 1), "a whole number from 1"
        )
        _check("epochs", self.epochs, _is_whole(self.epochs, 1), "a whole number from 1")
        patient = self.patience is None or _is_whole(self.patience, 1)
        _check("patience", self.patience, patient, "a whole number from 1, or None")
        _check("tolerance", self.tolerance, self.tolerance >= 0, "0 or a positive number")
        _check("l2", self.l2, 0 <= self.l2 < math.inf, "0 or a positive number")
        seeds = "a whole number from 0 to 2^64 - 1"
        _check("seed", self.seed, _is_whole(self.seed, 0) and self.seed < 2**64, seeds)
        known = np.dtype(self.dtype) in (np.dtype(np.float32), np.dtype(np.float64))
        _check("dtype", self.dtype, known, "float32 or float64")


@dataclass(frozen=True)
class Epoch:
    """What one epoch left behind.

    Attributes:
        number: 1, 2, ...
        steps: updates taken since training began.
        rate: the learning rate of the epoch's last step.
        loss: the mean of J over the epoch's batches as they were met, penalty included.
        validation_loss: mean loss of the validation rows after the epoch, without penalty.
        metrics: the metrics asked for, of the validation rows.
        parameters: where the epoch ended.
        state: the optimiser's state there.
        best_number: the epoch with the best loss so far.
        best_loss: that loss.
        best: the parameters after that epoch.
    """

    number: int
    steps: int
    rate: float
    loss: float
    validation_loss: float | None
    metrics: Mapping[str, float]
    parameters: Parameters
    state: State
    best_number: int
    best_loss: float
    best: Parameters

    def figures(self) -> dict[str, float | None]:
        """The numbers of the record that are worth keeping of every epoch, by name."""
        return {
            "epoch": self.number,
            "rate": self.rate,
            "loss": self.loss,
            "validation loss": self.validation_loss,
            **self.metrics,
        }

    @property
    def is_best(self) -> bool:
        """Whether no epoch before was better."""
        return self.number == self.best_number


def train(
    network: Network,
    rows: Rows,
    settings: TrainingSettings | None = None,
    *,
    validation: Rows | None = None,
    metrics: Mapping[str, Metric] | None = None,
    parameters: Parameters | None = None,
    engine: Engine = reference,
) -> Iterator[Epoch]:
    """Train `network` on `rows`; yields a record after every epoch.

    Args:
        network: what to train.
        rows: what to learn from.
        settings: how; by default `TrainingSettings()`.
        validation: rows that are not learnt from; they choose the best epoch.
        metrics: figures of the validation rows wanted in every record.
        parameters: where to start; by default drawn by `initial_parameters`.
        engine: what computes.

    Raises:
        InputError: rows that do not fit the network.
        DivergedError: J became NaN or infinite; raised in the epoch in which it did. Records
            yielded before keep what was learnt.
    """
    settings = settings or TrainingSettings()
    rows = _prepared("the training rows", network, rows, settings.dtype)
    if validation is not None:
        validation = _prepared("the validation rows", network, validation, settings.dtype)
    if parameters is None:
        draws = generator(settings.seed, Purpose.INITIAL)
        parameters = initial_parameters(
            network, draws, initializer=settings.initializer, dtype=settings.dtype
        )
    else:
        parameters = Parameters(network, parameters.theta).astype(settings.dtype)

    optimizer = settings.optimizer
    passes = (
        _lbfgs_passes(network, rows, settings, optimizer, parameters, engine)
        if isinstance(optimizer, LBFGS)
        else _batch_passes(network, rows, settings, optimizer, parameters, engine)
    )
    best, best_number, best_loss = parameters, 0, math.inf
    last_progress, progress_loss = 0, math.inf
    with closing(passes):  # whatever ends the loop ends the thread of L-BFGS too
        for number, done in enumerate(passes, start=1):
            validation_loss, figures = (
                (None, {})
                if validation is None or not math.isfinite(done.loss)
                else _judged(network, done.parameters, validation, metrics or {}, engine)
            )
            monitored = done.loss if validation_loss is None else validation_loss
            if not math.isfinite(monitored) or not np.isfinite(done.parameters.theta).all():
                raise _diverged(number, monitored, optimizer, done.rate)
            if monitored < best_loss:
                best, best_number, best_loss = done.parameters, number, monitored
            if monitored < progress_loss - settings.tolerance:
                last_progress, progress_loss = number, monitored
            yield Epoch(
                number=number,
                steps=done.steps,
                rate=done.rate,
                loss=done.loss,
                validation_loss=validation_loss,
                metrics=figures,
                parameters=done.parameters,
                state=done.state,
                best_number=best_number,
                best_loss=best_loss,
                best=best,
            )
            if settings.patience and number - last_progress >= settings.patience:
                return


@dataclass(frozen=True)
class _Pass:
    """One pass over the training rows, before anybody judged it."""

    steps: int
    rate: float
    loss: float
    parameters: Parameters
    state: State


def _batch_passes(
    network: Network,
    rows: Rows,
    settings: TrainingSettings,
    optimizer: Optimizer,
    parameters: Parameters,
    engine: Engine,
) -> Generator[_Pass, None, None]:
    """Passes in shuffled batches, with one step of the optimiser for each batch."""
    n = len(rows)
    steps = math.ceil(n / settings.batch_size)
    total_steps = steps * settings.epochs
    state = optimizer.init(parameters.theta)
    losses: list[float] = []
    for epoch in range(settings.epochs):
        first = epoch * steps
        plan = EpochPlan(
            order=generator(settings.seed, Purpose.SHUFFLE, epoch).permutation(n),
            batch_size=settings.batch_size,
            rates=np.array(
                [
                    settings.schedule.rate(settings.rate, t, total_steps, losses)
                    for t in range(first, first + steps)
                ]
            ),
            dropout_keys=generator(settings.seed, Purpose.DROPOUT, epoch).integers(
                2**32, size=len(network.layers), dtype=np.uint32
            ),
        )
        with np.errstate(over="ignore", invalid="ignore"):  # `train` says it, once and plainly
            loss, parameters, state = engine.train_epoch(
                network, parameters, optimizer, state, rows, plan, settings.l2
            )
        losses.append(loss)
        yield _Pass(first + steps, float(plan.rates[-1]), loss, parameters, state)


def _lbfgs_passes(
    network: Network,
    rows: Rows,
    settings: TrainingSettings,
    optimizer: LBFGS,
    parameters: Parameters,
    engine: Engine,
) -> Generator[_Pass, None, None]:
    """Iterations of SciPy's L-BFGS-B, each a pass.

    SciPy calls back after each iteration, while we are asked for one at a time: so it runs in a
    thread of its own, which waits in the callback until the next iteration is wanted.
    """
    if any(layer.dropout for layer in network.layers):
        raise InputError(
            "lbfgs compares losses of the same function from step to step, which dropout changes "
            "at random: set dropout to 0, or choose another optimizer."
        )
    reports: SimpleQueue[tuple[float, Floats] | BaseException | None] = SimpleQueue()
    go_on: SimpleQueue[bool] = SimpleQueue()

    def objective(theta: Floats) -> tuple[float, Floats]:
        at = Parameters(network, theta.astype(settings.dtype))
        J, gradient = engine.loss_and_gradient(network, at, rows, settings.l2)
        return J, gradient.theta.astype(np.float64)

    def after_iteration(intermediate_result: OptimizeResult) -> None:
        reports.put((float(intermediate_result.fun), intermediate_result.x.copy()))
        if not go_on.get():
            raise StopIteration  # SciPy's way of being asked to stop

    @np.errstate(over="ignore", invalid="ignore")
    def run() -> None:
        try:
            found = minimize(
                objective,
                parameters.theta.astype(np.float64),
                jac=True,
                method="L-BFGS-B",
                callback=after_iteration,
                options={
                    "maxiter": settings.epochs,
                    "maxfun": 20 * settings.epochs,
                    "maxcor": optimizer.memory,
                    "gtol": optimizer.tolerance,
                    "ftol": float(np.finfo(settings.dtype).eps),
                },
            )
            if found.nit == 0:  # no step was possible: the start is all there is to report
                reports.put((float(found.fun), found.x))
            reports.put(None)
        except BaseException as error:
            reports.put(error)

    worker = Thread(target=run, name="chainrule-lbfgs", daemon=True)
    worker.start()
    steps = 0
    try:
        while (report := reports.get()) is not None:
            if isinstance(report, BaseException):
                raise report
            steps += 1
            J, theta = report
            reached = Parameters(network, theta.astype(settings.dtype))
            yield _Pass(steps, 1.0, J, reached, {})
            go_on.put(True)
    finally:
        go_on.put(False)
        worker.join()


def _diverged(number: int, loss: float, optimizer: Optimizer | LBFGS, rate: float) -> DivergedError:
    """What is said when epoch `number` gave a loss or a parameter that is NaN or infinite."""
    what = "a weight became infinite" if math.isfinite(loss) else f"the loss became {loss:g}"
    smaller_rate = f"try a smaller learning rate than {rate:g}, and "
    return DivergedError(
        f"training diverged in epoch {number}: {what}. Numbers grew beyond all bounds; "
        f"{'' if isinstance(optimizer, LBFGS) else smaller_rate}"
        "look for extreme values in the table."
    )


@np.errstate(over="ignore", invalid="ignore")
def _judged(
    network: Network,
    parameters: Parameters,
    validation: Rows,
    metrics: Mapping[str, Metric],
    engine: Engine,
) -> tuple[float, dict[str, float]]:
    """The validation loss and the metrics, from one pass of the validation rows."""
    scores = engine.scores(network, parameters, validation.X)
    losses = network.loss.value(validation.y, scores).astype(np.float64)
    predictions = network.loss.link(scores)
    figures = {
        name: float(metric(validation.y, predictions, validation.weight))
        for name, metric in metrics.items()
    }
    return float(np.average(losses, weights=validation.weight)), figures


@np.errstate(over="ignore", invalid="ignore")
def _prepared(what: str, network: Network, rows: Rows, dtype: DTypeLike) -> Rows:
    """The rows in the dtype of training, after the checks that every engine relies on."""
    X = np.ascontiguousarray(rows.X, dtype=dtype)
    if X.ndim != 2 or X.shape[1] != network.n_inputs:
        raise InputError(
            f"{what} have inputs of shape {X.shape}, "
            f"but this network takes {network.n_inputs} inputs: expected (n, {network.n_inputs})."
        )
    if len(X) == 0:
        raise InputError(f"{what} are empty; at least one row is needed.")
    if len(rows.y) != len(X):
        raise InputError(f"{what} have {len(X)} rows of inputs, but {len(rows.y)} targets.")
    if not np.isfinite(X).all():
        raise InputError(
            f"{what} have inputs that are NaN or infinite in {np.dtype(dtype)}; fill or drop them."
        )
    y = network.loss.checked(rows.y, network.n_outputs)
    y = y.astype(dtype) if np.issubdtype(y.dtype, np.floating) else y
    if not np.isfinite(y).all():
        raise InputError(f"{what} have targets too large for {np.dtype(dtype)}; rescale them.")
    weight = None if rows.weight is None else np.asarray(rows.weight, dtype=dtype)
    if weight is not None:
        if weight.shape != (len(X),):
            raise InputError(f"{what} have {len(X)} rows, but weights of shape {weight.shape}.")
        if not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
            raise InputError(f"the weights of {what} must be finite, not negative, and not all 0.")
    return Rows(X, y, weight)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and bool(value >= least)


def _check(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise InputError(f"{name} is {value}, but must be {expected}.")
