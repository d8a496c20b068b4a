"""Threads for one slice of work at a time.

A helper is a plain Python thread that runs a compiled function without the interpreter's lock. It
lives for one slice, so there is no pool that a fork could lose, and none that two trainings at once
would have to share: while several run, each takes its part of the cores. How many threads there are
never shows in a result.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import InputError

_lock = Lock()
_running = 0
_limit: int | None = None


def cores() -> int:
    """CPUs that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Within it, the engine takes no more than so many threads, in the whole process.

    Raises:
        InputError: fewer than one.
    """
    global _limit
    if threads < 1:
        raise InputError(f"threads is {threads}, but must be at least 1.")
    before, _limit = _limit, threads
    try:
        yield
    finally:
        _limit = before


@contextmanager
def share() -> Iterator[Callable[[], int]]:
    """A piece of work that counts among those that run; gives how many threads it may take now."""
    global _running
    with _lock:
        _running += 1
    try:
        yield lambda: max(1, (_limit or cores()) // _running)
    finally:
        with _lock:
            _running -= 1


class Tempo:
    """Whether all threads or one are faster just now, learnt from the pace of the work itself.

    Threads that meet after every half of a step are the slower way where other processes hold the
    cores: each meeting then waits until the system has run everybody. One thread waits for nobody.
    """

    def __init__(self) -> None:
        self.together: float | None = None
        self.alone: float | None = None
        self._patience = 0

    def threads(self, most: int) -> int:
        """How many threads to take for the next slice, at most so many."""
        if most == 1:
            return 1
        if self.together is None:
            return most
        if self.alone is None:
            return 1
        if self.together < GAIN * self.alone:
            return most
        self._patience = (self._patience + 1) % RETRY
        return 1 if self._patience else most

    @property
    def known(self) -> bool:
        """Whether both ways have been tried."""
        return self.together is not None and self.alone is not None

    def note(self, threads: int, seconds: float) -> None:
        """Remember what a step took with so many threads."""
        if threads == 1:
            self.alone = seconds
        else:
            self.together = seconds


GAIN = 0.95
"""All threads are taken where a step then takes less than this share of what one thread takes."""

RETRY = 8
"""After how many slices alone the threads are tried together again."""


def run_together(
    function: Any, workspace: Any, job: int, sync: NDArray[np.int64], threads: int, *arguments: Any
) -> None:
    """`function(job, me, helpers, *arguments)` in so many threads, of which this one is number 0.

    Helpers wait for thread 0, which says how many they are; so an interrupt or the lack of a thread
    on the way cannot leave them waiting. Each holds on to the `workspace`, whatever becomes of us.
    """

    def help(me: int, held: Any) -> None:
        function(job, me, 0, *arguments)

    sync[:] = 0
    helpers: list[Thread] = []
    try:
        for me in range(1, threads):
            helper = Thread(target=help, args=(me, workspace), daemon=True)
            try:
                helper.start()
            except RuntimeError:  # the system gives no more threads
                break
            helpers.append(helper)
        function(job, 0, len(helpers), *arguments)
    finally:
        if helpers:
            if sync[PARTY] == 0:
                sync[PARTY] = -1  # interrupted before thread 0 began
            _join(helpers)


def _join(helpers: list[Thread]) -> None:
    """Wait for the helpers, who end in microseconds, and only then let an interrupt through."""
    interrupt: BaseException | None = None
    for helper in helpers:
        while helper.is_alive():
            try:
                helper.join()
            except BaseException as error:
                interrupt = error
    if interrupt:
        raise interrupt


PARTY = 8
"""Where in `sync` the number of threads stands; `passes.PARTY` is the same place in bytes."""


def _after_fork() -> None:
    """A child of a fork has one thread, whatever its parent was at."""
    global _lock, _running
    _lock, _running = Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
