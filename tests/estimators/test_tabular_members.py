"""Ensembles: their members, the rows these hold out, calibration, and the file."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.datasets import load_diabetes, load_iris

from chainrule import TabularClassifier, TabularRegressor
from chainrule.calibration import fit_temperature
from chainrule.ensemble import HeldOut
from chainrule.errors import InputError, ModelFileError
from chainrule.folds import folds_of, held_out_parts
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.model import Model
from chainrule.table import copies_in, frame_of

X, y = load_iris(return_X_y=True)
A, b = load_diabetes(return_X_y=True)


def classifier(**parameters):
    return TabularClassifier((8,), max_iter=8, random_state=0, **parameters)


@pytest.fixture(scope="module")
def ensemble():
    return classifier(n_members=3, calibrate=False).fit(X, y)


def test_probabilities_are_the_mean_of_the_members(ensemble):
    frame = pl.DataFrame(X, schema=[f"x{j}" for j in range(4)])
    of_members = [member.predict_probabilities(frame) for member in ensemble.members_]
    assert np.allclose(ensemble.predict_proba(X), np.mean(of_members, axis=0), atol=1e-6)
    assert not np.allclose(of_members[0], of_members[1], atol=1e-3)


def test_predictions_are_the_mean_of_the_members():
    fitted = TabularRegressor((8,), max_iter=4, n_members=3, random_state=0).fit(A, b)
    frame = pl.DataFrame(A, schema=[f"x{j}" for j in range(10)])
    of_members = [member.predict(frame) for member in fitted.members_]
    assert np.allclose(fitted.predict(A), np.mean(of_members, axis=0), rtol=1e-5)


def test_an_ensemble_is_the_same_however_many_jobs_train_it(ensemble):
    again = classifier(n_members=3, n_jobs=3, calibrate=False).fit(X, y)
    assert np.array_equal(again.predict_proba(X), ensemble.predict_proba(X))


def test_the_seed_of_an_estimator_is_the_seed_of_the_command_line():
    from chainrule.experiment import prepare
    from chainrule.options import Options

    table = pl.DataFrame(X, schema=[f"x{j}" for j in range(4)]).with_columns(target=y)
    options = Options(task="classification", hidden=(8,), epochs=8, seed=7)
    experiment = prepare(table, "target", options)
    *_, last = experiment.train()
    settings = {"max_iter": 8, "random_state": 7, "engine": "reference", "calibrate": False}
    model = TabularClassifier((8,), **settings).fit(X, y).model_
    assert np.array_equal(last.best.theta, model.parameters.theta)


@given(st.integers(0, 2**32), st.integers(200, 400), st.floats(0.1, 0.9), st.integers(1, 8))
@settings(max_examples=50, deadline=None)
def test_no_row_is_held_out_twice_and_every_class_gives_its_share(seed, n, fraction, n_members):
    strata = np.random.default_rng(seed).choice(3, n, p=[0.7, 0.2, 0.1])
    folds = held_out_parts(strata, fraction, n_members, seed=3)
    together = np.concatenate(folds)
    assert len(np.unique(together)) == len(together)
    share = min(fraction, 1 / n_members)
    for fold in folds:
        for s in np.unique(strata):
            assert abs((strata[fold] == s).sum() - share * (strata == s).sum()) <= 1


def test_each_member_learns_from_the_rows_that_it_does_not_hold_out():
    folds, _ = folds_of(y, 0.2, [5, 6, 7])
    for fold in folds:
        together = np.sort(np.concatenate([fold.learnt, fold.held_out]))
        assert np.array_equal(together, np.arange(150))
        assert len(fold.held_out) == 30
    assert len(np.unique(np.concatenate([fold.held_out for fold in folds]))) == 90


def test_more_members_than_parts_hold_out_the_same_parts_again():
    folds, _ = folds_of(y, 0.3, range(5))
    first, second = ([set(fold.held_out) for fold in part] for part in (folds[:3], folds[3:]))
    assert len(set.union(*first)) == 135
    assert second == first[:2]


def test_in_a_table_too_small_for_folds_nobody_holds_out_rows():
    folds, (sentence,) = folds_of(np.repeat([0, 1], 20), 0.2, range(3))
    assert "too few to hold some out" in sentence
    assert all(len(fold.learnt) == 40 and len(fold.held_out) == 0 for fold in folds)


def test_rows_kept_apart_for_calibration_are_neither_learnt_from_nor_judged_on():
    fitted = classifier(calibrate=True, calibration_fraction=0.2, n_members=2).fit(X, y)
    assert fitted.calibration_.n_rows == 30
    training = fitted.model_.training
    assert training["training_rows"] + training["validation_rows"] == 120


# Calibration


def test_the_temperature_that_made_the_scores_is_found_again():
    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(20_000, 3))
    drawn = np.array([rng.choice(3, p=p) for p in softmax(scores, axis=1)])
    held_out = [HeldOut((0,), 2.5 * scores[None], drawn)]
    found = fit_temperature(held_out, SoftmaxCrossEntropy())
    assert found.temperature == pytest.approx(2.5, rel=0.03)
    assert found.error_after < 0.02 < 0.1 < found.error_before


def test_a_few_rows_that_were_all_answered_right_do_not_make_sure():
    scores = np.array([[1.0, -1.0]] * 12)
    found = fit_temperature([HeldOut((0,), scores[None], np.zeros(12))], SoftmaxCrossEntropy())
    assert 0.5 < found.temperature < 1


def test_a_weight_of_two_is_a_row_twice_for_the_temperature():
    rng = np.random.default_rng(0)
    scores = rng.normal(scale=2, size=(3_000, 3))
    drawn = np.array([rng.choice(3, p=p) for p in softmax(scores, axis=1)])
    twice = drawn != scores.argmax(axis=1)
    weighted = HeldOut((0,), scores[None], drawn, 1.0 + twice)
    again = np.r_[np.arange(3_000), np.flatnonzero(twice)]
    repeated = HeldOut((0,), scores[None, again], drawn[again])
    found = [fit_temperature([rows], SoftmaxCrossEntropy()) for rows in (weighted, repeated)]
    assert found[0].temperature == pytest.approx(found[1].temperature, rel=0.01)
    plain = fit_temperature([HeldOut((0,), scores[None], drawn)], SoftmaxCrossEntropy())
    assert found[0].temperature > 1.2 * plain.temperature


def test_by_default_few_rows_and_smoothed_labels_are_calibrated_by_rows_held_out():
    assert classifier(n_members=2).fit(X, y).calibration_.n_rows > 10
    assert classifier(validation_fraction=0.0).fit(X, y).calibration_ is None
    many = np.arange(1_050) % 150
    assert classifier(label_smoothing=0.0).fit(X[many], y[many]).calibration_ is None
    assert classifier(label_smoothing=0.1).fit(X[many], y[many]).calibration_ is not None


def test_calibration_divides_the_scores_of_all_members(ensemble):
    cooled = classifier(n_members=3, calibrate=True).fit(X, y)
    T = cooled.calibration_.temperature
    frame = pl.DataFrame(X, schema=[f"x{j}" for j in range(4)])
    columns = {name: frame_of(frame)[name] for name in frame.columns}
    folds, _ = folds_of(y, 0.15, range(3), copies_in(columns, np.arange(len(y)), y))
    assert cooled.calibration_.n_rows == sum(len(fold.held_out) for fold in folds)
    for hot, cold in zip(ensemble.members_, cooled.members_, strict=True):
        assert np.allclose(
            softmax(hot.scores(hot.encoder.encode(frame))[0] / T, axis=1),
            cold.predict_probabilities(frame),
            atol=1e-6,
        )


def test_calibration_without_held_out_rows_is_refused():
    with pytest.raises(InputError, match="rows that were held out"):
        classifier(calibrate=True, validation_fraction=0.0).fit(X, y)
    with pytest.raises(InputError, match="at least 10 are needed"):
        classifier(calibration_fraction=0.01).fit(X, y)


# The file


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("labels", [np.array(["a", "b", "c"]), np.array([3, 5, 9], np.int8)])
def test_a_loaded_classifier_is_the_one_that_was_saved(n_members, labels, tmp_path):
    parameters = {"class_weight": {labels[0].item(): 2.0}, "calibrate": True, "missing": ("?",)}
    saved = classifier(n_members=n_members, **parameters).fit(X, labels[y])
    saved.save(tmp_path / "model")
    loaded = TabularClassifier.load(tmp_path / "model")
    assert loaded.get_params() == saved.get_params()
    assert loaded.classes_.dtype == saved.classes_.dtype
    assert np.array_equal(loaded.predict(X), saved.predict(X))
    assert np.array_equal(loaded.predict_proba(X), saved.predict_proba(X))
    assert loaded.calibration_ == saved.calibration_
    assert loaded.loss_curve_ == saved.loss_curve_
    assert loaded.decisions_ == saved.decisions_


@pytest.mark.parametrize("n_members", [1, 3])
def test_a_loaded_regressor_gives_the_same_intervals(n_members, tmp_path):
    parameters = {"loss": "quantile", "quantile_levels": (0.1, 0.5, 0.9), "max_iter": 3}
    frame = load_diabetes(as_frame=True).data
    saved = TabularRegressor((4,), n_members=n_members, random_state=0, **parameters).fit(frame, b)
    saved.save(tmp_path / "model")
    loaded = TabularRegressor.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_interval(frame), saved.predict_interval(frame))
    assert np.array_equal(loaded.predict_quantiles(frame), saved.predict_quantiles(frame))
    assert list(loaded.feature_names_in_) == list(frame.columns)


@pytest.mark.parametrize("n_members", [1, 3])
def test_the_file_of_an_estimator_is_a_model_file(tmp_path, n_members):
    saved = classifier(n_members=n_members).fit(X, y)
    saved.save(tmp_path / "model")
    model = Model.load(tmp_path / "model")
    frame = pl.DataFrame(X, schema=[f"x{j}" for j in range(4)])
    assert np.array_equal(model.predict(frame), saved.predict(X))


def test_a_file_of_something_else_is_refused_by_name(ensemble, tmp_path):
    path = tmp_path / "model"
    ensemble.save(path)
    with pytest.raises(ModelFileError, match="holds a TabularClassifier, not a TabularRegressor"):
        TabularRegressor.load(path)
    ensemble.model_.save(path)
    with pytest.raises(ModelFileError, match="a model that is no estimator"):
        TabularClassifier.load(path)
