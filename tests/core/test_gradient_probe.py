"""Every epoch measures the gradient of each layer on the rows of a probe."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.sparse import csr_array

from chainrule.activations import TANH
from chainrule.engines import Rows, reference
from chainrule.gradient_probe import MOST_ROWS, gradient_figures, gradient_sizes, probe_of
from chainrule.initializers import initial_parameters
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import LBFGS
from chainrule.training import TrainingSettings, train


@pytest.fixture
def network():
    return multilayer_perceptron(3, (4, 2), 1, activation=TANH, loss=SquaredError(), dropout=0.5)


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    return Rows(random.normal(size=(50, 3)), random.normal(size=(50, 1)))


def test_sizes_are_those_of_numerical_derivatives(network, rows):
    parameters = initial_parameters(network, np.random.default_rng(1), dtype=np.float64)
    found = gradient_sizes(network, parameters, rows, 0.1)

    def J(theta):
        at = Parameters(network, theta)
        l2 = 0.1 / 2 * sum(np.sum(W**2) for W in at.W)
        return reference.mean_loss(network, at, rows) + l2

    slope = Parameters(network, approx_fprime(parameters.theta, J, 1e-7))
    expected = [np.sqrt(np.mean(dW**2)) for dW in slope.W]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("optimizer", [None, LBFGS()])
def test_each_record_has_the_sizes_where_its_epoch_ended(network, rows, optimizer):
    settings = TrainingSettings(epochs=3, l2=0.01)
    if optimizer:
        network = multilayer_perceptron(3, (4, 2), 1, activation=TANH, loss=SquaredError())
        settings = replace(settings, optimizer=optimizer, dtype=np.float64)
    probe = probe_of(rows)
    for epoch in train(network, rows, settings, probe=probe):
        expected = gradient_sizes(network, epoch.parameters, probe, 0.01)
        assert epoch.gradients == pytest.approx(expected, rel=1e-5)
        figures = epoch.figures()
        assert [figures[f"gradient.{l}"] for l in range(3)] == list(epoch.gradients)


def test_a_probe_changes_nothing_of_the_training(network, rows):
    settings = TrainingSettings(epochs=3)
    (*_, without), (*_, with_probe) = (
        train(network, rows, settings, probe=probe) for probe in (None, probe_of(rows))
    )
    np.testing.assert_array_equal(without.parameters.theta, with_probe.parameters.theta)
    assert without.gradients == ()
    assert not any("gradient" in name for name in without.figures())


def test_a_probe_is_a_few_rows_that_count_spread_over_all():
    X, y = np.arange(20_000.0)[:, None], np.zeros((20_000, 1))
    probe = probe_of(Rows(X, y))
    assert len(probe) == MOST_ROWS
    assert (probe.X.min(), probe.X.max()) == (0, 19_999)
    weight = (np.arange(20_000) >= 15_000).astype(float)
    assert probe_of(Rows(X, y, weight)).X.min() == 15_000
    assert len(probe_of(Rows(X[:5], y[:5]))) == 5
    assert probe_of(Rows(csr_array(X), y)).X.shape == (MOST_ROWS, 1)


def test_what_is_not_finite_is_left_open():
    assert gradient_figures([1.0, np.inf, np.nan]) == {
        "gradient.0": 1.0,
        "gradient.1": None,
        "gradient.2": None,
    }
