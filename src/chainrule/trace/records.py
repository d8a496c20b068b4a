"""The records of a trace: one row, its inputs, its layers, and the truth about it."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.arrays import Floats
from chainrule.errors import InputError
from chainrule.losses import Quantile, central_output, n_targets
from chainrule.network import Network, Parameters
from chainrule.table import TargetEncoder
from chainrule.trace.loss_formulas import LossTerm
from chainrule.trace.neurons import LayerTrace, Neuron, WeightTrace, plain

InputPart = Literal["value", "bin", "cycle", "place", "flag"]


@dataclass(frozen=True)
class EncodedInput:
    """One of the d numbers that enter the network.

    Attributes:
        index: i, its place in `X`.
        name: of the input, such as "colour = red".
        column: of the table that it comes from.
        cell: what the table says there, as text; None if missing.
        value: the number.
        part: what it is of its column: its value, a bin of that, a coordinate in a cycle of dates,
            the place of a category, or the flag of a missing cell.
        how: the way from the cell to the number, with its numbers.
    """

    index: int
    name: str
    column: str
    cell: str | None
    value: float
    part: InputPart
    how: str


@dataclass(frozen=True, eq=False)
class Truth:
    """What the target was, and how wrong the scores are.

    Attributes:
        value: as the table has it: a number or a class.
        terms: of each output, what it should give and its part of the loss.
        loss: their sum: the loss of the row, which is J, as it is the only row.
    """

    value: Any
    terms: tuple[LossTerm, ...]
    loss: float

    @property
    def y(self) -> Floats:
        """For each output the number, or the share, that it should give, (k,)."""
        return np.array([term.target for term in self.terms])

    def to_dict(self) -> dict[str, Any]:
        """The truth as plain data."""
        return {
            "value": plain(self.value),
            "y": plain(self.y),
            "losses": [term.loss for term in self.terms],
            "loss": self.loss,
        }


@dataclass(frozen=True, eq=False)
class Trace:
    """One row, and every number that the network makes of it.

    Attributes:
        row: its number in the table, from 0.
        target: how the target was encoded, with its name, its classes or its scale.
        inputs: the numbers that enter, d of them.
        layers: from the first to the last.
        predictions: the link of the scores, (k,).
        answer: a class, or a number in the target's unit; of several targets or labels a list.
        answers: the probability of each class or label, or the number of each output.
        truth: None where the target is not known; then nothing goes backward.
        gradient: dJ/dtheta, in the order of `parameters`.
    """

    row: int
    target: TargetEncoder
    network: Network
    parameters: Parameters
    inputs: tuple[EncodedInput, ...]
    layers: tuple[LayerTrace, ...]
    predictions: Floats
    answer: Any
    answers: Floats
    truth: Truth | None
    gradient: Parameters | None

    @property
    def scores(self) -> Floats:
        """The sums of the last layer, (k,)."""
        return self.layers[-1].z

    @property
    def loss_terms(self) -> tuple[LossTerm, ...]:
        """The parts of the outputs in the loss; () without a target."""
        return () if self.truth is None else self.truth.terms

    @property
    def has_several(self) -> bool:
        """Whether each output answers for itself: of several targets, or of several labels."""
        return n_targets(self.network.loss, self.network.n_outputs) > 1

    @property
    def output(self) -> int:
        """The output that the answer comes from: of the chosen class, or the central quantile.

        Where each output answers for itself it is the first.
        """
        if self.has_several:
            return 0
        if self.target.task == "classification":
            return int(np.argmax(self.answers)) if len(self.scores) > 1 else 0
        order = np.argsort(self.scores, kind="stable")  # quantiles are taken in ascending order
        return int(order[central_output(self.network.loss)]) if len(order) > 1 else 0

    @property
    def output_names(self) -> tuple[str, ...]:
        """What each score speaks of: a class, a level of quantiles, or a target."""
        loss = self.network.loss
        if self.has_several:
            return tuple(f"{self.target.name}[{k}]" for k in range(len(self.scores)))
        if self.target.task == "classification":
            names = self.target.classes[-len(self.scores) :]
            return tuple(str(name) for name in names)
        if isinstance(loss, Quantile):
            return tuple(f"level {level:g}" for level in loss.levels)
        return (self.target.name,)

    @property
    def truth_text(self) -> str:
        """The target as the table has it."""
        value = None if self.truth is None else self.truth.value
        return f"{value:.10g}" if isinstance(value, float) else str(value)

    def layer(self, l: int) -> LayerTrace:
        """Layer l; raises InputError if there is none."""
        if not 0 <= l < len(self.layers):
            there = f"0 to {len(self.layers) - 1}" if len(self.layers) > 1 else "0 only"
            raise InputError(f"there is no layer {l}: the layers of this network are {there}.")
        return self.layers[l]

    def neuron(self, l: int, j: int) -> Neuron:
        """Neuron j of layer l, both from 0; raises InputError if there is none."""
        return self.layer(l).neuron(j)

    def weight(self, l: int, j: int, i: int | None) -> WeightTrace:
        """The weight from input i (None: the bias) into neuron j of layer l.

        Raises:
            InputError: there is none.
        """
        neuron = self.neuron(l, j)
        d = len(neuron.inputs)
        if i is not None and not 0 <= i < d:
            raise InputError(f"neuron {neuron.name} has no input {i}: its inputs are 0 to {d - 1}.")
        x = 1.0 if i is None else float(neuron.inputs[i])
        w = neuron.bias if i is None else float(neuron.weights[i])
        return WeightTrace(
            layer=l,
            neuron=j,
            source=i,
            source_name="bias" if i is None else neuron.input_names[i],
            value=w,
            input=x,
            product=w * x,
            fed_back=neuron.fed_back,
            slope=neuron.slope,
            delta=neuron.delta,
            gradient=None if neuron.delta is None else neuron.delta * x,
        )

    def to_dict(self) -> dict[str, Any]:
        """The whole trace as plain data; its rows, layers and neurons are counted from 0."""
        return {
            "row": self.row,
            "target": self.target.name,
            "task": self.target.task,
            "classes": list(self.target.classes),
            "center": self.target.center,
            "scale": self.target.scale,
            "loss": self.network.loss.to_dict(),
            "inputs": [dict(vars(one)) for one in self.inputs],
            "layers": [layer.to_dict() for layer in self.layers],
            "scores": plain(self.scores),
            "predictions": plain(self.predictions),
            "answer": plain(self.answer),
            "answers": plain(self.answers),
            "truth": None if self.truth is None else self.truth.to_dict(),
        }
