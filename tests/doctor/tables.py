"""Small tables made from seeds, healthy ones and such that provoke a finding."""

import numpy as np
import polars as pl

from chainrule.doctor import examine_training
from chainrule.errors import DivergedError
from chainrule.experiment import prepare
from chainrule.options import Options

QUICK = {"hidden": (32, 32), "epochs": 60, "bins": 0, "rate": 0.01, "decay": 0.01, "members": 1}
"""Options that learn these tables in a moment."""


def frame(X, **columns):
    return pl.DataFrame({f"x{i}": x for i, x in enumerate(X.T)} | columns)


def numbers(n=400, seed=0, noise=0.3, d=4):
    """A number that follows from its inputs, with some noise."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + noise * random.normal(size=n)
    return frame(X, y=y)


def classes(n=400, seed=0, k=2, d=4, gap=1.5):
    """Classes around centres `gap` apart."""
    random = np.random.default_rng(seed)
    c = random.integers(k, size=n)
    X = random.normal(size=(n, d)) + gap * random.normal(size=(k, d))[c]
    return frame(X, y=[f"c{i}" for i in c])


def learnt(table, target="y", *, validation=None, **options):
    """The experiment and its model, after a training with QUICK options but for these."""
    experiment = prepare(table, target, Options(**{**QUICK, **options}), validation=validation)
    history, best = [], None
    try:
        for epoch in experiment.train():
            history.append(epoch.figures())
            best = epoch.best
    except DivergedError:
        assert best is not None
    return experiment, experiment.model(best, history)


def found(table, target="y", **options):
    """The findings after such a training, by name."""
    examination = examine_training(*learnt(table, target, **options))
    assert len(examination.checked) + len(examination.not_checked) == 13
    return {finding.name: finding for finding in examination.findings}


def warnings(table, target="y", **options):
    return {name for name, one in found(table, target, **options).items() if one.severity[0] == "w"}
