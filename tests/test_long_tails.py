"""Long tails: which numbers are better not clipped, and that no outlier decides it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from chainrule.engines import Rows
from chainrule.experiment import prepare
from chainrule.linear_start import linear_models
from chainrule.long_tails import long_tails
from chainrule.losses import SquaredError
from chainrule.model import Model
from chainrule.monitored_loss import monitored_loss
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


@pytest.mark.parametrize("n", [800, 3_000])
@pytest.mark.parametrize("codes", [[-999.0], [-9_999.0], [-999_999.0], [-999.0, -998.0, 9_999.0]])
@pytest.mark.parametrize(
    "signal",
    [
        lambda z, is_coded: np.where(is_coded, -30.0, z),
        lambda z, is_coded: np.where(is_coded, -8.0, np.sin(2 * z)),
        lambda z, is_coded: z - 300.0 * is_coded,
    ],
)
def test_codes_of_missing_values_are_no_tail(n, codes, signal):
    random = draws()
    z, coded = random.normal(size=n), random.random(n) < 0.02
    x = np.where(coded, random.choice(codes, n), z)
    y = signal(z, coded) + random.normal(size=n)
    experiment = prepare(pl.DataFrame({"x": x, "y": y}), "y", SMALL)
    assert limits(experiment) == {"x": LIMIT}


@pytest.mark.parametrize(("distinct", "found"), [(4, False), (40, True)])
def test_a_tail_is_of_many_values(distinct, found):
    random = draws()
    tail = np.resize(np.linspace(15, 40, distinct), 200)
    x = random.permutation(np.concatenate([random.normal(size=3_000), tail]))
    y = x + random.normal(size=len(x))
    experiment = prepare(pl.DataFrame({"x": x, "y": y}), "y", SMALL)
    assert (limits(experiment)["x"] > LIMIT) is found


@pytest.mark.parametrize("row", [0, 17, 400])
def test_one_absurd_number_keeps_the_clip_of_its_column(row):
    for signal in (lambda X: X["size"], lines):
        spoilt = table(signal)
        spoilt[row, "sum"] = 1e9
        assert limits(prepare(spoilt, "y", SMALL))["sum"] == LIMIT


@pytest.mark.parametrize("row", [0, 17, 400])
def test_one_wrong_number_within_reach_cannot_ask_for_it(row):
    spoilt = table(lambda X: X["size"])
    spoilt[row, "size"] = 1e3
    spoilt[row, "y"] = 1e3
    assert set(limits(prepare(spoilt, "y", SMALL)).values()) == {LIMIT}


@pytest.mark.parametrize("borders", [[60], [40, 120]])
def test_of_classes_by_a_large_total_the_tails_are_found_too(borders):
    random = draws()
    sums = random.lognormal(0, 2, (2_000, 4))
    total = sums.sum(axis=1) + random.logistic(size=2_000)
    kinds = np.array(["a", "b", "c"])[np.digitize(total, borders)]
    rows = pl.DataFrame({f"sum {j}": x for j, x in enumerate(sums.T)} | {"y": kinds})
    assert min(limits(prepare(rows, "y", SMALL)).values()) > LIMIT


def test_of_classes_with_borders_where_nothing_is_clipped_the_clip_stays():
    rows = table(lines)
    kinds = np.array(["few", "some", "many"])[np.digitize(rows["y"], [0, 2])]
    experiment = prepare(rows.with_columns(y=pl.Series(kinds)), "y", SMALL)
    assert set(limits(experiment).values()) == {LIMIT}


@pytest.mark.parametrize(("farthest", "found"), [(1e3, True), (1e5, False)])
def test_a_number_farther_out_than_the_linear_models_saw_keeps_the_clip(farthest, found):
    x = draws().lognormal(0, 1, 800)
    x[:8] = draws().uniform(500, 5_000, 8)
    x[0] = farthest
    y = np.minimum(x, 5_000) + 0.1 * draws().normal(size=800)  # 5,000 are 3,500 spreads
    rows = pl.DataFrame({"x": x, "y": y})
    assert (limits(prepare(rows, "y", SMALL))["x"] > LIMIT) is found


def test_the_file_keeps_the_limits(tmp_path):
    experiment = prepare(table(lines), "y", SMALL)
    *_, last = experiment.train()
    model = experiment.model(last.best, [last.figures()])
    model.save(tmp_path / "money.model")
    again = Model.load(tmp_path / "money.model")
    assert limits(again) == limits(experiment)
    assert np.array_equal(again.predict(table(lines)), model.predict(table(lines)))


def test_the_columns_are_those_that_the_encoder_makes_bit_by_bit():
    def rows(n):
        sums = table(lines, n)["sum"].to_list()
        sums[::9] = [None] * len(sums[::9])
        return table(lines, n).with_columns(
            sum=pl.Series(sums), kind=pl.Series(["a", "b"] * (n // 2))
        )

    learnt, others = rows(3_000), rows(800)
    learnt = learnt.with_columns(y=learnt["y"].scatter(np.arange(0, 3_000, 7), None))
    experiment = prepare(learnt, "y", replace(SMALL, bins=8), validation=others)
    assert "not clipped" in experiment.encoder.columns[0].describe()
    known = np.flatnonzero(learnt["y"].is_not_null())
    assert np.array_equal(experiment.table.X, experiment.encoder.encode(learnt, known))
    assert experiment.judges is not None
    assert np.array_equal(experiment.judges.X, experiment.encoder.encode(others))


def tails(z, y):
    """What is found in parts of rows (p, 2, n, d) before the clip, with targets (p, 2, n)."""
    clip = RobustScaling(0.0, 1.0, LIMIT)
    X, y = clip.apply(z).astype(np.float32), y[..., None]
    rows = [
        (Rows(X_part[0], y_part[0]), Rows(X_part[1], y_part[1]))
        for X_part, y_part in zip(X, y, strict=True)
    ]
    loss = SquaredError()
    starts = linear_models(loss, 1, rows, lambda *of: monitored_loss(loss, *of), draws())
    return lambda numbers: long_tails(loss, rows, starts, np.array(numbers), draws())


def test_the_gain_is_that_of_the_columns_that_are_kept():
    z = 3 * draws().standard_t(2, (2, 2, 400, 2))
    z = np.clip(z, -1_000, 1_000)
    y = z[..., 0] + draws().normal(size=(2, 2, 400))
    y[0] += z[0, ..., 1]
    y[1] += np.arctan(z[1, ..., 1])
    found = tails(z, y)
    both, first = found([0, 1]), found([0])
    assert both.columns.tolist() == first.columns.tolist() == [0]
    assert both.gain == first.gain
    assert both.limits == first.limits


class NoLoss:
    """Of no row at all."""

    def value(self, y, scores):
        return np.zeros(len(y))


def test_rows_without_any_loss_save_none(monkeypatch):
    z = 3 * draws().standard_t(2, (1, 2, 400, 1))
    found = tails(z, z[..., 0] + draws().normal(size=(1, 2, 400)))
    assert found([0]) is not None
    monkeypatch.setattr("chainrule.long_tails.monitored", lambda loss: NoLoss())
    assert found([0]) is None


def test_where_no_number_lies_far_out_nothing_is_computed():
    z = draws().uniform(-9, 9, (50, 2))
    rows = Rows(RobustScaling(0.0, 1.0, LIMIT).apply(z), z[:, :1])
    assert long_tails(SquaredError(), [(rows, rows)], [], np.arange(2), draws()) is None
