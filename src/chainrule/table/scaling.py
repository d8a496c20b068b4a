"""Robust scale and smooth clip: any number to a float32 between -3 and 3, outliers tamed, order
kept.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RobustScaling:
    """z = (x - median) / spread, then z / sqrt(1 + (z/3)^2).

    The clip is the identity to first order near the median and tends to -3 and 3; it is the
    preprocessing of RealMLP (arXiv 2407.04491, appendix A), chosen there over standardising and
    over quantile transforms.
    """

    median: float
    spread: float

    def __post_init__(self) -> None:
        if not self.spread > 0:
            raise ValueError(f"the spread of a scaling must be positive, not {self.spread}")

    @classmethod
    def fit(cls, values: Vector) -> "RobustScaling | None":
        """The scaling of finite values (n,), n >= 1; None where they are all equal.

        spread = q75 - q25, or half the range where that is 0 (a column that is mostly one value).
        """
        q25, median, q75 = (float(q) for q in np.quantile(values, (0.25, 0.5, 0.75)))
        low, high = float(values.min()), float(values.max())
        if low == high:
            return None
        spread = q75 - q25 or high / 2 - low / 2 or high - low
        return cls(median, spread)

    def apply(self, values: Vector) -> Vector:
        """(n,) -> (n,), finite for every finite value."""
        with np.errstate(over="ignore"):
            z = (values - self.median) / self.spread
        # At 1e100 the clip has long reached 3, and the square does not overflow.
        z = np.clip(z, -1e100, 1e100)
        scaled: Vector = z / np.sqrt(1.0 + (z / 3.0) ** 2)
        return scaled


def number_text(value: float) -> str:
    """A number for messages: whole numbers whole, others with five significant digits."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.5g}"
