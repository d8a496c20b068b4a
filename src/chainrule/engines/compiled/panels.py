"""The gradient and the update of a panel of weights: the second half of a step (`passes.py`)."""

from chainrule.engines.compiled.blocks import inputs, packed_product, product
from chainrule.engines.compiled.job import (
    ADD_ROWS,
    AT,
    BLOCK,
    CHUNK,
    CONTINUES,
    DELTA,
    ENTRIES,
    GRADIENT,
    GRADIENT_OF_SUMS,
    GROUP_BYTES,
    GROUP_ENTRIES,
    GROUPS,
    LAYER_BYTES,
    LAYER_TABLE,
    OPTIMIZER_PARAMETERS,
    ORDER,
    PACK_WEIGHTS,
    PACKED_DELTA,
    PANEL_BYTES,
    PANEL_LAYER,
    PANEL_SQUARES,
    PANEL_TABLE,
    PANELS,
    PARTIAL,
    ROW_ENDS,
    ROWS,
    RUNNING_SUMS,
    SCALE,
    SCALE_M,
    SCALE_V,
    SCRATCH,
    SCRATCH_STRIDE,
    SHARE,
    SHARES,
    SIZE,
    SPARSE_GRADIENT,
    START,
    STRIPS,
    SUMS,
    SUMS_OF_W,
    SUMS_STRIDE,
    TRANSPOSE,
    TURNED,
    UPDATE,
    UPDATE_SCALED,
    WIDTH,
    WIDTH_IN,
    A,
    M,
    V,
    W,
    X,
)
from chainrule.engines.compiled.kernels import inner
from chainrule.engines.compiled.machine import call, call_for_number, peek, poke_real
from chainrule.engines.compiled.sparse_gradient import STRIP_BYTES


@inner
def pack_weights(job: int, me: int, layer: int, start: int, height: int) -> None:
    """Pack some rows of W, where that is wanted."""
    if peek(job, PACK_WEIGHTS):
        call(peek(job, PACK_WEIGHTS), (job, me, layer, start, height))


@inner
def pack_panels(job: int, me: int, party: int) -> None:
    """Pack the weights of this thread's panels."""
    for i in range(peek(job, PANELS)):
        panel = peek(job, PANEL_TABLE) + i * PANEL_BYTES
        if peek(panel, SHARE) * party // SHARES == me:
            layer = peek(job, LAYER_TABLE) + peek(panel, PANEL_LAYER) * LAYER_BYTES
            pack_weights(job, me, layer, peek(panel, START), peek(panel, ROWS))


@inner
def pass_panels(
    job: int, me: int, party: int, first: int, rows: int, adds: int, ends: int, t: int,
    rate: float, l2: float,
) -> None:  # fmt: skip
    """Gradient of a chunk for this thread's panels, and their update where the batch `ends`.

    With `adds` it is added to the gradient of the chunks before.
    """
    size = peek(job, SIZE)
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
        delta, partial = peek(layer, DELTA), peek(layer, PARTIAL)
        entries = height * h
        with_biases = start + height == d  # which follow the layer's last panel
        blocks = (rows + peek(job, BLOCK) - 1) // peek(job, BLOCK)
        stride = peek(job, SUMS_STRIDE) // size
        if partial:
            count = entries + h * with_biases
            call(peek(job, ADD_ROWS), (partial + at, stride, blocks, count, G, adds))
        elif from_inputs and peek(job, ENTRIES):
            if peek(job, GROUPS):
                call(
                    peek(job, SPARSE_GRADIENT),
                    (peek(job, GROUPS), peek(job, GROUP_ENTRIES), peek(job, GROUP_BYTES), rows,
                     delta, h, start, height, G, adds, peek(job, STRIPS) + me * STRIP_BYTES),
                )  # fmt: skip
            else:
                call(
                    peek(job, SPARSE_GRADIENT),
                    (peek(job, X), peek(job, ENTRIES), peek(job, ROW_ENDS), peek(job, ORDER), first,
                     rows, delta, h, start, height, G, adds),
                )  # fmt: skip
            if ends and peek(job, RUNNING_SUMS):
                continues = peek(job, CONTINUES) + start * 8
                call(peek(job, GRADIENT_OF_SUMS), (G, continues, height, h))
        elif peek(layer, PACKED_DELTA):
            packed, chunk = peek(layer, PACKED_DELTA), peek(job, CHUNK)
            left = source + start * size
            packed_product(job, me, height, h, rows, left, 1, d, packed, chunk, adds, G)
        else:
            product(job, 1, 0, height, h, rows, source + start * size, d, delta, h, adds, G)
        if with_biases and not partial:
            below = G + entries * size
            call(peek(job, ADD_ROWS), (peek(layer, SUMS), stride, blocks, h, below, adds))
        if updates:
            scaled = from_inputs and peek(job, UPDATE_SCALED) != 0
            alike = l2 == 0 and not scaled  # weights and biases
            if scaled:
                squares = update_scaled(job, layer, start, height, G, t, rate, l2)
            else:
                count = entries + h * with_biases * alike
                squares = update(job, layer, at, G, count, t, rate, l2)
            if with_biases and not alike:
                move = entries * size
                update(job, layer, at + move, G + move, h, t, rate, 0.0)
            if l2 > 0:
                poke_real(peek(job, PANEL_SQUARES), i, squares)
            if peek(layer, TURNED):
                turned = peek(layer, TURNED) + start * size
                call(
                    peek(job, TRANSPOSE),
                    (peek(layer, W) + at, h * size, turned, d * size, height, h),
                )
            pack_weights(job, me, layer, start, height)
            if from_inputs and peek(job, RUNNING_SUMS):
                continues = peek(job, CONTINUES) + start * 8
                call(
                    peek(job, RUNNING_SUMS),
                    (peek(layer, W) + at, continues, height, h, peek(job, SUMS_OF_W) + at),
                )


@inner
def update(
    job: int, layer: int, at: int, G: int, count: int, t: int, rate: float, l2: float
) -> float:
    """The optimiser's step t for `count` parameters, `at` bytes from where the layer's begin.

    The sum of their squares after it.
    """
    return call_for_number(
        peek(job, UPDATE),
        (peek(layer, W) + at, G, peek(layer, M) + at, peek(layer, V) + at, count, t, rate, l2,
         peek(job, OPTIMIZER_PARAMETERS)),
    )  # fmt: skip


@inner
def update_scaled(
    job: int, layer: int, start: int, height: int, G: int, t: int, rate: float, l2: float
) -> float:
    """The same for the weights of `height` inputs from `start` on, which learn a scale each."""
    size = peek(job, SIZE)
    h, move = peek(layer, WIDTH), start * size
    at = move * h
    return call_for_number(
        peek(job, UPDATE_SCALED),
        (peek(layer, W) + at, G, peek(layer, M) + at, peek(layer, V) + at,
         peek(job, SCALE) + move, peek(job, SCALE_M) + move, peek(job, SCALE_V) + move,
         height, h, t, rate, l2, peek(job, OPTIMIZER_PARAMETERS)),
    )  # fmt: skip
