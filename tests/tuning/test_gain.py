"""The gain is what the errors of two models on the same rows say."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, root_mean_squared_error

from chainrule.experiment import prepare
from chainrule.options import Options
from chainrule.table import frame_of
from chainrule.tuning.gain import gains


def models(table, target, **options):
    """A model of the given options after one epoch, and one after thirty."""
    wanted = Options(
        hidden=(8,), bins=0, rate=0.02, batch_size=16, members=1, epochs=30,
        initializer="he_normal", **options,
    )  # fmt: skip
    experiment = prepare(table, target, wanted)
    epochs = list(experiment.train())
    return [experiment.model(epochs[k].parameters, []) for k in (0, -1)]


@pytest.fixture(scope="module")
def flowers():
    draws = np.random.default_rng(0)
    a, b = draws.standard_normal((2, 400))
    frame = pl.DataFrame({"a": a, "b": b, "size": 3 * a - b + draws.standard_normal(400) / 5})
    return frame.with_columns(
        kind=pl.when(pl.col("size") > 0).then(pl.lit("x")).otherwise(pl.lit("y"))
    )


def test_the_gain_of_classes_is_of_errors_and_of_log_loss(flowers):
    table = flowers.drop("size")
    before, after = models(table, "kind")
    error, loss = gains(before, after, frame_of(table), None)
    truth = table["kind"].to_numpy()
    assert error.before == pytest.approx(np.mean(before.predict(table) != truth))
    assert error.after == pytest.approx(np.mean(after.predict(table) != truth))
    assert loss.before == pytest.approx(
        log_loss(truth, before.predict_probabilities(table)), rel=1e-5
    )
    assert loss.after == pytest.approx(
        log_loss(truth, after.predict_probabilities(table)), rel=1e-5
    )
    assert loss.share == pytest.approx(1 - loss.after / loss.before)
    assert loss.interval[0] < loss.share < loss.interval[1]
    assert loss.is_sure


def test_the_gain_of_numbers_is_of_the_rmse_in_the_targets_unit(flowers):
    table = flowers.drop("kind")
    before, after = models(table, "size")
    (gain,) = gains(before, after, frame_of(table), None)
    truth = table["size"].to_numpy()
    assert gain.before == pytest.approx(root_mean_squared_error(truth, before.predict(table)))
    assert gain.after == pytest.approx(root_mean_squared_error(truth, after.predict(table)))
    assert gain.share == pytest.approx(1 - gain.after / gain.before)
    assert gain.interval[0] < gain.share < gain.interval[1]


def test_a_model_gains_nothing_over_itself(flowers):
    table = flowers.drop("size")
    _, after = models(table, "kind")
    for gain in gains(after, after, frame_of(table), None):
        assert gain.share == 0
        assert gain.interval is None
        assert not gain.is_sure


def test_the_interval_holds_the_true_gain_as_often_as_it_says(flowers):
    """Of two models with known errors: about 95 % of intervals should hold it; 88 % must."""
    table = flowers.drop("size")
    before, after = models(table, "kind")
    true = gains(before, after, frame_of(table), None)[1].share
    draws, held = np.random.default_rng(1), 0
    for _ in range(60):
        rows = draws.integers(len(table), size=300)
        gain = gains(before, after, frame_of(table[rows]), None)[1]
        held += gain.interval[0] <= true <= gain.interval[1]
    assert held >= 0.88 * 60


def test_rows_without_weight_do_not_count(flowers):
    table = flowers.drop("size").with_columns(w=pl.lit(1.0))
    before, after = models(table, "kind", weight="w")
    half = table.with_columns(w=pl.when(pl.int_range(pl.len()) < 200).then(1.0).otherwise(0.0))
    weighted = gains(before, after, frame_of(half), "w")
    alone = gains(before, after, frame_of(table.head(200)), "w")
    for a, b in zip(weighted, alone, strict=True):
        assert (a.before, a.after) == pytest.approx((b.before, b.after))
