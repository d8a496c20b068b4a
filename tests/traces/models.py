"""Models that nobody trained: of every activation and loss, with weights drawn at random."""

import datetime
from functools import cache

import numpy as np
import polars as pl

from chainrule.experiment import prepare
from chainrule.losses import LOSSES
from chainrule.network import Parameters
from chainrule.options import Options

KINDS = pl.DataFrame(
    {
        "length": [0.5, 1.25, 2.0, 3.5, None, 12.0] * 5,
        "colour": ["red", "green", "blue", "red", "red", None] * 5,
        "shape": ["round", "square"] * 15,
        "paid": ["yes", "no", "yes", None, "no", "no"] * 5,
        "day": [datetime.date(2024, 1 + i % 12, 1 + i % 28) for i in range(30)],
        "area": [0.25 * (i % 7) + 0.5 for i in range(30)],
        "kind": ["low", "middle", "high"] * 10,
        "sold": ["late", "early", "late"] * 10,
    }
)
"""A table with a column of every kind, missing cells, and three targets."""

TARGET_OF = {"softmax_cross_entropy": "kind", "binary_cross_entropy": "sold"}
TARGETS = ("area", "kind", "sold")

LOSS_WORDS = {**{name: name for name in LOSSES}, "huber": "huber:0.3"}


def untrained(loss="squared", activation="tanh", hidden=(4, 3), seed=0, **options):
    """A model of KINDS with float32 weights drawn at random."""
    experiment = _prepared(loss, activation, hidden, tuple(options.items()))
    random = np.random.default_rng(seed)
    theta = random.normal(scale=0.6, size=experiment.network.n_parameters).astype(np.float32)
    return experiment.model(Parameters(experiment.network, theta), ())


@cache
def _prepared(loss, activation, hidden, options):
    target = TARGET_OF.get(loss, "area")
    chosen = Options(
        loss=LOSS_WORDS.get(loss, loss),
        activation=(activation,) if hidden else (),
        hidden=hidden,
        ignore=tuple(name for name in TARGETS if name != target),
        valid_fraction=0.0,
        **dict(options),
    )
    return prepare(KINDS, target, chosen)
