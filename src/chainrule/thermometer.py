"""Thermometer codes: inputs 1, ..., 1, f, 0, ..., 0, kept as the few numbers that tell all.

So a number in one of its bins is encoded (`table/numbers.py`). From one input to the next such a
code changes twice at most, and a product with it needs no more than that: by parts,

    sum_t x_t W_t = sum_t (x_t - x_(t+1)) (W_1 + ... + W_t),        x_(T+1) = 0,

two rows of the running sums of W, in place of T rows of W. The gradient by the running sums is as
sparse; that by W_t is its sum from t on.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.arrays import Floats

ROWS_AT_ONCE = 4096
"""Rows whose differences are taken at once, which bounds the memory."""

SAMPLE = 1000
"""Rows, from all over a table, whose differences tell how many there are."""

OF_ENTRY, OF_WEIGHT = 4.0, 12.0
"""What an entry costs in both passes, and a weight's running sums in a step, in numbers of a dense
row: measured, see the decision on the compiled engine (`docs/decisions/0005`)."""


@dataclass(frozen=True)
class ThermometerInputs:
    """Inputs by their differences; see the module.

    Attributes:
        differences: a SciPy CSR array of shape (n, d): x_j - x_(j+1) where input j + 1 continues
            the code of input j, else x_j.
        continues: shape (d,): whether an input goes on with the code of the one before it.
    """

    differences: Any
    continues: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        """(n, d)."""
        n, d = self.differences.shape
        return n, d

    def __getitem__(self, rows: Any) -> "ThermometerInputs":
        """Some of the rows, by their numbers or a slice."""
        return ThermometerInputs(self.differences[rows], self.continues)

    def astype(self, dtype: DTypeLike) -> "ThermometerInputs":
        """The same in another type of numbers."""
        return ThermometerInputs(self.differences.astype(dtype, copy=False), self.continues)


def thermometer_inputs(X: Floats, continues: NDArray[np.bool_]) -> ThermometerInputs:
    """Dense inputs (n, d) by their differences; exact but for the rounding of 1 - f."""
    from scipy.sparse import csr_array  # here: it takes long to import

    n, d = X.shape
    codes = [
        slice(first, stop)
        for first, stop in pairwise([*np.flatnonzero(~continues), d])
        if stop - first > 1
    ]
    numbers, columns, counts = [], [], [np.zeros(1, np.int64)]
    for start in range(0, n, ROWS_AT_ONCE):
        part = X[start : start + ROWS_AT_ONCE].copy()
        for code in codes:
            part[:, code][:, :-1] -= X[start : start + ROWS_AT_ONCE, code][:, 1:]
        at = np.flatnonzero(part)
        numbers.append(part.reshape(-1)[at])
        columns.append((at % d).astype(np.int32))
        counts.append(np.bincount(at // d, minlength=len(part)))
    entries = np.concatenate(numbers or [X[:0, 0]])
    ends = np.cumsum(np.concatenate(counts))
    ends = ends.astype(np.int32 if len(entries) < 2**31 else np.int64)
    columns_of = np.concatenate(columns or [np.zeros(0, np.int32)])
    return ThermometerInputs(csr_array((entries, columns_of, ends), shape=(n, d)), continues)


def pays(X: Floats, continues: NDArray[np.bool_], batch_size: int) -> bool:
    """Whether steps with so many rows are faster by differences than with the inputs X (n, d)."""
    few = thermometer_inputs(X[:: max(1, len(X) // SAMPLE)], continues)
    n, d = few.shape
    entries = few.differences.nnz / max(1, n)
    return OF_ENTRY * entries + OF_WEIGHT * d / min(batch_size, max(1, len(X))) < d
