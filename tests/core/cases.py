"""What the tests of the core go through: every activation, every loss, and networks of them.

Activations and losses come from the registries, so that a new entry is tested without being named
here; a loss with parameters has its further versions in `FURTHER_LOSSES`.
"""

from dataclasses import asdict, dataclass

import numpy as np

from chainrule.activations import ACTIVATIONS
from chainrule.engines import Rows, compiled, reference
from chainrule.losses import (
    LOSSES,
    BinaryCrossEntropy,
    Huber,
    Loss,
    Poisson,
    Quantile,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network, Parameters, multilayer_perceptron
from chainrule.randomness import keep_mask
from recorded.weyl import classes, numbers

ENGINES = {"reference": reference, "compiled": compiled}
"""Every engine there is; a new one is added here and has to give the same numbers."""

FURTHER_LOSSES = (
    Huber(0.3),
    Quantile((0.5,)),
    Quantile((0.05, 0.35, 0.8, 0.99)),
    BinaryCrossEntropy(smoothing=0.2),
    SoftmaxCrossEntropy(smoothing=0.1),
)

ALL_LOSSES = (*(loss() for loss in LOSSES.values()), *FURTHER_LOSSES)

ALL_PAIRS = [(g, loss) for g in ACTIVATIONS.values() for loss in ALL_LOSSES]


def pair_name(value):
    """The test's name for an activation or a loss."""
    if isinstance(value, Loss):
        return "-".join([value.name, *map(str, asdict(value).values())])
    return getattr(value, "name", None)


def outputs_of(loss):
    """How many outputs the cases give a network with this loss; more than one, where it can."""
    return len(loss.levels) if isinstance(loss, Quantile) else 3


def targets_of(loss, n, k, seed):
    """Targets in the loss's domain."""
    if isinstance(loss, SoftmaxCrossEntropy):
        return classes(seed, n, k)
    if isinstance(loss, BinaryCrossEntropy):
        y = (numbers(seed, n, k) > 0).astype(float)
        y[0] = 0.25  # shares are allowed as well as 0 and 1
        return y
    if isinstance(loss, Poisson):
        return np.floor(2.5 + 2.5 * numbers(seed, n, k))
    if isinstance(loss, Quantile):
        return numbers(seed, n, 1)
    return 2 * numbers(seed, n, k)


@dataclass(frozen=True)
class Case:
    """A network, where it stands, and rows to judge it by."""

    network: Network
    parameters: Parameters
    rows: Rows
    l2: float = 0.0


def case(activation, loss, *, depth=2, seed=1, n=7, d=3, l2=0.03, weighted=True, dropout=0.0):
    """A small network of `depth` hidden layers with numbers by formula."""
    k = outputs_of(loss)
    network = multilayer_perceptron(
        d, (5, 4, 3, 4)[:depth], k, activation=activation, loss=loss, dropout=dropout
    )
    parameters = Parameters(network, 0.9 * numbers(seed, network.n_parameters))
    weight = 1.1 + numbers(seed + 3, n) if weighted else None
    rows = Rows(1.5 * numbers(seed + 1, n, d), targets_of(loss, n, k, seed + 2), weight)
    return Case(network, parameters, rows, l2)


def dropout_factors(network, n, seed=0):
    """The factors of `forward` under dropout, for rows 0 .. n - 1."""
    return [
        keep_mask(seed + l, np.arange(n), layer.n_outputs, layer.dropout) / (1 - layer.dropout)
        if layer.dropout
        else None
        for l, layer in enumerate(network.layers)
    ]


def side_of_kinks(case, theta):
    """On which side of every kink each number of the pass lies, as one vector of booleans.

    Kinks are at z = 0 of every neuron; at score = target; and where Huber's branches meet. Two
    thetas with the same sides have no kink between them, if they are near.
    """
    passed = reference.forward(case.network, Parameters(case.network, theta), case.rows.X)
    sides = [z > 0 for z in passed.Z[:-1]]
    loss, y = case.network.loss, case.rows.y
    if y.ndim == 2:
        sides.append(passed.Z[-1] > y)
    if isinstance(loss, Huber):
        sides.append(np.abs(passed.Z[-1] - y) > loss.delta)
    return np.concatenate([side.ravel() for side in sides]) if sides else np.zeros(0, dtype=bool)


def torch_cases():
    """The cases that PyTorch answers, by name: every pair, depths 0 .. 4 in turn."""
    cases = {}
    for i, (g, loss) in enumerate(ALL_PAIRS):
        depth = i % 5
        name = f"{g.name}-{pair_name(loss)}-depth{depth}"
        cases[name] = case(
            g, loss, depth=depth, seed=20 + i, n=6, l2=0.02 * (i % 2), weighted=i % 3 > 0
        )
    return cases
