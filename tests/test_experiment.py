"""Preparing a table: what is decided, what is held out, and what is refused."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from chainrule import experiment as rooms
from chainrule.calibration import needs_calibration
from chainrule.engines import reference
from chainrule.errors import InputError, TableError
from chainrule.experiment import prepare
from chainrule.options import Options
from chainrule.thermometer import thermometer_inputs


def table(n=200, seed=0):
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    group = random.choice(["a", "b", "c"], n)
    return pl.DataFrame(
        {
            "x": x,
            "group": group,
            "weight": random.integers(1, 4, n),
            "amount": 1000 + 50 * x + 20 * (group == "a"),
            "kind": np.where(x > 1, "high", "low"),
        }
    )


def fit(experiment):
    *_, last = experiment.train()
    return experiment.model(last.best, [last.figures()])


QUICK = {"epochs": 3, "hidden": (4,)}


def test_every_choice_is_made_and_kept():
    experiment = prepare(table(), "amount", Options(ignore=("kind",)))
    options = experiment.options.to_dict()
    open_choices = {name for name, value in options.items() if value is None}
    assert open_choices == {"initializer", "weight"}  # None is a choice there
    assert options["task"] == "regression"
    assert options["loss"] == "squared"


def test_the_target_and_the_weight_are_not_among_the_inputs():
    experiment = prepare(table(), "amount", Options(weight="weight"))
    names = {column.name for column in experiment.encoder.columns}
    assert names == {"x", "group", "kind"}
    assert experiment.rows.weight is not None


def test_held_out_rows_are_of_every_class_and_leave_none_without_training_rows():
    experiment = prepare(table(), "kind", Options(valid_fraction=0.2))
    shares = [np.mean(rows.y) for rows in (experiment.rows, experiment.validation)]
    assert abs(shares[0] - shares[1]) < 0.02
    assert len(experiment.validation) == pytest.approx(40, abs=1)
    assert len(experiment.rows) + len(experiment.validation) == 200


def test_the_encoding_is_fitted_on_the_training_rows_alone():
    frame = table()
    experiment = prepare(
        frame, "amount", Options(bins=0, members=1, ignore=("group", "kind", "weight"))
    )
    median = experiment.encoder.columns[0].scaling.median
    assert median != np.median(frame["x"].to_numpy())
    own = np.median(experiment.rows.X[:, 0])
    assert own == pytest.approx(0, abs=1e-6)


def test_few_rows_are_all_learnt_from():
    experiment = prepare(table(30), "amount", Options())
    assert experiment.validation is None
    assert len(experiment.rows) == 30
    assert any("too few" in decision for decision in experiment.decisions)
    _, held_out = experiment.judge(fit(prepare(table(30), "amount", Options(**QUICK))))
    assert not held_out


def test_a_table_of_its_own_judges_and_every_row_is_learnt_from():
    experiment = prepare(table(), "amount", Options(), validation=table(50, seed=1))
    assert len(experiment.rows) == 200
    assert len(experiment.validation) == 50


def test_rows_without_target_are_left_out_and_counted():
    frame = table().with_columns(
        pl.when(pl.arange(0, pl.len()) < 12).then(None).otherwise(pl.col("amount")).alias("amount")
    )
    experiment = prepare(frame, "amount", Options(valid_fraction=0))
    assert len(experiment.rows) == 188
    assert any("12 of 200 rows" in decision for decision in experiment.decisions)


def test_the_trivial_answer_counts_rows_by_their_weight():
    frame = table()
    plain = prepare(frame, "amount", Options(valid_fraction=0)).typical
    weighted = prepare(frame, "amount", Options(valid_fraction=0, weight="weight")).typical
    amount, weight = frame["amount"].to_numpy(), frame["weight"].to_numpy()
    assert plain == pytest.approx((amount.mean(),))
    assert weighted == pytest.approx((np.average(amount, weights=weight),))


@pytest.mark.parametrize(
    ("target", "loss", "task"),
    [
        ("amount", "absolute", "regression"),
        ("amount", "huber:1.5", "regression"),
        ("amount", "quantile:0.1,0.5,0.9", "regression"),
        ("amount", "poisson", "regression"),
        ("kind", "softmax_cross_entropy", "classification"),
        ("weight", None, "classification"),
        ("weight", "squared", "regression"),
    ],
)
def test_every_loss_trains_and_answers_in_the_targets_terms(target, loss, task):
    frame = table()
    model = fit(prepare(frame, target, Options(loss=loss, **QUICK)))
    assert model.task == task
    answers = model.predict(frame)
    assert answers.shape == (200,)
    if task == "regression":
        assert np.isfinite(answers).all()
    else:
        assert set(answers.tolist()) <= set(frame[target].to_list())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "hinge"}, "loss 'hinge' is unknown; choose one of: squared, absolute"),
        ({"loss": "huber:x"}, "not a number"),
        ({"loss": "huber:1,2"}, "one parameter"),
        ({"loss": "squared:2"}, "takes no parameter"),
        ({"loss": "quantile:0.9,0.1"}, "ascending"),
        ({"loss": "squared", "task": "classification"}, "is for regression"),
        ({"loss": "binary_cross_entropy", "task": "classification"}, "is for two classes"),
        ({"task": "clustering"}, "task 'clustering' is unknown"),
        ({"activation": ("rely",)}, "activation 'rely' is unknown"),
        ({"activation": ("relu", "tanh"), "hidden": (3,)}, "2 activations came for 1 hidden"),
        ({"optimizer": "adma"}, "optimizer 'adma' is unknown"),
        ({"schedule": "none"}, "schedule 'none' is unknown"),
        ({"initializer": "zeros"}, "initializer 'zeros' is unknown"),
        ({"hidden": (0,)}, "at least 1"),
        ({"rate": -1.0}, "rate is -1.0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"valid_fraction": 1.0}, "valid_fraction is 1.0"),
        ({"weight": "wieght"}, "did you mean 'weight'"),
        ({"weight": "group"}, "is not a number"),
        ({"weight": "amount"}, "both the target and the weight"),
    ],
)
def test_an_option_that_means_nothing_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        prepare(table(), "group" if "binary" in str(options) else "amount", Options(**options))


def test_a_target_that_is_not_there_is_refused_with_the_nearest_name():
    with pytest.raises(TableError, match="did you mean 'amount'"):
        prepare(table(), "amuont")


def test_a_table_without_columns_to_learn_from_is_refused():
    with pytest.raises(TableError, match="no column beside 'amount'"):
        prepare(table().select("amount"), "amount")


def test_a_data_frame_with_a_name_twice_is_refused_in_words():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(np.ones((30, 3)), columns=["a", "a", "y"])
    with pytest.raises(TableError, match="cannot be told apart"):
        prepare(frame, "y")


def test_bins_below_nought_are_refused():
    with pytest.raises(InputError, match="bins is -1"):
        prepare(table(), "amount", Options(bins=-1))


def with_bins(judges=False):
    """An experiment on a table whose inputs are mostly bins."""
    options = Options(
        ignore=("kind",),
        bins=40,
        batch_size=64,
        epochs=4,
        hidden=(16,),
        members=2,
        bins_by="quantiles",
    )
    other = table(90, seed=1) if judges else None
    return prepare(table(400), "amount", options, validation=other)


@pytest.mark.parametrize("judges", [False, True])
def test_the_compiled_engine_learns_the_same_from_the_differences_of_bins(judges, monkeypatch):
    pytest.importorskip("numba", reason="the compiled engine needs numba")
    from chainrule.engines import compiled

    experiment = with_bins(judges)
    seen = []
    monkeypatch.setattr(
        rooms, "train", lambda *rows, **others: seen.append((rows[1], others["validation"])) or ()
    )
    for engine in (reference, compiled):
        experiment.train(engine, member=1)
    (dense, dense_judging), (table_, judging) = seen
    monkeypatch.undo()
    assert dense is experiment.table
    assert table_.X.differences.nnz < dense.X.size / 5
    for found, expected in ((table_, dense), (judging, dense_judging)):
        assert found.X.shape == expected.X.shape
        again = thermometer_inputs(expected.X, experiment.encoder.continues_bins)
        np.testing.assert_array_equal(found.X.differences.toarray(), again.differences.toarray())
    np.testing.assert_array_equal(judging.y, dense_judging.y)

    losses = [
        [epoch.validation_loss for epoch in experiment.train(engine, member=1)]
        for engine in (reference, compiled)
    ]
    assert len(losses[0]) == 4
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


def test_few_bins_stay_dense():
    experiment = prepare(table(400), "amount", Options(bins=2, batch_size=8, **QUICK))
    assert experiment.by_differences is None


def test_an_engine_of_ones_own_is_given_the_dense_table():
    own = SimpleNamespace(train_epoch=reference.train_epoch, scores=reference.scores)
    experiment = with_bins()
    losses = [
        [epoch.validation_loss for epoch in experiment.train(engine)] for engine in (own, reference)
    ]
    assert losses[0] == losses[1]


def test_a_temperature_follows_the_rows_of_the_table_and_not_those_of_another():
    experiment = prepare(table(900), "kind", Options(**QUICK), validation=table(200, seed=1))
    assert needs_calibration(fit(experiment))
    experiment = prepare(table(1_100), "kind", Options(label_smoothing=0.0, **QUICK))
    assert not needs_calibration(fit(experiment))
