"""The rows of a training: checked once, so that every engine can rely on them."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from chainrule.arrays import is_sparse
from chainrule.engines import Rows
from chainrule.errors import InputError
from chainrule.network import Network
from chainrule.thermometer import ThermometerInputs


@np.errstate(over="ignore", invalid="ignore")
def prepared(what: str, network: Network, rows: Rows, dtype: DTypeLike) -> Rows:
    """The rows in the dtype of training, after the checks that every engine relies on.

    Args:
        what: the rows' name in what is said of them.
        network: what will see them.
        rows: any rows.
        dtype: float32 or float64.

    Raises:
        InputError: rows that do not fit the network or that the dtype cannot hold.
    """
    X: Any = rows.X
    if isinstance(X, ThermometerInputs):
        X = X.astype(dtype)
        values = X.differences.data
    elif is_sparse(X):
        from scipy.sparse import csr_array

        X = csr_array(X, dtype=dtype)
        values = X.data
    else:
        X = values = np.ascontiguousarray(X, dtype=dtype)
    if len(X.shape) != 2 or X.shape[1] != network.n_inputs:
        raise InputError(
            f"{what} have inputs of shape {X.shape}, "
            f"but this network takes {network.n_inputs} inputs: expected (n, {network.n_inputs})."
        )
    n = X.shape[0]
    if n == 0:
        raise InputError(f"{what} are empty; at least one row is needed.")
    if len(rows.y) != n:
        raise InputError(f"{what} have {n} rows of inputs, but {len(rows.y)} targets.")
    # a sum of float64 tells first: a truth value for each number is a quarter of the table
    if not np.isfinite(values.sum(dtype=np.float64)) and not np.isfinite(values).all():
        raise InputError(
            f"{what} have inputs that are NaN or infinite in {np.dtype(dtype)}; fill or drop them."
        )
    y = network.loss.checked(rows.y, network.n_outputs)
    y = y.astype(dtype) if np.issubdtype(y.dtype, np.floating) else y
    if not np.isfinite(y).all():
        raise InputError(f"{what} have targets too large for {np.dtype(dtype)}; rescale them.")
    weight = None if rows.weight is None else np.asarray(rows.weight, dtype=dtype)
    if weight is not None:
        if weight.shape != (n,):
            raise InputError(f"{what} have {n} rows, but weights of shape {weight.shape}.")
        if not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
            raise InputError(f"the weights of {what} must be finite, not negative, and not all 0.")
    return Rows(X, y, weight)
