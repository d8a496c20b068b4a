"""The estimators in the company of scikit-learn's: searches, ensembles, inspection, callbacks."""

from datetime import date, time, timedelta

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import (
    MLPClassifier,
    MLPRegressor,
    TableTransformer,
    TabularClassifier,
    TabularRegressor,
)
from chainrule.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 120
NUMBERS = rng.standard_normal((N, 3))
TOWN = np.array(["Rome", "Oslo", None], dtype=object)[rng.integers(0, 3, N)]
FRAME = pd.DataFrame(NUMBERS, columns=["a", "b", "c"]).assign(town=TOWN)
PRICE = 2 * NUMBERS[:, 0] + np.where(TOWN == "Oslo", 2.0, 0.0)
DEAR = np.where(np.median(PRICE) < PRICE, "dear", "cheap")
WEIGHT = rng.uniform(0.1, 3, N)
FOLDS = KFold(2, shuffle=True, random_state=0)


def tabular_classifier(**parameters):
    settings = {"max_iter": 8, "n_members": 1, "learning_rate_init": 0.03, "random_state": 0}
    return TabularClassifier((8,), **{**settings, **parameters})


def tabular_regressor(**parameters):
    settings = {"max_iter": 8, "n_members": 1, "learning_rate_init": 0.03, "random_state": 0}
    return TabularRegressor((8,), **{**settings, **parameters})


FOUR = {
    "MLPClassifier": (MLPClassifier((8,), max_iter=15, random_state=0), NUMBERS, DEAR),
    "MLPRegressor": (
        MLPRegressor(hidden_layer_sizes=(8,), max_iter=15, random_state=0),
        NUMBERS,
        PRICE,
    ),
    "TabularClassifier": (tabular_classifier(), FRAME, DEAR),
    "TabularRegressor": (tabular_regressor(), FRAME, PRICE),
}
each_of_the_four = pytest.mark.parametrize(("estimator", "X", "y"), FOUR.values(), ids=FOUR)


def rows_of(X, which):
    return X.iloc[which] if isinstance(X, pd.DataFrame) else X[which]


# Contract


@each_of_the_four
def test_a_clone_is_unfitted_and_learns_the_same(estimator, X, y):
    fitted = clone(estimator).fit(X, y)
    again = clone(fitted)
    assert not hasattr(again, "n_features_in_")
    assert again.get_params() == estimator.get_params()
    assert np.array_equal(again.fit(X, y).predict(X), fitted.predict(X))


@each_of_the_four
def test_what_joblib_writes_and_reads_predicts_the_same(estimator, X, y, tmp_path):
    fitted = clone(estimator).fit(X, y)
    joblib.dump(fitted, tmp_path / "fitted", compress=3)
    assert np.array_equal(joblib.load(tmp_path / "fitted").predict(X), fitted.predict(X))


@each_of_the_four
def test_a_notebook_shows_a_pipeline_with_it(estimator, X, y):
    html = make_pipeline(estimator)._repr_html_()
    assert type(estimator).__name__ in html
    assert "random_state" in html


@each_of_the_four
def test_a_memory_mapped_table_is_learnt_from_on_two_processes(estimator, X, y, tmp_path):
    np.save(tmp_path / "X.npy", NUMBERS)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    one, two = (cross_val_score(estimator, mapped, y, cv=FOLDS, n_jobs=n) for n in (1, 2))
    assert np.array_equal(one, two)
    assert np.array_equal(one, cross_val_score(estimator, NUMBERS, y, cv=FOLDS))


@each_of_the_four
def test_columns_that_differ_from_the_fitted_ones_are_refused_by_name(estimator, X, y):
    X = FRAME[["a", "b", "c"]]
    fitted = clone(estimator).fit(X, y)
    for other, said in [
        (X[["b", "a", "c"]], "must be in the same order"),
        (X[["a", "b"]], "yet now missing:\n- c"),
        (X.assign(z=1.0), "unseen at fit time:\n- z"),
    ]:
        with pytest.raises(ValueError, match=said):
            fitted.predict(other)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        fitted.predict(X.to_numpy())


# Metadata


@each_of_the_four
def test_row_weights_reach_every_fold_of_a_pipeline(estimator, X, y):
    with sklearn.config_context(enable_metadata_routing=True):
        last = clone(estimator).set_fit_request(sample_weight=True)
        pipeline = Pipeline([("last", last.set_score_request(sample_weight=True))])
        found = cross_validate(
            pipeline, X, y, cv=FOLDS, params={"sample_weight": WEIGHT}, return_estimator=True
        )
    for fitted, (train, test) in zip(found["estimator"], FOLDS.split(X), strict=True):
        direct = clone(estimator).fit(rows_of(X, train), y[train], WEIGHT[train])
        assert np.array_equal(fitted.predict(rows_of(X, test)), direct.predict(rows_of(X, test)))
        plain = clone(estimator).fit(rows_of(X, train), y[train])
        answer = "predict_proba" if hasattr(plain, "predict_proba") else "predict"
        weighted, unweighted = (getattr(one, answer)(X) for one in (direct, plain))
        assert not np.allclose(weighted, unweighted)


@each_of_the_four
def test_a_search_refits_with_the_row_weights(estimator, X, y):
    with sklearn.config_context(enable_metadata_routing=True):
        wanting = clone(estimator).set_fit_request(sample_weight=True)
        wanting.set_score_request(sample_weight=True)
        grid = {"learning_rate_init": [1e-6, 0.03]}
        search = GridSearchCV(wanting, grid, cv=FOLDS).fit(X, y, sample_weight=WEIGHT)
    direct = clone(estimator).set_params(**search.best_params_).fit(X, y, WEIGHT)
    assert np.array_equal(search.predict(X), direct.predict(X))


def test_validation_rows_are_routed_too():
    with sklearn.config_context(enable_metadata_routing=True):
        wanting = tabular_classifier().set_fit_request(validation_data=True)
        pipeline = Pipeline([("last", wanting)])
        pipeline.fit(FRAME[:80], DEAR[:80], validation_data=(FRAME[80:], DEAR[80:]))
    assert pipeline[-1].model_.training["validation_rows"] == 40


# Ensembles and wrappers, on a table with texts and gaps


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: VotingClassifier([("a", one), ("b", clone(one))], voting="soft"),
        lambda one: StackingClassifier([("a", one)], LogisticRegression(), cv=2),
        lambda one: BaggingClassifier(one, n_estimators=2, random_state=0),
        lambda one: CalibratedClassifierCV(one, cv=2),
        lambda one: CalibratedClassifierCV(one, method="isotonic", cv=2),
        lambda one: TunedThresholdClassifierCV(one, cv=2),
        OneVsRestClassifier,
    ],
)
def test_a_classifier_is_wrapped_by_what_wraps_classifiers(wrap):
    found = wrap(tabular_classifier()).fit(FRAME, DEAR)
    assert found.score(FRAME, DEAR) > 0.75
    assert found.predict_proba(FRAME).shape == (N, 2)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: VotingRegressor([("a", one), ("b", clone(one))]),
        lambda one: StackingRegressor([("a", one)], Ridge(), cv=2),
        lambda one: BaggingRegressor(one, n_estimators=2, random_state=0),
        lambda one: TransformedTargetRegressor(one, transformer=StandardScaler()),
    ],
)
def test_a_regressor_is_wrapped_by_what_wraps_regressors(wrap):
    found = wrap(tabular_regressor(max_iter=15)).fit(FRAME, PRICE)
    assert found.score(FRAME, PRICE) > 0.5


def test_several_targets_are_learnt_by_one_network_for_each():
    prices = np.column_stack([PRICE, -PRICE])
    found = MultiOutputRegressor(tabular_regressor()).fit(FRAME, prices).predict(FRAME)
    assert found.shape == (N, 2)
    assert np.array_equal(found[:, 1], tabular_regressor().fit(FRAME, -PRICE).predict(FRAME))
    labels = np.column_stack([DEAR == "dear", TOWN == "Oslo"]).astype(int)
    one_each = MultiOutputClassifier(tabular_classifier()).fit(FRAME, labels)
    assert one_each.score(FRAME, labels) > 0.6
    chain = ClassifierChain(tabular_classifier()).fit(NUMBERS, labels)
    assert chain.predict(NUMBERS).shape == (N, 2)


@pytest.mark.parametrize("estimator", [tabular_classifier(), tabular_regressor()])
def test_several_targets_at_once_are_refused_with_the_way_out(estimator):
    for y in (np.eye(2)[rng.integers(0, 2, N)], pd.DataFrame({"x": PRICE, "z": PRICE})):
        with pytest.raises(ValueError, match=r"shape \(120, 2\) .* sklearn.multioutput.MultiOut"):
            clone(estimator).fit(FRAME, y)
    with pytest.raises(ValueError, match="y is a sparse matrix"):
        clone(estimator).fit(FRAME, sparse.csr_matrix(PRICE[:, None]))


# Answers on rows held out


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba", "decision_function"])
def test_answers_on_held_out_rows_are_those_of_the_folds(method):
    found = cross_val_predict(tabular_classifier(), FRAME, DEAR, cv=FOLDS, method=method)
    for train, test in FOLDS.split(FRAME):
        fitted = tabular_classifier().fit(FRAME.iloc[train], DEAR[train])
        assert np.array_equal(found[test], getattr(fitted, method)(FRAME.iloc[test]))


def test_folds_on_two_processes_score_as_on_one():
    one, two = (
        cross_val_score(tabular_regressor(), FRAME, PRICE, cv=FOLDS, n_jobs=n) for n in (1, 2)
    )
    assert np.array_equal(one, two)


def test_more_rows_give_a_better_score():
    _, _, scores = learning_curve(
        tabular_regressor(max_iter=15), FRAME, PRICE, train_sizes=[0.3, 1.0], cv=FOLDS
    )
    assert scores[0].mean() < scores[1].mean()


# Inspection


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_partial_dependence_is_the_mean_answer_with_one_column_set(task):
    if task == "classes":
        fitted = tabular_classifier().fit(FRAME, DEAR)
        answer = lambda X: fitted.predict_proba(X)[:, 1]  # noqa: E731
    else:
        fitted = tabular_regressor().fit(FRAME, PRICE)
        answer = fitted.predict
    curve = partial_dependence(fitted, FRAME, ["a"], grid_resolution=4, kind="average")
    for value, mean in zip(curve["grid_values"][0], curve["average"][0], strict=True):
        assert mean == pytest.approx(answer(FRAME.assign(a=value)).mean())
    whole = FRAME.dropna()
    towns = partial_dependence(fitted, whole, ["town"], categorical_features=["town"])
    for value, mean in zip(towns["grid_values"][0], towns["average"][0], strict=True):
        assert mean == pytest.approx(answer(whole.assign(town=value)).mean())


def test_shuffling_a_text_that_matters_costs_more_than_one_that_does_not():
    X = FRAME.assign(noise=rng.choice(["x", "y"], N))
    fitted = tabular_regressor(max_iter=15).fit(X, PRICE)
    found = permutation_importance(fitted, X, PRICE, n_repeats=3, random_state=0, n_jobs=2)
    costs = dict(zip(X, found.importances_mean, strict=True))
    assert costs["a"] > costs["town"] > 2 * abs(costs["noise"])


def test_a_selection_that_needs_coefficients_says_that_there_are_none():
    with pytest.raises((ValueError, AttributeError), match=r"importance_getter|coef_"):
        RFE(tabular_regressor()).fit(NUMBERS, PRICE)


# Pipelines


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_columns_go_through_a_pipeline(library):
    network = MLPClassifier((4,), max_iter=5, random_state=0)
    pipeline = make_pipeline(TableTransformer(), StandardScaler(), network)
    pipeline.set_output(transform=library).fit(FRAME, DEAR)
    names = pipeline[:-1].get_feature_names_out()
    assert list(network.feature_names_in_) == list(names)
    assert "town = Oslo" in names
    assert pipeline[:-1].transform(FRAME).columns[0] == "a"
    assert isinstance(pipeline[0].transform(pl.from_pandas(FRAME)).shape, tuple)


@pytest.mark.skipif(
    not hasattr(TabularRegressor, "set_callbacks"), reason="sklearn.callback came with 1.9"
)
class TestCallbacks:
    @each_of_the_four
    def test_a_scoring_monitor_sees_every_epoch(self, estimator, X, y):
        from sklearn.callback import ScoringMonitor

        kind = "accuracy" if hasattr(estimator, "predict_proba") else "r2"
        monitor = ScoringMonitor(scoring=kind)
        fitted = clone(estimator).set_callbacks(monitor).fit(X, y)
        log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        assert len(log) == fitted.n_iter_

    @each_of_the_four
    def test_a_progress_bar_runs_to_its_end(self, estimator, X, y, capsys):
        pytest.importorskip("rich")
        from sklearn.callback import ProgressBar

        clone(estimator).set_callbacks(ProgressBar()).fit(X, y)
        assert type(estimator).__name__ in capsys.readouterr().out


@pytest.mark.parametrize("estimator", [TabularClassifier, TabularRegressor])
@pytest.mark.parametrize(
    ("y", "what"),
    [
        ([timedelta(hours=i % 2) for i in range(30)], "y holds durations"),
        (np.arange(30).astype("m8[s]"), "y holds durations"),
        (pl.Series([time(i % 2) for i in range(30)]), "y holds times of day"),
        (np.arange(30).astype("M8[D]"), "y holds points in time"),
        ([date(2024, 1, 1 + i % 2) for i in range(30)], "y holds points in time"),
    ],
)
def test_targets_that_are_times_are_refused_with_the_way_out(estimator, y, what):
    with pytest.raises(InputError, match=f"{what}.*turn them into a number of"):
        estimator().fit(np.arange(30.0)[:, None], y)


def test_row_weights_that_are_durations_are_refused_with_the_way_out():
    y, weights = np.arange(30.0), np.arange(30).astype("m8[s]")
    with pytest.raises(InputError, match=r"sample_weight holds durations.*number of seconds"):
        TabularRegressor().fit(y[:, None], y, sample_weight=weights)
