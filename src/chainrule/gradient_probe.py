"""The gradient probe: a few rows on which every epoch measures the gradient of each layer.

The sizes tell early whether a gradient vanishes or explodes on its way down through the layers.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chainrule.engines import Rows, reference
from chainrule.network import Network, Parameters

FEWEST_ROWS, MOST_ROWS = 16, 32
"""Of a probe; between them it is a 64th of the rows, so that an epoch is hardly longer for it."""


def probe_of(rows: Rows, learnt: NDArray[np.int64] | None = None) -> Rows:
    """At most 32 of the rows that count, evenly spread: enough to see the size of a gradient.

    They are of those with the numbers `learnt`, where these are given.
    """
    counted = np.arange(len(rows)) if learnt is None else learnt
    counted = counted if rows.weight is None else counted[rows.weight[counted] > 0]
    n = min(len(counted), max(FEWEST_ROWS, min(MOST_ROWS, len(counted) // 64)))
    return rows.take(counted[np.linspace(0, len(counted) - 1, n).astype(np.int64)])


@np.errstate(over="ignore", invalid="ignore")
def gradient_sizes(
    network: Network, parameters: Parameters, probe: Rows | None, l2: float
) -> tuple[float, ...]:
    """The root mean square of dJ/dW[l] for each layer, over the probe and without dropout.

    Without a probe (). So few rows are done before threads would have met: it is the reference
    engine that computes, whichever trains.
    """
    if probe is None:
        return ()
    _, gradient = reference.loss_and_gradient(network, parameters, probe, l2)
    return tuple(math.sqrt(float(np.mean(np.square(dW, dtype=np.float64)))) for dW in gradient.W)


def gradient_figures(sizes: Sequence[float]) -> dict[str, float | None]:
    """The sizes by name: "gradient.l" is that of layer l, None where it is not finite."""
    return {f"gradient.{l}": s if math.isfinite(s) else None for l, s in enumerate(sizes)}
