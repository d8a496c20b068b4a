"""Initialisers: the spread of the drawn weights, and what it does to a signal."""

import numpy as np
import pytest

from chainrule.activations import ACTIVATIONS, RELU, SELU, TANH
from chainrule.engines import reference
from chainrule.initializers import (
    GLOROT_UNIFORM,
    HE_NORMAL,
    INITIALIZERS,
    LECUN_NORMAL,
    initial_parameters,
    initializer_for,
)
from chainrule.losses import SquaredError
from chainrule.network import multilayer_perceptron
from chainrule.randomness import Purpose, generator

VARIANCES = {
    "glorot": lambda d, h: 2 / (d + h),
    "he": lambda d, h: 2 / d,
    "lecun": lambda d, h: 1 / d,
}


@pytest.mark.parametrize("initializer", INITIALIZERS.values(), ids=INITIALIZERS)
def test_weights_have_mean_zero_and_the_variance_of_the_paper(initializer):
    d, h = 300, 200
    W = initializer.draw(generator(1, Purpose.INITIAL), d, h)
    variance = VARIANCES[initializer.name.split("_")[0]](d, h)
    assert W.shape == (d, h)
    # five standard errors of the mean and of the variance (kurtosis at most 3) of 60,000 draws
    assert abs(W.mean()) < 5 * np.sqrt(variance / W.size)
    assert abs(W.var() / variance - 1) < 5 * np.sqrt(2 / W.size)


@pytest.mark.parametrize("initializer", INITIALIZERS.values(), ids=INITIALIZERS)
def test_uniform_weights_are_bounded_and_normal_ones_are_not(initializer):
    W = initializer.draw(generator(2, Purpose.INITIAL), 300, 200)
    furthest = np.abs(W).max() / W.std()
    if initializer.name.endswith("uniform"):
        assert furthest < np.sqrt(3) * 1.02
        assert furthest > np.sqrt(3) * 0.98
    else:
        assert furthest > 3.5


@pytest.mark.parametrize(
    ("activation", "smallest", "largest"),
    [(RELU, 0.3, 3.0), (SELU, 0.7, 1.4), (TANH, 0.2, 1.0)],
    ids=["relu", "selu", "tanh"],
)
def test_a_signal_keeps_its_size_through_ten_layers(activation, smallest, largest):
    network = multilayer_perceptron(256, [256] * 10, 1, activation=activation, loss=SquaredError())
    parameters = initial_parameters(network, generator(3, Purpose.INITIAL))
    X = generator(4, Purpose.INITIAL).standard_normal((64, 256))
    A = reference.forward(network, parameters, X).A
    sizes = [np.sqrt(np.mean(a * a)) for a in A[1:-1]]
    assert smallest < min(sizes)
    assert max(sizes) < largest


def test_the_wrong_initializer_makes_a_relu_signal_fade():
    network = multilayer_perceptron(256, [256] * 10, 1, activation=RELU, loss=SquaredError())
    draws = generator(3, Purpose.INITIAL)
    parameters = initial_parameters(network, draws, initializer=LECUN_NORMAL)
    X = generator(4, Purpose.INITIAL).standard_normal((64, 256))
    last = reference.forward(network, parameters, X).A[-2]
    assert np.sqrt(np.mean(last * last)) < 0.1


def test_each_activation_has_its_published_companion():
    he = ("relu", "leaky_relu", "elu", "gelu", "silu", "mish")
    for name, g in ACTIVATIONS.items():
        expected = HE_NORMAL if name in he else LECUN_NORMAL if name == "selu" else GLOROT_UNIFORM
        assert initializer_for(g) is expected, name


def test_biases_start_at_zero_and_layers_follow_their_own_activation():
    network = multilayer_perceptron(
        400, [300, 200], 2, activation=[RELU, SELU], loss=SquaredError()
    )
    parameters = initial_parameters(network, generator(0, Purpose.INITIAL))
    assert all((b == 0).all() for b in parameters.b)
    spreads = [2 / 400, 1 / 300, 2 / 202]
    for W, variance in zip(parameters.W, spreads, strict=True):
        assert W.var() / variance == pytest.approx(1, abs=0.15)


def test_float32_starts_where_float64_does():
    network = multilayer_perceptron(3, [4], 1, activation=RELU, loss=SquaredError())
    exact = initial_parameters(network, generator(0, Purpose.INITIAL))
    rounded = initial_parameters(network, generator(0, Purpose.INITIAL), dtype=np.float32)
    assert rounded.theta.dtype == np.float32
    np.testing.assert_array_equal(rounded.theta, exact.theta.astype(np.float32))


def test_an_initializer_given_serves_all_layers():
    network = multilayer_perceptron(400, [300], 200, activation=RELU, loss=SquaredError())
    parameters = initial_parameters(
        network, generator(0, Purpose.INITIAL), initializer=LECUN_NORMAL
    )
    assert parameters.W[0].var() == pytest.approx(1 / 400, rel=0.05)
    assert parameters.W[1].var() == pytest.approx(1 / 300, rel=0.05)
