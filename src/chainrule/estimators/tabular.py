"""Estimators for tables as they are: what the classifier and the regressor share.

X goes through `chainrule.experiment.prepare`, as a table does on the command line: its columns are
encoded, and what the user leaves open is decided by measured defaults.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import assert_all_finite, check_consistent_length

from chainrule.arrays import Floats
from chainrule.budget import MOST_MEMBERS, fitted_to
from chainrule.engines.choice import choose_engine
from chainrule.ensemble import Ensemble, HeldOut
from chainrule.errors import InputError
from chainrule.estimators.fit_callbacks import FitTask
from chainrule.estimators.table_input import (
    LabelledRows,
    checked_weights,
    free_name,
    named_frame,
    target_array,
    with_column,
)
from chainrule.estimators.tabular_fitted import FittedTable, curve_of
from chainrule.estimators.tabular_options import check_tabular_parameters, options_of
from chainrule.experiment import prepare
from chainrule.folds import MIN_VALIDATION_ROWS, held_out_parts
from chainrule.model import Model
from chainrule.options import Options


class TabularEstimator(FittedTable):
    """Base of `TabularClassifier` and `TabularRegressor`: it fits."""

    _task: str
    _several_targets: str
    """What to do where y has a column for each of several targets."""

    @abstractmethod
    def _learn_target(self, y: NDArray[Any]) -> None:
        """Take from y what must be known of all targets; refuse what cannot be learnt."""

    @abstractmethod
    def _target_column(self, y: NDArray[Any]) -> tuple[NDArray[Any], Any]:
        """The targets as the cells of a column, and its narwhals type."""

    @abstractmethod
    def _strata(self, y: NDArray[Any]) -> NDArray[np.int64]:
        """Groups of which every split gets its share."""

    @abstractmethod
    def _row_weights(self, y: NDArray[Any], sample_weight: Floats | None) -> Floats | None:
        """What each row counts in the loss."""

    @abstractmethod
    def _take(self, model: Model, held_out: Sequence[HeldOut]) -> None:
        """Keep the model, and what held-out rows tell of it."""

    def _store(self, parameters: Mapping[str, Any]) -> None:
        """Keep the arguments of `__init__`, given as its `locals()`, under their names."""
        left_out = ("self", "__class__")
        self.__dict__.update({k: value for k, value in parameters.items() if k not in left_out})

    # Fitting

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any) -> Self:
        start = monotonic()
        check_tabular_parameters(type(self).__name__, self.get_params(deep=False))
        rows = self._labelled(X, y, sample_weight, reset=True)
        judges = self._judges(validation_data)
        seed = self._seed()
        apart = self._calibration_rows(rows.y, _spare_seed(seed))
        learnt = rows.take(np.delete(np.arange(len(rows.y)), apart)) if len(apart) else rows

        target = free_name(getattr(y, "name", None), rows.frame.columns)
        weighted = rows.weight is not None or (judges is not None and judges.weight is not None)
        weight = free_name("row weight", [*rows.frame.columns, target]) if weighted else None
        experiment = prepare(
            self._table(learnt, target, weight),
            target,
            self._options(seed, weight),
            validation=None if judges is None else self._table(judges, target, weight),
            fewest_rows_of_class=1,
        )
        settings, network = experiment.settings, experiment.network
        choice = choose_engine(self.engine, network, settings.optimizer, settings.dtype)
        # callbacks are told of every epoch, one member after the other
        listened = bool(getattr(self, "_skl_callbacks", None))
        jobs = 1 if listened else effective_n_jobs(-1 if self.n_jobs is None else self.n_jobs)
        until = None if self.time_budget is None else start + self.time_budget
        if until is not None:
            experiment = fitted_to(experiment, choice.engine, until - monotonic(), jobs)
        ensemble = Ensemble(experiment)
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        epochs = len(experiment.folds) * experiment.settings.epochs
        task = FitTask(self, X, y, metadata, epochs)
        for _ in ensemble.train(choice.engine, at_once=jobs, until=until):
            if listened and task.epoch_ended(lambda: {"model_": ensemble.model(ensemble.begun)}):
                break
        model = ensemble.model()
        held_out = ensemble.held_out(model)
        if len(apart):
            apart_rows = rows.take(apart)
            table = self._table(apart_rows, target, weight)
            held_out = (_from_all(model, table, target, apart_rows.weight),)
        self.decisions_ = experiment.decisions
        self._take(model, held_out)
        self._tell()
        task.end()
        return self

    def _options(self, seed: int, weight: str | None) -> Options:
        """The options that the parameters describe."""
        options = options_of(self.get_params(deep=False), self._task, seed, weight)
        if self.time_budget is not None and options.members is None:
            return replace(options, members=MOST_MEMBERS)
        return options

    def _labelled(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> LabelledRows:
        """The rows that count, checked; with `reset`, columns and targets are learnt of them."""
        frame = named_frame(self, X, reset=reset)
        y = self._checked_y(y, frame)
        rows = LabelledRows(frame, y, checked_weights(sample_weight, len(y)))
        if rows.weight is not None and not rows.weight.all():
            rows = rows.take(np.flatnonzero(rows.weight))
        if reset:
            if (n := len(rows.y)) < 2:
                raise InputError(f"Found n_samples={n}, while at least 2 rows are needed to learn.")
            self._learn_target(rows.y)
        return replace(rows, weight=self._row_weights(rows.y, rows.weight))

    def _judges(self, validation_data: Any) -> LabelledRows | None:
        """The user's own validation rows."""
        if validation_data is None:
            return None
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise InputError("validation_data must be (X, y) or (X, y, sample_weight).")
        X, y, *weight = validation_data
        return self._labelled(X, y, weight[0] if weight else None, reset=False)

    def _table(self, rows: LabelledRows, target: str, weight: str | None) -> nw.DataFrame[Any]:
        """The rows with their targets and weights in columns of these names."""
        table = with_column(rows.frame, target, *self._target_column(rows.y))
        if weight is None:
            return table
        weights = np.ones(len(rows.y)) if rows.weight is None else rows.weight
        return with_column(table, weight, weights, nw.Float64)

    def _checked_y(self, y: Any, frame: nw.DataFrame[Any]) -> NDArray[Any]:
        """The targets as an array of shape (n,), none of them missing."""
        if y is None:
            what = f"This {type(self).__name__} estimator"
            raise InputError(f"{what} requires y to be passed, but the target y is None.")
        y = target_array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            raise InputError(
                f"y should be a 1d array, got an array of shape {y.shape} instead: "
                f"{type(self).__name__} learns one target. {self._several_targets}"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(frame, y)
        if y.dtype.kind == "f":
            assert_all_finite(y, input_name="y")
        return y

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer) and self.random_state >= 0:
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _calibration_rows(self, y: NDArray[Any], seed: int) -> NDArray[np.int64]:
        """Rows that are kept apart from training and validation."""
        if not self.calibration_fraction:
            return np.empty(0, dtype=np.int64)
        (held_out,) = held_out_parts(self._strata(y), self.calibration_fraction, 1, seed)
        if len(held_out) < MIN_VALIDATION_ROWS:
            share = f"calibration_fraction={self.calibration_fraction} of {len(y)} rows"
            raise InputError(f"{share} are too few to calibrate by; at least 10 are needed.")
        return held_out

    def _tell(self) -> None:
        if not self.verbose:
            return
        for line in self.decisions_:
            print(line)  # noqa: T201 - as `verbose` asks
        for k, member in enumerate(self.members_):
            best = min(curve_of(member, "validation loss") or curve_of(member, "loss"))
            line = f"member {k}: {len(member.history)} epochs, best loss {best:.6g}"
            print(line)  # noqa: T201 - as `verbose` asks


def _spare_seed(seed: int) -> int:
    """A seed that no member has."""
    return int(np.random.SeedSequence([seed, 1]).generate_state(1, np.uint32)[0])


def _from_all(model: Model, table: Any, target: str, weight: Floats | None) -> HeldOut:
    """Rows of a table that no member has learnt from."""
    scores = model.in_float64().scores(model.encoder.encode(table))
    members = tuple(range(len(model.members)))
    return HeldOut(members, scores, model.target.encode(table[target]), weight)
