"""The same maths a second time, as the books print it, without any code of the core.

Written plainly: no care for overflow, no shared work. Every formula takes complex numbers too, so
that the complex step can differentiate it (Squire & Trapp 1998): f'(x) = Im f(x + ih) / h, without
a difference of near numbers. `m` is the module of functions: numpy, or autograd.numpy.
"""

import math

import numpy as np
from scipy.special import erf

STEP = 1e-30


def _positive(z):
    # autograd's boxes have no `real`, and need none: they hold real numbers
    return z.real > 0 if np.iscomplexobj(z) else z > 0


def activation(name, z, m=np, erf=erf):
    """a = g(z)."""
    sigmoid = 1 / (1 + m.exp(-z))
    softplus = m.log(1 + m.exp(z))
    match name:
        case "identity":
            return z
        case "sigmoid":
            return sigmoid
        case "tanh":
            return (m.exp(z) - m.exp(-z)) / (m.exp(z) + m.exp(-z))
        case "relu":
            return m.where(_positive(z), z, 0 * z)
        case "leaky_relu":
            return m.where(_positive(z), z, z / 100)
        case "elu":
            return m.where(_positive(z), z, m.exp(z) - 1)
        case "selu":
            scale, alpha = _selu_constants()
            return scale * m.where(_positive(z), z, alpha * (m.exp(z) - 1))
        case "gelu":
            return z * (1 + erf(z / math.sqrt(2))) / 2
        case "silu":
            return z * sigmoid
        case "mish":
            return z * m.tanh(softplus)
        case "softplus":
            return softplus
    raise KeyError(name)


def _selu_constants():
    """The fixed point of mean 0 and variance 1, in closed form (Klambauer et al. 2017, eq. 14)."""
    e, pi = math.e, math.pi
    erfc = math.erfc
    alpha = -math.sqrt(2 / pi) / (erfc(1 / math.sqrt(2)) * math.exp(1 / 2) - 1)
    scale = (
        (1 - erfc(1 / math.sqrt(2)) * math.sqrt(e))
        * math.sqrt(2 * pi)
        / math.sqrt(
            2 * erfc(math.sqrt(2)) * e**2
            + pi * erfc(1 / math.sqrt(2)) ** 2 * e
            - 2 * (2 + pi) * erfc(1 / math.sqrt(2)) * math.sqrt(e)
            + pi
            + 2
        )
    )
    return scale, alpha


def loss(loss, y, s, m=np):
    """The loss of each row, (n,), from targets and scores."""
    k = s.shape[1]
    match loss.name:
        case "squared":
            each = (s - y) ** 2 / 2
        case "absolute":
            each = m.where(_positive(s - y), s - y, y - s)
        case "huber":
            r = m.where(_positive(s - y), s - y, y - s)
            near = _positive(loss.delta - r)
            each = m.where(near, r * r / 2, loss.delta * (r - loss.delta / 2))
        case "quantile":
            q = np.array(loss.levels)
            each = m.where(_positive(y - s), q * (y - s), (1 - q) * (s - y))
        case "poisson":
            each = m.exp(s) - y * s
        case "binary_cross_entropy":
            q = y * (1 - loss.smoothing) + loss.smoothing / 2
            yes, no = 1 / (1 + m.exp(-s)), 1 / (1 + m.exp(s))  # 1 - yes would lose digits
            each = -q * m.log(yes) - (1 - q) * m.log(no)
        case "softmax_cross_entropy":
            q = (1 - loss.smoothing) * np.eye(k)[y] + loss.smoothing / k
            p = m.exp(s) / m.sum(m.exp(s), axis=1, keepdims=True)
            each = -q * m.log(p)
        case unknown:
            raise KeyError(unknown)
    return m.sum(each, axis=1)


def J(network, theta, rows, l2=0.0, keep=None, m=np, erf=erf):
    """The weighted mean loss with its penalty, from the vector theta."""
    a, at, penalty = rows.X, 0, 0.0
    for l, layer in enumerate(network.layers):
        d, h = layer.n_inputs, layer.n_outputs
        W = m.reshape(theta[at : at + d * h], (d, h))
        b = theta[at + d * h : at + d * h + h]
        at += d * h + h
        penalty = penalty + l2 / 2 * m.sum(W * W)
        a = activation(layer.activation.name, m.dot(a, W) + b, m, erf)
        if keep is not None and keep[l] is not None:
            a = a * keep[l]
    weight = np.ones(len(rows)) if rows.weight is None else rows.weight
    return m.sum(weight * loss(network.loss, rows.y, a, m)) / np.sum(weight) + penalty


def complex_step(f, theta):
    """The gradient of f at theta, entry by entry, to rounding error."""
    gradient = np.empty_like(theta)
    for i in range(len(theta)):
        probe = theta.astype(complex)
        probe[i] += 1j * STEP
        gradient[i] = f(probe).imag / STEP
    return gradient
