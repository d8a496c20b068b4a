"""A tuning: a table, what is wanted of it, and the way from the defaults to the model.

    tuning = Tuning(Wanted("price", Options(), trials=50), frame)
    for step in tuning.steps():
        print(step)
    tuning.found.model

What there is when the steps are left early is the best so far, in `found`: the network of the best
trial while trials run, and afterwards the best ensemble.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import Any

import narwhals.stable.v2 as nw

from chainrule.cores import cores
from chainrule.engines import Engine
from chainrule.engines.choice import choose_engine
from chainrule.errors import DivergedError, InputError
from chainrule.experiment import Experiment, prepare
from chainrule.model import Model
from chainrule.options import Options
from chainrule.tuning.apart import Parts, parts_of
from chainrule.tuning.finalists import Finalist, points, trained
from chainrule.tuning.gain import Gain, gains
from chainrule.tuning.search import Search
from chainrule.tuning.space import Space, options_with, space_of, values_of
from chainrule.tuning.trials import StudyFile, Trial

ROOM = 1.3
"""The ensembles at the end are given this many times what the longest trial lets one expect."""


@dataclass(frozen=True)
class Wanted:
    """What the user has decided.

    Attributes:
        target: the column to learn.
        options: that are kept; those that are None are searched or follow the table.
        engine: by name.
        seconds: for everything, if limited ...
        until: ... and when that is over, by `time.monotonic`.
        trials: at most.
        share_apart: of the rows that tell the gain, where no test table does.
    """

    target: str
    options: Options
    engine: str = "auto"
    seconds: float | None = None
    until: float | None = None
    trials: int | None = None
    share_apart: float = 0.2


@dataclass
class Found:
    """What a tuning has come to.

    Attributes:
        values: the best point of the search space so far; None before the first trial ended.
        model: with it; None where it is known from a study file only.
        on_all_rows: whether the model has learnt from the whole table.
        finalists: that were trained.
        gained: over the defaults; empty where nothing better was found, or no row was apart.
    """

    values: Mapping[str, Any] | None = None
    model: Model | None = None
    on_all_rows: bool = False
    finalists: list[Finalist] = field(default_factory=list)
    gained: list[Gain] = field(default_factory=list)


class Tuning:
    """A tuning in progress.

    Attributes:
        wanted: what the user has decided.
        experiment: what the defaults make of the whole table.
        parts: the rows that are learnt by, and those that tell the gain.
        space: what is searched.
        defaults: as a point of it.
        search: the trials so far.
        found: the best so far.
    """

    def __init__(
        self,
        wanted: Wanted,
        table: nw.DataFrame[Any],
        *,
        valid: nw.DataFrame[Any] | None = None,
        test: nw.DataFrame[Any] | None = None,
    ) -> None:
        """Look at the table, and put rows apart; nothing is trained yet.

        Args:
            wanted: what the user has decided.
            table: to learn from.
            valid: rows that choose the best epoch, and the best trial, instead of a share of it.
            test: rows that tell the gain, instead of a share of it.

        Raises:
            InputError: a table or an option that cannot be used.
        """
        self.wanted, self._table, self._valid = wanted, table, valid
        self.experiment = prepare(table, wanted.target, wanted.options, validation=valid)
        self.parts = (
            parts_of(table, self.experiment, wanted.share_apart)
            if test is None
            else Parts(table, test)
        )
        self.space: Space = space_of(wanted.options, self.experiment.options)
        self.defaults = values_of(self.experiment.options, self.space)
        first = prepare(self.parts.learnt, wanted.target, wanted.options, validation=valid)
        if first.validation is None:
            raise InputError(
                f"{len(self.parts.learnt):,} rows and no others to choose by are too few to tune "
                "with: give rows of their own with --valid, or a larger --valid-fraction."
            )
        self.found = Found()
        self._compiling = Lock()
        self.search = self._search_after([])

    def go_on(self, study: StudyFile) -> None:
        """Begin after the trials of a study file."""
        self.search = self._search_after(study.trials)

    @property
    def options(self) -> Options:
        """What the user has decided, with the best point and as many members as the model has."""
        options = options_with(self.wanted.options, self.found.values or {})
        return replace(options, members=self.experiment.options.members)

    def steps(self, study: StudyFile | None = None) -> Iterator[Trial | str]:
        """Every trial as it ends, then in words each ensemble before it is trained."""
        yield from self._trials(study)
        if self.search.best is not None:
            yield from self._ensembles()

    @property
    def seconds_to_search(self) -> float:
        """How much longer trials may run: what comes afterwards takes at most half of the time."""
        wanted = self.wanted
        if wanted.until is None or wanted.seconds is None:
            return math.inf
        rounds = math.ceil((self.experiment.options.members or 1) / cores())
        n_ensembles = 3 + self._retrains
        expected = ROOM * self.search.longest * rounds * n_ensembles
        afterwards = min(expected, wanted.seconds / 2)
        return wanted.until - monotonic() - afterwards

    @property
    def _retrains(self) -> bool:
        """Whether rows of the table were apart, which the model shall learn from at the end."""
        return self.parts.learnt is not self._table

    def _search_after(self, known: list[Trial]) -> Search:
        seed = self.wanted.options.seed
        return Search(self._of_trial, self.space, self.defaults, seed=seed, known=known)

    def _of_trial(self, values: Mapping[str, Any]) -> tuple[Experiment, Engine]:
        """One network on the rows that are not apart."""
        options = options_with(self.experiment.options, values)
        return self._prepared(self.parts.learnt, replace(options, members=1))

    def _prepared(self, frame: nw.DataFrame[Any], options: Options) -> tuple[Experiment, Engine]:
        experiment = prepare(frame, self.wanted.target, options, validation=self._valid)
        settings, network = experiment.settings, experiment.network
        choice = choose_engine(self.wanted.engine, network, settings.optimizer, settings.dtype)
        if choice.warm_up is not None:
            with self._compiling:
                choice.warm_up(experiment.read_by(choice.engine, 0)[0].X)
        return experiment, choice.engine

    def _trials(self, study: StudyFile | None) -> Iterator[Trial]:
        def may_begin(number: int) -> bool:
            if self.wanted.trials is not None and number >= self.wanted.trials:
                return False
            return self.seconds_to_search > self.search.longest

        self._take_best_trial()
        trials = self.search.trials(
            at_once=cores(), may_begin=may_begin, is_over=lambda: self.seconds_to_search <= 0
        )
        for trial in trials:
            if study is not None:
                study.add(trial)
            self._take_best_trial()
            yield trial

    def _take_best_trial(self) -> None:
        if self.search.best is not None:
            self.found.values, self.found.model = self.search.best.values, self.search.best_model

    def _ensembles(self) -> Iterator[str]:
        """The finalists, the gain, and the model with the best point on all rows."""
        found = self.found
        chosen = points(self.defaults, self.search.ranked())
        for k, values in enumerate(chosen if len(chosen) > 1 else ()):
            yield f"finalist {k + 1} of {len(chosen)}: " + (in_words(values) if k else "defaults")
            try:
                finalist = self._ensemble(self.parts.learnt, values, len(chosen) - k)
            except DivergedError:
                continue
            found.finalists.append(finalist)
            best = min(found.finalists, key=lambda one: one.loss)
            found.values, found.model = best.values, best.model
            found.on_all_rows = not self._retrains
        if found.finalists:
            self._tell_gain(found.finalists[0], best)
        if self._retrains or not found.finalists:
            yield "training on all rows"
            with suppress(DivergedError):  # what there is already is kept
                found.model = self._ensemble(self._table, found.values or self.defaults, 0).model
                found.on_all_rows = True

    def _tell_gain(self, first: Finalist, best: Finalist) -> None:
        """What the best gained over the first, if that is the defaults and there are rows apart."""
        apart, weight = self.parts.apart, self.wanted.options.weight
        if apart is not None and best is not first and first.values == self.defaults:
            self.found.gained = gains(first.model, best.model, apart, weight)

    def _ensemble(self, frame: nw.DataFrame[Any], values: Mapping[str, Any], more: int) -> Finalist:
        """An ensemble, in its part of the time, with `more` of them still to be trained."""
        until = self.wanted.until
        if until is not None:
            parts = more + self._retrains if more else 1
            until = monotonic() + max(0.0, until - monotonic()) / parts
        experiment, engine = self._prepared(frame, options_with(self.experiment.options, values))
        return trained(values, experiment, engine, at_once=cores(), until=until)


def in_words(values: Mapping[str, Any]) -> str:
    """A point of the search space in a line."""
    words = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in values.items()}
    return ", ".join(f"{name.replace('_', ' ')} {word}" for name, word in words.items())
