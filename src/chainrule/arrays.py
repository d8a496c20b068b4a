"""The types of arrays that the maths speaks of."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.floating[Any]]
"""Real numbers, float32 or float64; the functions of the core keep the dtype they are given."""

Integers: TypeAlias = NDArray[np.integer[Any]]
"""Class indices, row numbers."""

Targets: TypeAlias = NDArray[Any]
"""What a loss compares with: reals of shape (n, k), or class indices of shape (n,)."""
