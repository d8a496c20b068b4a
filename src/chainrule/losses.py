"""Losses: how wrong a row's scores are, and which way is better.

A loss owns its link, the function from the network's scores (the last layer's sums, any real
numbers) to predictions in the target's domain. Values and gradients take the raw scores, because
link and loss together are simpler and safer than one after the other: the gradient of softmax with
cross-entropy is `softmax(s) - q`, without a logarithm of a rounded zero.

For every loss, with n rows and k outputs:

    link(scores)         (n, k) -> predictions (n, k)
    value(y, scores)     the loss of each row, (n,): the sum over its outputs
    gradient(y, scores)  d value / d scores, (n, k)

Row weights and the mean over rows are applied once, in the engine. A kink has the derivative that
PyTorch gives it where PyTorch has that loss.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from chainrule.arrays import Floats, Targets
from chainrule.errors import InputError


@dataclass(frozen=True)
class Loss(ABC):
    """Base of all losses; a loss with a parameter has it as a field."""

    name: ClassVar[str]

    def link(self, scores: Floats) -> Floats:
        """Predictions of shape (n, k) from scores of shape (n, k); the identity unless said."""
        return scores

    def as_targets(self, y: Targets) -> Targets:
        """An encoded target column, (n, 1) numbers or (n,) class indices, as `value` takes it."""
        return y

    def checked(self, y: Targets, k: int) -> Targets:
        """`y` in the form that `value` takes for k outputs: here real numbers of shape (n, k).

        Raises:
            InputError: a shape, or a value outside the loss's domain.
        """
        return _real_targets(self.name, y, k)

    @abstractmethod
    def value(self, y: Targets, scores: Floats) -> Floats:
        """Loss of each row, shape (n,)."""

    @abstractmethod
    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Derivative of each row's loss by its scores, shape (n, k)."""

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters as plain data."""
        fields = asdict(self).items()
        return {"name": self.name, **{k: list(v) if isinstance(v, tuple) else v for k, v in fields}}


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared error with the notes' constant, for any real target.

    value    = 1/2 sum_k (s - y)^2        whose mean over rows is J = 1/(2n) sum (y' - y)^2
    gradient = s - y
    """

    name = "squared"

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Half the squared distance of each row, shape (n,)."""
        return 0.5 * np.sum((scores - y) ** 2, axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Scores minus targets, shape (n, k)."""
        return scores - y


@dataclass(frozen=True)
class AbsoluteError(Loss):
    """Absolute error: its best constant is the median, so that outliers pull less.

    value    = sum_k |s - y|
    gradient = sign(s - y)
    """

    name = "absolute"

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Distance of each row, shape (n,)."""
        return np.sum(np.abs(scores - y), axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """-1, 0 or 1 for each output, shape (n, k)."""
        return np.sign(scores - y)


@dataclass(frozen=True)
class Huber(Loss):
    """Squared error near the target, absolute error beyond `delta` (Huber 1964).

    With r = s - y:
    value    = sum_k  r^2 / 2 where |r| <= delta, else delta (|r| - delta / 2)
    gradient = r clipped to [-delta, delta]
    """

    name = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a delta that is not positive."""
        if not 0 < self.delta < np.inf:
            raise InputError(f"huber: delta is {self.delta}, but must be a positive number.")

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Loss of each row, shape (n,)."""
        r = np.abs(scores - y)
        inside = np.minimum(r, self.delta)
        # inside^2/2 + delta (r - inside) is both branches in one line
        return np.sum(inside * inside / 2 + self.delta * (r - inside), axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Clipped residual, shape (n, k)."""
        return np.clip(scores - y, -self.delta, self.delta)


@dataclass(frozen=True)
class Quantile(Loss):
    """Pinball loss: one output for each level, all for the one target y of shape (n, 1).

    Its best constant at level q is the q-quantile (Koenker & Bassett 1978). With r = y - s:
    value    = sum_k  q_k r where r > 0, else (q_k - 1) r
    gradient = -q_k where r > 0, else 1 - q_k
    link     = scores in ascending order: quantiles must not cross, and sorting never makes the
               loss larger (Chernozhukov, Fernandez-Val & Galichon 2010)
    """

    name = "quantile"
    levels: tuple[float, ...] = (0.1, 0.5, 0.9)

    def __post_init__(self) -> None:
        """Refuse levels outside (0, 1) or not in ascending order."""
        object.__setattr__(self, "levels", tuple(float(q) for q in self.levels))
        levels = self.levels
        ascending = all(a < b for a, b in pairwise(levels))
        if not levels or not ascending or not all(0 < q < 1 for q in levels):
            raise InputError(
                f"quantile: the levels are {list(levels)}, but must be numbers between 0 and 1 "
                "in ascending order, such as 0.1, 0.5, 0.9."
            )

    def checked(self, y: Targets, k: int) -> Targets:
        """One real number for each row, shape (n, 1); as many outputs as levels."""
        if k != len(self.levels):
            raise InputError(f"quantile: {len(self.levels)} levels need as many outputs, not {k}.")
        return _real_targets(self.name, y, 1)

    def link(self, scores: Floats) -> Floats:
        """Quantiles in ascending order, shape (n, k)."""
        return np.sort(scores, axis=1)

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Sum of the pinball losses of each row, shape (n,)."""
        q, r = self._levels(scores), y - scores
        return np.sum(np.maximum(q * r, (q - 1) * r), axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """-q or 1 - q for each level, shape (n, k)."""
        q = self._levels(scores)
        return np.where(y > scores, -q, 1 - q)

    def _levels(self, scores: Floats) -> Floats:
        return np.asarray(self.levels, dtype=scores.dtype)


@dataclass(frozen=True)
class Poisson(Loss):
    """Poisson deviance for counts and other targets y >= 0, without its constant in y.

    link     = e^s
    value    = sum_k  e^s - y s
    gradient = e^s - y
    """

    name = "poisson"

    def checked(self, y: Targets, k: int) -> Targets:
        """Numbers of 0 or above, shape (n, k)."""
        y = _real_targets(self.name, y, k)
        if (y < 0).any():
            raise InputError(
                f"poisson: the target has the value {y.min():g}; it must be 0 or more."
            )
        return y

    def link(self, scores: Floats) -> Floats:
        """Expected counts, shape (n, k)."""
        return np.exp(scores)

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Loss of each row, shape (n,); may be negative."""
        return np.sum(np.exp(scores) - y * scores, axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Expected minus observed, shape (n, k)."""
        return np.exp(scores) - y


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """Cross-entropy of yes/no targets: one output is a binary task, several a multi-label one.

    Targets y are 0 or 1 (or any share between), each output on its own. With smoothing epsilon,
    q = (1 - epsilon) y + epsilon / 2 stands in for y.
    link     = sigmoid(s), the probability of yes
    value    = sum_k  ln(1 + e^s) - q s
    gradient = sigmoid(s) - q
    """

    name = "binary_cross_entropy"
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a smoothing outside [0, 1)."""
        _check_smoothing(self.smoothing)

    def as_targets(self, y: Targets) -> Targets:
        """Indices of two classes as shares of yes, (n, 1)."""
        return y.astype(np.float64)[:, None] if y.ndim == 1 else y

    def checked(self, y: Targets, k: int) -> Targets:
        """Shares of yes from 0 to 1, shape (n, k)."""
        y = _real_targets(self.name, y, k)
        if (y < 0).any() or (y > 1).any():
            raise InputError(
                f"{self.name}: targets go from {y.min():g} to {y.max():g}; "
                "they must be 0 for no, 1 for yes, or between."
            )
        return y

    def link(self, scores: Floats) -> Floats:
        """Probability of yes for each output, shape (n, k)."""
        from scipy.special import expit  # here: it takes long to import

        return expit(scores)

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Loss of each row, shape (n,)."""
        softplus = np.logaddexp(0, scores, dtype=scores.dtype)
        return np.sum(softplus - self._smoothed(y) * scores, axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Probability minus target, shape (n, k)."""
        return self.link(scores) - self._smoothed(y)

    def _smoothed(self, y: Targets) -> Targets:
        return (1 - self.smoothing) * y + self.smoothing / 2


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of one class out of k; targets y are class indices of shape (n,).

    With smoothing epsilon (Szegedy et al. 2016) the target distribution is
    q = (1 - epsilon) [j = y] + epsilon / k.
    link     = softmax(s) = e^{s_j} / sum_i e^{s_i}
    value    = ln sum_j e^{s_j} - sum_j q_j s_j
    gradient = softmax(s) - q
    """

    name = "softmax_cross_entropy"
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a smoothing outside [0, 1)."""
        _check_smoothing(self.smoothing)

    def checked(self, y: Targets, k: int) -> Targets:
        """Class indices 0 .. k - 1, shape (n,)."""
        y = np.asarray(y)
        if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer):
            raise InputError(
                f"{self.name}: targets are {y.dtype} of shape {y.shape}; "
                "they must be class indices, whole numbers of shape (n,)."
            )
        if len(y) and not 0 <= y.min() <= y.max() < k:
            raise InputError(
                f"{self.name}: class indices go from {y.min()} to {y.max()}, "
                f"but with {k} outputs they must be from 0 to {k - 1}."
            )
        return y

    def link(self, scores: Floats) -> Floats:
        """Class probabilities, shape (n, k); each row sums to 1."""
        sizes = np.exp(scores - scores.max(axis=1, keepdims=True))  # so that none overflows
        return sizes / sizes.sum(axis=1, keepdims=True)

    def value(self, y: Targets, scores: Floats) -> Floats:
        """Loss of each row, shape (n,)."""
        top = scores.max(axis=1)  # taken out of the exponentials, so that none overflows
        log_sum = top + np.log(np.sum(np.exp(scores - top[:, None]), axis=1))
        own = scores[np.arange(len(y)), y]
        return log_sum - (1 - self.smoothing) * own - self.smoothing * scores.mean(axis=1)

    def gradient(self, y: Targets, scores: Floats) -> Floats:
        """Probabilities minus target distribution, shape (n, k)."""
        difference = self.link(scores) - self.smoothing / scores.shape[1]
        difference[np.arange(len(y)), y] -= 1 - self.smoothing
        return difference


def n_targets(loss: Loss, k: int) -> int:
    """How many targets a row has where a network has k outputs: k numbers or labels, or one."""
    return 1 if isinstance(loss, Quantile | SoftmaxCrossEntropy) else k


def central_output(loss: Loss) -> int:
    """The output that a single number is taken from: of quantiles the one nearest to 1/2."""
    levels = loss.levels if isinstance(loss, Quantile) else (0.5,)
    return int(np.argmin([abs(q - 0.5) for q in levels]))


def _real_targets(name: str, y: Targets, k: int) -> Targets:
    y = np.asarray(y)
    if y.ndim != 2 or y.shape[1] != k:
        raise InputError(f"{name}: targets have shape {y.shape}, but must have shape (n, {k}).")
    if not np.issubdtype(y.dtype, np.floating):
        y = y.astype(np.float64)
    if not np.isfinite(y).all():
        raise InputError(f"{name}: a target is NaN or infinite; fill or drop such rows first.")
    return y


def _check_smoothing(smoothing: float) -> None:
    if not 0 <= smoothing < 1:
        raise InputError(f"label smoothing is {smoothing}, but must be at least 0 and below 1.")


LOSSES: dict[str, type[Loss]] = {
    loss.name: loss
    for loss in (
        SquaredError,
        AbsoluteError,
        Huber,
        Quantile,
        Poisson,
        BinaryCrossEntropy,
        SoftmaxCrossEntropy,
    )
}
