"""Networks against scikit-learn: linear models, and its own perceptrons with their weights."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainrule.activations import ACTIVATIONS, IDENTITY
from chainrule.engines import Rows, reference
from chainrule.losses import (
    BinaryCrossEntropy,
    Huber,
    Poisson,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import LBFGS, Adam
from chainrule.schedules import Cosine
from chainrule.training import TrainingSettings, train
from recorded.weyl import classes, numbers

N, D = 80, 3
X = numbers(1, N, D)
WEIGHT = 1.2 + numbers(2, N)
NOISE = numbers(3, N, 1)
SCORE = X @ np.array([[1.5], [-1.0], [0.5]]) + 0.3
weights = pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])


def fitted(loss, y, weight, l2=0.0, k=1):
    """A network without hidden layers, trained to the minimum of J."""
    network = multilayer_perceptron(D, [], k, activation=IDENTITY, loss=loss)
    settings = TrainingSettings(
        optimizer=LBFGS(tolerance=1e-11), epochs=500, patience=None, l2=l2, dtype=np.float64
    )
    *_, last = train(network, Rows(X, y, weight), settings)
    return network, last.parameters


def total(weight):
    return N if weight is None else weight.sum()


@weights
def test_squared_error_is_linear_regression(weight):
    y = SCORE + NOISE
    _, found = fitted(SquaredError(), y, weight)
    theirs = LinearRegression().fit(X, y[:, 0], weight)
    np.testing.assert_allclose(found.W[0][:, 0], theirs.coef_, atol=1e-7)
    assert found.b[0] == pytest.approx(theirs.intercept_, abs=1e-7)


@weights
def test_squared_error_with_l2_is_ridge_regression(weight):
    y, l2 = SCORE + NOISE, 0.05
    _, found = fitted(SquaredError(), y, weight, l2)
    theirs = Ridge(alpha=l2 * total(weight), tol=1e-12).fit(X, y[:, 0], weight)
    np.testing.assert_allclose(found.W[0][:, 0], theirs.coef_, atol=1e-7)
    assert found.b[0] == pytest.approx(theirs.intercept_, abs=1e-7)


@weights
def test_binary_cross_entropy_is_logistic_regression(weight):
    y, l2 = (SCORE + NOISE > 0).astype(float), 0.02
    network, found = fitted(BinaryCrossEntropy(), y, weight, l2)
    theirs = LogisticRegression(C=1 / (l2 * total(weight)), tol=1e-10, max_iter=1000)
    theirs.fit(X, y[:, 0], weight)
    np.testing.assert_allclose(found.W[0][:, 0], theirs.coef_[0], atol=1e-6)
    ours = network.loss.link(reference.scores(network, found, X))
    np.testing.assert_allclose(ours[:, 0], theirs.predict_proba(X)[:, 1], atol=1e-6)


@weights
def test_softmax_cross_entropy_is_multinomial_logistic_regression(weight):
    y, l2 = np.digitize((SCORE + NOISE)[:, 0], [-0.4, 0.8]), 0.02
    network, found = fitted(SoftmaxCrossEntropy(), y, weight, l2, k=3)
    theirs = LogisticRegression(C=1 / (l2 * total(weight)), tol=1e-10, max_iter=1000)
    theirs.fit(X, y, weight)
    np.testing.assert_allclose(found.W[0].T, theirs.coef_, atol=1e-6)
    ours = network.loss.link(reference.scores(network, found, X))
    np.testing.assert_allclose(ours, theirs.predict_proba(X), atol=1e-6)


@weights
def test_poisson_is_poisson_regression(weight):
    y, l2 = np.floor(np.exp(SCORE / 2 + NOISE)), 0.02
    network, found = fitted(Poisson(), y, weight, l2)
    theirs = PoissonRegressor(alpha=l2, tol=1e-10, max_iter=1000).fit(X, y[:, 0], weight)
    np.testing.assert_allclose(found.W[0][:, 0], theirs.coef_, atol=1e-6)
    ours = network.loss.link(reference.scores(network, found, X))
    np.testing.assert_allclose(ours[:, 0], theirs.predict(X), rtol=1e-6)


@weights
def test_huber_is_huber_regression_at_its_scale(weight):
    # Huber's regression fits a scale sigma too. At that sigma its sum over rows is 2/sigma times
    # our loss with delta = epsilon sigma, which turns its alpha into our l2.
    y = SCORE + NOISE + 4 * (numbers(4, N, 1) > 0.8)
    theirs = HuberRegressor(epsilon=1.35, alpha=0.5, tol=1e-9, max_iter=5000)
    theirs.fit(X, y[:, 0], weight)
    l2 = 0.5 * theirs.scale_ / total(weight)
    network, found = fitted(Huber(1.35 * theirs.scale_), y, weight, l2)
    # its solver stops where steps no longer help by much, up to 1e-4 away
    np.testing.assert_allclose(found.W[0][:, 0], theirs.coef_, atol=1e-4)
    assert found.b[0] == pytest.approx(theirs.intercept_, abs=1e-4)
    at_theirs = Parameters(network, np.append(theirs.coef_, theirs.intercept_))
    J_ours, _ = reference.loss_and_gradient(network, found, Rows(X, y, weight), l2)
    J_theirs, _ = reference.loss_and_gradient(network, at_theirs, Rows(X, y, weight), l2)
    assert J_theirs - 1e-9 < J_ours <= J_theirs


@weights
def test_quantile_is_quantile_regression(weight):
    levels, y = (0.25, 0.75), SCORE + NOISE
    network = multilayer_perceptron(D, [], 2, activation=IDENTITY, loss=Quantile(levels))
    rows = Rows(X, y, weight)
    exact = Parameters.zeros(network)
    for j, level in enumerate(levels):
        theirs = QuantileRegressor(quantile=level, alpha=0).fit(X, y[:, 0], weight)
        exact.W[0][:, j], exact.b[0][j] = theirs.coef_, theirs.intercept_
    least = reference.mean_loss(network, exact, rows)
    # no step in any direction leads down from the solution of the linear programme
    for seed in range(50):
        step = 0.01 * numbers(100 + seed, network.n_parameters)
        near = Parameters(network, exact.theta + step)
        assert reference.mean_loss(network, near, rows) >= least
    # and training comes down to it
    settings = TrainingSettings(
        optimizer=Adam(), rate=0.05, schedule=Cosine(), batch_size=N, epochs=600, patience=None,
        dtype=np.float64,
    )  # fmt: skip
    *_, last = train(network, rows, settings)
    assert last.best_loss == pytest.approx(least, rel=1e-3)


def copied(theirs, loss):
    """Our network with the weights of a scikit-learn perceptron."""
    widths = [W.shape[0] for W in theirs.coefs_]
    name = {"logistic": "sigmoid"}.get(theirs.activation, theirs.activation)
    k = theirs.coefs_[-1].shape[1]
    network = multilayer_perceptron(D, widths[1:], k, activation=ACTIVATIONS[name], loss=loss)
    parameters = Parameters.zeros(network)
    for l, (W, b) in enumerate(zip(theirs.coefs_, theirs.intercepts_, strict=True)):
        parameters.W[l][...], parameters.b[l][...] = W, b
    return network, parameters


def trained_a_little(model, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(6,), (5, 4, 3)])
def test_predictions_are_those_of_mlp_regressor_with_the_same_weights(activation, hidden):
    y = np.column_stack([SCORE[:, 0] + NOISE[:, 0], SCORE[:, 0] ** 2])
    model = MLPRegressor(
        hidden_layer_sizes=hidden, activation=activation, max_iter=5, random_state=0
    )
    theirs = trained_a_little(model, y)
    network, parameters = copied(theirs, SquaredError())
    found = reference.scores(network, parameters, X)
    np.testing.assert_allclose(found, theirs.predict(X), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (SoftmaxCrossEntropy(), classes(5, N, 3)),
        (BinaryCrossEntropy(), (numbers(6, N) > 0).astype(int)),
        (BinaryCrossEntropy(), (numbers(7, N, 3) > 0).astype(int)),
    ],
    ids=["classes", "binary", "multi-label"],
)
def test_probabilities_are_those_of_mlp_classifier_with_the_same_weights(activation, loss, y):
    model = MLPClassifier(
        hidden_layer_sizes=(6, 4), activation=activation, max_iter=5, random_state=0
    )
    theirs = trained_a_little(model, y)
    network, parameters = copied(theirs, loss)
    found = network.loss.link(reference.scores(network, parameters, X))
    expected = theirs.predict_proba(X)
    expected = expected[:, 1:] if found.shape[1] == 1 else expected
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
