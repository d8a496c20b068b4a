"""When scikit-learn's multilayer perceptrons stop, and what they then make of the learning rate.

An epoch counts as no improvement if it does not end below the best loss so far by more than `tol`;
after more than `n_iter_no_change` of them in a row there is a plateau. At a plateau training stops,
or the rate falls and the count begins anew.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.schedules import Schedule

DIVISOR = 5.0
"""What the rate is divided by at a plateau."""

SMALLEST_RATE = 1e-6
"""A plateau at this rate or below it is the end."""


@dataclass(frozen=True)
class Progress:
    """How far a training has come.

    Attributes:
        best: the lowest loss so far.
        waited: epochs in a row that were no improvement.
    """

    best: float = math.inf
    waited: int = 0

    def after(self, loss: float, tolerance: float) -> "Progress":
        """The progress after one more epoch, which ended with `loss`."""
        waited = self.waited + 1 if loss > self.best - tolerance else 0
        return Progress(min(self.best, loss), waited)


@dataclass(frozen=True)
class RateByPlateaus(Schedule):
    """The base rate divided by 5 at every plateau: scikit-learn's "adaptive".

    Attributes:
        tolerance: `tol`.
        patience: `n_iter_no_change`; may be infinite.
        start: the progress before the first epoch.
    """

    name = "adaptive"
    tolerance: float
    patience: float
    start: Progress

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Falling at each plateau of `losses`."""
        progress = self.start
        for loss in losses:
            progress = progress.after(loss, self.tolerance)
            if progress.waited > self.patience:
                progress = Progress(progress.best)
                base /= DIVISOR
        return base


@dataclass(frozen=True)
class RateByRowsSeen(Schedule):
    """base / (rows seen + 1)^power, the same for all steps of an epoch: "invscaling".

    Attributes:
        n: rows of an epoch.
        power: `power_t`.
        seen: rows seen before the first epoch.
    """

    name = "invscaling"
    n: int
    power: float
    seen: int = 0

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Falling from epoch to epoch."""
        seen = self.seen + self.n * len(losses)
        return base / float(seen + 1) ** self.power
