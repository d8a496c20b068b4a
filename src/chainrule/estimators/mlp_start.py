"""Where a multilayer perceptron starts: scikit-learn's draws for its activations, ours for ours.

scikit-learn draws weights and biases of every layer evenly from [-c, c] with c = sqrt(6 / (d + h))
(Glorot & Bengio 2010), and with sqrt(2 / (d + h)) after the logistic function. Layers with any
other activation start as `initializers` says, with biases of 0. The last layer follows the one
before it.
"""

import numpy as np
from numpy.typing import DTypeLike

from chainrule.initializers import initializer_for
from chainrule.network import Network, Parameters
from chainrule.randomness import Purpose, generator

_NUMERATORS = {"identity": 6.0, "sigmoid": 2.0, "tanh": 6.0, "relu": 6.0}


def initial_parameters(network: Network, seed: int, dtype: DTypeLike) -> Parameters:
    """Parameters to start from, drawn in float64 and rounded to `dtype`."""
    draws = generator(seed, Purpose.INITIAL)
    parameters = Parameters.zeros(network)
    activations = [layer.activation for layer in network.layers]
    activations[-1:] = activations[-2:-1] or activations
    for layer, g, W, b in zip(network.layers, activations, parameters.W, parameters.b, strict=True):
        d, h = layer.n_inputs, layer.n_outputs
        if g.name in _NUMERATORS:
            limit = np.sqrt(_NUMERATORS[g.name] / (d + h))
            W[...] = draws.uniform(-limit, limit, size=(d, h))
            b[...] = draws.uniform(-limit, limit, size=h)
        else:
            W[...] = initializer_for(g).draw(draws, d, h)
    return parameters.astype(dtype)
