"""Progress: the epochs as they pass, on stderr.

A terminal gets one place that changes; anything else gets a plain line now and then, without
control characters.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chainrule.cli.screen import Screen, duration, figure
from chainrule.training import Epoch

SECONDS_BETWEEN_LINES = 5.0
LINES = 10
"""A plain line is also due after each tenth of the epochs."""

Show = Callable[[Epoch], None]


@contextmanager
def progress(epochs: int, *, quiet: bool = False) -> Iterator[Show]:
    """A function to be called with each epoch, of at most `epochs`."""
    screen = Screen(stderr=True)
    if quiet:
        yield lambda epoch: None
    elif screen.is_terminal and not screen.is_dumb_terminal:
        state = _Live(epochs)
        with Live(state, console=screen, transient=True, refresh_per_second=8):
            yield state.show
    else:
        yield _Lines(screen, epochs).show


class _Clock:
    """How long training has taken, and how much longer it can take."""

    def __init__(self, epochs: int) -> None:
        self.epochs, self.start = epochs, monotonic()

    def left(self, epoch: Epoch) -> str:
        seconds = (monotonic() - self.start) / epoch.number * (self.epochs - epoch.number)
        return f"{duration(seconds)} left"


def _figures(epoch: Epoch) -> list[tuple[str, str]]:
    """The figures of an epoch by their short names."""
    found = [("loss", figure(epoch.loss))]
    if epoch.validation_loss is not None:
        found.append(("validation", figure(epoch.validation_loss)))
    found += [(name, figure(value)) for name, value in epoch.metrics.items()]
    return [*found, ("best", f"{figure(epoch.best_loss)} in epoch {epoch.best_number}")]


class _Live:
    """Two lines: how far, and how good."""

    def __init__(self, epochs: int) -> None:
        self.clock = _Clock(epochs)
        self.epoch: Epoch | None = None

    def show(self, epoch: Epoch) -> None:
        self.epoch = epoch

    def __rich__(self) -> Group:
        done, total = self.epoch.number if self.epoch else 0, self.clock.epochs
        line = Table.grid(padding=(0, 2, 0, 0))
        line.add_row(
            Text(f"epoch {done} of {total}"),
            ProgressBar(
                total=total, completed=done, width=30, complete_style="cyan", finished_style="cyan"
            ),
            Text(self.clock.left(self.epoch) if self.epoch else "", style="dim"),
        )
        figures = Text()
        for name, value in _figures(self.epoch) if self.epoch else ():
            figures.append(f"{name} ", "dim").append(f"{value}  ")
        return Group(line, figures, Text("Ctrl-C stops and keeps the best model", style="dim"))


class _Lines:
    """A line now and then."""

    def __init__(self, screen: Screen, epochs: int) -> None:
        self.screen, self.clock = screen, _Clock(epochs)
        self.last_number, self.last_time = 0, monotonic()

    def show(self, epoch: Epoch) -> None:
        epochs = self.clock.epochs
        due = epoch.number - self.last_number >= max(1, epochs // LINES)
        if due or epoch.number in (1, epochs) or self._is_late():
            self.last_number, self.last_time = epoch.number, monotonic()
            figures = "  ".join(f"{name} {value}" for name, value in _figures(epoch))
            line = f"epoch {epoch.number}/{epochs}  {figures}  {self.clock.left(epoch)}"
            self.screen.print(line, soft_wrap=True)

    def _is_late(self) -> bool:
        return monotonic() - self.last_time >= SECONDS_BETWEEN_LINES
