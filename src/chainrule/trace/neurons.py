"""Layers, neurons and weights of a trace, with all their numbers.

A layer keeps the arrays that were computed; its neurons and weights, with the terms of every sum,
are made when they are asked for, so that a layer of a million weights costs no more than its
arrays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Floats
from chainrule.errors import InputError

_UNBOUNDED = np.errstate(over="ignore", invalid="ignore")
"""What is infinite is shown as that, without a warning."""


@dataclass(frozen=True, eq=False)
class Neuron:
    """One neuron: everything that goes in, what it makes of it, and what comes back.

        products = inputs * weights
        z        = sum(products) + bias
        a        = g(z)
        fed_back = dJ/da = sum(terms),   terms = deltas * weights_out
        delta    = dJ/dz = fed_back * slope
        weight_gradients = dJ/dw = delta * inputs,   dJ/db = delta

    What needs the target is None where it is not known. A neuron of the last layer has an a equal
    to z, its score; its delta is the derivative of the loss by that score, and it feeds no other.

    Attributes:
        layer, index: which one it is, both from 0.
        activation: the name of g.
        input_names: of what it sees: table inputs, or neurons of the layer below such as "0.2".
        inputs, weights, products: (d,).
        bias, z, a: its numbers on the way forward.
        slope: da/dz = g'(z).
        output_names: the neurons that it feeds.
        weights_out: of the way to each of them, (h,).
        deltas: theirs, (h,).
        terms: deltas times weights_out, (h,).
        fed_back, delta: dJ/da and dJ/dz.
        weight_gradients: dJ/dw, (d,).
    """

    layer: int
    index: int
    activation: str
    input_names: tuple[str, ...]
    inputs: Floats
    weights: Floats
    products: Floats
    bias: float
    z: float
    a: float
    slope: float
    output_names: tuple[str, ...] = ()
    weights_out: Floats | None = None
    deltas: Floats | None = None
    terms: Floats | None = None
    fed_back: float | None = None
    delta: float | None = None
    weight_gradients: Floats | None = None

    @property
    def name(self) -> str:
        """Layer and place: "1.3"."""
        return f"{self.layer}.{self.index}"

    def to_dict(self) -> dict[str, Any]:
        """The neuron as plain data."""
        return {name: plain(value) for name, value in vars(self).items()}


@dataclass(frozen=True)
class WeightTrace:
    """One weight and its derivative, as the product of its named factors.

        dJ/dw = dJ/da * da/dz * dz/dw = fed_back * slope * input

    Attributes:
        layer, neuron, source: w is W[layer][source, neuron]; a source of None is the bias, whose
            input is 1.
        source_name: of what comes along it.
        value: the weight.
        input, product: what comes along it, and weight times that.
        fed_back, slope, delta, gradient: dJ/da, da/dz, dJ/dz and dJ/dw; None without a target.
    """

    layer: int
    neuron: int
    source: int | None
    source_name: str
    value: float
    input: float
    product: float
    fed_back: float | None
    slope: float
    delta: float | None
    gradient: float | None

    def to_dict(self) -> dict[str, Any]:
        """The weight as plain data."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer: arrays of the numbers of all its neurons, in the letters of the formulas.

    Attributes:
        index: l.
        activation: the name of g.
        input_names: of the d inputs.
        x: what comes in, (d,): A[l] of this row.
        W, b: (d, h) and (h,).
        z, a, slope: (h,).
        fed_back, delta: dJ/da and dJ/dz, (h,); None without a target.
        W_next, delta_next: of the layer above; None in the last layer, or without a target.
    """

    index: int
    activation: str
    input_names: tuple[str, ...]
    x: Floats
    W: Floats
    b: Floats
    z: Floats
    a: Floats
    slope: Floats
    fed_back: Floats | None = None
    delta: Floats | None = None
    W_next: Floats | None = None
    delta_next: Floats | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the neurons: "1.0", "1.1", ..."""
        return tuple(f"{self.index}.{j}" for j in range(len(self.b)))

    @property
    @_UNBOUNDED
    def products(self) -> Floats:
        """Each input times each weight, (d, h)."""
        return self.x[:, None] * self.W

    @property
    @_UNBOUNDED
    def weight_gradients(self) -> Floats | None:
        """dJ/dW, (d, h)."""
        return None if self.delta is None else np.outer(self.x, self.delta)

    @_UNBOUNDED
    def neuron(self, j: int) -> Neuron:
        """Neuron j with all its terms; raises InputError if there is none."""
        h = len(self.b)
        if not 0 <= j < h:
            raise InputError(
                f"there is no neuron {self.index}.{j}: layer {self.index} has "
                + (f"the neurons {self.index}.0 to {self.index}.{h - 1}." if h > 1 else "one, 0.")
            )
        w = self.W[:, j]
        forward = Neuron(
            layer=self.index,
            index=j,
            activation=self.activation,
            input_names=self.input_names,
            inputs=self.x,
            weights=w,
            products=self.x * w,
            bias=float(self.b[j]),
            z=float(self.z[j]),
            a=float(self.a[j]),
            slope=float(self.slope[j]),
        )
        if self.fed_back is None or self.delta is None:
            return forward
        known: dict[str, Any] = {
            "fed_back": float(self.fed_back[j]),
            "delta": float(self.delta[j]),
            "weight_gradients": float(self.delta[j]) * self.x,
        }
        if self.W_next is not None and self.delta_next is not None:
            known["weights_out"] = self.W_next[j]
            known["deltas"] = self.delta_next
            known["terms"] = self.delta_next * self.W_next[j]
            known["output_names"] = tuple(
                f"{self.index + 1}.{k}" for k in range(len(self.delta_next))
            )
        return Neuron(**{**vars(forward), **known})

    def to_dict(self) -> dict[str, Any]:
        """The layer as plain data, products and derivatives included."""
        found = {name: plain(value) for name, value in vars(self).items()}
        for above in ("W_next", "delta_next"):  # they stand in the layer above
            del found[above]
        found["products"] = plain(self.products)
        found["weight_gradients"] = plain(self.weight_gradients)
        return found


def plain(value: Any) -> Any:
    """Arrays and NumPy's numbers as lists and Python's, tuples as lists; all else as it is."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value
