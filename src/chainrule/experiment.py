"""An experiment: a table, a target and options, made ready to train.

    experiment = prepare(table, "price")
    for epoch in experiment.train():
        history.append(epoch.figures())
    model = experiment.model(epoch.best, history)

Where the options ask for several members, `ensemble.py` trains them side by side:

    ensemble = Ensemble(experiment)
    for record in ensemble.train(engine):
        print(record.member, record.epoch.number)
    model = ensemble.model()

Everything that was decided for the user is in `experiment.decisions` and in `experiment.options`,
which after `prepare` has no option left open.
"""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule import __version__
from chainrule.arrays import Floats, Targets
from chainrule.engines import Engine, Rows, Tell, reference
from chainrule.errors import InputError, TableError
from chainrule.evaluation import HEADLINE, Evaluation
from chainrule.folds import Fold, folds_of, member_seeds
from chainrule.gradient_probe import probe_of
from chainrule.initializers import initial_parameters
from chainrule.linear_start import LinearModel, beginning_as
from chainrule.losses import SquaredError, central_output
from chainrule.metrics import accuracy, rmse
from chainrule.model import EpochFigures, Member, Model, class_probabilities
from chainrule.monitored_loss import ROBUST, robust_loss
from chainrule.network import Network, Parameters
from chainrule.options import Options, loss_name, network_of, settings_of, settled, task_of
from chainrule.randomness import Purpose, generator
from chainrule.starts import Beginning, EncodedTable, begin, or_the_start
from chainrule.table import (
    BinGuide,
    TableEncoder,
    TargetEncoder,
    column_of,
    copies_in,
    frame_of,
    row_weights,
    rows_with_target,
)
from chainrule.thermometer import pays, thermometer_inputs
from chainrule.training import Epoch, Metric, TrainingSettings, train


@dataclass(frozen=True)
class Experiment:
    """A table made ready to train; see the module.

    Attributes:
        encoder: from columns to inputs, fitted on the rows that are learnt from.
        target: from the target to what the network learns.
        network: what will be trained, once for each member.
        settings: how, but for the seed.
        table: every row whose target is known, encoded.
        folds: for each member its seed and its part of these rows.
        judges: rows of a table of their own that choose every member's best epoch, if given.
        by_differences: the same table and judges by the differences of their bins, which the
            compiled engine reads faster; None where it would not.
        starts: the linear model that each member begins as; empty where they begin at random.
        typical: the trivial answer, from the training rows.
        options: with every choice made.
        decisions: sentences on what was decided about the table, for the screen.
    """

    encoder: TableEncoder
    target: TargetEncoder
    network: Network
    settings: TrainingSettings
    table: Rows
    folds: tuple[Fold, ...]
    judges: Rows | None
    by_differences: tuple[Rows, Rows | None] | None
    starts: tuple[LinearModel, ...]
    typical: tuple[float, ...]
    options: Options
    decisions: tuple[str, ...]

    @cached_property
    def rows(self) -> Rows:
        """The rows that the first member learns from."""
        return self.table.take(self.folds[0].learnt)

    @cached_property
    def validation(self) -> Rows | None:
        """The rows that choose the first member's best epoch; None if there are too few."""
        return self.judging(0)

    def judging(self, member: int) -> Rows | None:
        """The rows that choose the best epoch of that member; None if there are none."""
        if self.judges is not None:
            return self.judges
        held_out = self.folds[member].held_out
        return self.table.take(held_out) if len(held_out) else None

    def read_by(self, engine: Engine, member: int) -> tuple[Rows, Rows | None]:
        """The table and the rows that choose a best epoch, as that engine reads them fastest."""
        if self.by_differences is None or not getattr(engine, "READS_DIFFERENCES", False):
            return self.table, self.judging(member)
        table, judges = self.by_differences
        held_out = self.folds[member].held_out
        return table, (table.take(held_out) if judges is None and len(held_out) else judges)

    def judged_together(self, of_members: Sequence[int]) -> list[tuple[list[int], Rows]]:
        """Validation rows, each part with the places in `of_members` of those that hold it out."""
        parts: dict[bytes, list[int]] = {}
        for i, k in enumerate(of_members):
            key = b"" if self.judges is not None else self.folds[k].held_out.tobytes()
            parts.setdefault(key, []).append(i)
        judging = [(places, self.judging(of_members[places[0]])) for places in parts.values()]
        return [(places, rows) for places, rows in judging if rows is not None]

    def train(
        self, engine: Engine = reference, *, member: int = 0, tell: Tell | None = None
    ) -> Iterator[Epoch]:
        """The epochs of the training of one member, one by one.

        Args:
            engine: what computes.
            member: which, from 0.
            tell: is told how far an epoch is (see `training.train`).

        Raises:
            DivergedError: the loss became NaN or infinite.
        """
        fold, judging = self.folds[member], self.judging(member)
        settings = replace(self.settings, seed=fold.seed)
        metrics: dict[str, Metric] = {HEADLINE[self.target.task]: self._headline}
        if judging is not None and isinstance(self.network.loss, SquaredError):
            metrics[ROBUST] = robust_loss
        start = self._start(member)
        table, validation = self.read_by(engine, member)
        epochs = train(
            self.network,
            table,
            settings,
            learnt=fold.learnt,
            validation=validation,
            metrics=metrics,
            monitor=ROBUST if ROBUST in metrics else None,
            probe=probe_of(self.table, fold.learnt),
            parameters=start,
            engine=engine,
            tell=tell,
        )
        if start is None or judging is None:
            return epochs
        return or_the_start(epochs, start, judging)

    def _start(self, member: int) -> Parameters | None:
        """Where that member begins; None where `train` draws it."""
        if not self.starts:
            return None
        draws = generator(self.folds[member].seed, Purpose.INITIAL)
        drawn = initial_parameters(self.network, draws)
        begun = beginning_as(self.network, drawn, self.starts[member])
        return begun.astype(self.settings.dtype)

    def model(self, parameters: Parameters, history: Sequence[EpochFigures]) -> Model:
        """The model of one member with these parameters, after a training with this history."""
        return self.model_of([Member(parameters, tuple(history))])

    def model_of(self, members: Sequence[Member]) -> Model:
        """The model of these members."""
        judging = self.folds[0].held_out if self.judges is None else self.judges.y
        return Model(
            encoder=self.encoder,
            target=self.target,
            network=self.network,
            members=tuple(members),
            typical=self.typical,
            training={
                "options": self.options.to_dict(),
                "table_rows": len(self.table),
                "training_rows": len(self.folds[0].learnt),
                "validation_rows": len(judging),
                "versions": {
                    "chainrule": __version__,
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            },
        )

    def judge(self, model: Model, of_members: Sequence[int] = (0,)) -> tuple[Evaluation, bool]:
        """The figures of the model, and whether they are of rows it has not learnt from.

        They are of the validation rows, each answered by the members that have not learnt from it,
        or of the training rows where there are no others.

        Args:
            model: with the parameters of these members ...
            of_members: ... whose numbers in the experiment these are.
        """
        parts = self.judged_together(of_members)
        held_out = bool(parts)
        if not parts:
            parts = [(list(range(len(of_members))), self.table)]
        predictions = [model.of(places).predictions(rows.X) for places, rows in parts]
        weights = [rows.weight for _, rows in parts if rows.weight is not None]
        found = model.judge(
            np.concatenate([rows.y for _, rows in parts]),
            np.concatenate(predictions),
            np.concatenate(weights) if weights else None,
        )
        return found, held_out

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
    fewest_rows_of_class: int = 2,
) -> Experiment:
    """Look at the table, decide what is left open, encode it, and build the network.

    Args:
        table: any data frame that narwhals knows; text columns are typed by looking at all of them.
        target: the column to learn.
        options: what the user has decided.
        validation: a table of its own to choose the best epoch by, instead of a share of `table`.
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
    shares = np.bincount(y) / len(y) if n_classes else np.array([0.0, 1.0])
    options = settled(
        options,
        n=len(known),
        task=target_encoder.task,
        n_classes=n_classes,
        n_columns=len(names),
        largest_class=float(shares.max()),
        rarest_class=float(shares.min()),
    )

    fraction = 0.0 if validation is not None else options.valid_fraction or 0.0
    seeds = member_seeds(options.seed, options.members or 1)
    ignored = {name for name, kind in options.kinds.items() if kind == "ignored"}
    ignored.update(options.ignore)
    looked_at = {name: frame[name] for name in names if name not in ignored}
    copies = copies_in(looked_at, known, y) if fraction else None
    folds, said = folds_of(y, fraction, seeds, copies)
    if copies is not None:
        n_distinct = int(copies.max()) + 1
        said.append(
            f"{len(known):,} rows are {n_distinct:,} distinct ones: copies are held out together"
        )
    decisions += said if validation is None and options.valid_fraction else []
    learnt = np.unique(np.concatenate([fold.learnt for fold in folds]))
    encoder = TableEncoder.fit(
        frame[names],
        kinds=options.kinds,
        ignore=options.ignore,
        missing=options.missing,
        bins=options.bins or 0,
        rows=known[learnt],
        guide=_bin_guide(known, y, folds) if options.bins_by == "target" else None,
    )
    network = network_of(options, len(encoder.input_names), n_classes)

    tables = [(frame, known, y)]
    if validation is not None:
        other = frame_of(validation)
        column_of(other, target, "target")
        at = _known_rows(other, target, options, decisions)
        tables.append((other, at, target_encoder.encode(other[target], at)))

    encoded = [
        EncodedTable(
            part,
            at,
            Rows(
                encoder.encode(part, at),
                network.loss.as_targets(of),
                None if options.weight is None else row_weights(part, options.weight, at),
            ),
        )
        for part, at, of in tables
    ]
    begun = begin(network, options, encoder, folds, encoded)
    decisions += begun.said
    settings = settings_of(options)
    return Experiment(
        encoder=begun.encoder,
        target=target_encoder,
        network=network,
        settings=settings,
        table=begun.rows,
        folds=folds,
        judges=begun.judges,
        by_differences=_by_differences(begun, settings.batch_size),
        starts=begun.starts,
        typical=typical_answer(target_encoder, begun.rows.take(learnt)),
        options=options,
        decisions=tuple(decisions),
    )


def _by_differences(begun: Beginning, batch_size: int) -> tuple[Rows, Rows | None] | None:
    """The rows by the differences of their bins, if steps with so many rows are faster so."""
    continues = begun.encoder.continues_bins
    if not pays(begun.rows.X, continues, batch_size):
        return None

    def of(rows: Rows) -> Rows:
        inputs: Any = thermometer_inputs(rows.X, continues)
        return replace(rows, X=inputs)

    return of(begun.rows), None if begun.judges is None else of(begun.judges)


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


def _bin_guide(known: NDArray[np.int64], y: Targets, folds: Sequence[Fold]) -> BinGuide:
    """The rows that nobody holds out, with their targets; classes as columns of 0 and 1."""
    held_out = np.concatenate([fold.held_out for fold in folds])
    rows = np.delete(np.arange(len(known)), held_out)
    of_rows = np.asarray(y)[rows]
    columns = np.eye(int(y.max()) + 1)[of_rows] if y.ndim == 1 else of_rows
    return BinGuide(known[rows], columns)


def typical_answer(target: TargetEncoder, rows: Rows) -> tuple[float, ...]:
    """The share of each class among the training rows, or the mean of the target."""
    weight = rows.weight
    if target.task == "regression":
        return (float(np.average(target.decode(np.asarray(rows.y)), axis=0, weights=weight)[0]),)
    y = np.asarray(rows.y).reshape(-1).astype(np.int64)
    counts = np.bincount(y, weights=weight, minlength=len(target.classes))
    return tuple((counts / counts.sum()).tolist())
