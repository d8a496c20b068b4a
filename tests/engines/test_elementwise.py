"""Our own exp and its kin are as exact as their docstring says, at the edges too."""

import numpy as np
import pytest
from numba import njit
from scipy import special

from chainrule.engines.compiled.elementwise import functions

TRUTHS = {
    "exp": np.exp,
    "expm1": np.expm1,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softplus": lambda x: np.logaddexp(0, x),
}

BOUNDS = {np.float32: 3e-7, np.float64: 1e-15}


def applied(name, real, x):
    function = getattr(functions(real), name)

    @njit
    def run(x):
        out = np.empty_like(x)
        for i in range(len(x)):
            out[i] = function(x[i])
        return out

    return run(x.astype(real)).astype(np.float64)


@pytest.mark.parametrize("real", BOUNDS)
@pytest.mark.parametrize("name", TRUTHS)
def test_the_relative_error_is_within_what_is_said(name, real):
    x = np.concatenate([np.linspace(-86, 88, 20_011), np.linspace(-1, 1, 20_011), [0.0]])
    x = np.concatenate([x, np.geomspace(1e-30, 1, 1000), -np.geomspace(1e-30, 1, 1000)])
    x = x.astype(real).astype(np.float64)
    truth = TRUTHS[name](x)
    np.testing.assert_allclose(applied(name, real, x), truth, rtol=BOUNDS[real], atol=1e-37)


@pytest.mark.parametrize("real", BOUNDS)
@pytest.mark.parametrize("name", TRUTHS)
def test_infinities_have_their_limits_and_nan_stays_nan(name, real):
    x = np.array([np.inf, -np.inf, np.nan, 1e30, -1e30])
    with np.errstate(over="ignore", invalid="ignore"):
        truth = TRUTHS[name](x)
    np.testing.assert_allclose(applied(name, real, x), truth.astype(real), atol=1e-44)


@pytest.mark.parametrize("real", BOUNDS)
def test_exp_overflows_and_vanishes_where_the_number_type_does(real):
    top, bottom = np.log(np.finfo(real).max), np.log(np.finfo(real).tiny)
    x = np.array([np.nextafter(real(top), real(0)), top + 0.01, bottom, bottom - 20.0])
    found = applied("exp", real, x)
    assert np.isfinite(found[0])
    assert found[1] == np.inf
    assert found[2] == pytest.approx(np.finfo(real).tiny, rel=1e-4)
    assert found[3] < 1e-3 * np.finfo(real).tiny


@pytest.mark.parametrize("real", BOUNDS)
def test_log1p_serves_the_numbers_from_0_to_1(real):
    x = np.linspace(0, 1, 10_007).astype(real).astype(np.float64)
    np.testing.assert_allclose(applied("log1p", real, x), np.log1p(x), rtol=BOUNDS[real])


@pytest.mark.parametrize("real", BOUNDS)
def test_the_normal_distribution_is_within_two_units_of_the_last_place_of_1(real):
    normal = functions(real).normal

    @njit
    def run(z, below, density):
        for i in range(len(z)):
            below[i], density[i] = normal(z[i])

    z = np.linspace(-9, 9, 9001).astype(real)
    below, density = np.empty_like(z), np.empty_like(z)
    run(z, below, density)
    exact = z.astype(np.float64)
    np.testing.assert_allclose(below, special.ndtr(exact), atol=2 * np.finfo(real).eps)
    truth = np.exp(-exact * exact / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(density, truth, atol=2 * np.finfo(real).eps)
