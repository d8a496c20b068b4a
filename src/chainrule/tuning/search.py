"""The search: trials of points that Optuna draws, side by side, the defaults first.

    search = Search(prepared, space, defaults, seed=0)
    for trial in search.trials(at_once=2, may_begin=lambda n: n < 50):
        print(trial.number, trial.loss)
    options = options_with(asked, search.best.values)

A trial trains one network. It is judged by its best validation loss: cross-entropy or squared error
tells more of a few hundred rows than the share of right answers, which moves in steps. At each of
`STAGES` stages of its schedule a trial that is worse than the median of the others was there is
pruned; stages and not epochs are compared, since the rate falls along the schedule.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event
from time import monotonic
from typing import Any

import optuna
from optuna.trial import TrialState

from chainrule.engines import Engine
from chainrule.errors import DivergedError, InputError
from chainrule.experiment import Experiment
from chainrule.model import EpochFigures, Model
from chainrule.training import Epoch
from chainrule.tuning.space import Space
from chainrule.tuning.trials import DIVERGED, FINISHED, PRUNED, Trial

STAGES = 20
"""A training is compared with the others so many times."""

NEVER_PRUNED = 4
"""The first stages are too early to tell."""

FEWEST_TO_PRUNE_BY = 4
"""Finished trials, before any is pruned."""

RANDOM_TRIALS = 8
"""Trials that are drawn at random, before the tree of Parzen estimators draws (Bergstra 2011)."""

Prepared = Callable[[Mapping[str, Any]], tuple[Experiment, Engine]]
"""Of the values of a point: the experiment of one network, and what computes it."""


@dataclass
class _Running:
    """A trial on its way."""

    asked: optuna.trial.Trial
    start: float
    stop: Event = field(default_factory=Event)
    last: Epoch | None = None
    history: list[EpochFigures] = field(default_factory=list)
    curve: list[float] = field(default_factory=list)
    ended: str = FINISHED
    experiment: Experiment | None = None


class Search:
    """A search in progress.

    Attributes:
        known: every trial that has ended, in the order of ending; taken up ones first.
        best_model: the network of the best trial; None where that trial was taken up from a file.
    """

    def __init__(
        self,
        prepared: Prepared,
        space: Space,
        defaults: Mapping[str, Any],
        *,
        seed: int,
        known: Sequence[Trial] = (),
    ) -> None:
        """Begin with the defaults, or go on after the `known` trials."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._prepared, self._space = prepared, dict(space)
        self.known = list(known)
        self.best_model: Model | None = None
        self._study = optuna.create_study(
            # the seed moves on with the trials, or a search taken up would draw the same again
            sampler=optuna.samplers.TPESampler(
                seed=(seed + len(self.known)) % 2**32, n_startup_trials=RANDOM_TRIALS
            ),
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=FEWEST_TO_PRUNE_BY, n_warmup_steps=NEVER_PRUNED
            ),
        )
        for trial in self.known:
            self._study.add_trial(self._as_optuna_keeps_it(trial))
        if not self.known:
            self._study.enqueue_trial(dict(defaults))

    @property
    def best(self) -> Trial | None:
        """The finished trial with the lowest loss; the earlier of equal ones."""
        return min(self.ranked(), key=lambda trial: trial.loss or 0.0, default=None)

    def ranked(self) -> list[Trial]:
        """The finished trials, the best first."""
        finished = [t for t in self.known if t.ended == FINISHED and t.loss is not None]
        return sorted(finished, key=lambda trial: (trial.loss, trial.number))

    @property
    def longest(self) -> float:
        """Seconds of the longest finished trial."""
        return max((t.seconds for t in self.known if t.ended == FINISHED), default=0.0)

    def trials(
        self, *, at_once: int, may_begin: Callable[[int], bool], is_over: Callable[[], bool]
    ) -> Iterator[Trial]:
        """Try points, and yield each trial as it ends.

        To stop early is to `break`: trials on their way are given up, and are not among the known.

        Args:
            at_once: trials at the same time, each in a thread.
            may_begin: whether a trial with that number may begin.
            is_over: whether trials on their way are to be given up; asked after each epoch.

        Raises:
            InputError: a point that the table does not allow.
        """
        records: SimpleQueue[tuple[int, Any]] = SimpleQueue()
        running: dict[int, _Running] = {}
        number = max((trial.number for trial in self.known), default=-1) + 1
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="trial")
        try:
            while True:
                # the first trial runs alone: what it takes says what there is time for
                most = at_once if self.known else 1
                while len(running) < most and not is_over() and may_begin(number):
                    running[number] = _Running(self._study.ask(self._space), monotonic())
                    pool.submit(self._train, number, running[number], records)
                    number += 1
                if not running:
                    return
                k, found = records.get()
                if isinstance(found, DivergedError):
                    running[k].ended = DIVERGED
                elif isinstance(found, BaseException):
                    raise found
                elif isinstance(found, Epoch):
                    self._take(running[k], found)
                    if is_over():
                        return
                    continue
                trial = self._end(k, running.pop(k))
                if trial is not None:
                    yield trial
        finally:
            for one in running.values():
                one.stop.set()
            pool.shutdown(cancel_futures=True)

    def _train(self, number: int, one: _Running, records: SimpleQueue[tuple[int, Any]]) -> None:
        """In a thread: the epochs of a trial, then None or what went wrong."""
        try:
            one.experiment, engine = self._prepared(one.asked.params)
            for epoch in one.experiment.train(engine):
                records.put((number, epoch))
                if one.stop.is_set():
                    break
            records.put((number, None))
        except BaseException as error:  # for the thread that waits
            records.put((number, error))

    def _take(self, one: _Running, epoch: Epoch) -> None:
        """Note an epoch, and stop the trial where it is not worth its end."""
        if one.stop.is_set():
            return
        one.last = epoch
        one.history.append(epoch.figures())
        assert one.experiment is not None
        stage = STAGES * epoch.number // one.experiment.settings.epochs
        while len(one.curve) < stage:
            one.asked.report(epoch.best_loss, len(one.curve))
            one.curve.append(epoch.best_loss)
            if one.asked.should_prune():
                one.ended = PRUNED
                one.stop.set()
                return

    def _end(self, number: int, one: _Running) -> Trial | None:
        loss = None if one.last is None else float(one.last.best_loss)
        trial = Trial(
            number=number,
            values=dict(one.asked.params),
            ended=one.ended,
            loss=loss if loss is not None and math.isfinite(loss) else None,
            curve=tuple(map(float, one.curve)),
            seconds=round(monotonic() - one.start, 3),
        )
        state = {FINISHED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
        if trial.ended == FINISHED:
            self._study.tell(one.asked, trial.loss)
        else:
            self._study.tell(one.asked, state=state.get(trial.ended, TrialState.FAIL))
        self.known.append(trial)
        if self.best is trial:
            assert one.experiment is not None
            assert one.last is not None
            self.best_model = one.experiment.model(one.last.best, one.history)
        return trial

    def _as_optuna_keeps_it(self, trial: Trial) -> optuna.trial.FrozenTrial:
        states = {FINISHED: TrialState.COMPLETE, PRUNED: TrialState.PRUNED}
        try:
            return optuna.trial.create_trial(
                state=states.get(trial.ended, TrialState.FAIL),
                value=trial.loss if trial.ended == FINISHED else None,
                params=dict(trial.values),
                distributions=dict(self._space),
                intermediate_values=dict(enumerate(trial.curve)),
            )
        except ValueError:
            raise InputError(
                f"trial {trial.number} of the study is not of this search space; name another "
                "file with --study."
            ) from None
