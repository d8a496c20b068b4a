"""Rows through the network and back, step after step, without Python.

A step has two halves. In the first the batch's rows are divided into blocks; a thread carries each
of its blocks through the whole network and back, so that activations stay in its cache. In the
second the weights are divided into panels, some rows of one W each; a thread sums the gradient of
each of its panels over the whole batch, in one product, and updates the panel while the gradient is
still in its cache. A batch of more rows than fit the buffers goes through in chunks, which add up.

Blocks, panels and chunks depend on the shapes and on nothing else, and whatever they give is added
in their order: the number of threads decides who computes a number, never which number it is. They
are cut in `division.py`; the first half is in `blocks.py`, the second in `panels.py`.

Everything is reached through the address of one table of 8-byte numbers, the job (`job.py`). That
keeps these functions quick to compile: they know of no type but whole numbers, and one compilation
serves every network, loss, optimiser and dtype.
"""

import numpy as np

from chainrule.engines.compiled.blocks import pass_blocks
from chainrule.engines.compiled.job import (
    BATCH,
    BLOCK_LOSSES,
    CHUNK,
    L2,
    L2_OF_SUM,
    LOSS_SO_FAR,
    ORDER,
    PACK_WEIGHTS,
    PANEL_SQUARES,
    PANELS,
    RATES,
    RESULT,
    SEEN,
    STEPS,
    TOTAL,
    WEIGH,
    WEIGHT,
    WEIGHT_OF_STEP,
    J,
    N,
)
from chainrule.engines.compiled.kernels import LONGEST, Driver, inner
from chainrule.engines.compiled.machine import call_for_number, peek, peek_real, poke_real
from chainrule.engines.compiled.meetings import join, meet
from chainrule.engines.compiled.panels import pack_panels, pass_panels


@inner
def added(table: int, count: int) -> float:
    """The sum of the first numbers of a table, one after the other."""
    total = 0.0
    for i in range(count):
        total += peek_real(table, i)
    return total


def _train(job: int, me: int, helpers: int, begin: int, end: int) -> None:
    """Rows begin .. end of an epoch's order; every thread calls it, thread 0 with how many help.

    Both are where a step begins or one of its chunks: a step of many chunks may take several calls,
    and changes no parameter before the last. What it found is added to the job's results. It ends
    early where J is NaN or infinite.
    """
    results = peek(job, RESULT)
    total, seen = peek_real(results, TOTAL), peek_real(results, SEEN)
    J_of_step, t = peek_real(results, J), int(peek_real(results, STEPS))
    loss, weight = peek_real(results, LOSS_SO_FAR), peek_real(results, WEIGHT_OF_STEP)
    party, meetings = join(job, me, helpers), 0
    if party < 0:
        return
    n, batch, chunk = peek(job, N), peek(job, BATCH), peek(job, CHUNK)
    if begin == 0 and end > 0 and peek(job, PACK_WEIGHTS):
        pack_panels(job, me, party)
        meetings = meet(job, party, meetings)
    for step in range(begin // batch, (end + batch - 1) // batch):
        start = step * batch
        stop = min(start + batch, n)
        if start >= begin:
            loss, weight = 0.0, float(stop - start)
            if peek(job, WEIGHT):
                numbers = peek(job, ORDER) + start * 8
                weight = call_for_number(
                    peek(job, WEIGH), (peek(job, WEIGHT), numbers, stop - start)
                )
        if weight == 0.0:
            continue  # rows that count for nothing teach nothing
        l2 = peek_real(job, L2) / weight if peek(job, L2_OF_SUM) else peek_real(job, L2)
        # read before the first meeting, since panels write it after
        penalty = l2 / 2 * added(peek(job, PANEL_SQUARES), peek(job, PANELS)) if l2 > 0 else 0.0
        for first in range(max(start, begin), min(stop, end), chunk):
            rows = min(chunk, stop - first)
            blocks = pass_blocks(job, me, party, first, rows, 1 / weight, 1)
            meetings = meet(job, party, meetings)
            loss += added(peek(job, BLOCK_LOSSES), blocks)
            ends = first + rows == stop
            if ends:
                loss += penalty
                if not np.isfinite(loss):
                    break
            rate = peek_real(peek(job, RATES), step)
            adds = int(first > start)
            pass_panels(job, me, party, first, rows, adds, ends, t + 1, rate, l2)
            meetings = meet(job, party, meetings)
        if stop > end:
            break  # the rest of this step is for the next call
        J_of_step = loss
        if not np.isfinite(loss):
            break
        total += weight * loss
        seen += weight
        t += 1
    if me == 0:
        poke_real(results, TOTAL, total)
        poke_real(results, SEEN, seen)
        poke_real(results, J, J_of_step)
        poke_real(results, STEPS, float(t))
        poke_real(results, LOSS_SO_FAR, loss)
        poke_real(results, WEIGHT_OF_STEP, weight)


def _differentiate(
    job: int, me: int, helpers: int, start: int, stop: int, inverse: float, learns: int
) -> None:
    """Loss of rows start .. stop, and its gradient if it `learns`.

    Both are added to those of the rows before, the loss in the job's J. `start` is a whole number
    of chunks.
    """
    party, meetings = join(job, me, helpers), 0
    if party < 0:
        return
    chunk, loss = peek(job, CHUNK), 0.0
    for first in range(start, stop, chunk):
        rows = min(chunk, stop - first)
        blocks = pass_blocks(job, me, party, first, rows, inverse, learns)
        meetings = meet(job, party, meetings)
        loss += added(peek(job, BLOCK_LOSSES), blocks)
        if learns:
            ends = int(first + rows == peek(job, N))
            pass_panels(job, me, party, first, rows, int(first > 0), ends, 0, 0.0, 0.0)
        meetings = meet(job, party, meetings)
    if me == 0:
        results = peek(job, RESULT)
        poke_real(results, J, peek_real(results, J) + loss)


train_steps = Driver(_train, LONGEST)
differentiate = Driver(_differentiate, "differentiate")
