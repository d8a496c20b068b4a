"""The numbers of the evidence are those of SciPy, scikit-learn and NumPy."""

import warnings as python_warnings

import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier

from chainrule.doctor.case import case_after_training
from chainrule.doctor.columns import _collinearity, _means
from chainrule.doctor.distribution import distance, largest_by_chance, told_apart
from chainrule.doctor.neurons import one_linear_map
from chainrule.doctor.target import lower_bound, neighbours_vote
from chainrule.initializers import initial_parameters
from doctor.tables import classes, learnt, numbers


@pytest.fixture
def random():
    return np.random.default_rng(3)


def test_distances_are_those_of_kolmogorov_and_smirnov(random):
    for a, b in (
        (random.normal(size=50), random.normal(0.4, 2, size=70)),
        (random.integers(3, size=40), random.integers(4, size=30)),
        (np.zeros(5), np.zeros(9)),
    ):
        assert distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic)


def test_the_largest_distance_by_chance_is_at_least_the_exact_one():
    for n, m in ((40, 60), (500, 90), (200, 200)):
        limit = largest_by_chance(n, m, 20)
        assert stats.kstwo.sf(limit, round(n * m / (n + m))) < 1e-3 / 20 * 1.05


def test_rows_of_the_same_kind_are_hardly_ever_told_apart(random):
    found = [told_apart(random.normal(size=(200, 9)), random.normal(size=(80, 9)), np.zeros(9))
             for _ in range(40)]  # fmt: skip
    z = [(area - 0.5) / error for area, error in found]
    assert abs(np.mean(z)) < 0.6
    assert max(z) < 4


def test_a_linear_discriminator_sees_what_that_of_scikit_learn_sees(random):
    a, b = random.normal(size=(800, 20)), random.normal(size=(700, 20)) + 0.2
    area, _ = told_apart(a, b, np.zeros(20))
    X, y = np.vstack([a, b]), np.repeat([0, 1], [800, 700])
    half = np.arange(1500) % 2 == 0
    other = LinearDiscriminantAnalysis().fit(X[half], y[half]).decision_function(X[~half])
    assert area == pytest.approx(roc_auc_score(y[~half], other), abs=0.04)


def test_collinearity_is_the_r2_of_a_regression_on_the_others(random):
    X = random.normal(size=(300, 4)) @ random.normal(size=(4, 6))
    X = np.hstack([X[:, :3], random.normal(size=(300, 2)), X[:, :1] + 0.1 * X[:, 1:2]])
    X[:, 2] += random.normal(size=300)
    found, partner = _collinearity(X)
    for j in range(X.shape[1]):
        others = np.delete(X, j, axis=1)
        expected = LinearRegression().fit(others, X[:, j]).score(others, X[:, j])
        assert found[j] == pytest.approx(expected, abs=1e-5)
    assert partner[5] == 0


def test_neighbours_are_those_of_scikit_learn(random):
    X, y = random.normal(size=(200, 5)).astype(np.float32), random.integers(3, size=200)
    votes = neighbours_vote(X, y, 3)
    for i in range(0, 200, 17):
        others = np.delete(np.arange(200), i)
        model = KNeighborsClassifier(15, algorithm="brute").fit(X[others], y[others])
        assert votes[i] == pytest.approx(model.predict_proba(X[[i]])[0])


def test_the_lower_bound_is_wilsons():
    level = stats.norm.cdf(2) - stats.norm.cdf(-2)
    for hits, n in ((3, 20), (60, 400), (0, 9), (9, 9)):
        expected = stats.binomtest(hits, n).proportion_ci(level, method="wilson").low
        assert lower_bound(hits, n) == pytest.approx(expected, abs=1e-12)


def test_nearest_cells_answer_with_their_mean():
    x, y = np.array([0.0, 1, 2, 3, 4, 5, 6, 9, 9, 9, 9, 9, 9]), np.arange(13.0)
    found = _means(x, y[:, None], np.array([3.0, 9.0, -7.0, 99.0]))[:, 0]
    assert found[0] == pytest.approx(3)
    assert found[1] == pytest.approx(np.mean([7, 8, 9, 10, 11, 12]))
    assert found[2] == pytest.approx(2)
    assert np.isfinite(found).all()


def test_layers_without_activation_are_their_product(random):
    network = learnt(numbers(60), activation=("identity",), epochs=1)[0].network
    parameters = initial_parameters(network, random, dtype=np.float64)
    parameters.theta[:] = random.normal(size=parameters.theta.shape)
    W, b = one_linear_map(network, parameters)
    X = random.normal(size=(7, 4))
    a = X
    for own_W, own_b in zip(parameters.W, parameters.b, strict=True):
        a = a @ own_W + own_b
    np.testing.assert_allclose(X @ W + b, a)


def test_the_loss_of_a_constant_answer_is_known_in_closed_form():
    part = case_after_training(*learnt(numbers(), epochs=1)).learnt
    y = part.rows.y[:, 0]
    assert part.constant[0] == pytest.approx(y.mean(), abs=1e-4)
    assert part.loss_of_constant(part.constant) == pytest.approx(y.var() / 2, rel=1e-5)
    part = case_after_training(*learnt(classes(k=3), epochs=1)).learnt
    shares = np.bincount(part.classes) / len(part.classes)
    assert part.loss_of_constant(part.constant) == pytest.approx(stats.entropy(shares), rel=1e-5)


@pytest.mark.parametrize("loss", ["absolute", "huber:1.5", "poisson", "quantile:0.1,0.5,0.9"])
def test_every_loss_has_a_constant_answer(loss):
    table = numbers().with_columns(pl.col("y").exp())
    with python_warnings.catch_warnings():
        python_warnings.simplefilter("error")
        part = case_after_training(*learnt(table, loss=loss, epochs=1)).learnt
        best = part.loss_of_constant(part.constant)
    for shift in (-0.1, 0.1):
        assert best <= part.loss_of_constant(part.constant + shift) + 1e-6
