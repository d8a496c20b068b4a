"""The way of a block through the network and back: the first half of a step (`passes.py`)."""

from chainrule.engines.compiled.job import (
    ADD_ROWS,
    ASK,
    BACKWARD,
    BATCH,
    BLOCK,
    BLOCK_LOSSES,
    BY_COLUMNS,
    DELTA,
    ENTRIES,
    FACTOR,
    FORWARD,
    GATHER,
    GROUP_BYTES,
    GROUP_ENTRIES,
    GROUPS,
    KEY,
    LAYER_BYTES,
    LAYER_TABLE,
    LAYERS,
    LOSS,
    LOSS_PARAMETERS,
    ORDER,
    PACK_DELTA,
    PACKED,
    PACKED_DELTA,
    PACKED_PRODUCT,
    PACKED_TURNED,
    PARTIAL,
    PRODUCT,
    ROW_ENDS,
    SIZE,
    SLOPES,
    SPARSE_PRODUCT,
    SUMS,
    SUMS_OF_W,
    SUMS_STRIDE,
    THRESHOLD,
    TURNED,
    WEIGHT,
    WIDTH,
    WIDTH_IN,
    A,
    N,
    W,
    X,
    Y,
)
from chainrule.engines.compiled.kernels import inner
from chainrule.engines.compiled.machine import call, call_for_number, peek, peek_real, poke_real
from chainrule.engines.compiled.sparse_gradient import GROUP


@inner
def product(
    job: int, ta: int, tb: int, m: int, n: int, k: int, left: int, lda: int, right: int, ldb: int,
    beta: int, out: int,
) -> None:  # fmt: skip
    """Row-major out (m, n) <- op(left) op(right) + beta out."""
    call(peek(job, PRODUCT), (job, ta, tb, m, n, k, left, lda, right, ldb, beta, out))


@inner
def packed_product(
    job: int, me: int, m: int, n: int, k: int, left: int, a_row: int, a_step: int, right: int,
    of_strip: int, adds: int, out: int,
) -> None:  # fmt: skip
    """Row-major out (m, n) <- left right, added if it `adds`; `right` has strips of so many rows.

    `a_row` and `a_step` lead from a row of the left factor to the next and along a row.
    """
    call(
        peek(job, PACKED_PRODUCT),
        (job, me, m, n, k, left, a_row, a_step, right, of_strip, adds, out),
    )


@inner
def pack_delta(job: int, layer: int, at: int, rows: int) -> None:
    """Pack the rows of delta from row `at` of the chunk on, where the layer wants that."""
    if peek(layer, PACKED_DELTA):
        call(peek(job, PACK_DELTA), (job, layer, at, rows))


@inner
def pass_block(
    job: int, first: int, at: int, rows: int, inverse: float, learns: int, scores: int
) -> float:
    """Rows of the chunk from `at` on through the network and, if it `learns`, back.

    The chunk begins with row `first` of the order.

    Returns the sum of their shares of the loss. With `scores`, an address, the last layer's sums go
    there and no loss is computed.
    """
    size, order, mine = peek(job, SIZE), peek(job, ORDER), at // peek(job, BLOCK)
    top = peek(job, LAYER_TABLE) + (peek(job, LAYERS) - 1) * LAYER_BYTES
    layer = peek(job, LAYER_TABLE)
    numbers = order + (first + at) * 8
    source = inputs(job, first, at)
    if order and not peek(job, ENTRIES):
        call(peek(job, GATHER), (peek(job, X), numbers, rows, peek(layer, WIDTH_IN), source))
        batch = peek(job, BATCH)
        if peek(job, ASK) and first + at + batch + rows <= peek(job, N):
            row = peek(layer, WIDTH_IN) * size
            call(peek(job, ASK), (peek(job, X), numbers + batch * 8, rows, row))
    while True:
        d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
        Z = peek(layer, A) + at * h * size
        if layer == top and scores:
            Z = scores
        bias = peek(layer, W) + d * h * size
        if peek(job, ENTRIES) and layer == peek(job, LAYER_TABLE):
            factor = peek(job, SUMS_OF_W) if peek(job, SUMS_OF_W) else peek(layer, W)
            call(
                peek(job, SPARSE_PRODUCT),
                (peek(job, X), peek(job, ENTRIES), peek(job, ROW_ENDS), order, first + at, rows,
                 factor, h, Z),
            )  # fmt: skip
        elif peek(layer, PACKED):
            packed_product(job, mine, rows, h, d, source, d, 1, peek(layer, PACKED), d, 0, Z)
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
        sums = mine * peek(job, SUMS_STRIDE)
        call(peek(job, ADD_ROWS), (delta, h, rows, h, peek(layer, SUMS) + sums, 0))
        while True:
            pack_delta(job, layer, at, rows)
            differentiate_block(job, layer, first, at, rows)
            if layer == peek(job, LAYER_TABLE):
                break
            below = layer - LAYER_BYTES
            d, h = peek(layer, WIDTH_IN), peek(layer, WIDTH)
            found = peek(below, DELTA) + at * d * size
            if peek(layer, PACKED_TURNED):
                turned = peek(layer, PACKED_TURNED)
                packed_product(job, mine, rows, d, h, delta, h, 1, turned, h, 0, found)
            elif peek(layer, TURNED):
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
def differentiate_block(job: int, layer: int, first: int, at: int, rows: int) -> None:
    """Gradient of a layer's W for the rows of a block, where those of the blocks are added up."""
    if peek(layer, PARTIAL):
        d, h, size = peek(layer, WIDTH_IN), peek(layer, WIDTH), peek(job, SIZE)
        source = inputs(job, first, at)
        if layer != peek(job, LAYER_TABLE):
            source = peek(layer - LAYER_BYTES, A) + at * d * size
        out = peek(layer, PARTIAL) + at // peek(job, BLOCK) * peek(job, SUMS_STRIDE)
        product(job, 1, 0, d, h, rows, source, d, peek(layer, DELTA) + at * h * size, h, 0, out)


@inner
def inputs(job: int, first: int, at: int) -> int:
    """Where the network's inputs are from row `at` of a chunk on; `first` is its first row."""
    layer = peek(job, LAYER_TABLE)
    row = peek(layer, WIDTH_IN) * peek(job, SIZE)
    if peek(job, ORDER):  # gathered where a layer before the first would have its activations
        return peek(layer - LAYER_BYTES, A) + at * row
    return peek(job, X) + (first + at) * row


@inner
def put_by_columns(job: int, first: int, start: int, stop: int, rows: int) -> None:
    """Put the entries of the groups that begin in rows start .. stop of a chunk by columns.

    The last group of the chunk ends with its `rows`.
    """
    d = peek(peek(job, LAYER_TABLE), WIDTH_IN)
    for number in range((start + GROUP - 1) // GROUP, (stop + GROUP - 1) // GROUP):
        at = number * GROUP
        group = peek(job, GROUPS) + number * peek(job, GROUP_BYTES)
        call(
            peek(job, BY_COLUMNS),
            (peek(job, X), peek(job, ENTRIES), peek(job, ROW_ENDS), peek(job, ORDER), peek(job, N),
             first + at, min(GROUP, rows - at), d, group, peek(job, GROUP_ENTRIES)),
        )  # fmt: skip


@inner
def pass_blocks(
    job: int, me: int, party: int, first: int, rows: int, inverse: float, learns: int
) -> int:
    """Pass the blocks of a chunk that are this thread's; the number of blocks there are."""
    block = peek(job, BLOCK)
    blocks = (rows + block - 1) // block
    for i in range(blocks * me // party, blocks * (me + 1) // party):
        at = i * block
        if learns and peek(job, GROUPS):
            put_by_columns(job, first, at, min(at + block, rows), rows)
        value = pass_block(job, first, at, min(block, rows - at), inverse, learns, 0)
        poke_real(peek(job, BLOCK_LOSSES), i, value)
    return blocks
