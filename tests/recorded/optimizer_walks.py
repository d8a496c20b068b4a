"""The walk that every optimiser takes beside its twin: where it starts and what slope it meets."""

import numpy as np

from recorded.weyl import numbers

STEPS = 1000
THIN = 50  # of the recorded walks, every so many steps
START = 2 * numbers(1, 6)
_CURVATURE = np.array([0.01, 0.1, 0.3, 1.0, 3.0, 8.0])
_NOISE = numbers(2, STEPS, 6)

SCHEDULE_STEPS = 97
SCHEDULE_BASE = 0.37


def slope(theta, t):
    """The gradient at theta in step t and the rate of that step: a noisy bowl, a falling rate."""
    return _CURVATURE * (theta - 1) + 0.2 * _NOISE[t], 0.05 / (1 + t / 200)
