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
from chainrule.losses import central_output
from chainrule.metrics import accuracy, rmse
from chainrule.model import EpochFigures, Model, class_probabilities
from chainrule.network import Network, Parameters
from chainrule.options import Options, loss_name, network_of, settings_of, settled, task_of
from chainrule.randomness import Purpose, generator
from chainrule.table import (
    TableEncoder,
    TargetEncoder,
    column_of,
    frame_of,
    row_weights,
    rows_with_target,
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
    table: Any,
    target: str,
    options: Options | None = None,
    *,
    validation: Any = None,
    held_out: NDArray[np.int64] | None = None,
    fewest_rows_of_class: int = 2,
) -> Experiment:
    """Look at the table, decide what is left open, encode it, and build the network.

    Args:
        table: any data frame that narwhals knows; text columns are typed by looking at all of them.
        target: the column to learn.
        options: what the user has decided.
        validation: a table of its own to choose the best epoch by, instead of a share of `table`.
        held_out: the rows of `table` (from 0) that choose the best epoch, instead of a share of
            them drawn at random.
        fewest_rows_of_class: a class with fewer rows is refused: 2, as one row cannot be both
            learnt from and checked on; 1 for parts of a table, as cross-validation makes them.

    Raises:
        InputError: a table or an option that cannot be used; says what to do.
    """
    options = options or Options()
    frame = frame_of(table)
    column_of(frame, target, "target")
    if target == options.weight:
        raise InputError(f"'{target}' cannot be both the target and the weight of rows.")
    names = [name for name in frame.columns if name not in (target, options.weight)]
    if not names:
        raise TableError(f"the table has no column beside '{target}' to learn from.")
    decisions: list[str] = []
    known = _known_rows(frame, target, options, decisions)
    target_encoder = _fit_target(frame[target], known, options, fewest_rows_of_class)
    y = target_encoder.encode(frame[target], known)
    n_classes = len(target_encoder.classes)
    options = settled(options, n=len(known), task=target_encoder.task, n_classes=n_classes)

    learnt, judging = known, known[:0]
    if validation is None:
        at = _held_out(y, options, decisions) if held_out is None else np.isin(known, held_out)
        learnt, judging = np.delete(known, at), known[at]
    encoder = TableEncoder.fit(
        frame[names],
        kinds=options.kinds,
        ignore=options.ignore,
        missing=options.missing,
        bins=options.bins or 0,
        rows=learnt,
    )
    network = network_of(options, len(encoder.input_names), n_classes)

    def encoded(part: nw.DataFrame[Any], rows: NDArray[np.int64]) -> Rows:
        y = target_encoder.encode(part[target], rows)
        weight = None if options.weight is None else row_weights(part, options.weight, rows)
        return Rows(encoder.encode(part, rows), network.loss.as_targets(y), weight)

    rows = encoded(frame, learnt)
    judges = encoded(frame, judging) if len(judging) else None
    if validation is not None:
        other = frame_of(validation)
        column_of(other, target, "target")
        judges = encoded(other, _known_rows(other, target, options, decisions))
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


def _known_rows(
    frame: nw.DataFrame[Any], target: str, options: Options, decisions: list[str]
) -> NDArray[np.int64]:
    """The rows (from 0) whose target is known."""
    known = rows_with_target(frame, target, options.missing)
    if known is None:
        return np.arange(len(frame))
    lacking = len(frame) - len(known)
    decisions.append(f"{lacking:,} of {len(frame):,} rows have no '{target}': left out")
    return known


def _fit_target(
    column: nw.Series[Any], rows: NDArray[np.int64], options: Options, fewest_rows: int
) -> TargetEncoder:
    scaling = _SCALINGS.get(loss_name(options) or "", "standard")
    task = task_of(options)
    return TargetEncoder.fit(
        column,
        task=task,
        scaling=scaling,
        missing=options.missing,
        rows=rows,
        fewest_rows=fewest_rows,
    )


def _held_out(y: Targets, options: Options, decisions: list[str]) -> NDArray[np.int64]:
    """Row numbers of the validation part: drawn at random, of each class its share."""
    fraction = options.valid_fraction or 0.0
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


def _typical(target: TargetEncoder, rows: Rows) -> tuple[float, ...]:
    """The share of each class among the training rows, or the mean of the target."""
    weight = rows.weight
    if target.task == "regression":
        return (float(np.average(target.decode(np.asarray(rows.y)), axis=0, weights=weight)[0]),)
    y = np.asarray(rows.y).reshape(-1).astype(np.int64)
    counts = np.bincount(y, weights=weight, minlength=len(target.classes))
    return tuple((counts / counts.sum()).tolist())
