"""Options: what a user may decide about a training, and the defaults where nothing was decided.

Options are plain data, so that a command line, a configuration file and a model file can hold them.
`settled` makes every choice that was left open, from the size of the table; the functions after it
turn the strings into values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np

from chainrule.activations import ACTIVATIONS
from chainrule.choices import choose
from chainrule.errors import InputError
from chainrule.initializers import INITIALIZERS
from chainrule.losses import (
    LOSSES,
    BinaryCrossEntropy,
    Huber,
    Loss,
    Quantile,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network, multilayer_perceptron
from chainrule.optimizers import LBFGS, OPTIMIZERS, AdamW, Optimizer, ScaledAdamW
from chainrule.schedules import SCHEDULES, Cosine, Schedule, WarmUp
from chainrule.training import TrainingSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What a user may decide; None leaves it to `prepare`, which follows rows and columns.

    Attributes:
        task: "regression" or "classification"; found from the target's values.
        loss: a name of `losses.LOSSES`, with its parameter after a colon if it has one:
            "huber:1.5" (in standard deviations of the target), "quantile:0.1,0.5,0.9".
        label_smoothing: of the cross-entropies.
        hidden: width of each hidden layer; () is a linear model.
        activation: one name for all hidden layers, or one for each.
        dropout: share of hidden activations dropped in training.
        initializer: a name of `initializers.INITIALIZERS`.
        optimizer: a name of `optimizers.OPTIMIZERS`.
        rate: the base learning rate.
        schedule: a name of `schedules.SCHEDULES`.
        decay: decoupled weight decay, of adamw and scaled_adamw only.
        l2: weight of the penalty l2 / 2 sum W^2.
        batch_size: rows for each step.
        epochs: passes over the training rows, at most.
        patience: epochs without a better validation loss before training stops; 0 never stops.
        bins: most intervals of the piecewise-linear encoding of each number column; 0 for none.
        bins_by: where the borders of these intervals lie: at "quantiles", or where the "target"
            changes.
        kinds: columns whose kind the user knows better: {"zip": "category"}.
        ignore: columns left out.
        missing: words and numbers that stand for a missing value in every column.
        weight: the column of row weights.
        valid_fraction: share of the rows held out to choose the best epoch.
        members: networks whose predictions are averaged.
        seed: of everything random.
    """

    task: str | None = None
    loss: str | None = None
    label_smoothing: float | None = None
    hidden: tuple[int, ...] | None = None
    activation: tuple[str, ...] | None = None
    dropout: float | None = None
    initializer: str | None = None
    optimizer: str | None = None
    rate: float | None = None
    schedule: str | None = None
    decay: float | None = None
    l2: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    bins: int | None = None
    bins_by: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    weight: str | None = None
    valid_fraction: float | None = None
    members: int | None = None
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        found: dict[str, Any] = {}
        for option in fields(self):
            value = getattr(self, option.name)
            found[option.name] = (
                list(value)
                if isinstance(value, tuple)
                else dict(value)
                if isinstance(value, Mapping)
                else value
            )
        return found


#: Below this many training rows a small network learns from small batches for longer.
SMALL = 1_000

#: From this many training rows on, batches are large and numbers are cut finely.
LARGE = 10_000

#: Training ends at the latest when this many rows have passed, but not before ten epochs: from
#: 170,000 rows on, an epoch has steps enough for fewer of them to do.
ROWS_TO_SEE = 10_000_000

#: Label smoothing between SMALL and LARGE rows; each of k classes is then told SMOOTHING / k.
SMOOTHING = 0.1

#: A class with this share of the rows is the usual one, and the others are rare.
USUAL = 0.9

#: Rows held out for each network, where that is no more than a quarter of them.
ROWS_TO_JUDGE = 12

#: Rows for each bin of a number, at least: a bend must be learnt from somewhere.
ROWS_OF_A_BIN = 100

#: Bins of all columns together, at most: beyond, a training takes long, and learns noise.
MOST_BINS = 3_000

#: Numbers of the encoded table that bins may make: 1.6 GB.
MOST_CELLS = 400_000_000

#: Where the borders of a number's intervals may lie.
BINS_BY = ("quantiles", "target")

#: What trains where the user names no optimizer.
USUAL_OPTIMIZER = ScaledAdamW.name

#: Losses that only one task has.
REGRESSION_LOSSES = ("squared", "absolute", "huber", "quantile", "poisson")
CLASSIFICATION_LOSSES = ("binary_cross_entropy", "softmax_cross_entropy")


def task_of(options: Options) -> str | None:
    """The task that the options ask for, by name or by their loss; None if they leave it open.

    Raises:
        InputError: the task is unknown, or the loss belongs to the other one.
    """
    tasks = {"regression": REGRESSION_LOSSES, "classification": CLASSIFICATION_LOSSES}
    by_loss = None
    if options.loss is not None:
        name = loss_name(options)
        by_loss = "regression" if name in REGRESSION_LOSSES else "classification"
    if options.task is None:
        return by_loss
    own = choose("task", options.task, tasks)
    if by_loss not in (None, options.task):
        raise InputError(
            f"the loss '{options.loss}' is for {by_loss}, but the task is {options.task}; "
            f"choose one of: {', '.join(own)}."
        )
    return options.task


def loss_name(options: Options) -> str | None:
    """The loss's name without its parameter; None if it is left open.

    Raises:
        InputError: there is no such loss.
    """
    if options.loss is None:
        return None
    name = options.loss.partition(":")[0]
    choose("loss", name, LOSSES)
    return name


def settled(
    options: Options,
    *,
    n: int,
    task: str,
    n_classes: int,
    n_columns: int = 1,
    largest_class: float = 0.0,
    rarest_class: float = 1.0,
) -> Options:
    """The options with every choice made.

    The defaults were chosen by measurement: docs/decisions/0004-defaults.md.

    Args:
        options: with what the user has decided.
        n: rows whose target is known.
        task: "regression" or "classification".
        n_classes: 0 for regression.
        n_columns: of the table, the target not counted.
        largest_class: share of the rows that are of the most frequent class.
        rarest_class: of the least frequent one.
    """
    _check_counts(options)
    second_order = options.optimizer == "lbfgs"
    small, large = n < SMALL, n >= LARGE
    classes = task == "classification"
    defaults: dict[str, Any] = {
        "task": task,
        "loss": _default_loss(task, n_classes),
        # smoothing makes every class likelier than a rare one is
        "label_smoothing": (
            SMOOTHING
            if classes
            and not (small or large)
            and largest_class < USUAL
            and rarest_class >= SMOOTHING / n_classes
            else 0.0
        ),
        "hidden": (128, 128) if small else (256, 256),
        "activation": ("relu",) if classes and not large else ("silu",),
        "dropout": 0.0 if small or second_order else 0.1,
        "optimizer": USUAL_OPTIMIZER,
        "rate": 1e-3 if classes and large else 3e-3,
        "schedule": "cosine",
        "decay": 0.1,
        "l2": 1e-4 if second_order else 0.0,
        "batch_size": 32 if small else 256 if large else 128,
        "epochs": 200 if small or second_order else max(10, min(60, ROWS_TO_SEE // n)),
        "patience": 30 if small or second_order else 20,
        "bins": _default_bins(n, n_columns, classes),
        "bins_by": "target" if large and not classes else "quantiles",
        "valid_fraction": min(0.25, max(0.15 if small else 0.1, ROWS_TO_JUDGE / n)),
        "members": 1 if second_order else _default_members(n),
    }
    open_choices = {
        name: value for name, value in defaults.items() if getattr(options, name) is None
    }
    return replace(options, **open_choices)


def _default_bins(n: int, n_columns: int, classes: bool) -> int:
    """Fewer where there are few rows to learn bends from, or many columns to bend."""
    most = 8 if n < SMALL else 16 if n < LARGE else 128 if classes else 96
    of_all = min(MOST_BINS, MOST_CELLS // max(n, 1))
    return min(most, n // ROWS_OF_A_BIN, of_all // n_columns)


def _default_members(n: int) -> int:
    """Fewer networks where each takes long, and has more to learn from."""
    return 8 if n < LARGE else 4 if n < 100_000 else 2 if n < 500_000 else 1


def _check_counts(options: Options) -> None:
    """Refuse what no layer below looks at."""
    if not 0 <= (options.valid_fraction or 0.0) < 1:
        raise InputError(
            f"valid_fraction is {options.valid_fraction}, but must be at least 0 and below 1, "
            "such as 0.2."
        )
    if options.members is not None and options.members < 1:
        raise InputError(f"members is {options.members}, but must be at least 1.")
    if options.bins_by is not None:
        choose("bins_by", options.bins_by, dict.fromkeys(BINS_BY))
    if (options.bins or 0) < 0:
        raise InputError(f"bins is {options.bins}, but must be 0 or a positive number.")


def _default_loss(task: str, n_classes: int) -> str:
    if task == "regression":
        return "squared"
    return "binary_cross_entropy" if n_classes == 2 else "softmax_cross_entropy"


def network_of(options: Options, n_inputs: int, n_classes: int) -> Network:
    """The network that settled options describe; `n_classes` is 0 for regression."""
    loss = loss_of(options, n_classes)
    if isinstance(loss, Quantile):
        n_outputs = len(loss.levels)
    else:
        n_outputs = n_classes if isinstance(loss, SoftmaxCrossEntropy) else 1
    names = options.activation or ()
    activations = [choose("activation", name, ACTIVATIONS) for name in names]
    hidden = options.hidden or ()
    return multilayer_perceptron(
        n_inputs,
        hidden,
        n_outputs,
        activation=activations[0] if len(activations) == 1 else activations,
        loss=loss,
        dropout=options.dropout or 0.0,
    )


def settings_of(options: Options) -> TrainingSettings:
    """The training settings that settled options describe."""
    optimizer = _optimizer_of(options)
    return TrainingSettings(
        optimizer=optimizer,
        rate=_decided(options.rate),
        schedule=_schedule_of(options),
        batch_size=_decided(options.batch_size),
        epochs=_decided(options.epochs),
        patience=options.patience or None,
        l2=_decided(options.l2),
        initializer=(
            None
            if options.initializer is None
            else choose("initializer", options.initializer, INITIALIZERS)
        ),
        seed=options.seed,
        # SciPy's line search compares losses that differ in their last digits
        dtype=np.float64 if isinstance(optimizer, LBFGS) else np.float32,
    )


def loss_of(options: Options, n_classes: int) -> Loss:
    """The loss that settled options describe.

    Raises:
        InputError: it is unknown, has a parameter that cannot be read, or does not fit the classes.
    """
    text = options.loss or ""
    name, _, parameter = text.partition(":")
    kind = choose("loss", name, LOSSES)
    if kind is Quantile and parameter:
        return Quantile(tuple(_numbers(text, parameter)))
    if kind is Huber and parameter:
        deltas = _numbers(text, parameter)
        if len(deltas) > 1:
            raise InputError(f"the loss huber has one parameter, but '{text}' gives {len(deltas)}.")
        return Huber(deltas[0])
    if parameter:
        raise InputError(f"the loss '{name}' takes no parameter, but '{text}' gives one.")
    if kind is BinaryCrossEntropy:
        if n_classes != 2:
            raise InputError(
                f"binary_cross_entropy is for two classes, but the target has {n_classes}; "
                "use softmax_cross_entropy."
            )
        return BinaryCrossEntropy(options.label_smoothing or 0.0)
    if kind is SoftmaxCrossEntropy:
        return SoftmaxCrossEntropy(options.label_smoothing or 0.0)
    return kind()


def _decided(choice: T | None) -> T:
    if choice is None:
        raise ValueError("these options are not settled")
    return choice


def _optimizer_of(options: Options) -> Optimizer | LBFGS:
    kind = choose("optimizer", options.optimizer or "", OPTIMIZERS)
    return kind(decay=options.decay or 0.0) if issubclass(kind, AdamW) else kind()


def _schedule_of(options: Options) -> Schedule:
    kind = choose("schedule", options.schedule or "", SCHEDULES)
    return WarmUp(then=Cosine()) if kind is WarmUp else kind()


def _numbers(text: str, parameter: str) -> list[float]:
    try:
        return [float(number) for number in parameter.split(",")]
    except ValueError:
        raise InputError(
            f"the loss '{text}' has a parameter that is not a number; "
            "write, for example, huber:1.5 or quantile:0.1,0.5,0.9."
        ) from None
