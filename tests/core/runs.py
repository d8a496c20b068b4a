"""The small networks, table and settings that the tests of training run."""

import numpy as np

from chainrule.activations import IDENTITY, TANH
from chainrule.engines import Rows
from chainrule.losses import SquaredError
from chainrule.network import multilayer_perceptron
from chainrule.training import TrainingSettings
from recorded.weyl import numbers

NETWORK = multilayer_perceptron(3, [6, 4], 1, activation=TANH, loss=SquaredError())
DROPPING = multilayer_perceptron(3, [6, 4], 1, activation=TANH, loss=SquaredError(), dropout=0.3)
LINEAR = multilayer_perceptron(3, [], 1, activation=IDENTITY, loss=SquaredError())


def table(seed=1, n=70, weighted=False):
    X = numbers(seed, n, 3)
    y = X[:, :1] * X[:, 1:2] + 0.4 * X[:, 2:] + 0.2 * numbers(seed + 20, n, 1)
    return Rows(X, y, 1.2 + numbers(seed + 40, n) if weighted else None)


def settings(**changes):
    return TrainingSettings(
        **{"rate": 0.01, "batch_size": 16, "epochs": 8, "dtype": np.float64, **changes}
    )


def last(epochs):
    *_, epoch = epochs
    return epoch
