"""An ensemble in training: several networks side by side, one on each core.

    ensemble = Ensemble(experiment)
    for record in ensemble.train(engine):
        print(record.member, record.epoch.number)
    model = ensemble.model()

Each member gives the very bits that it gives when it is trained alone with its seed and its fold.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Event
from time import monotonic

from chainrule.arrays import Floats, Targets
from chainrule.engines import Engine, reference
from chainrule.experiment import Experiment
from chainrule.model import EpochFigures, Member, Model
from chainrule.training import Epoch


@contextmanager
def one_blas_thread(engine: Engine) -> Iterator[None]:
    """Within it NumPy's products use one thread, if another engine than NumPy's trains.

    The few products between epochs, as of the gradient probe, would wake NumPy's own threads, which
    then wait for more by turning round and round: a training beside them took twice as long.
    """
    if engine is reference:
        yield
        return
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    with threadpool_limits(limits=1, user_api="blas"):
        yield


@dataclass(frozen=True)
class MemberEpoch:
    """An epoch that a member of the ensemble has ended.

    Attributes:
        member: its number, from 0.
        epoch: what it left behind.
    """

    member: int
    epoch: Epoch


@dataclass
class Course:
    """How far a member has come.

    Attributes:
        last: its last epoch, None before the first has ended.
        history: the figures of every epoch.
        ended: whether its training came to its end.
    """

    last: Epoch | None = None
    history: list[EpochFigures] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True)
class HeldOut:
    """Rows that some members have not learnt from, with the scores that these give them.

    Attributes:
        members: the numbers of these members in the model, m of them.
        scores: of shape (m, n, k), before the link; float64.
        y: the encoded targets, as the loss takes them.
        weight: of the rows, if they have any.
    """

    members: tuple[int, ...]
    scores: Floats
    y: Targets
    weight: Floats | None = None


class _Stopped(Exception):
    """Nobody waits for this member any more."""


class Ensemble:
    """The members of an experiment, and how far each has come.

    Attributes:
        experiment: what is trained.
        courses: by member.
    """

    def __init__(self, experiment: Experiment) -> None:
        """Nothing is trained yet."""
        self.experiment = experiment
        self.courses = [Course() for _ in experiment.folds]

    def train(
        self,
        engine: Engine = reference,
        *,
        at_once: int = 1,
        until: float | None = None,
        tell: Callable[[int, float], None] | None = None,
    ) -> Iterator[MemberEpoch]:
        """Train the members, and yield each epoch as it ends, of whichever member.

        To stop early is to `break`: members that are on their way end in the midst of an epoch.

        Args:
            engine: what computes.
            at_once: members that are trained at the same time, each in a thread.
            until: when to end, by `time.monotonic`. No member but the first begins that would not
                end in time, and what is on its way then is stopped; one epoch ends in any case.
            tell: is told by a member's number, several times a second, which share of the epoch
                that it is in is done; maybe in another thread.

        Raises:
            DivergedError: the loss of a member became NaN or infinite.
        """
        epochs = (
            self._one_by_one(engine, until, tell)
            if at_once == 1 or len(self.courses) == 1
            else self._side_by_side(engine, at_once, until, tell)
        )
        with closing(epochs), one_blas_thread(engine):
            for k, epoch in epochs:
                course = self.courses[k]
                course.last = epoch
                course.history.append(epoch.figures())
                yield MemberEpoch(k, epoch)
                if until is not None and monotonic() > until:
                    return

    def _one_by_one(
        self, engine: Engine, until: float | None, tell: Callable[[int, float], None] | None
    ) -> Generator[tuple[int, Epoch], None, None]:
        longest = 0.0
        for k, course in enumerate(self.courses):
            start = monotonic()
            if k > 0 and until is not None and start + longest > until:
                return
            told = None if tell is None else partial(tell, k)
            for epoch in self.experiment.train(engine, member=k, tell=told):
                yield k, epoch
            course.ended = True
            longest = max(longest, monotonic() - start)

    def _side_by_side(
        self,
        engine: Engine,
        at_once: int,
        until: float | None,
        tell: Callable[[int, float], None] | None,
    ) -> Generator[tuple[int, Epoch], None, None]:
        stop, durations = Event(), [0.0]
        records: SimpleQueue[tuple[int, Epoch | BaseException | None]] = SimpleQueue()

        def train(k: int) -> None:
            start = monotonic()

            def told(share: float) -> None:
                if stop.is_set():
                    raise _Stopped
                if tell is not None:
                    tell(k, share)

            try:
                if k == 0 or until is None or start + max(durations) <= until:
                    for epoch in self.experiment.train(engine, member=k, tell=told):
                        records.put((k, epoch))
                        if stop.is_set():
                            return
                    durations.append(monotonic() - start)
                records.put((k, None))
            except BaseException as error:  # for the thread that waits
                records.put((k, error))

        left = len(self.courses)
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="member")
        try:
            for k in range(left):
                pool.submit(train, k)
            while left:
                k, found = records.get()
                if isinstance(found, BaseException):
                    raise found
                if found is None:
                    left -= 1
                    self.courses[k].ended = self.courses[k].last is not None
                else:
                    yield k, found
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)

    @property
    def begun(self) -> list[int]:
        """The members that have ended an epoch."""
        return [k for k, course in enumerate(self.courses) if course.last is not None]

    @property
    def finished(self) -> list[int]:
        """The members at the end of their training or, where there is none, all that began."""
        return [k for k in self.begun if self.courses[k].ended] or self.begun

    def held_out(self, model: Model) -> tuple[HeldOut, ...]:
        """The validation rows of the finished members, each part with those that hold it out."""
        exact = model.in_float64()
        return tuple(
            HeldOut(tuple(places), exact.of(places).scores(rows.X), rows.y, rows.weight)
            for places, rows in self.experiment.judged_together(self.finished)
        )

    def model(self, members: Sequence[int] | None = None) -> Model:
        """The model of these members, by default the `finished` ones; there must be one."""
        found = []
        for k in self.finished if members is None else members:
            course = self.courses[k]
            assert course.last is not None
            found.append(Member(course.last.best, tuple(course.history)))
        return self.experiment.model_of(found)
