"""The reference engine: the notes' formulas in NumPy, written to be read. It defines every result.

It works in the dtype of theta and X: float64 where numbers are proven, float32 where speed counts.
X may be a SciPy CSR array; it stays one, so that only its batches' activations take memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import matmul
from typing import TypeAlias

import numpy as np

from chainrule.arrays import Floats, Targets
from chainrule.engines import LEAST_ROUNDED, EpochPlan, Rows, Tell
from chainrule.network import Network, Parameters
from chainrule.optimizers import Optimizer, State
from chainrule.randomness import keep_mask

ROWS_AT_ONCE = 8192  # when nothing is learnt: bounds the memory that activations take


Product: TypeAlias = Callable[[Floats, Floats], Floats]
"""How a product is made: `matmul`, or `rounded_product`."""


@dataclass(frozen=True)
class Passed:
    """What rows left behind on their way through the network; the backward pass needs it all.

    Attributes:
        Z: pre-activations of each layer, (n, h_l).
        A: A[0] is X; A[l + 1] is what layer l gives, (n, h_l).
        keep: for each layer None, or the factor of each activation under dropout, (n, h_l): 0 for
            the dropped, 1 / (1 - dropout) for the kept.
    """

    Z: Sequence[Floats]
    A: Sequence[Floats]
    keep: Sequence[Floats | None]


def forward(
    network: Network,
    parameters: Parameters,
    X: Floats,
    keep: Sequence[Floats | None] | None = None,
    product: Product = matmul,
) -> Passed:
    """Carry the rows X (n, d) through the network.

    A[0]   = X
    Z[l]   = A[l] @ W[l] + b[l]
    A[l+1] = g_l(Z[l])            under dropout times keep[l]
    """
    keep = keep or [None] * len(network.layers)
    Z: list[Floats] = []
    A: list[Floats] = [X]
    for layer, W, b, factor in zip(network.layers, parameters.W, parameters.b, keep, strict=True):
        z = of_layer(product, W)(A[-1], W) + b
        a = layer.activation.function(z)
        Z.append(z)
        A.append(a if factor is None else a * factor)
    return Passed(Z, A, keep)


def backward(
    network: Network,
    parameters: Parameters,
    passed: Passed,
    y: Targets,
    weight: Floats | None = None,
    product: Product = matmul,
) -> tuple[Parameters, list[Floats]]:
    """Gradient of the weighted mean loss J, and each delta[l] = dJ/dZ[l] of shape (n, h_l).

        delta[L-1] = weight / sum(weight) * loss.gradient(y, Z[L-1])
        delta[l]   = (delta[l+1] @ W[l+1].T) * g_l'(Z[l])       under dropout times keep[l]
        dJ/dW[l]   = A[l].T @ delta[l]
        dJ/db[l]   = sum over rows of delta[l]

    The product with W[l+1].T is the sum over all the neurons that a neuron feeds.
    """
    Z, A, keep = passed.Z, passed.A, passed.keep
    last = len(network.layers) - 1
    gradient = Parameters(network, np.empty_like(parameters.theta))
    deltas: list[Floats] = [Z[last]] * (last + 1)
    deltas[last] = row_shares(weight, len(y), Z[last]) * network.loss.gradient(y, Z[last])
    for l in range(last, -1, -1):
        if l < last:
            W = parameters.W[l + 1]
            fed_back = of_layer(product, W)(deltas[l + 1], W.T)
            g, factor = network.layers[l].activation, keep[l]
            if factor is None:
                deltas[l] = fed_back * g.derivative(Z[l], A[l + 1])
            else:
                deltas[l] = fed_back * factor * g.derivative(Z[l], g.function(Z[l]))
        made = of_layer(product, parameters.W[l])
        gradient.W[l][...] = made(A[l].T, deltas[l])  # with out=, NumPy would refuse a sparse A[0]
        np.sum(deltas[l], axis=0, out=gradient.b[l])
    return gradient, deltas


def scores(network: Network, parameters: Parameters, X: Floats) -> Floats:
    """Scores of shape (n, k): the last layer's sums, before the loss's link."""
    n = X.shape[0]
    found = np.empty((n, network.n_outputs), dtype=parameters.theta.dtype)
    for start in range(0, n, ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        found[part] = forward(network, parameters, X[part]).Z[-1]
    return found


def mean_loss(network: Network, parameters: Parameters, rows: Rows) -> float:
    """The weighted mean of the rows' losses, without penalty."""
    losses = network.loss.value(rows.y, scores(network, parameters, rows.X))
    return float(np.average(losses.astype(np.float64), weights=rows.weight))


def loss_and_gradient(
    network: Network,
    parameters: Parameters,
    rows: Rows,
    l2: float = 0.0,
    keep: Sequence[Floats | None] | None = None,
    product: Product = matmul,
    *,
    tell: Tell | None = None,
) -> tuple[float, Parameters]:
    """J and its gradient by theta, on all the rows given.

    J = sum_i weight_i loss_i / sum_i weight_i  +  l2 / 2 sum of the squares of all weights W
    """
    passed = forward(network, parameters, rows.X, keep, product)
    gradient, _ = backward(network, parameters, passed, rows.y, rows.weight, product)
    losses = network.loss.value(rows.y, passed.Z[-1])
    J = float(np.sum(row_shares(rows.weight, len(rows), losses)[:, 0] * losses))
    if l2:
        for W, dW in zip(parameters.W, gradient.W, strict=True):
            J += l2 / 2 * float(np.vdot(W, W))
            dW += l2 * W
    if tell is not None:
        tell(1.0)
    return J, gradient


def train_epoch(
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    state: State,
    rows: Rows,
    plan: EpochPlan,
    l2: float = 0.0,
    tell: Tell | None = None,
) -> tuple[float, Parameters, State]:
    """One pass over the rows, one step of the optimiser for each batch.

    Returns the mean of J over the batches as they were met, weighted by their row weights, with the
    new parameters and state. It ends early where J is NaN or infinite, and returns that J.
    """
    theta = parameters.theta
    product = rounded_product if plan.bfloat16 else matmul
    total = seen = 0.0
    for step, rate in enumerate(plan.rates):
        at = plan.order[step * plan.batch_size : (step + 1) * plan.batch_size]
        weight = None if rows.weight is None else rows.weight[at]
        batch_weight = float(len(at) if weight is None else weight.sum())
        if batch_weight == 0:
            continue  # rows that count for nothing teach nothing
        keep = _dropout_factors(network, plan, at, theta)
        batch = Rows(rows.X[at], rows.y[at], weight)
        J, gradient = loss_and_gradient(
            network,
            Parameters(network, theta),
            batch,
            l2 / batch_weight if plan.l2_of_sum else l2,
            keep,
            product,
        )
        if not np.isfinite(J):
            return J, Parameters(network, theta), state
        total += batch_weight * J
        seen += batch_weight
        state, theta = optimizer.step(state, gradient.theta, theta, float(rate))
        if tell is not None:
            tell((step + 1) / len(plan.rates))
    return total / seen, Parameters(network, theta), state


def of_layer(product: Product, W: Floats) -> Product:
    """How the products of a layer are made: factors of narrow ones are never rounded."""
    return product if min(W.shape) >= LEAST_ROUNDED else matmul


def rounded_product(A: Floats, B: Floats) -> Floats:
    """A @ B of factors that are rounded to bfloat16; a sparse A is not, and then nor is B."""
    return bfloat16(A) @ bfloat16(B) if isinstance(A, np.ndarray) else A @ B


def bfloat16(A: Floats) -> Floats:
    """The nearest numbers of 8 binary digits, ties to even: float32 without its lower half."""
    bits = np.array(A, dtype=np.float32, order="C").view(np.uint32)
    upper = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.where(np.isnan(A), A, upper.view(np.float32)).astype(A.dtype)


def row_shares(weight: Floats | None, n: int, like: Floats) -> Floats:
    """The share of each row in the mean over n rows, shape (n, 1): weight / sum(weight)."""
    if weight is None:
        return np.full((n, 1), 1 / n, dtype=like.dtype)
    return (weight / weight.sum()).astype(like.dtype)[:, None]


def _dropout_factors(
    network: Network, plan: EpochPlan, rows: np.ndarray, theta: Floats
) -> list[Floats | None]:
    """The factors `keep` of `Passed` for one batch."""
    factors: list[Floats | None] = []
    for layer, key in zip(network.layers, plan.dropout_keys, strict=True):
        if layer.dropout:
            mask = keep_mask(int(key), rows, layer.n_outputs, layer.dropout)
            factors.append(mask.astype(theta.dtype) / (1 - layer.dropout))
        else:
            factors.append(None)
    return factors
