"""A network as a description, and its parameters as one vector.

`Network` says which layers follow one another and which loss they learn; it holds no numbers.
`Parameters` holds all of its numbers in a single flat vector theta, with a view W[l], b[l] for each
layer. A gradient is a `Parameters` too: of the same network, entry for entry. That makes updates,
copies, checks and files one-liners over a vector.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule.activations import IDENTITY, Activation
from chainrule.arrays import Floats
from chainrule.errors import InputError
from chainrule.losses import Loss


@dataclass(frozen=True)
class Dense:
    """A layer in which every neuron sees every input: Z = A W + b, then a = g(z).

    Attributes:
        n_inputs: d, the width of what comes in.
        n_outputs: h, the number of neurons.
        activation: g.
        dropout: the share of this layer's activations set to 0 at random in each training step;
            the others are divided by 1 - dropout, so that sums keep their expected size
            (Srivastava et al. 2014, the inverted form).
    """

    n_inputs: int
    n_outputs: int
    activation: Activation
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse widths below 1 and shares outside [0, 1)."""
        if self.n_inputs < 1 or self.n_outputs < 1:
            raise InputError(
                f"a layer of {self.n_inputs} inputs and {self.n_outputs} neurons cannot be built: "
                "both must be at least 1."
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}, but must be at least 0 and below 1.")

    @property
    def n_parameters(self) -> int:
        """Weights and biases: d h + h."""
        return (self.n_inputs + 1) * self.n_outputs


@dataclass(frozen=True)
class Network:
    """Layers in the order in which rows pass them, and the loss that their scores are judged by."""

    layers: tuple[Dense, ...]
    loss: Loss

    def __post_init__(self) -> None:
        """Refuse layers that do not fit together."""
        if not self.layers:
            raise InputError("a network needs at least one layer.")
        for l, (below, above) in enumerate(pairwise(self.layers)):
            if below.n_outputs != above.n_inputs:
                raise InputError(
                    f"layer {l + 1} takes {above.n_inputs} inputs, "
                    f"but layer {l} gives {below.n_outputs}."
                )
        last = self.layers[-1]
        if last.activation is not IDENTITY or last.dropout:
            raise InputError(
                "the last layer must have the identity activation and no dropout: its sums are the "
                "scores, and the loss turns them into predictions."
            )

    @property
    def n_inputs(self) -> int:
        """d, the number of inputs of a row."""
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """k, the number of scores of a row."""
        return self.layers[-1].n_outputs

    @cached_property
    def n_parameters(self) -> int:
        """p, the length of theta."""
        return sum(layer.n_parameters for layer in self.layers)

    @cached_property
    def weights(self) -> NDArray[np.bool_]:
        """Which entries of theta are weights (True) and which are biases (False), shape (p,)."""
        return np.concatenate(
            [
                np.arange(layer.n_parameters) < layer.n_inputs * layer.n_outputs
                for layer in self.layers
            ]
        )


def multilayer_perceptron(
    n_inputs: int,
    hidden: Sequence[int],
    n_outputs: int,
    *,
    activation: Activation | Iterable[Activation],
    loss: Loss,
    dropout: float = 0.0,
) -> Network:
    """Hidden layers of the given widths, then one layer of scores.

    Args:
        n_inputs: d.
        hidden: the width of each hidden layer; with none, the network is a linear model.
        n_outputs: k.
        activation: one for all hidden layers, or one for each.
        loss: what the scores are judged by.
        dropout: share of each hidden layer's activations dropped in training.

    Raises:
        InputError: a width below 1, or not as many activations as hidden layers.
    """
    activations = (
        [activation] * len(hidden) if isinstance(activation, Activation) else list(activation)
    )
    if len(activations) != len(hidden):
        raise InputError(
            f"{len(activations)} activations came for {len(hidden)} hidden layers; "
            "give one for all of them, or one for each."
        )
    widths = [n_inputs, *hidden, n_outputs]
    layers = [
        Dense(d, h, g, dropout)
        for (d, h), g in zip(pairwise(widths[:-1]), activations, strict=True)
    ]
    return Network((*layers, Dense(widths[-2], n_outputs, IDENTITY)), loss)


class Parameters:
    """All numbers of a network, or a gradient by all of them.

    Attributes:
        network: the description that they belong to.
        theta: the numbers in one vector of shape (p,): W[0], b[0], W[1], b[1], ... row by row.
        W: views into theta, W[l] of shape (d_l, h_l); column j holds the weights of neuron j.
        b: views into theta, b[l] of shape (h_l,).
    """

    __slots__ = ("W", "b", "network", "theta")

    def __init__(self, network: Network, theta: Floats) -> None:
        """Lay views over `theta`, without a copy."""
        if theta.shape != (network.n_parameters,):
            raise InputError(
                f"theta has shape {theta.shape}, "
                f"but this network has {network.n_parameters} parameters."
            )
        self.network = network
        self.theta = theta
        W: list[Floats] = []
        b: list[Floats] = []
        at = 0
        for layer in network.layers:
            split = at + layer.n_inputs * layer.n_outputs
            end = at + layer.n_parameters
            W.append(theta[at:split].reshape(layer.n_inputs, layer.n_outputs))
            b.append(theta[split:end])
            at = end
        self.W: tuple[Floats, ...] = tuple(W)
        self.b: tuple[Floats, ...] = tuple(b)

    @classmethod
    def zeros(cls, network: Network, dtype: DTypeLike = np.float64) -> "Parameters":
        """All zero: where a gradient starts."""
        return cls(network, np.zeros(network.n_parameters, dtype=dtype))

    def copy(self) -> "Parameters":
        """The same numbers in a vector of their own."""
        return Parameters(self.network, self.theta.copy())

    def astype(self, dtype: DTypeLike) -> "Parameters":
        """The same numbers as float32 or float64, in a vector of their own."""
        return Parameters(self.network, self.theta.astype(dtype))

    def __reduce__(self) -> "tuple[type[Parameters], tuple[Network, Floats]]":
        """Pickled as network and theta, so that W and b are views again afterwards."""
        return Parameters, (self.network, self.theta)

    def __repr__(self) -> str:
        """Shapes and size, not the numbers."""
        shapes = ", ".join(f"{W.shape[0]}x{W.shape[1]}" for W in self.W)
        return f"Parameters({shapes}; p={self.theta.size}, {self.theta.dtype})"
