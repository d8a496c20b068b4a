"""Engines: what carries rows through a network and back, and takes the steps.

An engine is a module with the four functions of the protocol below. Every one of them has its
reference implementation in `chainrule.engines.reference`, which defines the results; an engine that
is faster gives the same numbers. Engines draw no random numbers: shuffled orders and dropout keys
are handed in, so that two engines can be compared number by number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats, Targets
from chainrule.network import Network, Parameters
from chainrule.optimizers import Optimizer, State


@dataclass(frozen=True)
class Rows:
    """Rows to learn from or to be judged on.

    Attributes:
        X: inputs, shape (n, d). Both engines take a SciPy CSR array too, and one that says
            `READS_DIFFERENCES`, as the compiled one does, `thermometer.ThermometerInputs`.
        y: targets in the form that the loss takes: (n, k) numbers, or (n,) class indices.
        weight: how much each row counts, shape (n,), none of them negative; None is 1 for all.
    """

    X: Floats
    y: Targets
    weight: Floats | None = None

    def __len__(self) -> int:
        """n, the number of rows."""
        return self.X.shape[0]

    def take(self, numbers: NDArray[np.int64]) -> "Rows":
        """The rows with these numbers (from 0); no copy where that is all of them in order."""
        if len(numbers) == len(self) and np.array_equal(numbers, np.arange(len(self))):
            return self
        weight = None if self.weight is None else self.weight[numbers]
        return Rows(self.X[numbers], self.y[numbers], weight)


@dataclass(frozen=True)
class EpochPlan:
    """All that is decided about an epoch before it starts.

    Attributes:
        order: the row numbers in the order in which they are seen, shape (n,).
        batch_size: rows at once; the last batch may have fewer.
        rates: the learning rate of each step, one for each batch.
        dropout_keys: one for each layer, from which `randomness.keep_mask` makes its mask.
        l2_of_sum: whether the penalty is one of the sum of a batch's losses, and so is divided by
            the batch's weight with them, and not of their mean.
        bfloat16: whether products are made of factors rounded to bfloat16, where they are wide
            (`LEAST_ROUNDED`); everything else, sums and parameters too, stays as it is.
    """

    order: NDArray[np.int64]
    batch_size: int
    rates: Floats
    dropout_keys: NDArray[np.uint32]
    bfloat16: bool = False
    l2_of_sum: bool = False


LEAST_ROUNDED = 32
"""Inputs and neurons that a layer has at least whose products may be made of bfloat16.

Sparse inputs are never rounded."""


Tell: TypeAlias = Callable[[float], None]
"""Is told, several times a second, which share of the work is done; to raise ends the work."""


class Engine(Protocol):
    """The verbs that every engine has, with these signatures."""

    def scores(self, network: Network, parameters: Parameters, X: Floats) -> Floats:
        """Scores of shape (n, k)."""

    def mean_loss(self, network: Network, parameters: Parameters, rows: Rows) -> float:
        """The weighted mean of the rows' losses, without penalty."""

    def loss_and_gradient(
        self,
        network: Network,
        parameters: Parameters,
        rows: Rows,
        l2: float = 0.0,
        *,
        tell: Tell | None = None,
    ) -> tuple[float, Parameters]:
        """J and its gradient."""

    def train_epoch(
        self,
        network: Network,
        parameters: Parameters,
        optimizer: Optimizer,
        state: State,
        rows: Rows,
        plan: EpochPlan,
        l2: float = 0.0,
        tell: Tell | None = None,
    ) -> tuple[float, Parameters, State]:
        """One pass over the rows: the mean loss on the way, the new parameters and state."""
