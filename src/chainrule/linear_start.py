"""The linear start: a network begins as a linear model of its inputs, and may end as one.

With a ReLU, SiLU or GELU two neurons carry a line through a layer, since

    g(z) - g(-z) = z,

so that a network can give the answers of a linear model exactly. Training begins there, and where
no epoch is better on the held-out rows it ends there too. How strongly the weights of the linear
model are held down is chosen by these rows as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.activations import IDENTITY
from chainrule.arrays import Floats, Targets, is_sparse
from chainrule.engines import Rows, reference
from chainrule.losses import Loss
from chainrule.network import Dense, Network, Parameters

PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 3e-4, 1e-4, 3e-5, 1e-5, 3e-6, 1e-6)
"""Of 1/2 sum W^2, beside the mean loss: each is tried as long as the one before it was better."""

FEW_ROWS = 2_000
MOST_NUMBERS = 4_000_000
"""A linear model learns from so many inputs times rows at most, but from a few rows in any case."""

SPARSE = 0.2
"""A table with a smaller share of numbers other than 0 is kept as a sparse one."""

ITERATIONS = 50
"""Of L-BFGS for each penalty, from where the larger one ended."""


class Judge(Protocol):
    """A figure of rows that were not learnt from; the smaller the better."""

    def __call__(self, y: Targets, scores: Floats, weight: Floats | None, /) -> float:
        """From targets, scores before the link, and the weights of the rows."""


@dataclass(frozen=True)
class LinearModel:
    """scores = X W + b, with W of shape (d, k) and b of shape (k,), float64."""

    W: Floats
    b: Floats

    def scores(self, X: Floats) -> Floats:
        """Of shape (n, k), from inputs (n, d); the product in their precision, with no copy."""
        scores: Floats = X @ self.W.astype(X.dtype, copy=False) + self.b
        return scores

    def widened(self, wanted: NDArray[np.bool_]) -> "LinearModel":
        """The same for more inputs, of which those that are not wanted have no weight."""
        W = np.zeros((len(wanted), self.W.shape[1]))
        W[wanted] = self.W
        return LinearModel(W, self.b)


def carries_lines(network: Network) -> bool:
    """Whether hidden layers are there, each wide enough and of an activation that can."""
    z = np.linspace(-3.0, 3.0, 7)[:, None]
    hidden = network.layers[:-1]
    return bool(hidden) and all(
        layer.n_outputs >= 2 * network.n_outputs
        and np.allclose(layer.activation.function(z) - layer.activation.function(-z), z, atol=1e-12)
        for layer in hidden
    )


def beginning_as(network: Network, parameters: Parameters, linear: LinearModel) -> Parameters:
    """The parameters, with a line for each score laid through the first 2 k neurons of each layer.

        W[0]   = [W, -W, drawn ...]
        W[l]   = [[I, -I], [-I, I]] for these neurons, 0 from all others to them
        W[L-1] = [I; -I; 0 ...],   b[L-1] = b

    The other neurons keep what was drawn for them, and are without influence at first.

    Args:
        network: one that `carries_lines`.
        parameters: as drawn, biases 0; they are left as they are.
        linear: whose answers the network gives.
    """
    begun, k = parameters.copy(), network.n_outputs
    line = np.eye(k)
    there_and_back = np.block([[line, -line], [-line, line]])
    begun.W[0][:, : 2 * k] = np.hstack([linear.W, -linear.W])
    for W in begun.W[1:-1]:
        W[:, : 2 * k] = 0
        W[: 2 * k, : 2 * k] = there_and_back
    begun.W[-1][...] = 0
    begun.W[-1][: 2 * k] = np.vstack([line, -line])
    begun.b[-1][...] = linear.b
    return begun


def linear_models(
    loss: Loss,
    k: int,
    parts: Sequence[tuple[Rows, Rows]],
    judge: Judge,
    draws: np.random.Generator,
) -> list[LinearModel]:
    """A linear model for each part, all with the penalty that is best for their judging rows.

    Args:
        loss: what they learn.
        k: scores of a row.
        parts: each the rows to learn from and those that judge; at least one part.
        judge: of judging rows.
        draws: choose among rows that are too many.
    """
    # Inputs of a category with many levels are low, which would count its penalty many times.
    first = parts[0][0].X
    heights = np.maximum(first.max(axis=0), -first.min(axis=0)).astype(np.float64)
    heights[(heights == 0) | (heights > 1)] = 1.0
    learnt = [_lifted(few_rows(rows, draws), heights) for rows, _ in parts]
    judging = [_lifted(rows, heights) for _, rows in parts]
    spaces = [RowSpace.of(rows.X) for rows in learnt]
    at = [LinearModel(np.zeros((space.Z.shape[1], k)), np.zeros(k)) for space in spaces]
    best, best_judged = list[LinearModel](), np.inf
    for penalty in PENALTIES:
        at = [
            _fitted(loss, Rows(space.Z, rows.y, rows.weight), start, penalty)
            for space, rows, start in zip(spaces, learnt, at, strict=True)
        ]
        found = [space.model(model) for space, model in zip(spaces, at, strict=True)]
        judged = np.mean(
            [
                judge(rows.y, model.scores(rows.X), rows.weight)
                for model, rows in zip(found, judging, strict=True)
            ]
        )
        if best and not judged < best_judged:
            break
        best, best_judged = found, float(judged)

    return [LinearModel(model.W / heights[:, None], model.b) for model in best]


def few_rows(rows: Rows, draws: np.random.Generator) -> Rows:
    """So many of the rows that a linear model of them is quick."""
    sample = rows.X[:FEW_ROWS]
    numbers_a_row = np.count_nonzero(sample) / len(sample)
    most = max(FEW_ROWS, int(MOST_NUMBERS / max(numbers_a_row, 1)))
    n = len(rows)
    return rows if n <= most else rows.take(np.sort(draws.choice(n, most, replace=False)))


def _lifted(rows: Rows, heights: Floats) -> Rows:
    """The rows with inputs divided by heights, in float64, as a sparse table where most are 0."""
    X: Any = rows.X
    if np.count_nonzero(X) < SPARSE * X.size:
        from scipy.sparse import csr_array

        X = csr_array(X)
        X = X.astype(np.float64).multiply(1 / heights).tocsr()
    else:
        X = X / heights
    return Rows(X, rows.y, rows.weight)


@dataclass(frozen=True)
class RowSpace:
    """Inputs in as few dimensions as a linear model of them needs.

    With more inputs than rows a penalised W lies in the space that the rows span: X = U S V^T, so
    that Z = U S of shape (n, r) does in place of X, and W = V w.

    Attributes:
        Z: (n, r).
        V: (d, r), None where Z is X itself.
    """

    Z: Floats
    V: Floats | None

    @classmethod
    def of(cls, X: Floats) -> "RowSpace":
        """The row space of inputs (n, d)."""
        n, d = X.shape
        if d <= n:
            return cls(X, None)
        products: Any = X @ X.T
        squares, U = np.linalg.eigh(products.toarray() if is_sparse(products) else products)
        kept = squares > squares[-1] * 1e-10
        S, U = np.sqrt(squares[kept]), U[:, kept]
        return cls(U * S, X.T @ (U / S))

    def model(self, linear: LinearModel) -> LinearModel:
        """A linear model of Z as one of X."""
        return linear if self.V is None else LinearModel(self.V @ linear.W, linear.b)


def _fitted(loss: Loss, rows: Rows, start: LinearModel, penalty: float) -> LinearModel:
    """The linear model with the smallest mean loss and penalty, sought from `start` on."""
    from scipy.optimize import minimize  # here: it takes long to import

    d, k = start.W.shape
    network = Network((Dense(d, k, IDENTITY),), loss)

    def objective(theta: Floats) -> tuple[float, Floats]:
        at = Parameters(network, theta)
        J, gradient = reference.loss_and_gradient(network, at, rows, penalty)
        return J, gradient.theta

    theta = np.concatenate([start.W.ravel(), start.b])
    found = minimize(
        objective,
        theta,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ITERATIONS, "ftol": 1e-6, "gtol": 1e-6},
    )
    if not np.isfinite(found.x).all():
        return start
    reached = Parameters(network, np.asarray(found.x))
    return LinearModel(reached.W[0].copy(), reached.b[0].copy())
