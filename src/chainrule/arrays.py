"""The types of arrays that the maths speaks of."""

import sys
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Real numbers, float32 or float64; the functions of the core keep the dtype they are given."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Class indices, row numbers."""

Targets: TypeAlias = NDArray[Any]
"""What a loss compares with: reals of shape (n, k), or class indices of shape (n,)."""


def is_sparse(X: Any) -> bool:
    """Whether X is one of SciPy's sparse arrays; where nobody has imported these, it is not."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(X))
