"""scikit-learn's contract for estimators, and the company that they keep."""

import pickle

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]

NO_PARTIAL_FIT = "calls partial_fit, which has nothing to stop early and says so, as scikit-learn's"
SPLIT = "a row repeated twice may be split between learning and judging, a row of weight 2 cannot"
WITH_EARLY_STOPPING = {
    "check_fit_score_takes_y": NO_PARTIAL_FIT,
    "check_n_features_in_after_fitting": NO_PARTIAL_FIT,
    "check_estimators_partial_fit_n_features": NO_PARTIAL_FIT,
    "check_sample_weight_equivalence_on_dense_data": SPLIT,
    "check_sample_weight_equivalence_on_sparse_data": SPLIT,
}
ONLY_CLASSIFIERS_WITH_EARLY_STOPPING = {
    "check_class_weight_classifiers": "the epoch that is kept is the first with the best score, "
    "and a score of 1 needs no more than that the heavy class is right",
}


def expected_failures(estimator):
    if not estimator.early_stopping:
        return {}
    if isinstance(estimator, MLPClassifier):
        return WITH_EARLY_STOPPING | ONLY_CLASSIFIERS_WITH_EARLY_STOPPING
    return WITH_EARLY_STOPPING


@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPClassifier(max_iter=100, early_stopping=True),
        MLPRegressor(max_iter=100, early_stopping=True),
    ],
    expected_failed_checks=expected_failures,
)
def test_the_contract_of_estimators_is_kept(estimator, check):
    check(estimator)


X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


@pytest.fixture(scope="module")
def classifier():
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        return MLPClassifier((8,), max_iter=20, learning_rate_init=0.02, random_state=0).fit(X, y)


def test_the_same_random_state_gives_the_same_network(classifier):
    again = clone(classifier).fit(X, y)
    other = clone(classifier).set_params(random_state=1).fit(X, y)
    assert not hasattr(clone(classifier), "coefs_")
    for W, same, different in zip(classifier.coefs_, again.coefs_, other.coefs_, strict=True):
        assert np.array_equal(W, same)
        assert not np.array_equal(W, different)


@pytest.mark.parametrize("through", ["pickle", "joblib"])
def test_a_pickled_estimator_predicts_and_learns_on_as_the_original(classifier, through, tmp_path):
    if through == "pickle":
        copy = pickle.loads(pickle.dumps(classifier))
    else:
        joblib.dump(classifier, tmp_path / "c.joblib")
        copy = joblib.load(tmp_path / "c.joblib")
    original = pickle.loads(pickle.dumps(classifier))
    assert np.array_equal(copy.predict_proba(X), original.predict_proba(X))
    for estimator in (copy, original):
        estimator.partial_fit(X, y)
    assert np.array_equal(copy.predict_proba(X), original.predict_proba(X))


def test_a_notebook_shows_the_estimator_with_its_parameters(classifier):
    html = classifier._repr_html_()
    assert "MLPClassifier" in html
    assert "learning_rate_init" in html
    assert repr(classifier).startswith("MLPClassifier(hidden_layer_sizes=(8,)")


def test_a_grid_is_searched_through_a_pipeline_on_two_processes():
    model = make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=30, random_state=0))
    grid = {
        "mlpclassifier__learning_rate_init": [1e-5, 0.03],
        "mlpclassifier__class_weight": [None, "balanced"],
    }
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["mlpclassifier__learning_rate_init"] == 0.03
    assert search.score(X, y) > 0.9


def test_cross_validation_on_two_processes_gives_what_one_gives(classifier):
    one, two = (cross_val_score(clone(classifier), X, y, cv=2, n_jobs=n) for n in (1, 2))
    assert np.array_equal(one, two)


def test_it_votes_with_other_classifiers(classifier):
    voters = [("mlp", clone(classifier)), ("linear", LogisticRegression())]
    vote = VotingClassifier(voters, voting="soft").fit(X, y)
    assert vote.score(X, y) > 0.9


def test_sample_weights_are_routed_through_a_pipeline():
    weight = np.where(y == 2, 100.0, 0.01)
    with sklearn.config_context(enable_metadata_routing=True):
        last = MLPClassifier((8,), max_iter=40, learning_rate_init=0.02, random_state=0)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        model = make_pipeline(scaler, last.set_fit_request(sample_weight=True))
        model.fit(X, y, sample_weight=weight)
    direct = clone(last).fit(StandardScaler().fit_transform(X), y, sample_weight=weight)
    assert np.array_equal(model[-1].coefs_[0], direct.coefs_[0])
    assert (model.predict(X) == 2).mean() > 0.6


def test_the_tags_say_what_is_supported():
    tags = MLPClassifier().__sklearn_tags__()
    assert tags.input_tags.sparse
    assert tags.classifier_tags.multi_label
    assert MLPRegressor().__sklearn_tags__().target_tags.multi_output


def test_importing_chainrule_imports_no_more_than_it_needs():
    import subprocess
    import sys

    code = (
        "import sys, chainrule; assert 'sklearn' not in sys.modules; chainrule.MLPClassifier\n"
        "assert not {'polars', 'numba', 'sklearn.impute'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(
    not hasattr(MLPClassifier, "set_callbacks"), reason="sklearn.callback came with 1.9"
)
class TestCallbacks:
    def test_a_scoring_monitor_sees_the_score_after_each_epoch(self):
        from sklearn.callback import ScoringMonitor

        monitor = ScoringMonitor(scoring="accuracy")
        estimator = MLPClassifier((8,), max_iter=5, random_state=0).set_callbacks(monitor)
        estimator.fit(X, y)
        log = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
        assert len(log) == 5
        assert log[-1]["accuracy"] == estimator.score(X, y)
        assert log[0]["accuracy"] != log[-1]["accuracy"]

    def test_a_callback_can_stop_the_training(self):
        class StopAtThree:
            def setup(self, estimator, context): ...

            def teardown(self, estimator, context): ...

            def on_fit_task_begin(self, estimator, context): ...

            def on_fit_task_end(self, estimator, context):
                return context.task_name == "epoch" and context.task_id == 2

        a, b = make_regression(40, 3, random_state=0)
        estimator = MLPRegressor(random_state=0).set_callbacks(StopAtThree()).fit(a, b)
        assert estimator.n_iter_ == 3

    def test_a_progress_bar_runs_to_its_end(self, capsys):
        pytest.importorskip("rich")
        from sklearn.callback import ProgressBar

        MLPClassifier((4,), max_iter=3, random_state=0).set_callbacks(ProgressBar()).fit(X, y)
        assert "MLPClassifier" in capsys.readouterr().out
