"""Long tails: which numbers are better not clipped, and that no outlier decides it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from chainrule.engines import Rows
from chainrule.ensemble import Ensemble
from chainrule.experiment import prepare
from chainrule.linear_start import LinearModel
from chainrule.long_tails import long_tails
from chainrule.losses import SquaredError
from chainrule.model import Model
from chainrule.options import Options
from chainrule.table.scaling import LIMIT, RobustScaling


def draws():
    return np.random.default_rng(3)


def table(signal, n=800):
    """Two log-normal numbers, one normal and one Cauchy number, and a function of them."""
    random = draws()
    X = {
        "sum": random.lognormal(0, 1, n),
        "price": random.lognormal(0, 1, n),
        "size": random.normal(size=n),
        "noise": random.standard_cauchy(n),
    }
    y = signal(X)
    return pl.DataFrame(X | {"y": y + 0.2 * y.std() * random.normal(size=n)})


def lines(X):
    return 2 * X["sum"] - X["price"] + X["size"]


def limits(experiment):
    return {column.name: column.scaling.limit for column in experiment.encoder.columns}


SMALL = Options(hidden=(8,), epochs=3)


@pytest.mark.parametrize("loss", ["squared", "absolute", "quantile:0.3,0.5,0.7"])
def test_lines_through_long_tails_are_not_clipped_and_said(loss):
    experiment = prepare(table(lines), "y", replace(SMALL, loss=loss))
    found = limits(experiment)
    assert found["size"] == found["noise"] == LIMIT
    for name in ("sum", "price"):
        x = table(lines)[name].to_numpy()
        z = np.abs(x - np.median(x)).max() / np.subtract(*np.quantile(x, [0.75, 0.25]))
        assert found[name] == pytest.approx(10 * z, rel=0.2)
    (said,) = experiment.decisions
    assert said.startswith("not clipped, for their long tails: 'sum', 'price' (")
    assert [c.name for c in experiment.encoder.columns if "not clipped" in c.describe()] == [
        "sum",
        "price",
    ]


@pytest.mark.parametrize(
    "signal",
    [
        lambda X: np.arctan(X["noise"]) + X["size"],
        lambda X: np.log1p(X["sum"]) + X["size"],
        lambda X: X["size"],
    ],
)
def test_a_signal_with_bounds_or_bends_keeps_the_clip(signal):
    experiment = prepare(table(signal), "y", SMALL)
    assert set(limits(experiment).values()) == {LIMIT}
    assert experiment.decisions == ()


@pytest.mark.parametrize("row", [0, 17, 400])
def test_one_absurd_number_cannot_ask_for_it(row):
    spoilt = table(lambda X: X["size"])
    spoilt[row, "size"] = 1e9
    assert set(limits(prepare(spoilt, "y", SMALL)).values()) == {LIMIT}
    spoilt = table(lines)
    spoilt[row, "sum"] = 1e9
    ensemble = Ensemble(prepare(spoilt, "y", SMALL))
    for _ in ensemble.train():
        pass
    others = table(lines)
    errors = ensemble.model().predict(others) - others["y"].to_numpy()
    assert np.median(np.abs(errors)) < 0.5 * others["y"].std()


def test_classes_are_looked_at_like_numbers():
    money = table(lines)
    kinds = np.array(["few", "some", "many"])[np.digitize(money["y"], [0, 2])]
    assert set(limits(prepare(money.with_columns(y=pl.Series(kinds)), "y", SMALL)).values()) == {
        LIMIT
    }


def test_the_file_keeps_the_limits(tmp_path):
    experiment = prepare(table(lines), "y", SMALL)
    *_, last = experiment.train()
    model = experiment.model(last.best, [last.figures()])
    model.save(tmp_path / "money.model")
    again = Model.load(tmp_path / "money.model")
    assert limits(again) == limits(experiment)
    assert np.array_equal(again.predict(table(lines)), model.predict(table(lines)))


def test_where_no_number_lies_far_out_nothing_is_computed():
    X = draws().normal(size=(50, 2))
    rows = Rows(RobustScaling(0.0, 1.0, LIMIT).apply(X), X[:, :1])
    nothing = LinearModel(np.full((2, 1), np.nan), np.zeros(1))
    assert long_tails(SquaredError(), [(rows, rows)], [nothing], np.arange(2), draws()) is None
