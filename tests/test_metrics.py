"""Metrics against scikit-learn's functions of the same names."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from chainrule import metrics


@st.composite
def judged(draw):
    """Class indices, probabilities with ties among them, and weights with zeros among them."""
    k = draw(st.integers(2, 5))
    n = draw(st.integers(2 * k, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = np.concatenate([np.arange(k), np.arange(k), random.integers(0, k, n - 2 * k)])
    probabilities = random.integers(1, 6, (n, k)).astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    weight = random.integers(0, 3, n).astype(float)
    weight[:k] = 1  # so that every class counts
    return k, y, probabilities, draw(st.sampled_from([None, weight]))


@settings(max_examples=100, deadline=None)
@given(judged())
def test_figures_of_classes_are_those_of_scikit_learn(case):
    k, y, p, weight = case
    chosen = p.argmax(axis=1)
    assert metrics.accuracy(y, chosen, weight) == pytest.approx(
        oracle.accuracy_score(y, chosen, sample_weight=weight)
    )
    assert metrics.balanced_accuracy(y, chosen, weight) == pytest.approx(
        oracle.balanced_accuracy_score(y, chosen, sample_weight=weight)
    )
    assert metrics.log_loss(y, p, weight) == pytest.approx(
        oracle.log_loss(y, p, sample_weight=weight, labels=range(k))
    )
    assert np.allclose(
        metrics.confusion_matrix(y, chosen, k, weight),
        oracle.confusion_matrix(y, chosen, sample_weight=weight, labels=range(k)),
    )
    areas = [
        oracle.roc_auc_score(y == c, p[:, c], sample_weight=weight)
        for c in ([1] if k == 2 else range(k))
    ]
    assert metrics.roc_auc(y, p, weight) == pytest.approx(np.mean(areas))


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 30), st.integers(0, 2**32 - 1), st.booleans())
def test_figures_of_numbers_are_those_of_scikit_learn(n, seed, weighted):
    random = np.random.default_rng(seed)
    y, found = random.normal(size=(2, n)) * 1000
    weight = random.integers(0, 3, n) + np.eye(n)[0] if weighted else None
    assert metrics.rmse(y, found, weight) == pytest.approx(
        oracle.root_mean_squared_error(y, found, sample_weight=weight)
    )
    assert metrics.mae(y, found, weight) == pytest.approx(
        oracle.mean_absolute_error(y, found, sample_weight=weight)
    )
    if weight is None:
        assert metrics.r2(y, found, weight) == pytest.approx(oracle.r2_score(y, found))


def test_weighted_r2_is_that_of_scikit_learn():
    y, found, weight = np.array([[1.0, 2, 3, 9], [1, 3, 2, 8], [1, 2, 0, 4]])
    expected = oracle.r2_score(y, found, sample_weight=weight)
    assert metrics.r2(y, found, weight) == pytest.approx(expected)


def test_figures_that_mean_nothing_are_none():
    p = np.array([[0.2, 0.8], [0.6, 0.4]])
    assert metrics.roc_auc(np.array([1, 1]), p) is None
    assert metrics.roc_auc(np.array([0, 1]), p, np.array([0.0, 1.0])) is None
    assert metrics.r2(np.array([2.0, 2.0]), np.array([1.0, 2.0])) is None


def test_a_sure_and_wrong_probability_gives_a_finite_log_loss():
    assert np.isfinite(metrics.log_loss(np.array([0]), np.array([[0.0, 1.0]])))
