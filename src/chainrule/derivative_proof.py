"""The proof of derivatives: the gradient of J against central differences, in float64.

Along random directions through all parameters, and for each layer along a direction of its own and
in single entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.engines import Rows, reference
from chainrule.network import Network, Parameters

DERIVATIVES_AGREE = 1e-6
"""Relative to the length of the layer's gradient; a wrong formula is off by a per cent or more."""

_STEP = 1e-5
_DIRECTIONS = 5
_ENTRIES = 12


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: it is.
        passed: whether it holds; None where it could not be checked.
        worst: the largest error that was found; None where there is no number.
        tolerance: what it may be.
        evidence: more about it, in words.
    """

    what: str
    passed: bool | None
    worst: float | None
    tolerance: float | None
    evidence: str


def derivative_findings(
    network: Network, parameters: Parameters, rows: Rows, draw: np.random.Generator
) -> Iterator[Finding]:
    """The gradient against central differences: along directions, and in entries of each layer."""
    parameters = parameters.astype(np.float64)
    probe = _Probe(network, parameters, rows)
    p = network.n_parameters
    directions = [unit / np.linalg.norm(unit) for unit in draw.normal(size=(_DIRECTIONS, p))]
    errors, left_out = zip(*(probe.error(unit) for unit in directions), strict=True)
    yield _finding(
        "dJ/dtheta, all parameters", max(errors), sum(left_out), f"{_DIRECTIONS} random directions"
    )
    start = 0
    for l, layer in enumerate(network.layers):
        split = start + layer.n_inputs * layer.n_outputs
        for name, first, last in (
            (f"W[{l}]", start, split),
            (f"b[{l}]", split, split + layer.n_outputs),
        ):
            yield _block(probe, name, layer.n_outputs, np.arange(first, last), draw)
        start = split + layer.n_outputs


def _block(
    probe: "_Probe", name: str, h: int, places: np.ndarray, draw: np.random.Generator
) -> Finding:
    """One array of parameters: a random direction within it, and its entries or some of them."""
    unit = np.zeros(probe.network.n_parameters)
    unit[places] = draw.normal(size=len(places))
    unit /= np.linalg.norm(unit)
    along, left_out = probe.error(unit, places)
    some = places if len(places) <= _ENTRIES else draw.choice(places, _ENTRIES, replace=False)
    errors = []
    for place in some:
        single = np.zeros_like(unit)
        single[place] = 1
        error, n = probe.error(single, places)
        errors.append(error)
        left_out += n
    i, j = divmod(int(some[int(np.argmax(errors))] - places[0]), h)
    entry = f"[{i}, {j}]" if name.startswith("W") else f"[{j}]"
    counted = f"{len(some):,}" if len(some) == len(places) else f"{len(some):,} of {len(places):,}"
    said = f"a direction, {counted} entries; worst {name}{entry}"
    return _finding(f"dJ/d{name}", max(along, *errors), left_out, said)


def _finding(what: str, worst: float, left_out: int, evidence: str) -> Finding:
    if left_out:
        evidence += f"; {amount(left_out, 'row')} at a kink left out"
    return Finding(what, worst <= DERIVATIVES_AGREE, worst, DERIVATIVES_AGREE, evidence)


@dataclass(frozen=True, eq=False)
class _Probe:
    """Central differences of J on some rows, from where the parameters stand."""

    network: Network
    parameters: Parameters
    rows: Rows

    def error(self, unit: Floats, places: np.ndarray | None = None) -> tuple[float, int]:
        """The error of the derivative along a unit vector; and how many rows lie at a kink.

        (J(theta + h u) - J(theta - h u)) / 2h is compared with gradient . u, relative to the length
        of the gradient at `places` (None: all). A row for which a neuron or the loss bends between
        the two thetas has no derivative there, and is left out.
        """
        theta = self.parameters.theta
        low, high = (Parameters(self.network, theta + sign * _STEP * unit) for sign in (-1.0, 1.0))
        smooth = np.flatnonzero((self._sides(low) == self._sides(high)).all(axis=1))
        if not len(smooth):
            return 0.0, len(self.rows)
        rows = Rows(self.rows.X[smooth], self.rows.y[smooth])
        _, gradient = reference.loss_and_gradient(self.network, self.parameters, rows)
        difference = (self._J(high, rows) - self._J(low, rows)) / (2 * _STEP)
        length = float(np.linalg.norm(gradient.theta))
        if places is not None:
            # where a layer has all but no gradient, rounding in J is measured by the whole one
            length = max(float(np.linalg.norm(gradient.theta[places])), 1e-3 * length)
        error = abs(difference - float(gradient.theta @ unit)) / max(length, 1e-4)
        return float(error), len(self.rows) - len(smooth)

    def _J(self, parameters: Parameters, rows: Rows) -> float:
        scores = reference.scores(self.network, parameters, rows.X)
        return float(self.network.loss.value(rows.y, scores).mean())

    def _sides(self, parameters: Parameters) -> np.ndarray:
        """For each row, on which side of every kink its numbers are."""
        Z = reference.forward(self.network, parameters, self.rows.X).Z
        sides = [z > 0 for z in Z[:-1]]
        if self.rows.y.ndim == 2:
            sides.append(Z[-1] > self.rows.y)
        return np.hstack(sides) if sides else np.zeros((len(self.rows), 1), dtype=bool)


def amount(number: int, noun: str) -> str:
    """A number of things: 1 row, 12,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
