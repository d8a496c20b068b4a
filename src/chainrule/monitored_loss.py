"""The loss that is monitored: the figure of held-out rows that chooses the best epoch."""

import numpy as np

from chainrule.arrays import Floats, Targets
from chainrule.losses import Huber, Loss, SquaredError

ROBUST = "robust loss"
"""The figure that chooses the best epoch where squared errors are learnt: among the validation rows
one house with a wrong price would choose it by itself."""


def monitored(loss: Loss) -> Loss:
    """The loss of a row that is monitored where this one is learnt."""
    return Huber(1.0) if isinstance(loss, SquaredError) else loss


def robust_loss(y: Targets, predictions: Floats, weight: Floats | None) -> float:
    """Mean Huber loss, which grows like the error itself from one standard deviation on."""
    return float(np.average(Huber(1.0).value(y, predictions), weights=weight))


def mean_loss(loss: Loss, y: Targets, scores: Floats, weight: Floats | None) -> float:
    """The weighted mean of the rows' losses."""
    return float(np.average(loss.value(y, scores), weights=weight))


def monitored_loss(loss: Loss, y: Targets, scores: Floats, weight: Floats | None) -> float:
    """The figure that chooses the best epoch, of held-out rows."""
    return mean_loss(monitored(loss), y, scores, weight)
