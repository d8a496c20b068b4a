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
    "product",  # by whichever of the next three suits
    "by_vector",  # for one column
    "gemm",
    "multiply",  # for products of our own; 0: all are the gemm's
    "transpose",
    "packed_product",  # for products with packed factors; 0: there are none ...
    "multiply_packed",
    "multiply_strips",  # ... which are made of this one's
    "pack",
    "pack_turned",
    "pack_delta",
    "pack_weights",
    "gather",  # of dense rows
    "ask",  # for dense rows of the next step
    "sparse_product",  # of the inputs with the first W
    "by_columns",  # puts the entries of a group of rows in the order of their columns ...
    "sparse_gradient",  # ... for their product with delta; without groups, that row by row
    "running_sums",  # of the first W; 0: the inputs are no differences
    "gradient_of_sums",
    "add_rows",
    "weigh",
    "loss",
    "update",  # 0 where a gradient is wanted and no step
    "update_scaled",  # of weights whose inputs learn a scale; 0: none does
    "give_way",  # the operating system's yield
    # rows, by address
    "X",  # numbers of dense rows, or of the entries of sparse ones ...
    "entries",  # ... which are in these columns; 0: X is dense
    "row_ends",  # where each sparse row begins and the next does
    "continues",  # which inputs go on with a thermometer code
    "sums_of_W",  # the running sums of the first W that the differences ask for
    "y",
    "weight",  # 0: each counts 1
    "order",  # int64 row numbers; 0: as they come
    # results and scratch, by address
    "gradient",
    "scratch",  # room for one panel for each thread ...
    "scratch_stride",  # ... so many bytes apart
    "groups",  # room for the entries of each group of rows by columns; 0: they go by rows ...
    "group_bytes",  # ... so many bytes apart ...
    "group_entries",  # ... for so many entries
    "strips",  # room for a strip of a group's delta for each thread
    "copies",  # room for a part of a left factor for each thread
    "packs",  # rows of a factor that become one packed row: 1, or 2 of bfloat16
    "sums_stride",  # bytes from one block's column sums to the next's
    "block_losses",
    "panel_squares",
    "results",
    "sync",
    # numbers
    "loss_parameters",
    "optimizer_parameters",
    "rates",
    "l2",  # a float64 ...
    "l2_of_sum",  # ... that is divided by the batch's weight
    "a",  # of each input: its scale's logarithm, and the moving means of that one's gradient
    "a_m",
    "a_v",
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
    "packed",  # W, its transpose and delta, packed; 0: they are not
    "packed_turned",
    "packed_delta",
    "forward",
    "backward",
    "A",  # activations of the layer, after its forward pass
    "slopes",  # 0: they follow from A
    "delta",
    "partial",  # gradient of the first block's rows; 0: gradients are those of all rows at once
    "sums",  # column sums of delta, of the first block
    "key",
    "threshold",
    "factor",  # a float64
)

PANEL = ("layer", "start", "rows", "share")
"""`share` is the part of all work before the panel's middle, times SHARES."""

SHARES = 1 << 20

RESULTS = ("total", "seen", "J", "steps", "loss so far", "weight of the step")
"""`J` is that of the last whole step; the last two are what a call leaves of a step half done."""

(
    SIZE, LAYERS, PANELS, N, BATCH, CHUNK, BLOCK, K, PRODUCT, BY_VECTOR, GEMM, MULTIPLY, TRANSPOSE,
    PACKED_PRODUCT, MULTIPLY_PACKED, MULTIPLY_STRIPS, PACK, PACK_TURNED, PACK_DELTA, PACK_WEIGHTS,
    GATHER, ASK, SPARSE_PRODUCT, BY_COLUMNS, SPARSE_GRADIENT, RUNNING_SUMS, GRADIENT_OF_SUMS,
    ADD_ROWS, WEIGH, LOSS, UPDATE, UPDATE_SCALED, GIVE_WAY, X, ENTRIES, ROW_ENDS, CONTINUES,
    SUMS_OF_W, Y, WEIGHT, ORDER, GRADIENT, SCRATCH, SCRATCH_STRIDE, GROUPS, GROUP_BYTES,
    GROUP_ENTRIES, STRIPS, COPIES, PACKS, SUMS_STRIDE, BLOCK_LOSSES, PANEL_SQUARES, RESULT, SYNC,
    LOSS_PARAMETERS, OPTIMIZER_PARAMETERS, RATES, L2, L2_OF_SUM, SCALE, SCALE_M, SCALE_V,
    LAYER_TABLE, PANEL_TABLE,
) = range(len(JOB))  # fmt: skip
(
    WIDTH_IN, WIDTH, AT, W, M, V, TURNED, PACKED, PACKED_TURNED, PACKED_DELTA, FORWARD, BACKWARD, A,
    SLOPES, DELTA, PARTIAL, SUMS, KEY, THRESHOLD, FACTOR,
) = range(len(LAYER))  # fmt: skip
PANEL_LAYER, START, ROWS, SHARE = range(len(PANEL))
TOTAL, SEEN, J, STEPS, LOSS_SO_FAR, WEIGHT_OF_STEP = range(len(RESULTS))
LAYER_BYTES, PANEL_BYTES = 8 * len(LAYER), 8 * len(PANEL)
