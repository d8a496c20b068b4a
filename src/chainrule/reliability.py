"""Reliability: whether what is called 80 % sure is right in 80 of 100 rows.

Rows are put into ten bins of equal mass by the probability that is judged (Nguyen & O'Connor 2015),
and in each bin the mean probability stands beside what was observed. The expected calibration error
is the mean distance of the two, by the weight of the bins:

    ECE = sum_b  weight_b / weight  *  |observed_b - predicted_b|

With two classes the probability is that of the second class (Naeini, Cooper & Hauskrecht 2015);
with more it is that of the class predicted, and observed is the share of its rows that are of that
class (Guo et al. 2017).
"""

from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats, Integers

N_BINS = 10
"""Whatever the number of rows: a row of weight 2 is to count as two rows would."""


@dataclass(frozen=True, eq=False)
class Reliability:
    """The bins, from the lowest probability to the highest.

    Attributes:
        low, high: the smallest and the largest probability in each bin, (b,).
        predicted: the mean probability in each bin, (b,).
        observed: the share that came true, (b,).
        weight: of the rows in each bin, (b,).
        n_rows: how many there are, (b,).
        bin_of_row: (n,), which bin each row is in.
    """

    low: Floats
    high: Floats
    predicted: Floats
    observed: Floats
    weight: Floats
    n_rows: Integers
    bin_of_row: Integers

    @property
    def error(self) -> float:
        """The expected calibration error."""
        return float(np.average(np.abs(self.observed - self.predicted), weights=self.weight))


def judged_probability(y: Integers, probabilities: Floats) -> tuple[Floats, np.ndarray]:
    """The probability that is judged (n,), and whether it came true (n,); see the module."""
    if probabilities.shape[1] == 2:
        return probabilities[:, 1].astype(np.float64), y == 1
    chosen = probabilities.argmax(axis=1)
    own = probabilities[np.arange(len(y)), chosen].astype(np.float64)
    return own, y == chosen


def reliability(p: Floats, came_true: np.ndarray, weight: Floats | None = None) -> Reliability:
    """Sort probabilities p (n,) into bins of equal weight; rows with the same one stay together.

    Rows without weight are in the bin of their neighbours and count for nothing.
    """
    weight = np.ones(len(p)) if weight is None else weight.astype(np.float64)
    distinct, place = np.unique(p, return_inverse=True)
    mass = np.bincount(place, weights=weight)
    middle = np.cumsum(mass) - mass / 2
    wanted = np.minimum(N_BINS * middle / mass.sum(), N_BINS - 1).astype(np.int64)
    used = np.unique(wanted[mass > 0])
    of_place = np.searchsorted(used, wanted).clip(max=len(used) - 1)
    bins = of_place[place]
    total = np.bincount(bins, weights=weight).astype(np.float64)
    counted = mass > 0
    return Reliability(
        low=np.array([distinct[(of_place == b) & counted].min() for b in range(len(used))]),
        high=np.array([distinct[(of_place == b) & counted].max() for b in range(len(used))]),
        predicted=np.bincount(bins, weights=weight * p) / total,
        observed=np.bincount(bins, weights=weight * came_true) / total,
        weight=total,
        n_rows=np.bincount(bins[weight > 0], minlength=len(used)),
        bin_of_row=bins,
    )


def expected_calibration_error(
    y: Integers, probabilities: Floats, weight: Floats | None = None
) -> float:
    """Mean distance of class probabilities (n, k) from what is observed in their bins."""
    return reliability(*judged_probability(y, probabilities), weight).error


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n rows (Wilson 1927)."""
    z = 1.959964
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
