"""Attribution: how much each input of a row did to its score.

Two answers, both in float64 by the reference engine:

    gradient x input        (ds/dx_i) x_i: what the slope at the row itself says
    integrated gradients    (x_i - x'_i) * the mean of ds/dx_i on the straight way from x' to x

The second one is complete: its parts add up to the score of the row minus that of the baseline x'
(Sundararajan, Taly & Yan 2017, equation 1 and proposition 1).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from chainrule.arrays import Floats
from chainrule.engines import reference
from chainrule.network import Network, Parameters
from chainrule.table import TableEncoder
from chainrule.table.booleans import BooleanColumn
from chainrule.table.categories import CategoryColumn
from chainrule.table.numbers import NumberColumn

COMPLETE = 1e-6
"""How far the parts may add up to something else, relative to the difference of the scores."""

_FIRST_PIECES = 16
_MOST_HALVINGS = 40
_AT, _SHARE = np.polynomial.legendre.leggauss(5)


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each input of a row did to one of its scores.

    Attributes:
        score, baseline_score: of the row, and of the baseline.
        gradient_times_input: (d,).
        integrated: integrated gradients, (d,).
    """

    score: float
    baseline_score: float
    gradient_times_input: Floats
    integrated: Floats

    @property
    def residual(self) -> float:
        """What the integrated gradients lack of the difference of the scores."""
        return self.score - self.baseline_score - float(self.integrated.sum())

    @property
    def is_complete(self) -> bool:
        """Whether that is nothing but rounding."""
        difference = abs(self.score - self.baseline_score)
        return abs(self.residual) <= COMPLETE * max(1.0, difference)


def attribute(
    network: Network, parameters: Parameters, x: Floats, baseline: Floats, output: int
) -> Attribution:
    """Attribute the score of one output to the inputs x (d,), against the baseline (d,)."""
    parameters = parameters.astype(np.float64)
    x, baseline = x.astype(np.float64), baseline.astype(np.float64)
    scores = _scores(network, parameters, np.stack([x, baseline]), output)
    gradient = input_gradients(network, parameters, x[None], output)[0]
    return Attribution(
        score=float(scores[0]),
        baseline_score=float(scores[1]),
        gradient_times_input=gradient * x,
        integrated=_integrated(network, parameters, x, baseline, output),
    )


def input_gradients(network: Network, parameters: Parameters, X: Floats, output: int) -> Floats:
    """Derivative of the score of one output by each input, (n, d).

    It is the recursion of the backward pass, begun with ds/ds = 1 and carried on to the inputs.
    """
    passed = reference.forward(network, parameters, X)
    delta = np.zeros_like(passed.Z[-1])
    delta[:, output] = 1
    for l in range(len(network.layers) - 1, 0, -1):
        g = network.layers[l - 1].activation
        delta = (delta @ parameters.W[l].T) * g.derivative(passed.Z[l - 1], passed.A[l])
    return delta @ parameters.W[0].T


def typical_inputs(encoder: TableEncoder) -> Floats:
    """The inputs of a typical row, (d,): the baseline.

    It has the median of each number, the most frequent category, the more frequent of two words;
    a date stands in the middle of its trend and in the centre of its circles, its input 0.
    """
    cells: dict[str, str | None] = {}
    for column in encoder.columns:
        cells[column.name] = None
        if isinstance(column, NumberColumn):
            cells[column.name] = repr(column.fill)
        elif isinstance(column, CategoryColumn):
            cells[column.name] = column.levels[0] if column.levels else "\ufffd"
        elif isinstance(column, BooleanColumn):
            present = column.n_rows - column.n_missing
            cells[column.name] = column.true if 2 * column.n_true > present else column.false
    row = pl.DataFrame(
        {name: [cell] for name, cell in cells.items()},
        schema_overrides=dict.fromkeys(cells, pl.String),
    )
    x = encoder.encode(row)[0].astype(np.float64)
    flags = [
        name == f"{column.name} is missing" and cells[column.name] is None
        for column in encoder.columns
        for name in column.inputs
    ]
    x[flags] = 0.0
    return x


def _integrated(
    network: Network, parameters: Parameters, x: Floats, baseline: Floats, output: int
) -> Floats:
    """Integrated gradients, (d,).

    Gauss-Legendre on pieces of the way. On each piece the difference of the scores at its ends is
    known exactly, so that a piece whose parts do not add up to it is halved: that finds the kinks
    of ReLU by itself.
    """
    way = x - baseline
    total = np.zeros_like(x)
    starts = np.arange(_FIRST_PIECES) / _FIRST_PIECES
    width = 1 / _FIRST_PIECES
    ends = _scores(network, parameters, np.stack([x, baseline]), output)
    tolerance = 1e-3 * COMPLETE * max(1.0, abs(float(ends[0] - ends[1])))
    for halving in range(_MOST_HALVINGS + 1):
        at = starts[:, None] + width * (_AT + 1) / 2
        points = baseline + at.reshape(-1, 1) * way
        gradients = input_gradients(network, parameters, points, output)
        means = np.tensordot(gradients.reshape(len(starts), len(_AT), -1), _SHARE / 2, (1, 0))
        parts = width * means * way
        edges = np.concatenate([starts, starts + width])
        scores = _scores(network, parameters, baseline + edges[:, None] * way, output)
        known = scores[len(starts) :] - scores[: len(starts)]
        whole = np.abs(parts.sum(axis=1) - known) <= tolerance * max(width, 1e-4)
        if halving == _MOST_HALVINGS:
            whole[:] = True
        total += parts[whole].sum(axis=0)
        if whole.all():
            break
        left = starts[~whole]
        width /= 2
        starts = np.concatenate([left, left + width])
    return total


def _scores(network: Network, parameters: Parameters, X: Floats, output: int) -> Floats:
    return reference.scores(network, parameters, X)[:, output]
