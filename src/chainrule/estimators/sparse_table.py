"""Sparse matrices as tables: written out column by column, and never beyond a stated size.

A table has columns of several kinds, each of which is encoded by itself; what a sparse matrix does
not hold is the number 0 there.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import InputError

MOST_CELLS = 2**24
"""Cells that a sparse matrix may have, 0 or not, to be written out. Each becomes an input of four
bytes, and one more for each bin of its column: about a gigabyte with the 16 bins of most tables."""


def checked_sparse(X: Any) -> Any:
    """X (n, d) in the format that gives its columns quickly.

    Raises:
        InputError: X has more than `MOST_CELLS`, or not two dimensions.
    """
    if X.ndim != 2:
        raise InputError(f"Expected a table of rows and columns, got a sparse array of {X.shape}.")
    n, d = X.shape
    if n * d > MOST_CELLS:
        raise InputError(
            f"X is a sparse matrix of {n:,} rows and {d:,} columns. A table is dense: this one "
            f"would take {4 * n * d / 2**30:.2f} GiB as float32, several times that with the bins "
            f"of its columns, and a sparse matrix of more than {MOST_CELLS:,} cells is not written "
            "out unasked. Keep fewer columns (SelectKBest, TruncatedSVD), or give fewer rows at a "
            "time; give X.toarray() if memory allows, with n_bins=0 to save it; or use "
            "MLPClassifier and MLPRegressor, which learn from sparse matrices as they are."
        )
    return X.tocsc()


def columns_of(X: Any, names: Iterable[str]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The columns of what `checked_sparse` gave, (n,) each, with their names."""
    for j, name in enumerate(names):
        yield name, np.ravel(X[:, [j]].toarray())
