"""Progress: the epochs as they pass, on stderr.

A terminal gets one place that changes; anything else gets a plain line now and then, without
control characters.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chainrule.cli.screen import Screen, duration, figure
from chainrule.ensemble import Course, MemberEpoch
from chainrule.training import Epoch

SECONDS_BETWEEN_LINES = 5.0
LINES = 10
"""A plain line is also due after each tenth of the training."""

LONG_EPOCH = 1.0
"""Seconds after which it is shown how far an epoch is."""


class Display(Protocol):
    """What shows a training."""

    def show(self, record: MemberEpoch) -> None:
        """Take an epoch of a member."""

    def tell(self, member: int, share: float) -> None:
        """Take the share of the epoch in which a member is, from whatever thread."""


@contextmanager
def progress(clock: "Clock", *, quiet: bool = False) -> Iterator[Display]:
    """What is to be given each epoch of each member, and how far the next one is."""
    screen = Screen(stderr=True)
    if quiet:
        yield _Silence()
    elif screen.is_terminal and not screen.is_dumb_terminal:
        state = _Live(clock)
        with Live(state, console=screen, transient=True, refresh_per_second=8):
            yield state
    else:
        yield _Lines(screen, clock)


class Clock:
    """How long training has taken, and how much longer it can take.

    Attributes:
        courses: of the members, as the ensemble keeps them.
        epochs: of a member, at most.
        until: when training ends at the latest, by `time.monotonic`; None if no time was set.
        shares: the share that is done of each member's next epoch.
    """

    def __init__(self, courses: Sequence[Course], epochs: int, until: float | None) -> None:
        """Time runs from now on."""
        self.courses, self.epochs, self.until = courses, epochs, until
        self.members = len(courses)
        self.start = self.last_epoch = monotonic()
        self.shares: dict[int, float] = {}

    def note(self, record: MemberEpoch) -> None:
        """Count an epoch."""
        self.last_epoch = monotonic()
        self.shares[record.member] = 0.0

    def tell(self, member: int, share: float) -> None:
        """Count a share of the epoch that a member is in."""
        self.shares[member] = share % 1  # the whole of it is counted by `note`

    @property
    def done(self) -> float:
        """The share of the time or, where none was set, of the epochs that lies behind."""
        now = monotonic()
        if self.until is not None:
            return min(1.0, (now - self.start) / max(self.until - self.start, 1e-9))
        left = sum(
            self.epochs - len(course.history) - self.shares.get(k, 0.0)
            for k, course in enumerate(self.courses)
            if not course.ended
        )
        return 1 - left / (self.members * self.epochs)

    @property
    def left(self) -> str:
        """How much longer it can take, in words."""
        if self.until is not None:
            return f"{duration(max(0.0, self.until - monotonic()))} left"
        done = self.done
        if not done:
            return ""
        return f"at most {duration((monotonic() - self.start) * (1 - done) / done)} left"

    def where(self, record: MemberEpoch) -> str:
        """Which epoch, of which member if there are several."""
        return self._where(record.member, record.epoch.number)

    def within(self) -> str | None:
        """How far the epoch is, of the newest member; None where epochs are short."""
        if not self.shares or monotonic() - self.last_epoch < LONG_EPOCH:
            return None
        member = max(list(self.shares))
        at = self._where(member, min(len(self.courses[member].history) + 1, self.epochs))
        return f"{at}, {self.shares[member]:.0%}"

    def _where(self, member: int, number: int) -> str:
        epoch = f"epoch {number} of {self.epochs}"
        if self.members == 1:
            return epoch
        of = "" if self.until is not None else f" of {self.members}"
        return f"network {member + 1}{of}, {epoch}"


def _figures(epoch: Epoch) -> list[tuple[str, str]]:
    """The figures of an epoch by their short names."""
    found = [("loss", figure(epoch.loss))]
    if epoch.validation_loss is not None:
        found.append(("validation", figure(epoch.validation_loss)))
    found += [(name, figure(value)) for name, value in epoch.metrics.items()]
    return [*found, ("best", f"{figure(epoch.best_loss)} in epoch {epoch.best_number}")]


class _Silence:
    def show(self, record: MemberEpoch) -> None:
        pass

    def tell(self, member: int, share: float) -> None:
        pass


class _Live:
    """Two lines: how far, and how good."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.record: MemberEpoch | None = None

    def show(self, record: MemberEpoch) -> None:
        self.clock.note(record)
        self.record = record

    def tell(self, member: int, share: float) -> None:
        self.clock.tell(member, share)

    def __rich__(self) -> Group:
        line = Table.grid(padding=(0, 2, 0, 0))
        last = self.clock.where(self.record) if self.record else "beginning"
        where = self.clock.within() or last
        line.add_row(
            Text(where),
            ProgressBar(
                total=1.0,
                completed=self.clock.done,
                width=30,
                complete_style="cyan",
                finished_style="cyan",
            ),
            Text(self.clock.left, style="dim"),
        )
        figures = Text()
        for name, value in _figures(self.record.epoch) if self.record else ():
            figures.append(f"{name} ", "dim").append(f"{value}  ")
        return Group(line, figures, Text("Ctrl-C stops and keeps the best model", style="dim"))


class _Lines:
    """A line now and then."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self.screen, self.clock = screen, clock
        self.last_done, self.last_time = -1.0, monotonic()

    def show(self, record: MemberEpoch) -> None:
        self.clock.note(record)
        done = self.clock.done
        if done - self.last_done > 0.999 / LINES or done == 1 or self._is_late():
            self.last_done, self.last_time = done, monotonic()
            figures = "  ".join(f"{name} {value}" for name, value in _figures(record.epoch))
            line = f"{self.clock.where(record)}  {figures}  {self.clock.left}"
            self.screen.print(line, soft_wrap=True)

    def tell(self, member: int, share: float) -> None:
        self.clock.tell(member, share)
        if self._is_late() and (where := self.clock.within()):
            self.last_time = monotonic()
            self.screen.print(f"{where}  {self.clock.left}", soft_wrap=True)

    def _is_late(self) -> bool:
        return monotonic() - self.last_time >= SECONDS_BETWEEN_LINES
