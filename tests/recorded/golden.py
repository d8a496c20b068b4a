"""The golden run: ten epochs whose every number is known in advance.

The table, the targets and the starting weights are numbers by formula. The one thing drawn is the
order of the rows, by `chainrule.randomness.generator`; a change there changes what a seed means,
and this run is meant to show it.
"""

import numpy as np

from chainrule.activations import RELU, TANH
from chainrule.engines import Rows, reference
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import Adam
from chainrule.schedules import Cosine
from chainrule.training import TrainingSettings, train
from recorded.weyl import numbers

NETWORK = multilayer_perceptron(3, [8, 5], 1, activation=[TANH, RELU], loss=SquaredError())
SETTINGS = TrainingSettings(
    optimizer=Adam(),
    rate=0.02,
    schedule=Cosine(),
    batch_size=16,
    epochs=10,
    l2=1e-3,
    seed=2024,
    dtype=np.float64,
)


def table(seed, n):
    """Rows whose target is a product of two columns and a square of the third."""
    X = numbers(seed, n, 3)
    y = X[:, :1] * X[:, 1:2] + 0.5 * X[:, 2:] ** 2
    return Rows(X, y, 1.5 + numbers(seed + 50, n))


def golden_run(engine=reference):
    """The records of the run, as plain data."""
    start = Parameters(NETWORK, 0.6 * numbers(5, NETWORK.n_parameters))
    epochs = list(
        train(
            NETWORK, table(1, 120), SETTINGS, validation=table(2, 40), parameters=start,
            engine=engine,
        )
    )  # fmt: skip
    return [
        {
            "number": epoch.number,
            "steps": epoch.steps,
            "rate": epoch.rate,
            "loss": epoch.loss,
            "validation_loss": epoch.validation_loss,
            "best_number": epoch.best_number,
            "theta": epoch.parameters.theta.tolist(),
        }
        for epoch in epochs
    ]
