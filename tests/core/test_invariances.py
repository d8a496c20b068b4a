"""What must not matter, or must matter in a known way: order, repetition, units, scale.

Each relation is checked on random networks of every activation and loss.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.activations import LEAKY_RELU, RELU
from chainrule.engines import Rows, reference
from chainrule.losses import SquaredError
from chainrule.network import Network, Parameters, multilayer_perceptron
from core.cases import ALL_PAIRS, case
from recorded.weyl import numbers

cases = st.builds(
    lambda pair, depth, seed, n: case(*pair, depth=depth, seed=seed, n=n),
    st.sampled_from(ALL_PAIRS),
    st.integers(0, 4),
    st.integers(1, 10**6),
    st.integers(1, 12),
)


def J_and_gradient(made, rows, parameters=None):
    at = parameters or made.parameters
    J, gradient = reference.loss_and_gradient(made.network, at, rows, made.l2)
    return J, gradient.theta


def picked(rows, which):
    return Rows(rows.X[which], rows.y[which], None if rows.weight is None else rows.weight[which])


def assert_same(found, expected, rtol=1e-12):
    assert found[0] == pytest.approx(expected[0], rel=rtol)
    size = max(np.max(np.abs(expected[1])), 1e-3)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=rtol * size)


@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(made, random):
    order = list(range(len(made.rows)))
    random.shuffle(order)
    assert_same(J_and_gradient(made, picked(made.rows, order)), J_and_gradient(made, made.rows))


@given(cases, st.data())
def test_a_row_of_weight_two_is_the_row_twice(made, data):
    n = len(made.rows)
    i = data.draw(st.integers(0, n - 1))
    ones = Rows(made.rows.X, made.rows.y, np.ones(n))
    doubled = np.ones(n)
    doubled[i] = 2
    twice = picked(ones, [*range(n), i])
    assert_same(
        J_and_gradient(made, Rows(made.rows.X, made.rows.y, doubled)), J_and_gradient(made, twice)
    )


@given(cases, st.data())
def test_a_row_of_weight_zero_is_absent(made, data):
    n = len(made.rows)
    absent = data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1))
    weight = made.rows.weight.copy()
    weight[list(absent)] = 0
    present = [i for i in range(n) if i not in absent]
    assert_same(
        J_and_gradient(made, Rows(made.rows.X, made.rows.y, weight)),
        J_and_gradient(made, picked(made.rows, present)),
    )


@given(cases, st.floats(1e-3, 1e3))
def test_only_the_proportions_of_weights_matter(made, factor):
    scaled = Rows(made.rows.X, made.rows.y, factor * made.rows.weight)
    assert_same(J_and_gradient(made, scaled), J_and_gradient(made, made.rows))


@given(cases)
def test_weights_of_one_are_no_weights(made):
    ones = Rows(made.rows.X, made.rows.y, np.ones(len(made.rows)))
    assert_same(J_and_gradient(made, ones), J_and_gradient(made, Rows(made.rows.X, made.rows.y)))


@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_hidden_neurons_does_not_matter(made, random):
    renumbered = made.parameters.copy()
    orders = []
    for l in range(len(made.network.layers) - 1):
        order = list(range(made.network.layers[l].n_outputs))
        random.shuffle(order)
        orders.append(order)
        renumbered.W[l][...] = renumbered.W[l][:, order]
        renumbered.b[l][...] = renumbered.b[l][order]
        renumbered.W[l + 1][...] = renumbered.W[l + 1][order]
    np.testing.assert_allclose(
        reference.scores(made.network, renumbered, made.rows.X),
        reference.scores(made.network, made.parameters, made.rows.X),
        rtol=1e-12,
        atol=1e-12,
    )
    found, gradient = reference.loss_and_gradient(made.network, renumbered, made.rows, made.l2)
    J, original = J_and_gradient(made, made.rows)
    expected = Parameters(made.network, original.copy())
    for l, order in enumerate(orders):
        expected.W[l][...] = expected.W[l][:, order]
        expected.b[l][...] = expected.b[l][order]
        expected.W[l + 1][...] = expected.W[l + 1][order]
    assert_same((found, gradient.theta), (J, expected.theta))


@given(cases)
def test_the_order_of_columns_does_not_matter(made):
    order = [2, 0, 1]
    moved = made.parameters.copy()
    moved.W[0][...] = moved.W[0][order]
    np.testing.assert_allclose(
        reference.scores(made.network, moved, made.rows.X[:, order]),
        reference.scores(made.network, made.parameters, made.rows.X),
        rtol=1e-12,
        atol=1e-12,
    )


@given(cases)
def test_a_row_has_the_same_scores_alone_and_among_others(made):
    together = reference.scores(made.network, made.parameters, made.rows.X)
    for i in range(len(made.rows)):
        alone = reference.scores(made.network, made.parameters, made.rows.X[i : i + 1])
        np.testing.assert_allclose(alone, together[i : i + 1], rtol=1e-12, atol=1e-12)


@given(
    st.sampled_from([RELU, LEAKY_RELU]),
    st.lists(st.integers(-20, 20), min_size=3, max_size=3),
    st.integers(1, 1000),
)
def test_powers_of_two_pass_through_relu_without_a_rounding(g, powers, seed):
    network = multilayer_perceptron(3, (6, 5, 4), 2, activation=g, loss=SquaredError())
    at = Parameters(network, numbers(seed, network.n_parameters))
    X = numbers(seed + 1, 9, 3)
    scaled = at.copy()
    grown = 1.0
    for l, power in enumerate(powers):
        # layer l gives 2^power times more, and the next divides it by the same
        grown = 2.0**power
        scaled.W[l][...] *= grown
        scaled.b[l][...] *= grown
        scaled.W[l + 1][...] /= grown
    found = reference.scores(network, scaled, X)
    np.testing.assert_array_equal(found, reference.scores(network, at, X))


@given(cases)
def test_one_layer_after_the_other_is_the_whole_network(made):
    a = made.rows.X
    for layer, W, b in zip(made.network.layers, made.parameters.W, made.parameters.b, strict=True):
        a = np.stack([layer.activation.function(row @ W + b) for row in a])
    found = reference.scores(made.network, made.parameters, made.rows.X)
    np.testing.assert_allclose(found, a, rtol=1e-12, atol=1e-12)


def test_layers_of_a_network_follow_one_another():
    network = multilayer_perceptron(3, (6, 5), 2, activation=RELU, loss=SquaredError())
    assert isinstance(network, Network)
    assert all(a.n_outputs == b.n_inputs for a, b in pairwise(network.layers))
