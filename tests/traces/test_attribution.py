"""Attributions add up to what they explain, and are the gradients that they claim to be."""

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as anp
from autograd.scipy.special import erf
from hypothesis import given
from hypothesis import strategies as st

from chainrule.activations import ACTIVATIONS
from chainrule.attribution import attribute, input_gradients, typical_inputs
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from core import formulas
from traces.models import KINDS, untrained


def network_of(activation, hidden=(6, 5), d=4, k=2, seed=0):
    network = multilayer_perceptron(
        d, hidden, k, activation=ACTIVATIONS[activation], loss=SquaredError()
    )
    theta = np.random.default_rng(seed).normal(size=network.n_parameters)
    return network, Parameters(network, theta)


def score(network, theta, x, output):
    a, at = x, 0
    for layer in network.layers:
        d, h = layer.n_inputs, layer.n_outputs
        W = theta[at : at + d * h].reshape(d, h)
        b = theta[at + d * h : at + d * h + h]
        at += d * h + h
        a = formulas.activation(layer.activation.name, anp.dot(a, W) + b, anp, erf)
    return a[output]


@given(
    st.sampled_from(sorted(ACTIVATIONS)),
    st.lists(st.integers(1, 9), max_size=3).map(tuple),
    st.integers(0, 999),
)
def test_integrated_gradients_are_complete(activation, hidden, seed):
    network, parameters = network_of(activation, hidden, seed=seed)
    x, baseline = np.random.default_rng(seed).uniform(-3, 3, size=(2, 4))
    found = attribute(network, parameters, x, baseline, 1)
    difference = found.score - found.baseline_score
    assert abs(found.integrated.sum() - difference) <= 1e-6 * max(1, abs(difference))
    assert found.is_complete


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_they_are_the_mean_gradient_on_the_way(activation):
    network, parameters = network_of(activation)
    x, baseline = np.random.default_rng(1).normal(size=(2, 4))
    at = (np.arange(40_000) + 0.5) / 40_000
    gradients = input_gradients(network, parameters, baseline + at[:, None] * (x - baseline), 1)
    found = attribute(network, parameters, x, baseline, 1)
    np.testing.assert_allclose(found.integrated, gradients.mean(0) * (x - baseline), atol=2e-4)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_by_the_inputs_is_that_of_autograd(activation):
    network, parameters = network_of(activation)
    x = np.random.default_rng(2).normal(size=4)
    expected = grad(lambda x: score(network, parameters.theta, x, 0))(x)
    np.testing.assert_allclose(input_gradients(network, parameters, x[None], 0)[0], expected)
    found = attribute(network, parameters, x, np.zeros(4), 0)
    np.testing.assert_allclose(found.gradient_times_input, expected * x)


def test_a_linear_model_gives_each_input_its_product():
    network, parameters = network_of("identity", hidden=())
    x, baseline = np.random.default_rng(3).normal(size=(2, 4))
    found = attribute(network, parameters, x, baseline, 0)
    np.testing.assert_allclose(found.integrated, parameters.W[0][:, 0] * (x - baseline))
    np.testing.assert_allclose(found.gradient_times_input, parameters.W[0][:, 0] * x)


def test_an_input_that_is_that_of_the_baseline_or_has_no_weight_gets_nothing():
    network, parameters = network_of("relu")
    parameters.W[0][1] = 0
    x, baseline = np.random.default_rng(4).normal(size=(2, 4))
    x[2] = baseline[2]
    integrated = attribute(network, parameters, x, baseline, 0).integrated
    assert integrated[1] == integrated[2] == 0
    assert (integrated[[0, 3]] != 0).all()


def test_the_typical_row_has_the_median_and_the_most_frequent():
    encoder = untrained(bins=3).encoder
    found = dict(zip(encoder.input_names, typical_inputs(encoder), strict=True))
    row = {"length": 2.0, "colour": "red", "shape": "round", "paid": "no", "day": None}
    expected = encoder.encode(KINDS.select(list(row)).clear().vstack(one_row(row)))[0]
    for name, value in zip(encoder.input_names, expected, strict=True):
        assert found[name] == value, name


def one_row(row):
    columns = KINDS.select(list(row))
    return columns.head(1).with_columns(
        *(columns.head(1)[name].clear().extend_constant(value, 1) for name, value in row.items())
    )
