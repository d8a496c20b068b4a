"""Permutation importance finds what a model rests on."""

import numpy as np
import polars as pl
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import permutation_importance as sklearn_importance

from chainrule.errors import InputError
from chainrule.experiment import prepare
from chainrule.importance import permutation_importance
from chainrule.options import Options


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    much, little, none = random.normal(size=(3, 400))
    noise = 0.1 * random.normal(size=400)
    return pl.DataFrame(
        {
            "much": much,
            "little": little,
            "none": none,
            "fixed": ["same"] * 400,
            "y": 3 * much + 0.5 * little + noise,
        }
    )


@pytest.fixture(scope="module")
def model(table):
    experiment = prepare(table, "y", Options(hidden=(), optimizer="lbfgs", bins=0))
    epochs = list(experiment.train())
    return experiment.model(epochs[-1].best, [])


def test_columns_come_in_the_order_of_their_use(model, table):
    found = permutation_importance(model, table)
    assert [one.column for one in found.columns] == ["much", "little", "none"]
    assert found.figure == "RMSE"
    assert found.value == pytest.approx(model.evaluate(table).figures["RMSE"])
    much, little, none = found.columns
    assert much.mean > 3 * little.mean > 10 * abs(none.mean)
    assert len(much.increases) == 5
    assert much.spread == pytest.approx(np.std(much.increases))


class Wrapped(RegressorMixin, BaseEstimator):
    def __init__(self, model, columns):
        self.model, self.columns = model, columns

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, X):
        return self.model.predict(pl.DataFrame(X, schema=self.columns))


def test_it_agrees_with_scikit_learn_within_the_spread_of_shuffles(model, table):
    X, y = table.select("much", "little", "none"), table["y"].to_numpy()
    expected = sklearn_importance(
        Wrapped(model, X.columns),
        X.to_numpy(),
        y,
        scoring="neg_root_mean_squared_error",
        n_repeats=20,
        random_state=0,
    )
    found = {one.column: one for one in permutation_importance(model, table, repeats=20).columns}
    for name, mean, spread in zip(
        X.columns, expected.importances_mean, expected.importances_std, strict=True
    ):
        tolerance = 4 * (spread + found[name].spread) / np.sqrt(20) + 1e-9
        assert abs(found[name].mean - mean) < tolerance
        assert found[name].spread == pytest.approx(spread, rel=0.6, abs=1e-4)


def test_the_same_seed_gives_the_same_shuffles(model, table):
    one, same, other = (
        permutation_importance(model, table, seed=seed, repeats=2) for seed in (1, 1, 2)
    )
    assert one == same
    assert one.columns != other.columns


def test_a_long_table_is_judged_by_a_part_of_it(model, table):
    found = permutation_importance(model, table, most_rows=50)
    assert (found.n_rows, found.of_rows) == (50, 400)
    assert found.to_dict()["columns"][0]["column"] == "much"


def test_rows_without_the_target_are_left_out(model, table):
    partly = table.with_columns(y=pl.when(pl.col("y") > 0).then("y"))
    assert permutation_importance(model, partly).n_rows == (table["y"] > 0).sum()


def test_a_row_that_counts_for_nothing_does_not_count(model, table):
    weighted = table.with_columns(w=(pl.col("much") > 0).cast(pl.Float64))
    found = permutation_importance(model, weighted, weight="w")
    half = model.evaluate(table.filter(pl.col("much") > 0)).figures["RMSE"]
    assert found.value == pytest.approx(half)


def test_no_repeats_are_refused(model, table):
    with pytest.raises(InputError, match="repeats is 0"):
        permutation_importance(model, table, repeats=0)
