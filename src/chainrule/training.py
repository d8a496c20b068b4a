"""Training: an iterator of epochs.

    for epoch in train(network, rows, settings, validation=held_out):
        print(epoch.number, epoch.loss, epoch.validation_loss)

Each record holds all that the epoch left behind, the best parameters so far among it. To stop early
is to `break`; what was learnt up to there is in the last record.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.arrays import Floats, Targets
from chainrule.engines import Engine, EpochPlan, Rows, Tell, reference
from chainrule.errors import DivergedError, InputError
from chainrule.gradient_probe import gradient_figures, gradient_sizes
from chainrule.initializers import Initializer, initial_parameters
from chainrule.lbfgs_iterations import lbfgs_iterations
from chainrule.network import Network, Parameters
from chainrule.optimizers import LBFGS, Adam, Optimizer, State
from chainrule.randomness import Purpose, generator
from chainrule.schedules import Constant, Schedule
from chainrule.training_rows import prepared

Metric = Callable[[Targets, Floats, Floats | None], float]
"""A figure from targets, predictions and row weights, in whatever unit its name says."""

START = "loss at the start"
"""The figure of an epoch that says how good the linear model was that training began with."""


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
        l2_of_sum: whether it is the penalty of the sum of the losses, and not of their mean: J is
            (sum_i weight_i loss_i + l2 / 2 sum W^2) / sum_i weight_i, of each batch its own.
        shuffle: whether each epoch sees the rows in an order of its own, or all of them in theirs.
        initializer: how weights are drawn; None lets each activation choose.
        seed: of everything random.
        dtype: float32, or float64 for proofs.
        bfloat16: whether the products of wide layers are made of factors rounded to bfloat16; for
            float32, on CPUs that multiply it.
    """

    optimizer: Optimizer | LBFGS = field(default_factory=Adam)
    rate: float = 1e-3
    schedule: Schedule = field(default_factory=Constant)
    batch_size: int = 256
    epochs: int = 200
    patience: int | None = 20
    tolerance: float = 0.0
    l2: float = 0.0
    l2_of_sum: bool = False
    shuffle: bool = True
    initializer: Initializer | None = None
    seed: int = 0
    dtype: DTypeLike = np.float32
    bfloat16: bool = False

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
        can = np.dtype(self.dtype) == np.float32 and not isinstance(self.optimizer, LBFGS)
        suits = "False, unless the dtype is float32 and the optimizer takes batches"
        _check("bfloat16", self.bfloat16, can or not self.bfloat16, suits)

    def penalty(self, rows: Rows) -> float:
        """`l2` as J of these rows has it."""
        if not self.l2_of_sum:
            return self.l2
        return self.l2 / float(len(rows) if rows.weight is None else rows.weight.sum())


@dataclass(frozen=True)
class Checkpoint:
    """Where a training goes on.

    Attributes:
        number: epochs that lie behind.
        steps: updates taken in them.
        parameters: where they ended.
        state: the optimiser's state there; None starts it anew.
    """

    number: int
    steps: int
    parameters: Parameters
    state: State | None


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
        parameters: where the epoch ended; the average, if the optimiser averages.
        state: the optimiser's state there. Of L-BFGS it is the number of "evaluations" of J.
        best_number: the epoch with the best loss so far, of those since training began or went on.
        best_loss: that loss, or the metric that was monitored in its place.
        best: the parameters after that epoch.
        gradients: of each layer the root mean square of dJ/dW[l] over the probe, where the epoch
            ended; () without a probe.
        start_loss: the loss of the validation rows before it began, if the start may be kept too.
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
    gradients: tuple[float, ...] = ()
    start_loss: float | None = None

    def figures(self) -> dict[str, float | None]:
        """The numbers of the record that are worth keeping of every epoch, by name."""
        return {
            "epoch": self.number,
            "rate": self.rate,
            "loss": self.loss,
            "validation loss": self.validation_loss,
            **self.metrics,
            **gradient_figures(self.gradients),
            **({} if self.start_loss is None else {START: self.start_loss}),
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
    learnt: NDArray[np.int64] | None = None,
    validation: Rows | None = None,
    metrics: Mapping[str, Metric] | None = None,
    monitor: str | None = None,
    probe: Rows | None = None,
    parameters: Parameters | None = None,
    resume: Checkpoint | None = None,
    orders: Iterator[NDArray[np.int64]] | None = None,
    engine: Engine = reference,
    tell: Tell | None = None,
) -> Iterator[Epoch]:
    """Train `network` on `rows`; yields a record after every epoch.

    Args:
        network: what to train.
        rows: what to learn from.
        learnt: the numbers (from 0) of those rows that are learnt from, where not all are: so the
            members of an ensemble share a table.
        settings: how; by default `TrainingSettings()`.
        validation: rows that are not learnt from; they choose the best epoch.
        metrics: figures of the validation rows wanted in every record.
        monitor: the metric, the smaller the better, that chooses the best epoch, ends patience and
            guides an adaptive schedule; by default the loss of the validation rows does, or of the
            training rows where there are none.
        probe: a few rows, on which every record measures each layer's gradient (`gradient_probe`).
        parameters: where to start; by default drawn by `initial_parameters`.
        resume: where to go on, in place of a start; `settings.epochs` counts the epochs before it.
            The best epoch, patience and an adaptive schedule count from there.
        orders: the numbers of the rows as each epoch sees them, without end, in place of `learnt`
            and of orders drawn from the seed; the first is that of the first epoch to come.
        engine: what computes.
        tell: is told, several times a second, which share of the epoch that runs is done; what it
            raises ends the training. An iteration of L-BFGS is not told of.

    Raises:
        InputError: rows that do not fit the network; `learnt` and `orders` together.
        DivergedError: J became NaN or infinite; raised in the epoch in which it did. Records
            yielded before keep what was learnt.
    """
    settings = settings or TrainingSettings()
    rows = prepared("the training rows", network, rows, settings.dtype)
    if validation is not None:
        validation = prepared("the validation rows", network, validation, settings.dtype)
    if probe is not None:
        probe = prepared("the probe's rows", network, probe, settings.dtype)
    if monitor is not None and (validation is None or monitor not in (metrics or {})):
        raise InputError(
            f"the monitor '{monitor}' must be one of the metrics, which are figures of validation "
            "rows: give both."
        )
    if learnt is not None and orders is not None:
        raise InputError("`orders` says which rows are learnt from: leave `learnt` out.")
    if resume is not None:
        parameters = resume.parameters
    if parameters is None:
        draws = generator(settings.seed, Purpose.INITIAL)
        parameters = initial_parameters(
            network, draws, initializer=settings.initializer, dtype=settings.dtype
        )
    else:
        parameters = Parameters(network, parameters.theta).astype(settings.dtype)

    start = (
        Checkpoint(resume.number, resume.steps, parameters, resume.state)
        if resume
        else Checkpoint(0, 0, parameters, None)
    )
    losses: list[float] = []  # as monitored: what the schedule sees
    optimizer = settings.optimizer
    if isinstance(optimizer, LBFGS):
        all_learnt = rows if learnt is None else rows.take(learnt)
        passes = _lbfgs_passes(network, all_learnt, settings, optimizer, start, engine)
    else:
        passes = _batch_passes(
            network, rows, learnt, orders, settings, optimizer, start, losses, engine, tell
        )
    probe_l2 = 0.0 if probe is None else settings.penalty(probe)
    best, best_number, best_loss = parameters, 0, math.inf
    last_progress, progress_loss = start.number, math.inf
    with closing(passes):  # whatever ends the loop ends the thread of L-BFGS too
        for number, done in enumerate(passes, start=start.number + 1):
            validation_loss, figures = (
                (None, {})
                if validation is None or not math.isfinite(done.loss)
                else _judged(network, done.parameters, validation, metrics or {}, engine)
            )
            monitored = done.loss if validation_loss is None else validation_loss
            if monitor in figures and math.isfinite(monitored):
                monitored = figures[monitor]
            if not math.isfinite(monitored) or not np.isfinite(done.parameters.theta).all():
                raise _diverged(number, monitored, optimizer, done.rate)
            if monitored < best_loss:
                best, best_number, best_loss = done.parameters, number, monitored
            if monitored < progress_loss - settings.tolerance:
                last_progress, progress_loss = number, monitored
            losses.append(monitored)
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
                gradients=gradient_sizes(network, done.parameters, probe, probe_l2),
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
    learnt: NDArray[np.int64] | None,
    orders: Iterator[NDArray[np.int64]] | None,
    settings: TrainingSettings,
    optimizer: Optimizer,
    start: Checkpoint,
    losses: Sequence[float],
    engine: Engine,
    tell: Tell | None,
) -> Generator[_Pass, None, None]:
    """Passes in batches, with one step of the optimiser for each; `losses` grows meanwhile."""
    numbers = np.arange(len(rows)) if learnt is None else learnt
    steps = math.ceil(len(numbers) / settings.batch_size)
    total_steps = start.steps + steps * (settings.epochs - start.number)
    parameters = start.parameters
    optimizer = optimizer.for_first_layer(*parameters.W[0].shape)
    state = optimizer.init(parameters.theta) if start.state is None else start.state
    first = start.steps
    for epoch in range(start.number, settings.epochs):
        if orders is not None:
            order = next(orders)
        elif settings.shuffle:
            order = generator(settings.seed, Purpose.SHUFFLE, epoch).permutation(numbers)
        else:
            order = numbers
        plan = EpochPlan(
            order=order,
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
            bfloat16=settings.bfloat16,
            l2_of_sum=settings.l2_of_sum,
        )
        with np.errstate(over="ignore", invalid="ignore"):  # `train` says it, once and plainly
            loss, parameters, state = engine.train_epoch(
                network, parameters, optimizer, state, rows, plan, settings.l2, tell
            )
        first += steps
        answer = Parameters(network, optimizer.answer(state, parameters.theta))
        yield _Pass(first, float(plan.rates[-1]), loss, answer, state)


def _lbfgs_passes(
    network: Network,
    rows: Rows,
    settings: TrainingSettings,
    optimizer: LBFGS,
    start: Checkpoint,
    engine: Engine,
) -> Generator[_Pass, None, None]:
    """Iterations of L-BFGS, each a pass over all rows or several."""
    if any(layer.dropout for layer in network.layers):
        raise InputError(
            "lbfgs compares losses of the same function from step to step, which dropout changes "
            "at random: set dropout to 0, or choose another optimizer."
        )

    l2 = settings.penalty(rows)

    def objective(theta: Floats, tell: Tell) -> tuple[float, Floats]:
        at = Parameters(network, theta.astype(settings.dtype))
        J, gradient = engine.loss_and_gradient(network, at, rows, l2, tell=tell)
        return J, gradient.theta.astype(np.float64)

    most, precision = settings.epochs - start.number, float(np.finfo(settings.dtype).eps)
    iterations = lbfgs_iterations(objective, start.parameters.theta, optimizer, most, precision)
    with closing(iterations):
        for steps, reached in enumerate(iterations, start=start.steps + 1):
            parameters = Parameters(network, reached.theta.astype(settings.dtype))
            yield _Pass(steps, 1.0, reached.J, parameters, {"evaluations": reached.evaluations})


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


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int | np.integer) and bool(value >= least)


def _check(name: str, value: object, holds: bool, expected: str) -> None:
    if not holds:
        raise InputError(f"{name} is {value}, but must be {expected}.")
