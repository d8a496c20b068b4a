"""Where training starts: weights drawn so that signals keep their size from layer to layer.

The variance of a weight depends on the width on either side of it and on the activation:

    Glorot   2 / (d + h)    sigmoid, tanh, softplus, identity   (Glorot & Bengio 2010)
    He       2 / d          the ReLU family                     (He et al. 2015)
    LeCun    1 / d          SELU                                (LeCun et al. 1998)

Biases start at 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from chainrule.activations import Activation
from chainrule.arrays import Floats
from chainrule.network import Network, Parameters


@dataclass(frozen=True)
class Initializer:
    """A way of drawing the weights W (d, h) of a layer.

    Attributes:
        name: what users call it.
        variance: (d, h) -> the variance of each weight, around a mean of 0.
        uniform: drawn evenly from an interval; if false, from a normal distribution.
    """

    name: str
    variance: Callable[[int, int], float]
    uniform: bool

    def draw(self, generator: np.random.Generator, d: int, h: int) -> Floats:
        """Weights of shape (d, h), float64."""
        deviation = np.sqrt(self.variance(d, h))
        if self.uniform:
            limit = np.sqrt(3) * deviation  # uniform on [-c, c] has the variance c^2 / 3
            return generator.uniform(-limit, limit, size=(d, h))
        return deviation * generator.standard_normal((d, h))


def _glorot(d: int, h: int) -> float:
    return 2 / (d + h)


def _he(d: int, h: int) -> float:
    return 2 / d


def _lecun(d: int, h: int) -> float:
    return 1 / d


GLOROT_UNIFORM = Initializer("glorot_uniform", _glorot, uniform=True)
GLOROT_NORMAL = Initializer("glorot_normal", _glorot, uniform=False)
HE_UNIFORM = Initializer("he_uniform", _he, uniform=True)
HE_NORMAL = Initializer("he_normal", _he, uniform=False)
LECUN_UNIFORM = Initializer("lecun_uniform", _lecun, uniform=True)
LECUN_NORMAL = Initializer("lecun_normal", _lecun, uniform=False)

INITIALIZERS = {
    initializer.name: initializer
    for initializer in (
        GLOROT_UNIFORM,
        GLOROT_NORMAL,
        HE_UNIFORM,
        HE_NORMAL,
        LECUN_UNIFORM,
        LECUN_NORMAL,
    )
}

_BY_ACTIVATION = {
    "relu": HE_NORMAL,
    "leaky_relu": HE_NORMAL,
    "elu": HE_NORMAL,
    "gelu": HE_NORMAL,
    "silu": HE_NORMAL,
    "mish": HE_NORMAL,
    "selu": LECUN_NORMAL,
}


def initializer_for(activation: Activation) -> Initializer:
    """The published companion of an activation; Glorot's uniform one where there is none."""
    return _BY_ACTIVATION.get(activation.name, GLOROT_UNIFORM)


def initial_parameters(
    network: Network,
    generator: np.random.Generator,
    *,
    initializer: Initializer | None = None,
    dtype: DTypeLike = np.float64,
) -> Parameters:
    """Parameters to start from: by default each layer's initializer follows its activation.

    Numbers are drawn in float64 and rounded to `dtype`, so that float32 starts where float64 does.
    """
    parameters = Parameters.zeros(network)
    for layer, W in zip(network.layers, parameters.W, strict=True):
        chosen = initializer or initializer_for(layer.activation)
        W[...] = chosen.draw(generator, layer.n_inputs, layer.n_outputs)
    return parameters.astype(dtype)
