"""Each activation alone: values, derivatives, extremes, types."""

import numpy as np
import pytest

from chainrule.activations import ACTIVATIONS, RELU
from core import formulas

# away from 0, where some have a kink, and on both sides of it
Z = np.concatenate([np.linspace(-6, -0.01, 60), np.linspace(0.01, 6, 60)])

each = pytest.mark.parametrize("g", ACTIVATIONS.values(), ids=lambda g: g.name)


@each
def test_the_function_is_that_of_its_paper(g):
    np.testing.assert_allclose(
        g.function(Z), formulas.activation(g.name, Z), rtol=1e-12, atol=1e-14
    )


@each
def test_the_derivative_agrees_with_the_complex_step(g):
    step = formulas.activation(g.name, Z + 1j * formulas.STEP).imag / formulas.STEP
    np.testing.assert_allclose(g.derivative(Z, g.function(Z)), step, rtol=1e-12, atol=1e-14)


@each
def test_the_derivative_agrees_with_central_differences(g):
    h = 1e-5
    difference = (g.function(Z + h) - g.function(Z - h)) / (2 * h)
    np.testing.assert_allclose(g.derivative(Z, g.function(Z)), difference, rtol=0, atol=1e-9)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_and_the_shape_stay(g, dtype):
    z = np.linspace(-3, 3, 12, dtype=dtype).reshape(2, 3, 2)
    a = g.function(z)
    assert a.dtype == g.derivative(z, a).dtype == dtype
    assert a.shape == g.derivative(z, a).shape == z.shape


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows_far_from_zero(g, dtype):
    z = np.array([-1e4, -100, -20, 0, 20, 100, 1e4], dtype=dtype)
    a = g.function(z)
    assert np.isfinite(a).all()
    assert np.isfinite(g.derivative(z, a)).all()


@each
def test_the_argument_is_left_as_it_was(g):
    z = Z.copy()
    g.derivative(z, g.function(z))
    np.testing.assert_array_equal(z, Z)


@each
def test_float32_is_float64_rounded(g):
    z = Z.astype(np.float32)
    a = g.function(z)
    exact = g.function(z.astype(np.float64))
    np.testing.assert_allclose(a, exact, rtol=1e-5, atol=1e-6)
    slope = g.derivative(z.astype(np.float64), exact)
    np.testing.assert_allclose(g.derivative(z, a), slope, rtol=1e-5, atol=1e-6)


def test_relu_is_flat_at_its_kink():
    z = np.zeros(1)
    assert RELU.derivative(z, RELU.function(z)) == 0


def test_names_are_the_keys_of_the_registry():
    assert all(name == g.name for name, g in ACTIVATIONS.items())
