"""Rows as the kernels read them: contiguous, of one type of numbers, and within all bounds.

Kernels look at no bounds, so what would lead them outside of an array ends here.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.arrays import Floats, Targets, is_sparse
from chainrule.engines import Rows
from chainrule.engines.compiled.sparse import SparseTable
from chainrule.errors import InputError
from chainrule.losses import Quantile, SoftmaxCrossEntropy
from chainrule.network import Network
from chainrule.thermometer import ThermometerInputs


def table_for(network: Network, X: Any, dtype: DTypeLike) -> Floats | SparseTable:
    """The inputs of a network, dense, sparse or by differences as they come.

    Raises:
        InputError: a shape that does not fit the network, or a sparse array that is not whole.
    """
    require(len(X.shape) == 2 and X.shape[1] == network.n_inputs, f"inputs have shape {X.shape}")
    if isinstance(X, ThermometerInputs):
        return differences(X, dtype)
    return sparse_table(X, dtype) if is_sparse(X) else np.ascontiguousarray(X, dtype=dtype)


def differences(X: ThermometerInputs, dtype: DTypeLike) -> SparseTable:
    """Thermometer codes, as the kernels read them.

    Raises:
        InputError: a code that goes on from no input, or sparse inputs that are not whole.
    """
    require(X.continues.shape == X.shape[1:], "there is not one word for each input")
    require(not X.continues[:1].any(), "the first input continues a code")
    found = sparse_table(X.differences, dtype)
    if not X.continues.any():
        return found  # without codes the differences are the inputs themselves
    return replace(found, continues=X.continues.astype(np.int64))


def sparse_table(X: Any, dtype: DTypeLike) -> SparseTable:
    """A SciPy array in CSR form; its numbers are copied only where their type has to change.

    Raises:
        InputError: indices that are none of its columns.
    """
    X = X.tocsr()
    n, d = X.shape
    index = np.int64 if X.indices.dtype.itemsize > 4 or X.indptr.dtype.itemsize > 4 else np.int32
    numbers = np.ascontiguousarray(X.data, dtype=dtype)
    columns: NDArray[Any] = np.ascontiguousarray(X.indices, dtype=index)
    row_ends: NDArray[Any] = np.ascontiguousarray(X.indptr, dtype=index)
    size = min(len(numbers), len(columns))
    whole = len(row_ends) == n + 1 and row_ends[0] >= 0 and row_ends[-1] <= size
    require(whole and (row_ends[:-1] <= row_ends[1:]).all(), "the sparse inputs' rows are broken")
    require(not size or 0 <= columns.min() <= columns.max() < d, "the sparse inputs' columns too")
    return SparseTable(numbers, columns, row_ends, (n, d))


def rows_for(network: Network, rows: Rows, dtype: np.dtype) -> Rows:
    """Rows to learn from or to be judged on: classes as int64, all else of one dtype.

    Raises:
        InputError: shapes that do not fit the network, or a class that it does not have.
    """
    X: Any = table_for(network, rows.X, dtype)
    n, k = len(rows), network.n_outputs
    kind = np.int64 if isinstance(network.loss, SoftmaxCrossEntropy) else dtype
    y: Targets = np.ascontiguousarray(rows.y, dtype=kind)
    weight = None if rows.weight is None else np.ascontiguousarray(rows.weight, dtype=dtype)
    if kind is np.int64:
        expected: tuple[int, ...] = (n,)
        require(not n or 0 <= y.min() <= y.max() < k, f"a class is not from 0 to {k - 1}")
    else:
        expected = (n, 1 if isinstance(network.loss, Quantile) else k)
    require(y.shape == expected, f"targets have shape {y.shape}, not {expected}")
    require(weight is None or weight.shape == (n,), "there is not one weight for each row")
    return Rows(X, y, weight)


def require(holds: Any, what: str) -> None:
    """Refuse rows of which something does not hold.

    Raises:
        InputError: it does not.
    """
    if not holds:
        raise InputError(f"{what}: these rows do not fit this network.")
