"""Scores of rows, from one row in microseconds to millions on all cores.

Rows are divided into blocks that are small enough for the cache; whoever is free takes the next one
from a queue. So a thread that begins late, or is held up by other processes, holds up nobody else,
and blocks follow from the number of rows alone: how many threads there were shows in no bit.

What a call needs is kept for the next one that is alike, since setting it up takes longer than the
scores of one row.
"""

from threading import local
from time import perf_counter
from typing import Any

import numpy as np

from chainrule.arrays import Floats
from chainrule.cores import cores
from chainrule.engines import Rows
from chainrule.engines.compiled.blocks import pass_block
from chainrule.engines.compiled.cache_lines import address, aligned
from chainrule.engines.compiled.inputs import table_for
from chainrule.engines.compiled.job import AT, BLOCK, ENTRIES, GIVE_WAY, ROW_ENDS, SIZE, K
from chainrule.engines.compiled.job import W as W_AT
from chainrule.engines.compiled.job import X as X_AT
from chainrule.engines.compiled.kernels import Driver, inner
from chainrule.engines.compiled.machine import atomic_add, atomic_load, call, peek
from chainrule.engines.compiled.meetings import PATIENCE
from chainrule.engines.compiled.sparse import SparseTable, kind
from chainrule.engines.compiled.tempo import Tempo
from chainrule.engines.compiled.threads import run_apart, share
from chainrule.engines.compiled.workspace import Workspace
from chainrule.network import Network, Parameters

BLOCK_ROWS = 128
"""Rows of a block: few enough that their activations stay in the cache."""

ALONE = 20_000_000
"""Multiply-adds up to which one thread gives scores sooner than several, which have to be started:
about 0.2 ms."""

SLICE = 4e9
"""Multiply-adds that run before Python is asked whether it was interrupted: 0.02 to 0.1 s."""

LITTLE = 1 << 14
"""Bytes of inputs that are copied to where the last ones were; to ask where others are takes a
microsecond."""

TAKEN, BUSY = 0, 64
"""Bytes from a queue: how many blocks were taken, and how many threads are at work on one."""


def scores(network: Network, parameters: Parameters, X: Floats) -> Floats:
    """Scores of shape (n, k): the last layer's sums, before the loss's link."""
    theta = np.ascontiguousarray(parameters.theta)
    n = X.shape[0]
    if n == 0:
        return np.empty((0, network.n_outputs), dtype=theta.dtype)
    table = table_for(network, X, theta.dtype)
    asked = _asked(network, theta, n, table)
    if asked.inputs is not None:
        asked.inputs[...] = table
        score(asked.address, 0, 0, 0, n, asked.out)
        return asked.found.copy()
    found = np.empty((n, network.n_outputs), dtype=theta.dtype)
    asked.look_at(table)
    if n <= asked.block or n * network.n_parameters <= ALONE:
        score(asked.address, 0, 0, 0, n, address(found))
    else:
        _by_slices(asked, table, found)
    return found


def _by_slices(asked: "_Asked", table: Floats | SparseTable, found: Floats) -> None:
    """All scores into `found`, on several threads; between slices Python may be interrupted."""
    n, out = len(found), address(found)
    rows = max(1, int(SLICE / (asked.network.n_parameters * asked.block))) * asked.block
    _memory.last = None  # after an interrupt helpers may still be at work in it
    with share() as threads:
        for start in range(0, n, rows):
            stop = min(start + rows, n)
            count = asked.tempo.threads(min(threads(), asked.n_blocks))
            began = perf_counter()
            run_apart(score, (asked, table, found), asked.address, count, start, stop, out)
            asked.tempo.note(count, (perf_counter() - began) / (stop - start))
    _memory.last = asked


class _Asked(Workspace):
    """A workspace that is asked for scores again and again, of other rows each time.

    Attributes:
        n: the rows that it is asked for.
        theta: the parameters that it answers with.
        kind: of tables that it reads, see `sparse.kind`.
        tempo: how fast it is with all threads and with one.
        inputs: where rows are copied to, if they are few.
        found: where the scores of few rows are left, and their address `out`.
    """

    def __init__(
        self, network: Network, theta: Floats, n: int, table: Floats | SparseTable
    ) -> None:
        super().__init__(network, theta.dtype, n, table)
        self.n, self.kind, self.tempo = n, kind(table), Tempo()
        self.block = min(n, BLOCK_ROWS)
        self.chunk = self.block if n <= BLOCK_ROWS else self.block * cores()
        self.theta, self.inputs = theta, None
        given: Any = table
        if self.kind is None and n <= BLOCK_ROWS and given.nbytes <= LITTLE:
            self.inputs = given = aligned(given.size, self.real).reshape(given.shape)
        no_targets = np.empty((n, 0), dtype=theta.dtype)
        self.address = self.job(theta, Rows(given, no_targets), learns=False)
        self.found = np.empty((n if self.inputs is not None else 0, network.n_outputs), self.real)
        self.out = address(self.found)

    def answer_with(self, theta: Floats) -> None:
        """Take the parameters from another theta."""
        if theta is not self.theta:
            self.theta = theta
            self.layers[:, W_AT] = self.layers[:, AT] + address(theta)
        self.sum_up(theta)  # even of the same array, which may have changed

    def look_at(self, table: Floats | SparseTable) -> None:
        """Take the inputs from another table."""
        if isinstance(table, SparseTable):
            self.numbers[ENTRIES] = address(table.columns)
            self.numbers[ROW_ENDS] = address(table.row_ends)
            self.numbers[X_AT] = address(table.numbers)
        else:
            self.numbers[X_AT] = address(table)


_memory = local()
"""What each thread keeps from call to call: the workspace that it asked last."""


def _asked(network: Network, theta: Floats, n: int, table: Floats | SparseTable) -> _Asked:
    """The workspace that this thread asked last, if it is for such parameters and rows."""
    last: _Asked | None = getattr(_memory, "last", None)
    if (
        last is None
        or last.n != n
        or last.real != theta.dtype
        or last.network is not network
        or last.kind != kind(table)
    ):
        last = _memory.last = _Asked(network, theta, n, table)
    last.answer_with(theta)
    return last


@inner
def taken_before(queue: int, before: int) -> int:
    """Take the next block of a queue; its number. Without a queue it is the one after `before`."""
    return atomic_add(queue + TAKEN, 1) if queue else before + 1


def _score(job: int, me: int, queue: int, start: int, stop: int, out: int) -> None:
    """Scores of rows start .. stop to the address `out` and what follows, block by block.

    Each thread has one block of the buffers for all its blocks. Thread 0 ends last; a helper that
    comes after it finds the queue empty.
    """
    block, row_bytes = peek(job, BLOCK), peek(job, K) * peek(job, SIZE)
    blocks = (stop - start + block - 1) // block
    if queue:
        atomic_add(queue + BUSY, 1)
    at = me * block
    i = taken_before(queue, -1)
    while i < blocks:
        row = start + i * block
        pass_block(job, row - at, at, min(block, stop - row), 0.0, 0, out + row * row_bytes)
        i = taken_before(queue, i)
    if queue:
        atomic_add(queue + BUSY, -1)
        waited = 0
        while me == 0 and atomic_load(queue + BUSY) > 0:
            waited += 1
            if waited > PATIENCE:
                call(peek(job, GIVE_WAY), (0,))


score = Driver(_score, "score")
