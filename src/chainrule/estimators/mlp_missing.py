"""What stands in for the missing values of X: the medians of the training rows, and, where asked
for, an input for each column with gaps that says where they are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, hstack, issparse

from chainrule.arrays import Floats


@dataclass(frozen=True, eq=False)
class Filling:
    """How rows of X with missing values, which are NaN, become inputs.

    Attributes:
        medians: what stands in for NaN in each column, (d,); 0 in a column that had no value.
        flagged: the columns (from 0) that have an input of their own, 1 for NaN and else 0, (m,);
            these inputs follow the others.
    """

    medians: Floats
    flagged: NDArray[np.int64]

    @classmethod
    def of(cls, X: Any, how: str) -> "Filling":
        """Learnt of the rows X (n, d); `how` is "median", or "indicator" for flags as well.

        A row counts once, whatever it weighs. The zeros that a sparse X does not hold are values.
        """
        from sklearn.impute import SimpleImputer  # here: half of scikit-learn comes with it

        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(X)
        flagged = np.array([], dtype=np.int64)
        if how == "indicator":
            columns = X.indices[np.isnan(X.data)] if issparse(X) else np.nonzero(np.isnan(X))[1]
            flagged = np.unique(columns).astype(np.int64)
        return cls(np.asarray(imputer.statistics_, dtype=X.dtype), flagged)

    def apply(self, X: Any) -> Any:
        """X (n, d) without NaN, (n, d + m), an array or a CSR matrix as it came."""
        if issparse(X):
            return self._apply_sparse(X)
        missing = np.isnan(X)
        filled = np.where(missing, self.medians.astype(X.dtype, copy=False), X)
        if not len(self.flagged):
            return filled
        return np.hstack([filled, missing[:, self.flagged].astype(X.dtype)])

    def _apply_sparse(self, X: Any) -> Any:
        missing = np.isnan(X.data)
        filled = X.copy()
        filled.data[missing] = self.medians[X.indices[missing]]
        if not len(self.flagged):
            return filled
        flags = X.copy()
        flags.data = missing.astype(X.dtype)
        flags.eliminate_zeros()
        of_kind = csr_matrix if isinstance(X, csr_matrix) else csr_array
        return of_kind(hstack([filled, flags[:, self.flagged]], format="csr"))
