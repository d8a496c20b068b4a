"""Activation functions: what a neuron makes of its sum z, and the derivative of that.

An activation is a value of two functions. The derivative receives z and a = g(z), so that a formula
may use whichever makes it short (the sigmoid's is `a (1 - a)`) and nothing is computed twice. Both
work elementwise on arrays of any shape, and return the dtype they were given.

To add one, write its two functions and its line in `ACTIVATIONS`: the gradient tests look there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats


@dataclass(frozen=True)
class Activation:
    """A function g of the pre-activation z, with its derivative.

    Attributes:
        name: what users call it.
        function: z -> a = g(z).
        derivative: (z, a) -> da/dz = g'(z).
    """

    name: str
    function: Callable[[Floats], Floats]
    derivative: Callable[[Floats, Floats], Floats]


# identity:  a = z, for the last layer and for networks that shall stay linear


def _identity(z: Floats) -> Floats:
    return z


def _identity_derivative(z: Floats, a: Floats) -> Floats:
    return np.ones_like(z)


# sigmoid:  a = 1 / (1 + e^-z),  a' = a (1 - a)


def _sigmoid(z: Floats) -> Floats:
    from scipy.special import expit  # here: it takes as long to import as all else of a training

    return expit(z)


def _sigmoid_derivative(z: Floats, a: Floats) -> Floats:
    return a * (1 - a)


# tanh:  a = (e^z - e^-z) / (e^z + e^-z),  a' = 1 - a^2


def _tanh(z: Floats) -> Floats:
    return np.tanh(z)


def _tanh_derivative(z: Floats, a: Floats) -> Floats:
    return 1 - a * a


# ReLU:  a = max(0, z),  a' = 1 where z > 0, else 0  (at the kink we take 0, as PyTorch does)


def _relu(z: Floats) -> Floats:
    return np.maximum(z, 0)


def _relu_derivative(z: Floats, a: Floats) -> Floats:
    return (z > 0).astype(z.dtype)


# LeakyReLU:  a = z where z > 0, else 0.01 z  (Maas, Hannun & Ng 2013)

LEAK = 0.01


def _leaky_relu(z: Floats) -> Floats:
    return np.where(z > 0, z, LEAK * z)


def _leaky_relu_derivative(z: Floats, a: Floats) -> Floats:
    return np.where(z > 0, 1, LEAK).astype(z.dtype)


# ELU:  a = z where z > 0, else e^z - 1,  a' = 1 or a + 1  (Clevert, Unterthiner & Hochreiter 2016)


def _elu(z: Floats) -> Floats:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def _elu_derivative(z: Floats, a: Floats) -> Floats:
    return np.where(z > 0, 1, a + 1).astype(z.dtype)


# SELU:  a = scale * (z where z > 0, else alpha (e^z - 1))  (Klambauer et al. 2017, equation 2)

SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def _selu(z: Floats) -> Floats:
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def _selu_derivative(z: Floats, a: Floats) -> Floats:
    return np.where(z > 0, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA).astype(z.dtype)


# GELU:  a = z Phi(z),  a' = Phi(z) + z phi(z), with the normal distribution's Phi and density phi
# (Hendrycks & Gimpel 2016, the exact form)


def _normal_distribution(z: Floats) -> Floats:
    from scipy.special import erf

    return 0.5 * (1 + erf(z * np.sqrt(0.5, dtype=z.dtype)))


def _gelu(z: Floats) -> Floats:
    return z * _normal_distribution(z)


def _gelu_derivative(z: Floats, a: Floats) -> Floats:
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi, dtype=z.dtype)
    return _normal_distribution(z) + z * density


# SiLU, or swish:  a = z s(z) with the sigmoid s,  a' = s + a (1 - s)  (Elfwing et al. 2018)


def _silu(z: Floats) -> Floats:
    return z * _sigmoid(z)


def _silu_derivative(z: Floats, a: Floats) -> Floats:
    s = _sigmoid(z)
    return s + a * (1 - s)


# Mish:  a = z t with t = tanh(softplus(z)),  a' = t + z (1 - t^2) s(z)  (Misra 2019)


def _mish(z: Floats) -> Floats:
    return z * np.tanh(_softplus(z))


def _mish_derivative(z: Floats, a: Floats) -> Floats:
    t = np.tanh(_softplus(z))
    return t + z * (1 - t * t) * _sigmoid(z)


# softplus:  a = ln(1 + e^z),  a' = s(z)  (Dugas et al. 2001)


def _softplus(z: Floats) -> Floats:
    return np.logaddexp(0, z, dtype=z.dtype)


def _softplus_derivative(z: Floats, a: Floats) -> Floats:
    return _sigmoid(z)


IDENTITY = Activation("identity", _identity, _identity_derivative)
SIGMOID = Activation("sigmoid", _sigmoid, _sigmoid_derivative)
TANH = Activation("tanh", _tanh, _tanh_derivative)
RELU = Activation("relu", _relu, _relu_derivative)
LEAKY_RELU = Activation("leaky_relu", _leaky_relu, _leaky_relu_derivative)
ELU = Activation("elu", _elu, _elu_derivative)
SELU = Activation("selu", _selu, _selu_derivative)
GELU = Activation("gelu", _gelu, _gelu_derivative)
SILU = Activation("silu", _silu, _silu_derivative)
MISH = Activation("mish", _mish, _mish_derivative)
SOFTPLUS = Activation("softplus", _softplus, _softplus_derivative)

ACTIVATIONS = {
    activation.name: activation
    for activation in (
        IDENTITY,
        SIGMOID,
        TANH,
        RELU,
        LEAKY_RELU,
        ELU,
        SELU,
        GELU,
        SILU,
        MISH,
        SOFTPLUS,
    )
}
