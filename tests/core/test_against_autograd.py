"""Gradients against HIPS autograd, which differentiates the plain formulas by itself."""

import numpy as np
import pytest
from autograd import grad
from autograd import numpy as anp
from autograd.scipy.special import erf

from chainrule.engines import reference
from core import formulas
from core.cases import ALL_PAIRS, case, dropout_factors, pair_name


@pytest.mark.parametrize(("g", "loss"), ALL_PAIRS, ids=pair_name)
def test_the_gradient_agrees_with_autograd(g, loss):
    depth = (len(g.name) + len(loss.name)) % 5  # 0 .. 4, mixed over the pairs
    made = case(g, loss, depth=depth, seed=11, dropout=0.25 if depth else 0.0)
    keep = dropout_factors(made.network, len(made.rows))

    def plain(theta):
        return formulas.J(made.network, theta, made.rows, made.l2, keep, anp, erf)

    J, gradient = reference.loss_and_gradient(
        made.network, made.parameters, made.rows, made.l2, keep
    )
    expected = grad(plain)(made.parameters.theta)
    assert pytest.approx(plain(made.parameters.theta), rel=1e-12) == J
    error = np.max(np.abs(gradient.theta - expected)) / np.max(np.abs(expected))
    assert error < 1e-12
