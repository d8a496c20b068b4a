"""Where a multilayer perceptron starts, and the order in which it sees its rows.

Both are scikit-learn's, draw for draw, so that the same `random_state` gives the same network:
first weights and biases of every layer, evenly from [-c, c] with c = sqrt(6 / (d + h)) (Glorot &
Bengio 2010) and with sqrt(2 / (d + h)) after the logistic function, then the rows that are held
out, then a permutation for each epoch. Layers with an activation that scikit-learn does not have
start as `initializers` says, with biases of 0, from draws of our own. The last layer follows the
one before it.
"""

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from chainrule.initializers import initializer_for
from chainrule.network import Network, Parameters
from chainrule.randomness import Purpose, generator

_NUMERATORS = {"identity": 6.0, "sigmoid": 2.0, "tanh": 6.0, "relu": 6.0}


def initial_parameters(network: Network, random: RandomState, seed: int) -> Parameters:
    """Parameters to start from, in float64; `seed` is for what scikit-learn does not draw."""
    own = generator(seed, Purpose.INITIAL)
    parameters = Parameters.zeros(network)
    activations = [layer.activation for layer in network.layers]
    activations[-1:] = activations[-2:-1] or activations
    for layer, g, W, b in zip(network.layers, activations, parameters.W, parameters.b, strict=True):
        d, h = layer.n_inputs, layer.n_outputs
        if g.name in _NUMERATORS:
            limit = np.sqrt(_NUMERATORS[g.name] / (d + h))
            W[...] = random.uniform(-limit, limit, (d, h))
            b[...] = random.uniform(-limit, limit, h)
        else:
            W[...] = initializer_for(g).draw(own, d, h)
    return parameters


def orders(n: int, random: RandomState) -> Iterator[NDArray[np.int64]]:
    """The n rows in the order of each epoch: a permutation of the epoch before."""
    order = np.arange(n)
    while True:
        order = order[random.permutation(n)]
        yield order


def own_seed(random: RandomState) -> int:
    """A seed for what scikit-learn does not draw, which leaves `random` where it is."""
    return int(deepcopy(random).randint(np.iinfo(np.int32).max))
