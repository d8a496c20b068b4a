"""Optimisers on functions whose minimum is known, and their purity.

Step by step they are compared with PyTorch in `test_against_torch.py`.
"""

from functools import partial

import autograd.numpy as np_traced
import numpy as np
import pytest
from autograd import grad
from scipy.optimize import minimize

from chainrule.activations import TANH
from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import (
    FASTEST_SCALE,
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    RMSProp,
    ScaledAdamW,
)
from chainrule.training import TrainingSettings, train
from recorded.weyl import numbers

STEPPING = {
    "sgd": SGD(momentum=0.0, nesterov=False),
    "sgd_momentum": SGD(nesterov=False),
    "sgd_nesterov": SGD(),
    "rmsprop": RMSProp(),
    "adam": Adam(),
    "adamw": AdamW(decay=0.0),
    "scaled_adamw": ScaledAdamW(decay=0.0),
}
each = pytest.mark.parametrize("optimizer", STEPPING.values(), ids=STEPPING)


def descend(optimizer, slope, theta, rate, steps):
    """Where the optimiser ends, with a rate that falls to 0."""
    state = optimizer.init(theta)
    for t in range(steps):
        state, theta = optimizer.step(state, slope(theta), theta, rate * (1 - t / steps))
    return theta


def rosenbrock_slope(theta):
    x, y = theta
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def test_every_optimizer_of_the_registry_is_tested_here():
    tested = {type(optimizer) for optimizer in STEPPING.values()} | {LBFGS}
    assert tested == set(OPTIMIZERS.values())
    assert all(name == optimizer.name for name, optimizer in OPTIMIZERS.items())


@each
def test_the_minimum_of_a_parabola_is_found(optimizer):
    target = np.array([0.4, -1.2, 3.0])
    found = descend(optimizer, lambda theta: 2 * (theta - target), np.zeros(3), 0.05, 400)
    np.testing.assert_allclose(found, target, atol=1e-3)


@each
def test_the_minimum_of_rosenbrocks_valley_is_found(optimizer):
    rate = 1e-3 if isinstance(optimizer, SGD) else 1e-2
    steps = 20_000 if optimizer is STEPPING["sgd"] else 4000
    found = descend(optimizer, rosenbrock_slope, np.array([-1.0, 1.0]), rate, steps)
    np.testing.assert_allclose(found, [1, 1], atol=0.03)


@each
def test_a_step_changes_nothing_that_it_was_given(optimizer):
    theta, gradient = numbers(1, 5), numbers(2, 5)
    state, theta = optimizer.step(optimizer.init(theta), gradient, theta, 0.1)

    def copied(values):
        return {k: np.copy(v) for k, v in values.items()}

    given = theta.copy(), gradient.copy(), copied(state)
    for array in (theta, gradient, *(v for v in state.values() if isinstance(v, np.ndarray))):
        array.flags.writeable = False
    first = optimizer.step(state, gradient, theta, 0.1)
    second = optimizer.step(state, gradient, theta, 0.1)
    np.testing.assert_array_equal(theta, given[0])
    np.testing.assert_array_equal(gradient, given[1])
    for name in state:
        np.testing.assert_array_equal(state[name], given[2][name])
        np.testing.assert_array_equal(first[0][name], second[0][name])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[1], theta)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(optimizer, dtype):
    theta = numbers(1, 5).astype(dtype)
    state = optimizer.init(theta)
    for _ in range(2):
        state, theta = optimizer.step(state, theta, theta, 0.1)
    assert theta.dtype == dtype
    assert all(v.dtype == dtype for v in state.values() if isinstance(v, np.ndarray))


@each
def test_steps_are_proportional_to_the_rate(optimizer):
    theta, gradient = numbers(1, 5), numbers(2, 5)
    _, small = optimizer.step(optimizer.init(theta), gradient, theta, 0.01)
    _, large = optimizer.step(optimizer.init(theta), gradient, theta, 0.04)
    np.testing.assert_allclose(large - theta, 4 * (small - theta), rtol=1e-12)


def test_sgd_without_momentum_is_the_rule_of_the_notes():
    theta, gradient = np.array([1.0, -2.0]), np.array([0.5, 0.25])
    descent = SGD(momentum=0.0, nesterov=False)
    _, after = descent.step(descent.init(theta), gradient, theta, 0.1)
    assert after.tolist() == [1.0 - 0.1 * 0.5, -2.0 - 0.1 * 0.25]


def test_adams_first_step_has_the_size_of_the_rate_whatever_the_gradient():
    theta = np.zeros(3)
    _, after = Adam().step(Adam().init(theta), np.array([1e3, -1.0, 1e-3]), theta, 0.1)
    np.testing.assert_allclose(after, [-0.1, 0.1, -0.1], rtol=1e-4)


def test_the_decay_of_adamw_follows_the_rate_and_not_the_gradient():
    theta = np.array([2.0, -3.0])
    optimizer = AdamW(decay=0.1)
    _, after = optimizer.step(optimizer.init(theta), np.zeros(2), theta, 0.5)
    np.testing.assert_allclose(after, theta * (1 - 0.5 * 0.1), rtol=1e-15)


def test_learnt_scales_are_adamw_on_both_factors_of_the_first_weights():
    """By autograd's derivatives of J(e^a V, rest), in a and V themselves."""
    d, h, p = 3, 4, 20
    goal, mixing = numbers(5, p), numbers(6, p, p)

    def J(theta):
        return np_traced.sum(np_traced.tanh(np_traced.dot(mixing, theta - goal)) ** 2)

    def of_factors(a, V, rest):
        W = np_traced.reshape(np_traced.exp(a), (d, 1)) * np_traced.reshape(V, (d, h))
        return J(np_traced.concatenate([np_traced.reshape(W, d * h), rest]))

    slopes = grad(of_factors, argnum=(0, 1, 2))
    theta, a = numbers(7, p), np.zeros(d)
    ours = ScaledAdamW(decay=0.2).for_first_layer(d, h)
    state, found = ours.init(theta), theta
    adamw = AdamW(decay=0.2)
    factors, moments, of_a = theta, adamw.init(theta), adamw.init(a)
    for t in range(100):
        rate = 0.015 * (1 - t / 100)
        V, rest = factors[: d * h], factors[d * h :]
        da, dV, drest = slopes(a, V, rest)
        of_a, a = adamw.step(of_a, da, a, 6 * rate)
        moments, factors = adamw.step(moments, np.concatenate([dV, drest]), factors, rate)
        state, found = ours.step(state, grad(J)(found), found, rate)
    expected = factors * np.repeat([*np.exp(a), 1.0], [h] * d + [p - d * h])
    np.testing.assert_allclose(state["a"], a, rtol=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert np.ptp(a) > 0.1


def test_a_rate_that_is_too_high_moves_no_scale_by_more_than_its_bound():
    theta, slopes = np.array([0.5, -0.5]), np.array([1.0, 2.0])
    optimizer = ScaledAdamW().for_first_layer(2, 1)
    state, _ = optimizer.step(optimizer.init(theta), slopes, theta, 3.0)
    np.testing.assert_allclose(state["a"], [-FASTEST_SCALE, FASTEST_SCALE], rtol=1e-6)


def test_without_a_first_layer_learnt_scales_are_adamw():
    theta, gradient = numbers(8, 6), numbers(9, 6)
    state, found = ScaledAdamW().step(ScaledAdamW().init(theta), gradient, theta, 0.1)
    expected, theirs = AdamW().step(AdamW().init(theta), gradient, theta, 0.1)
    np.testing.assert_array_equal(found, theirs)
    assert all(np.array_equal(state[name], expected[name]) for name in expected)


@pytest.mark.parametrize("wrap", [partial(Clipped, 1e-3), partial(Averaged, 0.5)])
def test_a_wrapped_optimizer_is_told_of_the_first_layer(wrap):
    assert wrap(ScaledAdamW()).for_first_layer(2, 3) == wrap(ScaledAdamW(d=2, h=3))
    assert wrap(SGD()).for_first_layer(2, 3) == wrap(SGD())


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SGD(momentum=1.0), "sgd: momentum is 1.0"),
        (lambda: RMSProp(decay=-0.1), "rmsprop: decay is -0.1"),
        (lambda: Adam(beta1=1.5), "adam: beta1 is 1.5"),
        (lambda: Adam(beta2=float("nan")), "adam: beta2 is nan"),
        (lambda: AdamW(beta2=1.0), "adamw: beta2 is 1.0"),
        (lambda: AdamW(decay=-1.0), "adamw: decay is -1.0"),
        (lambda: ScaledAdamW(quicker=-1.0), "scaled_adamw: quicker is -1.0"),
        (lambda: LBFGS(memory=0), "lbfgs: memory is 0"),
        (lambda: LBFGS(memory=2.5), "lbfgs: memory is 2.5"),
        (lambda: LBFGS(tolerance=-1.0), "lbfgs: tolerance is -1.0"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_lbfgs_takes_the_steps_of_scipy_called_directly():
    network = multilayer_perceptron(2, [4], 1, activation=TANH, loss=SquaredError())
    X = numbers(1, 60, 2)
    rows = Rows(X, X[:, :1] * X[:, 1:], 1.5 + numbers(2, 60))
    start = Parameters(network, numbers(3, network.n_parameters))
    settings = TrainingSettings(
        optimizer=LBFGS(memory=7, tolerance=1e-6), epochs=40, l2=1e-3, dtype=np.float64
    )
    ours = list(train(network, rows, settings, parameters=start))

    path = []

    def objective(theta):
        J, gradient = reference.loss_and_gradient(network, Parameters(network, theta), rows, 1e-3)
        return J, gradient.theta

    direct = minimize(
        objective,
        start.theta,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: path.append(intermediate_result.x.copy()),
        options={
            "maxiter": 40,
            "maxcor": 7,
            "gtol": 1e-6,
            "ftol": np.finfo(float).eps,
            "maxfun": 800,
        },
    )
    assert len(ours) == len(path) == direct.nit
    for epoch, theta in zip(ours, path, strict=True):
        np.testing.assert_array_equal(epoch.parameters.theta, theta)
    assert ours[-1].loss == direct.fun
    assert [epoch.number for epoch in ours] == list(range(1, len(ours) + 1))


def test_lbfgs_reaches_the_exact_solution_of_a_convex_problem():
    X = numbers(1, 50, 3)
    y = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.7 + 0.3 * numbers(2, 50, 1)
    network = multilayer_perceptron(3, [], 1, activation=TANH, loss=SquaredError())
    settings = TrainingSettings(
        optimizer=LBFGS(tolerance=1e-12), epochs=200, dtype=np.float64, patience=None
    )
    *_, last = train(network, Rows(X, y), settings)
    exact = np.linalg.lstsq(np.column_stack([X, np.ones(50)]), y, rcond=None)[0][:, 0]
    np.testing.assert_allclose(last.parameters.theta, exact, atol=1e-9)


def test_lbfgs_started_at_the_minimum_reports_it_and_ends():
    X = numbers(1, 20, 1)
    network = multilayer_perceptron(1, [], 1, activation=TANH, loss=SquaredError())
    settings = TrainingSettings(optimizer=LBFGS(), dtype=np.float64)
    there = Parameters(network, np.array([2.0, 1.0]))
    epochs = list(train(network, Rows(X, 2 * X + 1), settings, parameters=there))
    assert len(epochs) == 1
    assert epochs[0].loss == pytest.approx(0, abs=1e-30)
    np.testing.assert_array_equal(epochs[0].best.theta, there.theta)
