"""Threads for one slice of work at a time.

A helper is a plain Python thread that runs a compiled function without the interpreter's lock. It
lives for one slice, so there is no pool that a fork could lose, and none that two trainings at once
would have to share: while several run, each takes its part of the cores. How many threads there are
never shows in a result.
"""

import ctypes
import os
from _thread import LockType, allocate_lock, start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.cores import cores
from chainrule.engines.compiled.cache_lines import ALIGNMENT, address, aligned
from chainrule.errors import InputError

_lock = Lock()
_running = 0
_limit: int | None = None


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


def run_together(
    function: Any, workspace: Any, job: int, sync: NDArray[np.int64], threads: int, *arguments: Any
) -> None:
    """`function(job, me, helpers, *arguments)` in so many threads, of which this one is number 0.

    Helpers wait for thread 0, which says how many they are; so an interrupt or the lack of a thread
    on the way cannot leave them waiting. Each holds on to the `workspace`, whatever becomes of us.
    """
    here = current_cpu() if threads > 1 else None

    def help(me: int, done: LockType, ended: list[int], held: Any) -> None:
        try:
            step_aside(me, here)
            function(job, me, 0, *arguments)
        finally:
            ended.append(me)
            done.release()

    sync[:] = 0
    helpers: list[tuple[LockType, list[int]]] = []
    try:
        for me in range(1, threads):
            done, ended = allocate_lock(), list[int]()
            done.acquire()
            try:
                start_new_thread(help, (me, done, ended, workspace))
            except RuntimeError:  # the system gives no more threads
                break
            helpers.append((done, ended))
        function(job, 0, len(helpers), *arguments)
    finally:
        if sync[PARTY] == 0:
            sync[PARTY] = -1  # interrupted before thread 0 began: nobody does anything
        _join(helpers)


def run_apart(function: Any, held: Any, job: int, threads: int, *arguments: Any) -> None:
    """`function(job, me, queue, *arguments)` in so many threads, which take pieces from a queue.

    This thread is number 0, begins at once and ends when every piece is done; a helper that begins
    later than that finds the queue empty, and nobody waits for it. Each holds on to what is `held`.
    """
    here = current_cpu() if threads > 1 else None
    queue = aligned(2 * ALIGNMENT // 8, np.int64)
    queue[:] = 0
    at = address(queue)

    def help(me: int, held: Any) -> None:
        step_aside(me, here)
        function(job, me, at, *arguments)

    try:
        for me in range(1, threads):
            try:
                start_new_thread(help, (me, (held, queue)))
            except RuntimeError:  # the system gives no more threads
                break
        function(job, 0, at, *arguments)
    finally:
        queue[0] = CLOSED  # interrupted before thread 0 began: helpers take nothing more


CLOSED = 1 << 62
"""More pieces than any queue has."""


@cache
def _asks_cpu() -> Callable[[], int] | None:
    """The C library's function that tells which CPU one is on, where it has it."""
    try:
        found: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
    except (AttributeError, OSError, TypeError):  # macOS, Windows
        return None
    return found


def current_cpu() -> int | None:
    """The CPU that this thread runs on, where the system tells."""
    asks = _asks_cpu()
    cpu = -1 if asks is None else asks()
    return cpu if cpu >= 0 else None


def step_aside(me: int, here: int | None) -> None:
    """Move this thread, helper number `me`, to a CPU other than `here`; it may wander from there.

    Linux often starts a thread on its starter's CPU, after a pause above all, and threads that wait
    for one another by turns look to it as if one CPU were enough for both: on two CPUs that made a
    step of 390 microseconds one of 650.
    """
    if here is None or not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    others = sorted(allowed - {here})
    if others:
        with suppress(OSError):  # a sandbox may not let us
            os.sched_setaffinity(0, {others[(me - 1) % len(others)]})
            os.sched_setaffinity(0, allowed)


def _join(helpers: list[tuple[LockType, list[int]]]) -> None:
    """Wait for the helpers, who end in microseconds, and only then let an interrupt through.

    An interrupt may come when a lock has just been had, which then is never had again: so it is not
    the lock that tells whether a helper has ended.
    """
    interrupt: BaseException | None = None
    for done, ended in helpers:
        while not ended:
            try:
                done.acquire()
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
