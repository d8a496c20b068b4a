"""Sensitivity: which columns the scores react to, found by one backward pass through the network.

For tables with so many columns that not all of them can be shuffled.
"""

import numpy as np

from chainrule.attribution import input_gradients
from chainrule.model import Model
from chainrule.report.judged_rows import JudgedRows

MOST_ROWS = 100
MOST_OUTPUTS = 8


def most_sensitive(model: Model, judged: JudgedRows, most: int) -> tuple[str, ...]:
    """The columns with the largest mean of |sum over their inputs (ds/dx_i) (x_i - mean of x_i)|.

    Added up over the outputs (of many, evenly spread ones), for the first member.
    """
    X = judged.X[judged.sample(MOST_ROWS)].astype(np.float64)
    moved = X - X.mean(axis=0)
    k = model.network.n_outputs
    outputs = np.unique(np.linspace(0, k - 1, min(k, MOST_OUTPUTS)).astype(int)).tolist()
    parameters = model.parameters.astype(np.float64)
    effects = [moved * input_gradients(model.network, parameters, X, one) for one in outputs]
    reach: dict[str, float] = {}
    start = 0
    for column in model.encoder.columns:
        if column.inputs:
            block = slice(start, start + len(column.inputs))
            start = block.stop
            reach[column.name] = float(
                sum(np.abs(effect[:, block].sum(axis=1)).mean() for effect in effects)
            )
    return tuple(sorted(reach, key=lambda name: -reach[name])[:most])
