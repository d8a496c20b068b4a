"""Small tables, models of them, and their reports."""

import numpy as np
import polars as pl

from chainrule.experiment import prepare
from chainrule.options import Options
from chainrule.report import Origin, contents

HOSTILE = "<script>alert('x')</script>"
REVERSED = "abc\u202etxt"
LONG = "L" * 300
ARABIC = "سلام"


def houses(n=240, seed=0):
    """Numbers, categories, dates and booleans under hostile names, some cells missing; a price."""
    random = np.random.default_rng(seed)
    size = random.uniform(-3, 3, n)
    level = random.choice(["alpha", "<b>beta</b>", "🙂"], n)
    price = 3 * np.sin(size) + (level == "alpha") + 0.3 * random.normal(size=n)
    days = np.datetime64("2020-01-01") + random.integers(0, 900, n)
    return pl.DataFrame(
        {
            HOSTILE: [None if i % 9 == 4 else float(v) for i, v in enumerate(size)],
            REVERSED: level.tolist(),
            LONG: random.choice(["yes", "no"], n).tolist(),
            ARABIC: [str(day) for day in days],
            "w": random.integers(0, 4, n),
            'price & "more"': [None if i % 40 == 1 else float(v) for i, v in enumerate(price)],
        }
    )


def clouds(k, n=400, seed=0):
    """Points of k classes around k centres."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % k
    centres = 2.2 * random.normal(size=(k, 3))
    X = centres[y] + random.normal(size=(n, 3))
    table = {f"x{j}": X[:, j] for j in range(3)}
    return pl.DataFrame({**table, "kind": [f"kind {c:02}" for c in y]})


def trained(table, target, **options):
    """A model after a few epochs."""
    given = {"hidden": (6,), "epochs": 6, "bins": 0, "patience": 0, "rate": 0.02, **options}
    experiment = prepare(table, target, Options(**given))
    history = []
    for epoch in experiment.train():
        history.append(epoch.figures())
    return experiment.model(epoch.best, history)


def found(table, target, weight=None, **options):
    """The contents of a report."""
    model = trained(table, target, weight=weight, **options)
    return contents(model, table, weight, Origin("a.safetensors", "a.csv"))
