"""An experiment: a table, a target and options, made ready to train.

    experiment = prepare(table, "price")
    for epoch in experiment.train():
        history.append(epoch.figures())
    model = experiment.model(epoch.best, history)

Everything that was decided for the user is in `experiment.decisions` and in `experiment.options`,
which after `prepare` has no option left open.
"""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule import __version__
from chainrule.arrays import Floats, Targets
from chainrule.engines import Engine, Rows, reference
from chainrule.errors import InputError, TableError
from chainrule.evaluation import HEADLINE, Evaluation
from chainrule.losses import BinaryCrossEntropy
from chainrule.metrics import accuracy, rmse
from chainrule.model import EpochFigures, Model, central_output, class_probabilities
from chainrule.network import Network, Parameters
from chainrule.options import Options, loss_name, network_of, settings_of, settled, task_of
from chainrule.randomness import Purpose, generator
from chainrule.table import (
    TableEncoder,
    TargetEncoder,
    column_of,
    frame_of,
    missing_rows,
    row_weights,
)
from chainrule.training import Epoch, TrainingSettings, train


@dataclass(frozen=True)
class Experiment:
    """A table made ready to train; see the module.

    Attributes:
        encoder: from columns to inputs, fitted on the training rows.
        target: from the target to what the network learns.
        network: what will be trained.
        settings: how.
        rows: the training rows, encoded.
        validation: the rows that choose the best epoch; None if there are too few rows for it.
        typical: the trivial answer, from the training rows.
        options: with every choice made.
        decisions: sentences on what was decided about the table, for the screen.
    """

    encoder: TableEncoder
    target: TargetEncoder
    network: Network
    settings: TrainingSettings
    rows: Rows
    validation: Rows | None
    typical: tuple[float, ...]
    options: Options
    decisions: tuple[str, ...]

    def train(self, engine: Engine = reference) -> Iterator[Epoch]:
        """The epochs of the training, one by one.

        Raises:
            DivergedError: the loss became NaN or infinite.
        """
        return train(
            self.network,
            self.rows,
            self.settings,
            validation=self.validation,
            metrics={HEADLINE[self.target.task]: self._headline},
            engine=engine,
        )

    def model(self, parameters: Parameters, history: Sequence[EpochFigures]) -> Model:
        """The model with these parameters, after a training that left this history."""
        return Model(
            encoder=self.encoder,
            target=self.target,
            network=self.network,
            parameters=parameters,
            typical=self.typical,
            history=tuple(history),
            training={
                "options": self.options.to_dict(),
                "training_rows": len(self.rows),
                "validation_rows": 0 if self.validation is None else len(self.validation),
                "versions": {
                    "chainrule": __version__,
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            },
        )

    def judge(self, model: Model) -> tuple[Evaluation, bool]:
        """The figures of the model, and whether they are of rows it has not learnt from.

        They are of the validation rows, or of the training rows where there are none.
        """
        rows = self.rows if self.validation is None else self.validation
        scores = reference.scores(model.network, model.parameters, rows.X)
        predictions = model.network.loss.link(scores)
        return model.judge(rows.y, predictions, rows.weight), self.validation is not None

    def _headline(self, y: Targets, predictions: Floats, weight: Floats | None) -> float:
        """Accuracy, or the RMSE in the target's unit."""
        if self.target.task == "classification":
            classes = class_probabilities(predictions).argmax(axis=1)
            return accuracy(np.asarray(y).reshape(-1).astype(np.int64), classes, weight)
        central = central_output(self.network.loss)
        found = self.target.decode(predictions.astype(np.float64))[:, central]
        return rmse(self.target.decode(np.asarray(y, dtype=np.float64))[:, 0], found, weight)


def prepare(
    table: Any, target: str, options: Options | None = None, *, validation: Any = None
) -> Experiment:
    """Look at the table, decide what is left open, encode it, and build the network.

    Args:
        table: any data frame that narwhals knows; text columns are typed by looking at all of them.
        target: the column to learn.
        options: what the user has decided.
        validation: a table of its own to choose the best epoch by, instead of a share of `table`.

    Raises:
        InputError: a table or an option that cannot be used; says what to do.
    """
    options = options or Options()
    frame = frame_of(table)
    column_of(frame, target, "target")
    if target == options.weight:
        raise InputError(f"'{target}' cannot be both the target and the weight of rows.")
    decisions: list[str] = []
    frame = _with_target(frame, target, options, decisions)
    target_encoder = _fit_target(frame[target], options)
    classes = target_encoder.classes
    y = target_encoder.encode(frame[target])
    options = settled(options, n=len(frame), task=target_encoder.task, n_classes=len(classes))

    weight = None if options.weight is None else row_weights(frame, options.weight)
    names = [name for name in frame.columns if name not in (target, options.weight)]
    if not names:
        raise TableError(f"the table has no column beside '{target}' to learn from.")
    inputs = frame[names]
    held_out = np.array([], dtype=np.int64)
    if validation is None:
        held_out = _held_out(y, options, decisions)
    kept = np.delete(np.arange(len(frame)), held_out)
    encoder = TableEncoder.fit(
        inputs[kept] if len(held_out) else inputs,
        kinds=options.kinds,
        ignore=options.ignore,
        missing=options.missing,
        bins=options.bins or 0,
    )
    network = network_of(options, len(encoder.input_names), len(classes))
    X = encoder.encode(inputs)
    y = _as_targets(y, network)
    rows = Rows(X, y, weight)
    judges = None
    if validation is not None:
        judges = _validation_rows(validation, encoder, target_encoder, network, options, decisions)
    elif len(held_out):
        rows, judges = _part(rows, kept), _part(rows, held_out)
    return Experiment(
        encoder=encoder,
        target=target_encoder,
        network=network,
        settings=settings_of(options),
        rows=rows,
        validation=judges,
        typical=_typical(target_encoder, rows),
        options=options,
        decisions=tuple(decisions),
    )


MIN_VALIDATION_ROWS = 10

_SCALINGS = {"poisson": "positive", "absolute": "robust", "huber": "robust", "quantile": "robust"}


def _with_target(
    frame: nw.DataFrame[Any], target: str, options: Options, decisions: list[str]
) -> nw.DataFrame[Any]:
    """The rows whose target is known."""
    unknown = missing_rows(frame[target], options.missing)
    if not len(unknown):
        return frame
    if len(unknown) == len(frame):
        raise TableError(
            f"the target column '{target}' is empty in every row; "
            "a network learns from rows whose target is known."
        )
    decisions.append(f"{len(unknown):,} of {len(frame):,} rows have no '{target}': left out")
    return frame[np.delete(np.arange(len(frame)), unknown)]


def _fit_target(column: nw.Series[Any], options: Options) -> TargetEncoder:
    scaling = _SCALINGS.get(loss_name(options) or "", "standard")
    return TargetEncoder.fit(
        column, task=task_of(options), scaling=scaling, missing=options.missing
    )


def _held_out(y: Targets, options: Options, decisions: list[str]) -> NDArray[np.int64]:
    """Row numbers of the validation part: drawn at random, of each class its share."""
    fraction = options.valid_fraction or 0.0
    if not 0 <= fraction < 1:
        raise InputError(
            f"valid_fraction is {fraction}, but must be at least 0 and below 1, such as 0.2."
        )
    draws = generator(options.seed, Purpose.SPLIT)
    groups = [np.flatnonzero(y == c) for c in np.unique(y)] if y.ndim == 1 else [np.arange(len(y))]
    found = np.sort(
        np.concatenate([draws.permutation(rows)[: round(fraction * len(rows))] for rows in groups])
    )
    if fraction and len(found) < MIN_VALIDATION_ROWS:
        decisions.append(
            f"{len(y):,} rows are too few to hold some out: every row is learnt from, and the "
            "figures at the end are of rows that the network has seen"
        )
        return found[:0]
    return found


def _validation_rows(
    table: Any,
    encoder: TableEncoder,
    target: TargetEncoder,
    network: Network,
    options: Options,
    decisions: list[str],
) -> Rows:
    """The rows of a validation table of its own."""
    frame = frame_of(table)
    column_of(frame, target.name, "target")
    frame = _with_target(frame, target.name, options, decisions)
    weight = None if options.weight is None else row_weights(frame, options.weight)
    y = _as_targets(target.encode(frame[target.name]), network)
    return Rows(encoder.encode(frame), y, weight)


def _as_targets(y: Targets, network: Network) -> Targets:
    """Encoded targets in the form that the loss takes."""
    if isinstance(network.loss, BinaryCrossEntropy):
        return y.astype(np.float64)[:, None]
    return y


def _part(rows: Rows, at: NDArray[np.int64]) -> Rows:
    return Rows(rows.X[at], rows.y[at], None if rows.weight is None else rows.weight[at])


def _typical(target: TargetEncoder, rows: Rows) -> tuple[float, ...]:
    """The share of each class among the training rows, or the mean of the target."""
    weight = rows.weight
    if target.task == "regression":
        return (float(np.average(target.decode(np.asarray(rows.y)), axis=0, weights=weight)[0]),)
    y = np.asarray(rows.y).reshape(-1).astype(np.int64)
    counts = np.bincount(y, weights=weight, minlength=len(target.classes))
    return tuple((counts / counts.sum()).tolist())
