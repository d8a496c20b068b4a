"""The same numbers as scikit-learn's multilayer perceptrons, from the same coefficients."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from chainrule import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SKLEARN_ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]


def classes(n_classes):
    X, y = load_iris(return_X_y=True)
    return scale(X)[y < n_classes][::2], y[y < n_classes][::2]


def numbers():
    X, y = load_diabetes(return_X_y=True)
    return scale(X)[:60], scale(y)[:60]


def labels():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    return scale(X), y


CLASSIFICATION = {"binary": classes(2), "multiclass": classes(3), "multilabel": labels()}


def twins(ours, theirs, X, y, **settings):
    """Both classes, after an epoch of warming up, with the same coefficients and fresh counts."""
    settings = {"hidden_layer_sizes": (6, 5), "random_state": 0, **settings}
    pair = [Kind(warm_start=True, max_iter=1, **settings).fit(X, y) for Kind in (ours, theirs)]
    for mlp in pair:
        mlp.coefs_ = [W.copy() for W in pair[1].coefs_]
        mlp.intercepts_ = [b.copy() for b in pair[1].intercepts_]
        forget(mlp)
    return pair


def forget(mlp):
    """Let the next fit be the first in all but its coefficients."""
    mlp.t_, mlp.best_loss_, mlp._no_improvement_count = 0, np.inf, 0
    mlp._left_behind = {}


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_the_same_coefficients_give_the_same_probabilities(task, activation):
    X, y = CLASSIFICATION[task]
    ours, theirs = twins(MLPClassifier, TheirClassifier, X, y, activation=activation)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-13)
    assert np.array_equal(ours.predict(X), theirs.predict(X))
    assert ours.score(X, y) == theirs.score(X, y)
    assert ours.out_activation_ == theirs.out_activation_
    assert (ours.n_layers_, ours.n_outputs_) == (theirs.n_layers_, theirs.n_outputs_)


COURSES = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "sgd, momentum without a look ahead": {
        "solver": "sgd",
        "learning_rate_init": 0.05,
        "nesterovs_momentum": False,
    },
    "invscaling": {
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
    },
    "adaptive": {
        "solver": "sgd",
        "momentum": 0.0,
        "learning_rate": "adaptive",
        "learning_rate_init": 0.5,
        "n_iter_no_change": 2,
        "tol": 0.01,
        "max_iter": 200,
    },
    # as epsilon goes to 0, the two ways in which the paper adds it become one
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-12},
    "adam with a strong penalty": {
        "solver": "adam",
        "learning_rate_init": 0.01,
        "epsilon": 1e-12,
        "alpha": 5.0,
    },
    "lbfgs": {"solver": "lbfgs", "max_iter": 8},
    "lbfgs with a strong penalty": {"solver": "lbfgs", "max_iter": 8, "alpha": 5.0},
}


@pytest.mark.parametrize("task", CLASSIFICATION)
def test_weighted_batches_take_the_same_steps_though_their_losses_add_up_otherwise(task):
    X, y = CLASSIFICATION[task]
    settings = {"solver": "sgd", "batch_size": len(X) // 5, "alpha": 0.0, "activation": "tanh"}
    ours, theirs = twins(MLPClassifier, TheirClassifier, X, y, **settings)
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    for mlp in (ours, theirs):
        mlp.set_params(shuffle=False, max_iter=10, learning_rate_init=0.05)
        mlp.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-9)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=0.05)


def assert_same_course(ours, theirs, X, y, weight, max_iter=25, **settings):
    """Both learn in the same way from where they are, rows in the order in which they come."""
    for mlp in (ours, theirs):
        mlp.set_params(**{"shuffle": False, "max_iter": max_iter, **settings})
        mlp.fit(X, y, sample_weight=weight)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-6)
    if ours.solver != "lbfgs":
        np.testing.assert_allclose(
            ours.loss_curve_[-ours.n_iter_ :], theirs.loss_curve_[-ours.n_iter_ :], rtol=1e-6
        )
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("settings", COURSES.values(), ids=COURSES)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_a_classifier_takes_the_same_course(task, settings, weighted):
    X, y = CLASSIFICATION[task]
    # weighted batches are penalised by their own weight there: one batch makes it the same
    batch_size = len(X) if weighted else len(X) // (5 if len(X) % 5 == 0 else 3)
    start = {"activation": "tanh", "batch_size": batch_size}
    ours, theirs = twins(MLPClassifier, TheirClassifier, X, y, **start)
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X)) if weighted else None
    assert_same_course(ours, theirs, X, y, weight, **settings)


@pytest.mark.parametrize("settings", COURSES.values(), ids=COURSES)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_a_regressor_takes_the_same_course(loss, settings):
    X, y = numbers()
    y = np.round(np.exp(y)) if loss == "poisson" else y
    if settings.get("learning_rate_init", 0) > 0.1:
        settings = {**settings, "learning_rate_init": 0.05}
    ours, theirs = twins(
        MLPRegressor, TheirRegressor, X, y, activation="relu", batch_size=20, loss=loss
    )
    assert_same_course(ours, theirs, X, y, None, **settings)


@pytest.mark.parametrize("container", [csr_array, csr_matrix])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_sparse_and_dense_rows_give_the_same_network(container, solver):
    X, y = CLASSIFICATION["multiclass"]
    X = np.where(np.abs(X) > 0.7, X, 0)
    settings = {"solver": solver, "max_iter": 10, "random_state": 0, "batch_size": 20}
    dense = MLPClassifier((6,), **settings).fit(X, y)
    sparse = MLPClassifier((6,), **settings).fit(container(X), y)
    np.testing.assert_allclose(sparse.coefs_[0], dense.coefs_[0], rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(sparse.predict_proba(container(X)), dense.predict_proba(X), 1e-5)


def test_wide_sparse_rows_are_never_made_dense():
    random = np.random.default_rng(0)
    d = 200_000  # dense, a batch would take 320 MB and all rows 3.2 GB
    rows = np.repeat(np.arange(2000), 3)
    columns = random.integers(d, size=6000)
    X = csr_matrix((np.ones(6000), (rows, columns)), shape=(2000, d))
    import tracemalloc

    tracemalloc.start()
    MLPClassifier((2,), max_iter=1, random_state=0, batch_size=1000).fit(X, np.arange(2000) % 2)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 100e6


def test_stopping_early_stops_where_scikit_learn_stops():
    X, y = CLASSIFICATION["binary"]
    ours, theirs = twins(MLPClassifier, TheirClassifier, X, y, solver="sgd", batch_size=25)
    for tol, patience in ((1e-3, 3), (0.01, 1), (0.05, 10)):
        course = {"tol": tol, "n_iter_no_change": patience}
        assert_same_course(ours, theirs, X, y, None, max_iter=100, **course)
        assert ours.n_iter_ < 100
        for mlp in (ours, theirs):
            forget(mlp)


@pytest.mark.parametrize(
    "load", [load_iris, load_wine, load_breast_cancer], ids=["iris", "wine", "breast cancer"]
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_classifiers_score_as_scikit_learns_on_its_own_tables(load, solver):
    X, y = load(return_X_y=True)
    settings = {"hidden_layer_sizes": (30,), "learning_rate_init": 0.01, "max_iter": 60}
    ours, theirs = (
        cross_val_score(
            make_pipeline(StandardScaler(), Kind(solver=solver, random_state=0, **settings)), X, y
        ).mean()
        for Kind in (MLPClassifier, TheirClassifier)
    )
    assert ours > theirs - 0.02


def test_a_warning_of_ours_is_a_warning_of_theirs():
    X, y = numbers()
    for kind in (MLPRegressor, TheirRegressor):
        with pytest.warns(ConvergenceWarning, match=r"^Stochastic Optimizer: Maximum iterations "
                          r"\(2\) reached and the optimization hasn't converged yet"):  # fmt: skip
            kind(max_iter=2, random_state=0).fit(X, y)
        with pytest.warns(
            ConvergenceWarning, match=r"^lbfgs failed to converge after 2 iteration\(s\)"
        ):
            kind(max_iter=2, random_state=0, solver="lbfgs").fit(X, y)
        with pytest.warns(UserWarning, match="^Got `batch_size` less than 1 or larger than sample "
                          "size. It is going to be clipped"):  # fmt: skip
            kind(batch_size=10_000, max_iter=1, random_state=0).fit(X, y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # where it starts, no entry of the gradient is above tol
            kind(max_iter=1, random_state=0, solver="lbfgs", tol=100).fit(X, y)


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)
def test_training_starts_from_draws_of_the_same_distribution(activation):
    X, y = numbers()
    still = {"solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1, "random_state": 0}
    ours, theirs = (
        Kind(hidden_layer_sizes=(300, 200), activation=activation, **still).fit(X, y)
        for Kind in (MLPRegressor, TheirRegressor)
    )
    pairs = zip(ours.coefs_ + ours.intercepts_[:2], theirs.coefs_ + theirs.intercepts_[:2],
                strict=True)  # fmt: skip
    for mine, other in pairs:
        assert np.std(mine) == pytest.approx(np.std(other), rel=0.1)
        assert np.max(np.abs(mine)) == pytest.approx(np.max(np.abs(other)), rel=0.03)
