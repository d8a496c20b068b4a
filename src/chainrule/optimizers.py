"""Optimisers: how a gradient becomes an update.

An optimiser is a value with two pure functions. `init(theta)` gives its state before the first
step; `step(state, gradient, theta, rate)` gives the next state and the next theta and changes
neither of those it was given. All of them work on one flat vector; letters are those of the papers:
t counts steps, m and v are moving means of the gradient and of its square.

Each agrees step by step with its twin in PyTorch; where that differs from the paper, its docstring
says so.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from chainrule.arrays import Floats
from chainrule.errors import InputError

State: TypeAlias = Mapping[str, Any]
"""The memory of an optimiser between steps: named vectors of shape (p,), and the step count t."""


@dataclass(frozen=True)
class Optimizer(ABC):
    """Base of the optimisers that take one step for each batch."""

    name: ClassVar[str]

    @abstractmethod
    def init(self, theta: Floats) -> State:
        """The state before the first step."""

    @abstractmethod
    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """The state and theta after one step of size `rate`."""

    def answer(self, state: State, theta: Floats) -> Floats:
        """The theta to predict with: where the steps have come to, unless the optimiser averages.

        The steps go on from `theta`, not from it.
        """
        return theta

    def for_first_layer(self, d: int, h: int) -> "Optimizer":
        """The optimiser for a theta that begins with a W of d inputs and h neurons.

        Most need not know where the layers are, and are what they were.
        """
        return self


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent, with momentum (Polyak 1964) and Nesterov's look ahead if asked.

        v     <- momentum v + g
        theta <- theta - rate v                       or, with nesterov,
        theta <- theta - rate (g + momentum v)        (Sutskever et al. 2013, as PyTorch writes it)

    With momentum 0 this is the notes' rule: W <- W - alpha dJ/dW, b <- b - alpha dJ/db.

    Attributes:
        momentum: what of v is kept.
        nesterov: whether to look ahead.
        rate_in_velocity: whether v holds rate g in place of g, and theta moves by what v says: so
            scikit-learn and Keras have it. While the rate stays it is the same; where it falls,
            old gradients keep the rate they came with.
    """

    name = "sgd"
    momentum: float = 0.9
    nesterov: bool = True
    rate_in_velocity: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse a momentum outside [0, 1)."""
        _check_share("sgd", "momentum", self.momentum)

    def init(self, theta: Floats) -> State:
        """v = 0."""
        return {"v": np.zeros_like(theta)}

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """One step down along the velocity."""
        within, rate = (rate, 1.0) if self.rate_in_velocity else (1.0, rate)
        push = within * gradient
        v = self.momentum * state["v"] + push
        direction = push + self.momentum * v if self.nesterov else v
        return {"v": v}, theta - rate * direction


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """Gradient divided by the root of its moving mean square (Hinton 2012, lecture 6e).

    v     <- decay v + (1 - decay) g^2
    theta <- theta - rate g / (sqrt(v) + epsilon)
    """

    name = "rmsprop"
    decay: float = 0.99
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        """Refuse a decay outside [0, 1)."""
        _check_share("rmsprop", "decay", self.decay)

    def init(self, theta: Floats) -> State:
        """v = 0."""
        return {"v": np.zeros_like(theta)}

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """One step, of about the size `rate` in every coordinate."""
        v = self.decay * state["v"] + (1 - self.decay) * gradient * gradient
        return {"v": v}, theta - rate * gradient / (np.sqrt(v) + self.epsilon)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    t     <- t + 1
    m     <- beta1 m + (1 - beta1) g
    v     <- beta2 v + (1 - beta2) g^2
    theta <- theta - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)

    Attributes:
        beta1, beta2: what of m and v is kept.
        epsilon: keeps the divisor from 0.
        epsilon_hat: whether epsilon is the one that the end of the paper's section 2 writes with a
            hat, added to sqrt(v) before that is divided by sqrt(1 - beta2^t): so scikit-learn and
            TensorFlow have it.
    """

    name = "adam"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_hat: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        """Refuse betas outside [0, 1)."""
        _check_share(self.name, "beta1", self.beta1)
        _check_share(self.name, "beta2", self.beta2)

    def init(self, theta: Floats) -> State:
        """t = 0, m = v = 0."""
        return {"t": 0, "m": np.zeros_like(theta), "v": np.zeros_like(theta)}

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """One step, of about the size `rate` in every coordinate."""
        t = state["t"] + 1
        m = self.beta1 * state["m"] + (1 - self.beta1) * gradient
        v = self.beta2 * state["v"] + (1 - self.beta2) * gradient * gradient
        m_hat = m / (1 - self.beta1**t)
        v_hat = v / (1 - self.beta2**t)
        return {"t": t, "m": m, "v": v}, theta - rate * m_hat / (np.sqrt(v_hat) + self.added(t))

    def added(self, t: int) -> float:
        """What is added to sqrt(v / (1 - beta2^t)) in step t."""
        return self.epsilon / math.sqrt(1 - self.beta2**t) if self.epsilon_hat else self.epsilon


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2).

        theta <- theta - rate decay theta, then Adam's step

    As in PyTorch the decay is multiplied by the rate, and so follows its schedule. It pulls every
    entry of theta, biases too; `l2` of the training settings pulls weights only.
    """

    name = "adamw"
    decay: float = 0.01

    def __post_init__(self) -> None:
        """Refuse betas outside [0, 1) and a negative decay."""
        super().__post_init__()
        if not 0 <= self.decay < np.inf:
            raise InputError(f"adamw: decay is {self.decay}, but must be 0 or a positive number.")

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """The decay, then Adam's step."""
        return super().step(state, gradient, theta - rate * self.decay * theta, rate)


FASTEST_SCALE = 0.1
"""The highest rate of a scale's logarithm: with a tenth a scale changes by a tenth in a step, and
without a bound a rate that is too high makes it grow beyond all numbers."""


@dataclass(frozen=True)
class ScaledAdamW(AdamW):
    """AdamW that learns a scale for each input of the network too.

        W_ij = e^(a_i) V_ij                                  in the first layer

    V and all other parameters take AdamW's steps. So does a, which begins at 0 and whose rate is
    `quicker` times as high, but never above `FASTEST_SCALE`; its decay pulls the scale toward 1.
    The chain rule gives their gradients:

        dJ/dV_ij = e^(a_i) dJ/dW_ij          dJ/da_i = sum_j W_ij dJ/dW_ij

    So an input that helps grows as a whole, and one that does not shrinks, sooner than each of its
    weights would by itself. What is trained and kept is W, and the network has no layer more.
    A scale that learns six times as fast is RealMLP's (Holzmueller, Grinsztajn & Steinwart 2024,
    arXiv 2407.04491), which learns it as a factor; here it is its logarithm, so that no scale
    changes its sign.

    Attributes:
        quicker: the rate of a, in rates of the others.
        d, h: inputs and neurons of the first layer; with 0 inputs it is AdamW.
    """

    name = "scaled_adamw"
    quicker: float = 6.0
    d: int = 0
    h: int = 0

    def __post_init__(self) -> None:
        """Refuse what AdamW refuses, and a negative factor."""
        super().__post_init__()
        if not 0 <= self.quicker < np.inf:
            raise InputError(
                f"{self.name}: quicker is {self.quicker}, but must be 0 or a positive number."
            )

    def for_first_layer(self, d: int, h: int) -> "ScaledAdamW":
        """The same with a scale for each of d inputs."""
        return replace(self, d=d, h=h)

    def init(self, theta: Floats) -> State:
        """t = 0, m = v = 0, and a = 0 with its own means of nothing."""
        nothing = np.zeros(self.d, dtype=theta.dtype)
        return {**super().init(theta), "a": nothing, "a_m": nothing, "a_v": nothing}

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """One step of V and of a; what it gives is W."""
        adamw = AdamW(
            self.beta1, self.beta2, self.epsilon, self.decay, epsilon_hat=self.epsilon_hat
        )
        pull = self._rows(theta * gradient).sum(axis=1)
        so_far = {"t": state["t"], "m": state["a_m"], "v": state["a_v"]}
        of_a, a = adamw.step(so_far, pull, state["a"], min(self.quicker * rate, FASTEST_SCALE))
        before, after = self._scales(state["a"], theta), self._scales(a, theta)
        state, V = super().step(state, gradient * before, theta / before, rate)
        return {**state, "a": a, "a_m": of_a["m"], "a_v": of_a["v"]}, V * after

    def _rows(self, theta: Floats) -> Floats:
        """The first layer's W, or what belongs to its entries: (d, h)."""
        return theta[: self.d * self.h].reshape(self.d, self.h)

    def _scales(self, a: Floats, theta: Floats) -> Floats:
        """For each entry of theta its e^a, which is 1 outside of the first W: shape (p,)."""
        scales = np.ones_like(theta)
        self._rows(scales)[...] = np.exp(a)[:, None]
        return scales


@dataclass(frozen=True)
class Clipped(Optimizer):
    """Another optimiser, given gradients of a bounded length (Pascanu, Mikolov & Bengio 2013).

        g <- g min(1, norm / |g|)       with |g| the Euclidean length of the whole gradient

    Attributes:
        norm: the length that no gradient exceeds.
        then: what makes the step.
    """

    name = "clipped"
    norm: float
    then: Optimizer

    def __post_init__(self) -> None:
        """Refuse a norm that is not positive."""
        if not 0 < self.norm < np.inf:
            raise InputError(f"clipped: norm is {self.norm}, but must be a positive number.")

    def for_first_layer(self, d: int, h: int) -> "Clipped":
        """The same, with the other optimiser for that layer."""
        return replace(self, then=self.then.for_first_layer(d, h))

    def init(self, theta: Floats) -> State:
        """The state of the other optimiser."""
        return self.then.init(theta)

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """Its step, from a gradient that is not too long."""
        length = float(np.linalg.norm(gradient))
        if length > self.norm:
            gradient = gradient * (self.norm / length)
        return self.then.step(state, gradient, theta, rate)

    def answer(self, state: State, theta: Floats) -> Floats:
        """Its answer."""
        return self.then.answer(state, theta)


@dataclass(frozen=True)
class Averaged(Optimizer):
    """Another optimiser, whose recent thetas are averaged for predictions (Polyak & Juditsky 1992).

        average <- average + share (theta - average),    share = max(1 - decay, 1 / c)

    c counts the steps: up to step 1 / (1 - decay) the average is the plain mean of all thetas, so
    that nothing is left of the start; from then on old ones fade.

    Attributes:
        decay: how much of the average a step leaves standing.
        of: what makes the steps.
    """

    name = "averaged"
    decay: float
    of: Optimizer

    def __post_init__(self) -> None:
        """Refuse a decay outside [0, 1)."""
        _check_share("averaged", "decay", self.decay)

    def for_first_layer(self, d: int, h: int) -> "Averaged":
        """The same, with the other optimiser for that layer."""
        return replace(self, of=self.of.for_first_layer(d, h))

    def init(self, theta: Floats) -> State:
        """The state of the other optimiser, and an average of nothing."""
        return {**self.of.init(theta), "averaged": 0, "average": theta}

    def step(
        self, state: State, gradient: Floats, theta: Floats, rate: float
    ) -> tuple[State, Floats]:
        """Its step, and the average that includes where it led."""
        own, theta = self.of.step(state, gradient, theta, rate)
        averaged, average = state["averaged"] + 1, state["average"]
        share = max(1 - self.decay, 1 / averaged)
        average = average + share * (theta - average)
        return {**own, "averaged": averaged, "average": average}, theta

    def answer(self, state: State, theta: Floats) -> Floats:
        """The average."""
        return state["average"]


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS through SciPy: all rows in every step, no learning rate (Liu & Nocedal 1989).

    It is not an `Optimizer`: it chooses its own steps from many evaluations of loss and gradient,
    so training drives it in a way of its own. One of its iterations counts as one epoch.

    Attributes:
        memory: how many past steps shape its picture of the curvature.
        tolerance: it stops where the largest entry of the gradient is below this.
        reduction: it stops where an iteration lowers J by less than this share of it; None is the
            precision of the numbers.
        evaluations: it stops after an iteration that has brought the evaluations of J above this
            number; None is 20 times the number of iterations.
    """

    name: ClassVar[str] = "lbfgs"
    memory: int = 10
    tolerance: float = 1e-5
    reduction: float | None = None
    evaluations: int | None = None

    def __post_init__(self) -> None:
        """Refuse a memory of nothing, of which SciPy makes nonsense, and limits without meaning."""
        if not isinstance(self.memory, int) or self.memory < 1:
            raise InputError(f"lbfgs: memory is {self.memory}, but must be a whole number from 1.")
        if not 0 <= self.tolerance < np.inf:
            raise InputError(
                f"lbfgs: tolerance is {self.tolerance}, but must be 0 or a positive number."
            )
        if self.reduction is not None and not 0 <= self.reduction < 1:
            raise InputError(
                f"lbfgs: reduction is {self.reduction}, but must be None, or from 0 to below 1."
            )
        if self.evaluations is not None and self.evaluations < 1:
            raise InputError(
                f"lbfgs: evaluations is {self.evaluations}, but must be None, or at least 1."
            )


def _check_share(optimizer: str, field: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{optimizer}: {field} is {value}, but must be at least 0 and below 1.")


OPTIMIZERS: dict[str, type[Optimizer] | type[LBFGS]] = {
    optimizer.name: optimizer for optimizer in (SGD, RMSProp, Adam, AdamW, ScaledAdamW, LBFGS)
}

DECAYING = tuple(name for name, kind in OPTIMIZERS.items() if issubclass(kind, AdamW))
"""Those with a weight decay of their own."""
