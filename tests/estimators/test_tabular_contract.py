"""scikit-learn's contract for estimators, and the company that they keep."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.ensemble import VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import TableTransformer, TabularClassifier, TabularRegressor
from chainrule.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")


TWICE = (
    "a row repeated twice stands in two batches, and may be split between learning and judging; a "
    "row of weight 2 stands in one"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": TWICE,
    "check_sample_weight_equivalence_on_sparse_data": TWICE,
}


def expected_failures(estimator):
    return {} if isinstance(estimator, TableTransformer) else EXPECTED_FAILURES


@parametrize_with_checks(
    [
        TabularClassifier((16,), max_iter=30, random_state=0),
        TabularRegressor((16,), max_iter=30, random_state=0),
        TableTransformer(),
    ],
    expected_failed_checks=expected_failures,
)
def test_the_contract_of_estimators_is_kept(estimator, check):
    check(estimator)


ROOT = Path(__file__).parents[2]
PENGUINS = pl.read_csv(ROOT / "examples" / "penguins.csv", null_values="NA")
X, y = PENGUINS.drop("species").to_pandas(), PENGUINS["species"].to_pandas()


def small(**parameters):
    return TabularClassifier((8,), max_iter=15, random_state=0, **parameters)


@pytest.fixture(scope="module")
def classifier():
    return small().fit(X, y)


def test_a_grid_is_searched_through_a_pipeline_on_two_processes():
    pipeline = Pipeline([("network", small())])
    grid = {"network__ignore": [list(X.columns[1:]), ()], "network__class_weight": ["balanced"]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["network__ignore"] == ()
    assert search.score(X, y) > 0.9


def test_cross_validation_on_two_processes_gives_what_one_gives(classifier):
    one, two = (cross_val_score(clone(classifier), X, y, cv=2, n_jobs=n) for n in (1, 2))
    assert np.array_equal(one, two)


def test_it_votes_with_another_classifier_on_a_table_of_texts():
    linear = make_pipeline(TableTransformer(), LogisticRegression())
    vote = VotingClassifier([("network", small()), ("linear", linear)], voting="soft").fit(X, y)
    assert vote.score(X, y) > 0.95


def test_the_importance_of_a_column_is_what_shuffling_it_costs():
    columns = X[["bill_length_mm", "island"]].assign(noise=np.tile([0.5, 1.5], 172))
    fitted = small(n_members=2).fit(columns, y)
    found = permutation_importance(fitted, columns, y, n_repeats=3, random_state=0)
    length, island, noise = found.importances_mean
    assert length > island > 2 * abs(noise)


@pytest.mark.parametrize("through", ["pickle", "joblib"])
def test_a_pickled_estimator_predicts_as_the_original(classifier, through, tmp_path):
    if through == "pickle":
        copy = pickle.loads(pickle.dumps(classifier))
    else:
        joblib.dump(classifier, tmp_path / "c.joblib")
        copy = joblib.load(tmp_path / "c.joblib")
    assert np.array_equal(copy.predict_proba(X), classifier.predict_proba(X))


def test_a_notebook_shows_the_estimator_with_its_parameters(classifier):
    html = classifier._repr_html_()
    assert "TabularClassifier" in html
    assert "n_members" in html
    assert (
        repr(classifier)
        == "TabularClassifier(hidden_layer_sizes=(8,), max_iter=15, random_state=0)"
    )


def test_sample_weights_are_routed_through_a_pipeline():
    weight = np.where(y == "Adelie", 1.0, 0.0)
    weight[:5] = 0
    weight[-1] = 1e-3
    with sklearn.config_context(enable_metadata_routing=True):
        last = small().set_fit_request(sample_weight=True)
        routed = Pipeline([("network", last)]).fit(X, y, sample_weight=weight)
    direct = small().fit(X, y, sample_weight=weight)
    assert np.array_equal(routed.predict_proba(X), direct.predict_proba(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_transformer_gives_frames_with_the_names_of_its_inputs(library):
    transformer = TableTransformer(n_bins=4).set_output(transform=library).fit(X)
    frame = transformer.transform(X)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == list(transformer.get_feature_names_out())
    assert np.array_equal(frame.to_numpy(), TableTransformer(n_bins=4).fit_transform(X))


def test_the_names_of_the_inputs_are_those_of_the_encoder(classifier):
    names = classifier.get_feature_names_out()
    assert len(names) == classifier.model_.network.n_inputs
    assert "island = Dream" in names


def test_a_bad_parameter_is_named_in_the_words_of_this_door():
    for name, value in [
        ("max_iter", 0),
        ("learning_rate_init", -1),
        ("solver", "newton"),
        ("n_members", 0),
        ("hidden_layer_sizes", (0,)),
        ("ignore", "island"),
    ]:
        with pytest.raises(InputError, match=name):
            TabularClassifier(**{name: value}).fit(X, y)


@pytest.mark.skipif(
    not hasattr(TabularClassifier, "set_callbacks"), reason="sklearn.callback came with 1.9"
)
class TestCallbacks:
    def test_a_scoring_monitor_sees_the_score_after_each_epoch_of_each_member(self):
        from sklearn.callback import ScoringMonitor

        monitor = ScoringMonitor(scoring="neg_log_loss")
        settings = {"max_iter": 3, "n_members": 2, "random_state": 0, "n_jobs": 2}
        estimator = TabularClassifier((8,), calibrate=False, **settings)
        estimator.set_callbacks(monitor).fit(X, y)
        log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        assert len(log) == 6
        last = get_scorer("neg_log_loss")(estimator, X, y)
        assert log[-1]["neg_log_loss"] == pytest.approx(last)
        assert log[0]["neg_log_loss"] != log[-1]["neg_log_loss"]

    def test_a_progress_bar_runs_to_its_end(self, capsys):
        pytest.importorskip("rich")
        from sklearn.callback import ProgressBar

        TabularClassifier((4,), max_iter=3, random_state=0).set_callbacks(ProgressBar()).fit(X, y)
        assert "TabularClassifier" in capsys.readouterr().out
