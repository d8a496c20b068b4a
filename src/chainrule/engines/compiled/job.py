"""What the passes are given: one table of 8-byte numbers, sizes and addresses alike.

It is reached by its address alone, so that compiled code knows of no type but whole numbers. Its
entries are named here and filled by `workspace.py`; what is no address or count is a float64, and
says so.
"""

JOB = (
    # sizes
    "size",  # bytes of a number, 4 or 8
    "layers",  # L
    "panels",
    "n",  # rows in the order
    "batch",  # rows of a step
    "chunk",  # rows that the buffers hold
    "block",  # rows that a thread carries at once
    "k",  # scores of a row
    # functions, by address
    "gemm",
    "multiply",  # for products of our own; 0: all are the gemm's
    "transpose",
    "gather",  # of dense rows
    "sparse_product",  # of the inputs with the first W, and with its delta
    "sparse_gradient",
    "add_rows",
    "weigh",
    "loss",
    "update",  # 0 where a gradient is wanted and no step
    "squares",
    "give_way",  # the operating system's yield
    # rows, by address
    "X",  # numbers of dense rows, or of the entries of sparse ones ...
    "entries",  # ... which are in these columns; 0: X is dense
    "row_ends",  # where each sparse row begins and the next does
    "y",
    "weight",  # 0: each counts 1
    "order",  # int64 row numbers; 0: as they come
    # results and scratch, by address
    "gradient",
    "scratch",  # room for one panel for each thread ...
    "scratch_stride",  # ... so many bytes apart
    "sums_stride",  # bytes from one block's column sums to the next's
    "block_losses",
    "panel_squares",
    "results",
    "sync",
    # numbers
    "loss_parameters",
    "optimizer_parameters",
    "rates",
    "l2",  # a float64
    # tables, by address: a row of LAYER for each layer, a row of PANEL for each panel
    "layer_table",
    "panel_table",
)

LAYER = (
    "d",
    "h",
    "at",  # where W begins in theta, in bytes; b follows
    "W",  # addresses of theta, m and v from there on
    "m",
    "v",
    "turned",  # the transpose of W, for the way back; 0: there is none
    "forward",
    "backward",
    "A",  # activations of the layer, after its forward pass
    "slopes",  # 0: they follow from A
    "delta",
    "sums",  # column sums of delta, of the first block
    "key",
    "threshold",
    "factor",  # a float64
)

PANEL = ("layer", "start", "rows", "share")
"""`share` is the part of all work before the panel's middle, times SHARES."""

SHARES = 1 << 20

RESULTS = ("total", "seen", "J", "steps")

(
    SIZE, LAYERS, PANELS, N, BATCH, CHUNK, BLOCK, K, GEMM, MULTIPLY, TRANSPOSE, GATHER,
    SPARSE_PRODUCT, SPARSE_GRADIENT, ADD_ROWS, WEIGH, LOSS, UPDATE, SQUARES, GIVE_WAY, X, ENTRIES,
    ROW_ENDS, Y, WEIGHT, ORDER, GRADIENT, SCRATCH, SCRATCH_STRIDE, SUMS_STRIDE, BLOCK_LOSSES,
    PANEL_SQUARES, RESULT, SYNC, LOSS_PARAMETERS, OPTIMIZER_PARAMETERS, RATES, L2, LAYER_TABLE,
    PANEL_TABLE,
) = range(len(JOB))  # fmt: skip
(
    WIDTH_IN, WIDTH, AT, W, M, V, TURNED, FORWARD, BACKWARD, A, SLOPES, DELTA, SUMS, KEY, THRESHOLD,
    FACTOR,
) = range(len(LAYER))  # fmt: skip
PANEL_LAYER, START, ROWS, SHARE = range(len(PANEL))
TOTAL, SEEN, J, STEPS = range(len(RESULTS))
LAYER_BYTES, PANEL_BYTES = 8 * len(LAYER), 8 * len(PANEL)
