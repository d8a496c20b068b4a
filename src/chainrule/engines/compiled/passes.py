"""Rows through the network and back, step after step, without Python.

A step has two halves. In the first the batch's rows are divided into blocks; a thread carries each
of its blocks through the whole network and back, so that activations stay in its cache. In the
second the weights are divided into panels, some rows of one W each; a thread sums the gradient of
each of its panels over the whole batch, in one product, and updates the panel while the gradient is
still in its cache. A batch of more rows than fit the buffers goes through in chunks, which add up.

Blocks, panels and chunks depend on the shapes and on nothing else, and whatever they give is added
in their order: the number of threads decides who computes a number, never which number it is.

Everything is reached through the address of one table of 8-byte numbers, the job (`job.py`). That
keeps these functions quick to compile: they know of no type but whole numbers, and one compilation
serves every network, loss, optimiser and dtype.
"""

import numpy as np

from chainrule.engines.compiled.job import (
    ADD_ROWS,
    AT,
    BACKWARD,
    BATCH,
    BLOCK,
    BLOCK_LOSSES,
    CHUNK,
    DELTA,
    ENTRIES,
    FACTOR,
    FORWARD,
    GATHER,
    GEMM,
    GRADIENT,
    KEY,
    L2,
    LAYER_BYTES,
    LAYER_TABLE,
    LAYERS,
    LOSS,
    LOSS_PARAMETERS,
    MULTIPLY,
    OPTIMIZER_PARAMETERS,
    ORDER,
    PANEL_BYTES,
    PANEL_LAYER,
    PANEL_SQUARES,
    PANEL_TABLE,
    PANELS,
    RATES,
    RESULT,
    ROW_ENDS,
    ROWS,
    SCRATCH,
    SCRATCH_STRIDE,
    SEEN,
    SHARE,
    SHARES,
    SIZE,
    SLOPES,
    SPARSE_GRADIENT,
    SPARSE_PRODUCT,
    SQUARES,
    START,
    STEPS,
    SUMS,
    SUMS_STRIDE,
    THRESHOLD,
    TOTAL,
    TRANSPOSE,
    TURNED,
    UPDATE,
    WEIGH,
    WEIGHT,
    WIDTH,
    WIDTH_IN,
    A,
    J,
    K,
    M,
    N,
    V,
    W,
    X,
    Y,
)
from chainrule.engines.compiled.kernels import Driver, inner
from chainrule.engines.compiled.machine import (
    call,
    call_for_number,
    gemm32,
    gemm64,
    peek,
    peek_real,
    poke_real,
)
from chainrule.engines.compiled.meetings import join, meet
from chainrule.engines.compiled.products import NARROWEST, WIDEST


@inner
def product(
    job: int, ta: int, tb: int, m: int, n: int, k: int, left: int, lda: int, right: int, ldb: int,
    beta: int, out: int,
) -> None:  # fmt: skip
    """Row-major out (m, n) <- op(left) op(right) + beta out."""
    size = peek(job, SIZE)
    row = n * size
    if peek(job, MULTIPLY) and not tb and NARROWEST <= row <= WIDEST:
        along_row, along_k = (size, lda * size) if ta else (lda * size, size)
        call(
            peek(job, MULTIPLY),
            (left, along_row, along_k, right, ldb * size, out, row, m, n, k, beta),
        )
    elif size == 4:
        gemm32(peek(job, GEMM), ta, tb, m, n, k, left, lda, right, ldb, beta, out, n)
    else:
        gemm64(peek(job, GEMM), ta, tb, m, n, k, left, lda, right, ldb, beta, out, n)


@inner
def pass_block(
    job: int, first: int, at: int, rows: int, inverse: float, learns: int, scores: int
) -> float:
    """Rows of the chunk from `at` on through the network and, if it `learns`, back.

    The chunk begins with row `first` of the order.

    Returns the sum of their shares of the loss. With `scores`, an address, the last layer's sums go
    there and no loss is computed.
    """
    size, order = peek(job, SIZE), peek(job, ORDER)
    top = peek(job, LAYER_TABLE) + (peek(job, LAYERS) - 1) * LAYER_BYTES
    layer = peek(job, LAYER_TABLE)
    numbers = order + (first + at) * 8
    source = inputs(job, first, at)
    if order and not peek(job, ENTRIES):
        call(peek(job, GATHER), (peek(job, X), numbers, rows, peek(layer, WIDTH_IN), source))
    while True:
        d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
        Z = peek(layer, A) + at * h * size
        if layer == top and scores:
            Z = scores
        bias = peek(layer, W) + d * h * size
        if peek(job, ENTRIES) and layer == peek(job, LAYER_TABLE):
            call(
                peek(job, SPARSE_PRODUCT),
                (peek(job, X), peek(job, ENTRIES), peek(job, ROW_ENDS), peek(job, ROW_ENDS),
                 numbers, int(order != 0), first + at, rows, peek(layer, W), h, Z),
            )  # fmt: skip
        else:
            product(job, 0, 0, rows, h, d, source, d, peek(layer, W), h, 0, Z)
        source = Z
        if layer == top:
            break
        slopes = peek(layer, SLOPES)
        if learns and slopes:
            slopes += at * h * size
            call(
                peek(layer, FORWARD),
                (Z, bias, rows, h, slopes, numbers, peek(layer, KEY), peek(layer, THRESHOLD),
                 peek_real(layer, FACTOR)),
            )  # fmt: skip
        else:
            call(peek(layer, FORWARD), (Z, bias, rows, h))
        layer += LAYER_BYTES
    if scores:
        call(peek(layer, FORWARD), (Z, bias, rows, h))
        return 0.0
    delta = peek(layer, DELTA) + at * h * size
    weight = peek(job, WEIGHT)
    value = call_for_number(
        peek(job, LOSS),
        (Z, bias, peek(job, Y), numbers, first + at, weight, inverse, rows, h, delta,
         peek(job, LOSS_PARAMETERS), int(order != 0), int(weight != 0), learns),
    )  # fmt: skip
    if learns:
        sums = (at // peek(job, BLOCK)) * peek(job, SUMS_STRIDE)
        call(peek(job, ADD_ROWS), (delta, h, rows, h, peek(layer, SUMS) + sums, 0))
        while layer != peek(job, LAYER_TABLE):
            below = layer - LAYER_BYTES
            d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
            found = peek(below, DELTA) + at * d * size
            if peek(layer, TURNED):
                product(job, 0, 0, rows, d, h, delta, h, peek(layer, TURNED), d, 0, found)
            else:
                product(job, 0, 1, rows, d, h, delta, h, peek(layer, W), h, 0, found)
            by = peek(below, SLOPES) if peek(below, SLOPES) else peek(below, A)
            call(
                peek(below, BACKWARD),
                (found, by + at * d * size, rows, d, peek(below, SUMS) + sums),
            )
            layer, delta = below, found
    return value


@inner
def inputs(job: int, first: int, at: int) -> int:
    """Where the network's inputs are from row `at` of a chunk on; `first` is its first row."""
    layer = peek(job, LAYER_TABLE)
    row = peek(layer, WIDTH_IN) * peek(job, SIZE)
    if peek(job, ORDER):  # gathered where a layer before the first would have its activations
        return peek(layer - LAYER_BYTES, A) + at * row
    return peek(job, X) + (first + at) * row


@inner
def pass_blocks(
    job: int, me: int, party: int, first: int, rows: int, inverse: float, learns: int
) -> int:
    """Pass the blocks of a chunk that are this thread's; the number of blocks there are."""
    block = peek(job, BLOCK)
    blocks = (rows + block - 1) // block
    for i in range(blocks * me // party, blocks * (me + 1) // party):
        at = i * block
        value = pass_block(job, first, at, min(block, rows - at), inverse, learns, 0)
        poke_real(peek(job, BLOCK_LOSSES), i, value)
    return blocks


@inner
def pass_panels(
    job: int, me: int, party: int, first: int, rows: int, adds: int, ends: int, t: int, rate: float
) -> None:
    """Gradient of a chunk for this thread's panels, and their update where the batch `ends`.

    With `adds` it is added to the gradient of the chunks before.
    """
    size, l2 = peek(job, SIZE), peek_real(job, L2)
    updates = ends and peek(job, UPDATE) != 0
    whole = updates and not adds  # one chunk: nobody else needs the gradient
    scratch = peek(job, SCRATCH) + me * peek(job, SCRATCH_STRIDE)
    for i in range(peek(job, PANELS)):
        panel = peek(job, PANEL_TABLE) + i * PANEL_BYTES
        if peek(panel, SHARE) * party // SHARES != me:
            continue
        layer = peek(job, LAYER_TABLE) + peek(panel, PANEL_LAYER) * LAYER_BYTES
        d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
        start, height = peek(panel, START), peek(panel, ROWS)
        from_inputs = layer == peek(job, LAYER_TABLE)
        source = inputs(job, first, 0) if from_inputs else peek(layer - LAYER_BYTES, A)
        at = start * h * size
        G = scratch if whole else peek(job, GRADIENT) + peek(layer, AT) + at
        delta = peek(layer, DELTA)
        if from_inputs and peek(job, ENTRIES):
            order = peek(job, ORDER)
            call(
                peek(job, SPARSE_GRADIENT),
                (peek(job, X), peek(job, ENTRIES), peek(job, ROW_ENDS), order + first * 8,
                 int(order != 0), first, rows, delta, h, start, height, G, G, adds),
            )  # fmt: skip
        else:
            product(job, 1, 0, height, h, rows, source + start * size, d, delta, h, adds, G)
        entries = height * h
        with_biases = start + height == d  # which follow the layer's last panel
        if with_biases:
            blocks = (rows + peek(job, BLOCK) - 1) // peek(job, BLOCK)
            stride = peek(job, SUMS_STRIDE) // size
            below = G + entries * size
            call(peek(job, ADD_ROWS), (peek(layer, SUMS), stride, blocks, h, below, adds))
        if updates:
            if l2 > 0:
                update(job, layer, at, G, entries, t, rate, l2)
                squares = call_for_number(peek(job, SQUARES), (peek(layer, W) + at, entries))
                poke_real(peek(job, PANEL_SQUARES), i, squares)
                if with_biases:
                    move = entries * size
                    update(job, layer, at + move, G + move, h, t, rate, 0.0)
            else:
                update(job, layer, at, G, entries + h * with_biases, t, rate, 0.0)
            if peek(layer, TURNED):
                turned = peek(layer, TURNED) + start * size
                call(
                    peek(job, TRANSPOSE),
                    (peek(layer, W) + at, h * size, turned, d * size, height, h),
                )


@inner
def update(
    job: int, layer: int, at: int, G: int, count: int, t: int, rate: float, l2: float
) -> None:
    """The optimiser's step t for `count` parameters, `at` bytes from where the layer's begin."""
    call(
        peek(job, UPDATE),
        (peek(layer, W) + at, G, peek(layer, M) + at, peek(layer, V) + at, count, t, rate, l2,
         peek(job, OPTIMIZER_PARAMETERS)),
    )  # fmt: skip


@inner
def added(table: int, count: int) -> float:
    """The sum of the first numbers of a table, one after the other."""
    total = 0.0
    for i in range(count):
        total += peek_real(table, i)
    return total


def _train(job: int, me: int, helpers: int, first_step: int, end_step: int) -> None:
    """Steps first_step .. end_step of an epoch; every thread calls it, thread 0 with how many help.

    What it found is added to the job's results. It ends early where J is NaN or infinite.
    """
    results = peek(job, RESULT)
    total, seen = peek_real(results, TOTAL), peek_real(results, SEEN)
    t = int(peek_real(results, STEPS))
    party, meetings = join(job, me, helpers), 0
    if party < 0:
        return
    n, batch, chunk = peek(job, N), peek(job, BATCH), peek(job, CHUNK)
    l2, loss = peek_real(job, L2), 0.0
    for step in range(first_step, end_step):
        start = step * batch
        stop = min(start + batch, n)
        weight = float(stop - start)
        if peek(job, WEIGHT):
            numbers = peek(job, ORDER) + start * 8
            weight = call_for_number(peek(job, WEIGH), (peek(job, WEIGHT), numbers, stop - start))
            if weight == 0.0:
                continue  # rows that count for nothing teach nothing
        # read before the first meeting, since panels write it after
        penalty = l2 / 2 * added(peek(job, PANEL_SQUARES), peek(job, PANELS)) if l2 > 0 else 0.0
        loss = 0.0
        for first in range(start, stop, chunk):
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
            pass_panels(job, me, party, first, rows, int(first > start), ends, t + 1, rate)
            meetings = meet(job, party, meetings)
        if not np.isfinite(loss):
            break
        total += weight * loss
        seen += weight
        t += 1
    if me == 0:
        poke_real(results, TOTAL, total)
        poke_real(results, SEEN, seen)
        poke_real(results, J, loss)
        poke_real(results, STEPS, float(t))


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
            pass_panels(job, me, party, first, rows, int(first > 0), 1, 0, 0.0)
        meetings = meet(job, party, meetings)
    if me == 0:
        results = peek(job, RESULT)
        poke_real(results, J, peek_real(results, J) + loss)


def _score(job: int, me: int, helpers: int, start: int, stop: int, out: int) -> None:
    """Scores of rows start .. stop to the address `out` and what follows.

    Threads do not wait for one another: each has one block of the buffers for all its blocks.
    """
    party, block = join(job, me, helpers), peek(job, BLOCK)
    if party < 0:
        return
    blocks = (stop - start + block - 1) // block
    at = me * block
    for i in range(blocks * me // party, blocks * (me + 1) // party):
        row = start + i * block
        to = out + row * peek(job, K) * peek(job, SIZE)
        pass_block(job, row - at, at, min(block, stop - row), 0.0, 0, to)


train_steps = Driver(_train, "train-steps")
differentiate = Driver(_differentiate, "differentiate")
score = Driver(_score, "score")
