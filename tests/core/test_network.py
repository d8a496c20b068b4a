"""Descriptions of networks, and their parameters in one vector."""

import pickle

import numpy as np
import pytest

from chainrule.activations import IDENTITY, RELU, TANH
from chainrule.errors import InputError
from chainrule.losses import SquaredError
from chainrule.network import Dense, Network, Parameters, multilayer_perceptron

NETWORK = multilayer_perceptron(3, [4, 2], 1, activation=RELU, loss=SquaredError(), dropout=0.1)


def test_a_perceptron_has_its_layers_in_order():
    assert [(l.n_inputs, l.n_outputs) for l in NETWORK.layers] == [(3, 4), (4, 2), (2, 1)]
    assert [l.activation for l in NETWORK.layers] == [RELU, RELU, IDENTITY]
    assert [l.dropout for l in NETWORK.layers] == [0.1, 0.1, 0.0]
    assert (NETWORK.n_inputs, NETWORK.n_outputs) == (3, 1)
    assert NETWORK.n_parameters == (3 + 1) * 4 + (4 + 1) * 2 + (2 + 1) * 1


def test_an_activation_may_be_given_for_each_layer():
    network = multilayer_perceptron(3, [4, 2], 1, activation=[RELU, TANH], loss=SquaredError())
    assert [l.activation for l in network.layers] == [RELU, TANH, IDENTITY]


def test_weights_and_biases_are_views_of_one_vector():
    at = Parameters(NETWORK, np.arange(29.0))
    assert [W.shape for W in at.W] == [(3, 4), (4, 2), (2, 1)]
    assert [b.shape for b in at.b] == [(4,), (2,), (1,)]
    in_order = [part.ravel() for W, b in zip(at.W, at.b, strict=True) for part in (W, b)]
    np.testing.assert_array_equal(np.concatenate(in_order), np.arange(29.0))
    at.W[1][0, 1] = -5
    at.b[2][0] = -7
    assert at.theta[17] == -5
    assert at.theta[28] == -7


def test_the_mask_of_weights_leaves_out_the_biases():
    at = Parameters(NETWORK, NETWORK.weights)
    assert all(W.all() for W in at.W)
    assert not any(b.any() for b in at.b)


def test_copies_do_not_share_numbers():
    at = Parameters.zeros(NETWORK, np.float32)
    copy, wider = at.copy(), at.astype(np.float64)
    copy.theta += 1
    wider.theta += 1
    assert (at.theta == 0).all()
    assert at.theta.dtype == np.float32
    assert wider.theta.dtype == np.float64
    assert at.astype(np.float32).theta is not at.theta


def test_parameters_show_their_shapes():
    assert repr(Parameters.zeros(NETWORK)) == "Parameters(3x4, 4x2, 2x1; p=29, float64)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Dense(0, 3, RELU), "0 inputs and 3 neurons cannot be built"),
        (lambda: Dense(3, 0, RELU), "3 inputs and 0 neurons cannot be built"),
        (lambda: Dense(3, 3, RELU, dropout=1.0), "dropout is 1.0"),
        (lambda: Dense(3, 3, RELU, dropout=-0.1), "dropout is -0.1"),
        (lambda: Network((), SquaredError()), "at least one layer"),
        (
            lambda: Network((Dense(3, 4, RELU), Dense(5, 1, IDENTITY)), SquaredError()),
            "layer 1 takes 5 inputs, but layer 0 gives 4",
        ),
        (lambda: Network((Dense(3, 1, RELU),), SquaredError()), "identity activation"),
        (lambda: Network((Dense(3, 1, IDENTITY, 0.5),), SquaredError()), "no dropout"),
        (
            lambda: multilayer_perceptron(3, [4], 1, activation=[], loss=SquaredError()),
            "0 activations came for 1 hidden layers",
        ),
        (lambda: Parameters(NETWORK, np.zeros(28)), r"shape \(28,\).*29 parameters"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_reason(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_views_are_views_again_after_a_pickle():
    loaded = pickle.loads(pickle.dumps(Parameters.zeros(NETWORK)))
    loaded.theta[:] = 7
    assert (loaded.W[0] == 7).all()
    assert (loaded.b[1] == 7).all()
