"""The gradient of J by all parameters, for every activation with every loss."""

import numpy as np
import pytest

from chainrule.activations import ACTIVATIONS, GELU, TANH
from chainrule.engines import Rows, reference
from chainrule.losses import SquaredError
from chainrule.network import Dense, Network, Parameters, multilayer_perceptron
from core import formulas
from core.cases import ALL_LOSSES, ALL_PAIRS, Case, case, dropout_factors, pair_name, side_of_kinks
from recorded.weyl import numbers

every_pair = pytest.mark.parametrize(("g", "loss"), ALL_PAIRS, ids=pair_name)


def largest_error(found, expected):
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


def without_kinks_nearby(make, direction_seed, h):
    """A case and a unit direction such that theta +- h direction lie on one side of each kink."""
    for seed in range(1, 40):
        made = make(seed)
        theta = made.parameters.theta
        v = numbers(direction_seed + seed, theta.size)
        v /= np.linalg.norm(v)
        # the sides at both ends and between them: two crossings of one kink would cancel out
        sides = [side_of_kinks(made, theta + t * h * v) for t in (-1, -0.5, 0, 0.5, 1)]
        if all((side == sides[0]).all() for side in sides):
            return made, v
    raise AssertionError("no case without a kink was found")


@every_pair
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_slope_along_a_random_direction_is_that_of_central_differences(g, loss, dropout):
    h = 1e-5
    for direction in (100, 200):
        made, v = without_kinks_nearby(
            lambda seed: case(g, loss, seed=seed, dropout=dropout), direction, h
        )
        keep = dropout_factors(made.network, len(made.rows))

        def J(theta, made=made, keep=keep):
            at = Parameters(made.network, theta)
            return reference.loss_and_gradient(made.network, at, made.rows, made.l2, keep)

        theta = made.parameters.theta
        _, gradient = J(theta)
        difference = (J(theta + h * v)[0] - J(theta - h * v)[0]) / (2 * h)
        size = np.linalg.norm(gradient.theta)
        assert size > 1e-3
        assert difference == pytest.approx(gradient.theta @ v, abs=1e-8 * max(size, 1))


@every_pair
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_every_entry_of_the_gradient_agrees_with_the_complex_step(g, loss, dropout):
    made = case(g, loss, depth=2, seed=3, dropout=dropout)
    keep = dropout_factors(made.network, len(made.rows))
    J, gradient = reference.loss_and_gradient(
        made.network, made.parameters, made.rows, made.l2, keep
    )

    def plain(theta):
        return formulas.J(made.network, theta, made.rows, made.l2, keep)

    assert pytest.approx(plain(made.parameters.theta), rel=1e-12) == J
    exact = formulas.complex_step(plain, made.parameters.theta)
    assert largest_error(gradient.theta, exact) < 1e-12


def random_case(seed):
    """A network of random depth, widths, activations (one per layer), loss and dropout."""
    draws = np.random.default_rng(seed)
    loss = ALL_LOSSES[draws.integers(len(ALL_LOSSES))]
    made = case(TANH, loss, seed=seed, n=int(draws.integers(1, 9)), weighted=bool(seed % 2))
    hidden = [int(h) for h in draws.integers(1, 7, size=draws.integers(0, 5))]
    network = multilayer_perceptron(
        3,
        hidden,
        made.network.n_outputs,
        activation=[list(ACTIVATIONS.values())[draws.integers(len(ACTIVATIONS))] for _ in hidden],
        loss=loss,
        dropout=float(draws.choice([0.0, 0.3])),
    )
    theta = draws.standard_normal(network.n_parameters)
    return Case(network, Parameters(network, theta), made.rows, float(draws.choice([0.0, 0.1])))


def worst_error_of_random_networks(count):
    """Figure N1: the largest error of a gradient against the complex step, by its largest entry.

    Gradients below 1e-3 count as 1e-3: where a softmax is sure and right, they are differences of
    numbers near 1, and no float64 can give them all their digits.
    """
    worst = 0.0
    for seed in range(count):
        made = random_case(seed)
        keep = dropout_factors(made.network, len(made.rows), seed)
        _, gradient = reference.loss_and_gradient(
            made.network, made.parameters, made.rows, made.l2, keep
        )

        def plain(theta, made=made, keep=keep):
            return formulas.J(made.network, theta, made.rows, made.l2, keep)

        exact = formulas.complex_step(plain, made.parameters.theta)
        size = max(np.max(np.abs(exact)), 1e-3)
        worst = max(worst, np.max(np.abs(gradient.theta - exact)) / size)
    return worst


def test_random_networks_have_gradients_right_to_twelve_digits():
    assert worst_error_of_random_networks(200) < 1e-12


def test_delta_is_the_derivative_of_J_by_the_pre_activations():
    made = case(GELU, SquaredError(), depth=2, seed=5)
    passed = reference.forward(made.network, made.parameters, made.rows.X)
    _, delta = reference.backward(
        made.network, made.parameters, passed, made.rows.y, made.rows.weight
    )
    shares = made.rows.weight / made.rows.weight.sum()
    h = 1e-6
    for l in range(3):
        for i, j in [(0, 0), (3, 1), (6, 2)]:
            found = []
            for moved in (h, -h):
                z = passed.Z[l].copy()
                z[i, j] += moved
                for m in range(l, 2):
                    a = made.network.layers[m].activation.function(z)
                    z = a @ made.parameters.W[m + 1] + made.parameters.b[m + 1]
                found.append(shares @ made.network.loss.value(made.rows.y, z))
            assert delta[l][i, j] == pytest.approx((found[0] - found[1]) / (2 * h), abs=1e-9)


def test_the_penalty_pulls_weights_and_leaves_biases():
    made = case(TANH, SquaredError(), l2=0.0)
    J0, g0 = reference.loss_and_gradient(made.network, made.parameters, made.rows)
    J1, g1 = reference.loss_and_gradient(made.network, made.parameters, made.rows, l2=0.5)
    theta, weights = made.parameters.theta, made.network.weights
    assert pytest.approx(0.25 * np.sum(theta[weights] ** 2), rel=1e-12) == J1 - J0
    np.testing.assert_allclose((g1.theta - g0.theta)[weights], 0.5 * theta[weights], atol=1e-14)
    np.testing.assert_array_equal(g1.theta[~weights], g0.theta[~weights])


def test_a_gradient_leaves_parameters_and_rows_as_they_were():
    made = case(TANH, SquaredError(), dropout=0.3)
    theta, X, y, weight = (
        array.copy()
        for array in (made.parameters.theta, made.rows.X, made.rows.y, made.rows.weight)
    )
    keep = dropout_factors(made.network, len(made.rows))
    reference.loss_and_gradient(made.network, made.parameters, made.rows, 0.1, keep)
    np.testing.assert_array_equal(made.parameters.theta, theta)
    np.testing.assert_array_equal(made.rows.X, X)
    np.testing.assert_array_equal(made.rows.y, y)
    np.testing.assert_array_equal(made.rows.weight, weight)


def test_a_float32_gradient_is_the_float64_one_to_six_digits():
    for g, loss in ALL_PAIRS[::5]:
        made = case(g, loss, seed=2)
        _, exact = reference.loss_and_gradient(made.network, made.parameters, made.rows, made.l2)
        y = made.rows.y if made.rows.y.ndim == 1 else made.rows.y.astype(np.float32)
        rows = Rows(made.rows.X.astype(np.float32), y, made.rows.weight.astype(np.float32))
        J, rounded = reference.loss_and_gradient(
            made.network, made.parameters.astype(np.float32), rows, made.l2
        )
        assert rounded.theta.dtype == np.float32
        assert isinstance(J, float)
        assert largest_error(rounded.theta, exact.theta) < 5e-6


def test_scores_of_many_rows_are_those_of_each_row_alone():
    made = case(TANH, SquaredError())
    X = numbers(3, 2 * reference.ROWS_AT_ONCE + 5, 3)
    found = reference.scores(made.network, made.parameters, X)
    whole = reference.forward(made.network, made.parameters, X).Z[-1]
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-13)


def test_mean_loss_is_J_without_the_penalty():
    made = case(TANH, SquaredError(), l2=0.0)
    J, _ = reference.loss_and_gradient(made.network, made.parameters, made.rows)
    found = reference.mean_loss(made.network, made.parameters, made.rows)
    assert found == pytest.approx(J, rel=1e-13)
    unweighted = Rows(made.rows.X, made.rows.y)
    J, _ = reference.loss_and_gradient(made.network, made.parameters, unweighted)
    found = reference.mean_loss(made.network, made.parameters, unweighted)
    assert found == pytest.approx(J, rel=1e-13)


def test_a_hidden_identity_layer_collapses_to_one_affine_map():
    network = Network(
        (Dense(3, 4, ACTIVATIONS["identity"]), Dense(4, 2, ACTIVATIONS["identity"])), SquaredError()
    )
    at = Parameters(network, numbers(1, network.n_parameters))
    X = numbers(2, 9, 3)
    W = at.W[0] @ at.W[1]
    b = at.b[0] @ at.W[1] + at.b[1]
    np.testing.assert_allclose(reference.scores(network, at, X), X @ W + b, atol=1e-14)
