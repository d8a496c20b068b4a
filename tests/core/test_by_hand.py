"""One training step of a 2-2-1 network, worked out on paper.

Every number of one row's way forward, of the way back, and of the update, each from those before
it: a reader with a pocket calculator can follow. Hidden neurons 1 and 2 are sigmoids, the output is
the plain sum, the loss is half the squared error, the rate is 0.5.
"""

from math import exp

import numpy as np
import pytest

from chainrule.activations import SIGMOID
from chainrule.engines import EpochPlan, Rows, reference
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD

# the row, its target, and where the network stands
x1, x2, y = 0.35, 0.9, 0.5
w11, w12 = 0.1, 0.4  # weights of x1 in neurons 1 and 2
w21, w22 = 0.8, 0.6  # weights of x2 in neurons 1 and 2
b1, b2 = 0.1, -0.2
v1, v2, c = 0.3, 0.9, 0.05  # weights and bias of the output neuron
rate = 0.5

# forward
z1 = 0.1 * 0.35 + 0.8 * 0.9 + 0.1  # = 0.855
z2 = 0.4 * 0.35 + 0.6 * 0.9 - 0.2  # = 0.48
a1 = 1 / (1 + exp(-0.855))  # = 0.701614...
a2 = 1 / (1 + exp(-0.48))  # = 0.617747...
score = 0.3 * a1 + 0.9 * a2 + 0.05  # = 0.816457...
J = (score - 0.5) ** 2 / 2  # = 0.050072...

# backward: delta is the derivative of J by a neuron's z
delta_out = score - 0.5  # = 0.316457...
dv1 = a1 * delta_out  # = 0.222031...
dv2 = a2 * delta_out  # = 0.195490...
dc = delta_out
delta1 = delta_out * 0.3 * a1 * (1 - a1)  # = 0.019875...
delta2 = delta_out * 0.9 * a2 * (1 - a2)  # = 0.067254...
dw11, dw12 = 0.35 * delta1, 0.35 * delta2  # = 0.006956..., 0.023538...
dw21, dw22 = 0.9 * delta1, 0.9 * delta2  # = 0.017887..., 0.060528...
db1, db2 = delta1, delta2

# the update: every number goes down its own slope, the biases from themselves
new_w11, new_w12 = 0.1 - 0.5 * dw11, 0.4 - 0.5 * dw12
new_w21, new_w22 = 0.8 - 0.5 * dw21, 0.6 - 0.5 * dw22
new_b1, new_b2 = 0.1 - 0.5 * db1, -0.2 - 0.5 * db2
new_v1, new_v2 = 0.3 - 0.5 * dv1, 0.9 - 0.5 * dv2
new_c = 0.05 - 0.5 * dc

network = multilayer_perceptron(2, [2], 1, activation=SIGMOID, loss=SquaredError())
row = Rows(np.array([[x1, x2]]), np.array([[y]]))
ON_PAPER = {"rel": 0, "abs": 1e-15}


def start():
    at = Parameters.zeros(network)
    at.W[0][...] = [[w11, w12], [w21, w22]]
    at.b[0][...] = [b1, b2]
    at.W[1][...] = [[v1], [v2]]
    at.b[1][...] = [c]
    return at


def test_the_comments_above_are_the_numbers_above():
    assert (z1, z2) == pytest.approx((0.855, 0.48), **ON_PAPER)
    printed = {
        "a1": (a1, 0.701614),
        "a2": (a2, 0.617747),
        "score": (score, 0.816457),
        "J": (J, 0.050072),
        "delta_out": (delta_out, 0.316457),
        "dv1": (dv1, 0.222031),
        "dv2": (dv2, 0.195490),
        "delta1": (delta1, 0.019875),
        "delta2": (delta2, 0.067254),
        "dw11": (dw11, 0.006956),
        "dw12": (dw12, 0.023538),
        "dw21": (dw21, 0.017887),
        "dw22": (dw22, 0.060528),
    }
    for name, (number, digits) in printed.items():
        assert 0 <= number - digits < 1e-6, f"{name} = {number}"


def test_theta_holds_the_layers_one_after_the_other():
    assert start().theta.tolist() == [w11, w12, w21, w22, b1, b2, v1, v2, c]


def test_forward_gives_the_sums_and_activations_on_paper():
    passed = reference.forward(network, start(), row.X)
    assert passed.A[0].tolist() == [[x1, x2]]
    assert passed.Z[0][0] == pytest.approx([z1, z2], **ON_PAPER)
    assert passed.A[1][0] == pytest.approx([a1, a2], **ON_PAPER)
    assert passed.Z[1][0] == pytest.approx([score], **ON_PAPER)
    assert reference.mean_loss(network, start(), row) == pytest.approx(J, **ON_PAPER)


def test_backward_gives_the_deltas_and_slopes_on_paper():
    passed = reference.forward(network, start(), row.X)
    gradient, delta = reference.backward(network, start(), passed, row.y)
    assert delta[1][0] == pytest.approx([delta_out], **ON_PAPER)
    assert delta[0][0] == pytest.approx([delta1, delta2], **ON_PAPER)
    assert gradient.W[1][:, 0] == pytest.approx([dv1, dv2], **ON_PAPER)
    assert gradient.b[1] == pytest.approx([dc], **ON_PAPER)
    assert gradient.W[0][0] == pytest.approx([dw11, dw12], **ON_PAPER)
    assert gradient.W[0][1] == pytest.approx([dw21, dw22], **ON_PAPER)
    assert gradient.b[0] == pytest.approx([db1, db2], **ON_PAPER)


def test_one_step_of_gradient_descent_gives_the_new_numbers_on_paper():
    descent = SGD(momentum=0.0, nesterov=False)
    plan = EpochPlan(np.array([0]), 1, np.array([rate]), np.zeros(2, dtype=np.uint32))
    loss, after, _ = reference.train_epoch(
        network, start(), descent, descent.init(start().theta), row, plan
    )
    assert loss == pytest.approx(J, **ON_PAPER)
    assert after.W[0][0] == pytest.approx([new_w11, new_w12], **ON_PAPER)
    assert after.W[0][1] == pytest.approx([new_w21, new_w22], **ON_PAPER)
    assert after.b[0] == pytest.approx([new_b1, new_b2], **ON_PAPER)
    assert after.W[1][:, 0] == pytest.approx([new_v1, new_v2], **ON_PAPER)
    assert after.b[1] == pytest.approx([new_c], **ON_PAPER)


def test_the_step_brings_the_score_nearer_to_the_target():
    new_a1 = 1 / (1 + exp(-(new_w11 * x1 + new_w21 * x2 + new_b1)))
    new_a2 = 1 / (1 + exp(-(new_w12 * x1 + new_w22 * x2 + new_b2)))
    new_score = new_v1 * new_a1 + new_v2 * new_a2 + new_c
    assert abs(new_score - y) < abs(score - y)
