"""Interruptions: Ctrl-C, SIGTERM and SIGHUP, as exceptions that can be caught or made to wait."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Interruption(KeyboardInterrupt):
    """A signal that asks to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def number_of(interruption: KeyboardInterrupt) -> int:
    """The number of the signal that interrupted; Ctrl-C's where Python raised by itself."""
    return interruption.number if isinstance(interruption, Interruption) else signal.SIGINT


@contextmanager
def signals_raise() -> Iterator[None]:
    """Each signal that asks to stop raises an Interruption in the main thread."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Interruption(number)

    with _handled_by(stop):
        yield


@contextmanager
def first_signal_waits() -> Iterator[list[int]]:
    """The first signal is only noted, in the list that this gives; the next one raises."""
    noted: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        if noted:
            raise Interruption(number)
        noted.append(number)

    with _handled_by(note):
        yield noted


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # where no handler can be set
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # what is ignored stays ignored: SIGHUP under nohup, SIGINT behind an `&`
    taken = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
    try:
        for number in taken:
            signal.signal(number, handler)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])
