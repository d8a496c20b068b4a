"""Class labels as users write them, and the targets that a network learns."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from chainrule.arrays import Floats, Targets
from chainrule.errors import InputError
from chainrule.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy


@dataclass(frozen=True)
class ClassLabels:
    """The labels of a classifier and how its network answers for them.

    Attributes:
        classes: the labels, sorted; of a multi-label task the numbers of its columns.
        multilabel: whether every row has a yes or no for each class, rather than one class.
        sparse: whether a multi-label answer is a sparse matrix, as its targets were.
    """

    classes: NDArray[Any]
    multilabel: bool = False
    sparse: bool = False

    @classmethod
    def of(cls, y: Any, classes: Iterable[Any] | None = None) -> "ClassLabels":
        """The labels in y, or `classes` where they are announced beforehand.

        Raises:
            ValueError: y holds something else than classes (scikit-learn's own check).
            InputError: several outputs with more than two classes each.
        """
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise InputError(
                f"y has shape {y.shape} and more than two classes in a column; give one column of "
                "classes, or a column of 0 and 1 for each label of a multi-label task."
            )
        multilabel = kind == "multilabel-indicator"
        labels = unique_labels(y) if classes is None else unique_labels(classes)
        return cls(labels, multilabel, multilabel and issparse(y))

    @property
    def n_outputs(self) -> int:
        """k of the network: one output where the answer is yes or no."""
        return 1 if not self.multilabel and len(self.classes) <= 2 else len(self.classes)

    @property
    def outputs_in_words(self) -> str:
        """How many outputs there are, and what for."""
        outputs = f"{self.n_outputs} output" + ("s" if self.n_outputs > 1 else "")
        return f"{outputs}, {'a label each' if self.multilabel else 'for one class of several'}"

    @property
    def loss(self) -> Loss:
        """The cross-entropy that fits the answers."""
        if self.multilabel or self.n_outputs == 1:
            return BinaryCrossEntropy()
        return SoftmaxCrossEntropy()

    def encode(self, y: Any) -> Targets:
        """Targets in the form that `loss` takes: class indices (n,), or yes and no (n, k).

        Raises:
            InputError: a label that is not among the classes.
        """
        if self.multilabel:
            if len(y.shape) != 2 or y.shape[1] != self.n_outputs:
                raise InputError(
                    f"y has shape {y.shape}, but this classifier has {self.n_outputs} labels: "
                    f"expected (n, {self.n_outputs})."
                )
            indicator = y.toarray() if issparse(y) else np.asarray(y)
            if not np.isin(indicator, (0, 1)).all():
                raise InputError("y of a multi-label task must hold 0 and 1 only.")
            return indicator.astype(bool)
        labels = unique_labels(y)
        if len(np.setdiff1d(labels, self.classes)):
            raise InputError(
                f"`y` has classes not in `self.classes_`: `self.classes_` has {self.classes}, "
                f"'y' has {labels}. Announce all of them in the first call to partial_fit."
            )
        index = np.searchsorted(self.classes, y)
        return index if self.n_outputs > 1 else (index == 1)[:, None]

    def decode(self, predictions: Floats) -> Any:
        """The label of each row (n,), or its yes and no for each label (n, k)."""
        if self.multilabel:
            indicator = (predictions > 0.5).astype(int)
            return csr_matrix(indicator) if self.sparse else indicator
        if self.n_outputs == 1:
            last = len(self.classes) - 1
            return self.classes[np.minimum(predictions[:, 0] > 0.5, last).astype(int)]
        return self.classes[predictions.argmax(axis=1)]

    def accuracy(self, y: Targets, predictions: Floats, weight: Floats | None) -> float:
        """The share of rows that are right, with several labels in all of them; NaN after NaN.

        `y` is what `encode` made, and `weight` (n,) how much each row counts.
        """
        if not np.isfinite(predictions).all():
            return math.nan
        if y.ndim == 1:
            right = predictions.argmax(axis=1) == y
        else:
            right = ((predictions > 0.5) == y.astype(bool)).all(axis=1)
        return float(np.average(right, weights=weight))

    def probabilities(self, scores: Floats) -> Floats:
        """The probability of each class, a column each, from the network's scores.

        A binary network has one score. The probability of the first class is made of it too, as
        1 - p would be 0 where it is small.
        """
        if self.multilabel or self.n_outputs > 1:
            return self.loss.link(scores)
        if len(self.classes) == 1:
            return np.ones_like(scores)
        return self.loss.link(np.hstack([-scores, scores]))
