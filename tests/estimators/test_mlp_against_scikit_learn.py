"""The same `random_state` gives the same network as scikit-learn's multilayer perceptrons."""

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


def both(ours, theirs, X, y, weight=None, **settings):
    """Ours and theirs, fitted to the same with the same settings."""
    settings = {"hidden_layer_sizes": (6, 5), "random_state": 0, "max_iter": 25, **settings}
    return [Kind(**settings).fit(X, y, sample_weight=weight) for Kind in (ours, theirs)]


def assert_same_network(ours, theirs, rtol=1e-9):
    """Down to what rounding does in the course of a training."""
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=rtol, atol=rtol * np.abs(other).max())
    assert ours.n_iter_ == theirs.n_iter_


def assert_same_course(ours, theirs):
    assert_same_network(ours, theirs)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)
    assert (ours.t_, ours.n_layers_) == (theirs.t_, theirs.n_layers_)
    if ours.solver != "lbfgs":
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
        if ours.early_stopping:
            np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
        else:
            np.testing.assert_allclose(ours.best_loss_, theirs.best_loss_, rtol=1e-9)


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_the_same_coefficients_give_the_same_probabilities(task, activation):
    X, y = CLASSIFICATION[task]
    ours, theirs = both(MLPClassifier, TheirClassifier, X, y, activation=activation)
    ours.coefs_, ours.intercepts_ = theirs.coefs_, theirs.intercepts_
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
        "learning_rate": "invscaling",
        "learning_rate_init": 0.5,
    },
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "n_iter_no_change": 2,
        "tol": 0.01,
        "max_iter": 200,
    },
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "adam with a large epsilon": {"solver": "adam", "epsilon": 1e-2},
    "adam with a strong penalty": {"solver": "adam", "learning_rate_init": 0.01, "alpha": 5.0},
    "adam, rows as they come": {"solver": "adam", "shuffle": False},
    "lbfgs": {"solver": "lbfgs", "max_iter": 8},
    "lbfgs with a strong penalty": {"solver": "lbfgs", "max_iter": 8, "alpha": 5.0},
}


@pytest.mark.parametrize("engine", ["compiled", "reference"])
@pytest.mark.parametrize("settings", COURSES.values(), ids=COURSES)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_the_same_random_state_gives_the_same_classifier(task, settings, engine):
    X, y = CLASSIFICATION[task]
    settings = {"activation": "tanh", "batch_size": len(X) // 3 - 1, **settings}  # one row is left
    theirs = both(TheirClassifier, TheirClassifier, X, y, **settings)[0]
    ours = both(MLPClassifier, MLPClassifier, X, y, engine=engine, **settings)[0]
    assert_same_course(ours, theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)


@pytest.mark.parametrize("settings", COURSES.values(), ids=COURSES)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_the_same_random_state_gives_the_same_regressor(loss, settings):
    X, y = numbers()
    y = np.round(np.exp(y)) if loss == "poisson" else y
    if settings.get("learning_rate_init", 0) > 0.1:
        settings = {**settings, "learning_rate_init": 0.05}
    settings = {"batch_size": 19, "loss": loss, **settings}
    assert_same_course(*both(MLPRegressor, TheirRegressor, X, y, **settings))


@pytest.mark.parametrize("activation", SKLEARN_ACTIVATIONS)
@pytest.mark.parametrize("random_state", [3, 2**32 - 1])
def test_every_activation_starts_from_the_same_draws(activation, random_state):
    X, y = numbers()
    settings = {"activation": activation, "random_state": random_state, "max_iter": 3}
    assert_same_course(*both(MLPRegressor, TheirRegressor, X, y, **settings))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_weighted_batches_take_the_same_steps_though_their_losses_add_up_otherwise(task, solver):
    X, y = CLASSIFICATION[task]
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    settings = {"solver": solver, "batch_size": len(X) // 5 - 1, "alpha": 0.3, "max_iter": 10}
    ours, theirs = both(MLPClassifier, TheirClassifier, X, y, weight, **settings)
    assert_same_network(ours, theirs)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, rtol=0.05)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
def test_weighted_rows_at_once_take_the_same_course(solver):
    X, y = CLASSIFICATION["multiclass"]
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    settings = {"solver": solver, "batch_size": len(X), "alpha": 0.3, "max_iter": 8}
    assert_same_course(*both(MLPClassifier, TheirClassifier, X, y, weight, **settings))


def test_several_targets_give_the_same_network_and_the_sum_of_their_losses():
    X, y = numbers()
    several = np.column_stack([y, -y, y**2])
    ours, theirs = both(MLPRegressor, TheirRegressor, X, several)
    assert_same_network(ours, theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-10)


def test_float32_gives_the_same_network_to_its_own_precision():
    X, y = CLASSIFICATION["binary"]
    ours, theirs = both(MLPClassifier, TheirClassifier, X.astype(np.float32), y)
    assert (
        {W.dtype for W in ours.coefs_} == {W.dtype for W in theirs.coefs_} == {np.dtype(np.float32)}
    )
    assert_same_network(ours, theirs, rtol=1e-4)


@pytest.mark.parametrize("form", [csr_array, np.asfortranarray])
def test_any_form_of_the_rows_gives_the_same_network(form):
    X, y = CLASSIFICATION["multiclass"]
    X = np.where(np.abs(X) > 0.7, X, 0)
    assert_same_course(*both(MLPClassifier, TheirClassifier, form(X), y, batch_size=22))


def test_the_same_rows_are_held_out():
    X, y = CLASSIFICATION["binary"]
    tight = {"early_stopping": True, "max_iter": 200, "learning_rate_init": 0.01, "tol": 1e-3}
    ours, theirs = both(MLPClassifier, TheirClassifier, X, y, n_iter_no_change=3, **tight)
    assert ours.n_iter_ < 200
    assert_same_course(ours, theirs)
    assert ours.best_validation_score_ == theirs.best_validation_score_
    X, y = CLASSIFICATION["multiclass"]
    assert_same_course(*both(MLPClassifier, TheirClassifier, X, y, **tight))
    X, y = numbers()
    assert_same_course(*both(MLPRegressor, TheirRegressor, X, y, **tight))


def test_the_same_rows_are_held_out_if_missing_values_are_allowed_for_and_none_is_missing():
    X, y = CLASSIFICATION["binary"]
    settings = {"hidden_layer_sizes": (5,), "early_stopping": True, "max_iter": 5}
    allowing = MLPClassifier(missing="median", random_state=0, **settings).fit(X, y)
    assert_same_network(allowing, TheirClassifier(random_state=0, **settings).fit(X, y))


def test_learning_goes_on_to_the_same_network():
    X, y = CLASSIFICATION["multiclass"]
    small = {"hidden_layer_sizes": (5,), "random_state": 7, "batch_size": 20, "max_iter": 4}
    ours, theirs = (Kind(**small) for Kind in (MLPClassifier, TheirClassifier))
    for some in (slice(0, 60), slice(10, 70), slice(0, 60)):
        for mlp in (ours, theirs):
            mlp.partial_fit(X[some], y[some], classes=[0, 1, 2])
        assert_same_network(ours, theirs)
    for mlp in (ours, theirs):
        mlp.set_params(warm_start=True).fit(X, y)
    assert_same_network(ours, theirs)
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("bits", [np.random.MT19937, np.random.PCG64])
def test_a_generator_is_left_where_scikit_learn_leaves_it(bits):
    X, y = CLASSIFICATION["binary"]
    ends = []
    for Kind in (MLPClassifier, TheirClassifier):
        random = np.random.RandomState(bits(5))
        small = {"hidden_layer_sizes": (4,), "random_state": random, "max_iter": 3}
        one, two = Kind(**small).fit(X, y), Kind(early_stopping=True, **small).fit(X, y)
        ends.append((one, two, random.randint(1 << 30)))
        np.random.seed(9)  # noqa: NPY002 - what random_state=None means there
        ends[-1] += (Kind((4,), max_iter=3).fit(X, y),)
    for mine, other in zip(*ends, strict=True):
        if isinstance(mine, int):
            assert mine == other
        else:
            assert_same_network(mine, other)


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


def test_training_stops_where_scikit_learn_stops():
    X, y = CLASSIFICATION["binary"]
    for tol, patience in ((1e-3, 3), (0.01, 1), (0.05, 10)):
        course = {"tol": tol, "n_iter_no_change": patience, "max_iter": 300}
        ours, theirs = both(MLPClassifier, TheirClassifier, X, y, learning_rate_init=0.02, **course)
        assert ours.n_iter_ < 300
        assert_same_course(ours, theirs)


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
    assert ours == pytest.approx(theirs, abs=1e-3)


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
