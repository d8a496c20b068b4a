"""Borders of bins where the target changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from chainrule.table.target_edges import target_edges


def test_a_step_of_the_target_is_found():
    x = np.linspace(0, 10, 1001)
    y = (x >= 3.7)[:, None].astype(float)
    assert target_edges(x, y, 2) == (0.0, pytest.approx(3.7), 10.0)


@given(st.integers(0, 10**6), st.integers(60, 400), st.integers(2, 12), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_the_bins_are_the_leaves_of_a_regression_tree(seed, n, bins, k):
    draws = np.random.default_rng(seed)
    x, y = draws.normal(size=n), draws.normal(size=(n, k))
    edges = target_edges(x, y, bins, fewest_rows=7)
    tree = DecisionTreeRegressor(max_leaf_nodes=bins, min_samples_leaf=7, random_state=0)
    leaves = tree.fit(x[:, None], y).apply(x[:, None])
    ours = np.searchsorted(edges[1:-1], x, side="right")
    error = lambda group: sum(  # noqa: E731
        np.square(y[group == g] - y[group == g].mean(axis=0)).sum() for g in np.unique(group)
    )
    assert len(np.unique(ours)) == len(np.unique(leaves))
    assert error(ours) == pytest.approx(error(leaves), rel=1e-9)


def test_a_target_that_is_the_same_everywhere_gives_no_bins():
    assert target_edges(np.arange(100.0), np.ones((100, 1)), 8) == ()


def test_no_bin_has_fewer_rows_than_asked_for_and_equal_values_stay_together():
    draws = np.random.default_rng(0)
    x = draws.integers(0, 30, 500).astype(float)
    edges = target_edges(x, draws.normal(size=(500, 1)), 16, fewest_rows=25)
    counts = np.bincount(np.searchsorted(edges[1:-1], x, side="right"))
    assert counts.min() >= 25
    assert set(edges) <= set(x)


@pytest.mark.parametrize("values", [np.array([1.0]), np.full(50, 2.0), np.arange(5.0)])
def test_too_few_rows_or_values_give_no_bins(values):
    y = np.arange(len(values), dtype=float)[:, None]
    assert target_edges(values, y, 8) == ()
