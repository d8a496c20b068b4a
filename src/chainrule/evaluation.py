"""An evaluation: the figures of predictions on rows whose target is known, beside a trivial answer.

The trivial answer is what can be said without looking at a row's inputs: always the most frequent
class with the classes' shares as probabilities, or always the mean of the target. A model that is
not clearly better has learnt nothing. Each figure of the model has a confidence interval, because
other rows would have given another figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import bootstrap, metrics
from chainrule.arrays import Floats, Integers
from chainrule.bootstrap import CONFIDENCE, Interval
from chainrule.reliability import expected_calibration_error, judged_probability, reliability


@dataclass(frozen=True)
class Evaluation:
    """Figures of a model on some rows.

    Attributes:
        task: "classification" or "regression".
        n_rows: how many rows were judged.
        figures: by name, in the order in which they are shown; None where a figure is undefined
            on these rows (an ROC AUC where all rows are of one class).
        intervals: by name, where the figure would lie for 95 % of such sets of rows, by the
            bootstrap; None where that cannot be told from these rows.
        baseline: the same figures of the trivial answer.
        trivial_answer: that answer, in words.
        classes: of a classification, in the order of the confusion matrix.
        confusion: weight of the rows of class i (row) predicted as class j (column).
    """

    task: str
    n_rows: int
    figures: Mapping[str, float | None]
    intervals: Mapping[str, Interval | None]
    baseline: Mapping[str, float | None]
    trivial_answer: str
    classes: tuple[Any, ...] = ()
    confusion: tuple[tuple[float, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as plain data."""
        found: dict[str, Any] = {
            "task": self.task,
            "n_rows": self.n_rows,
            "figures": dict(self.figures),
            "confidence": CONFIDENCE,
            "intervals": {
                name: list(ends) if ends else None for name, ends in self.intervals.items()
            },
            "baseline": dict(self.baseline),
            "trivial_answer": self.trivial_answer,
        }
        if self.classes:
            found["classes"] = list(self.classes)
            found["confusion"] = [list(row) for row in self.confusion]
        return found


#: The figure that is watched during training, by task.
HEADLINE = {"classification": "accuracy", "regression": "RMSE"}

#: Whether a higher figure is a better one.
HIGHER_IS_BETTER = {
    "accuracy": True,
    "balanced accuracy": True,
    "log loss": False,
    "ECE": False,
    "ROC AUC": True,
    "RMSE": False,
    "MAE": False,
    "R2": True,
}


def evaluate_classification(
    y: Integers,
    probabilities: Floats,
    classes: tuple[Any, ...],
    shares: Floats,
    weight: Floats | None = None,
) -> Evaluation:
    """Judge class probabilities (n, k) of rows whose class indices are y (n,).

    Args:
        y: class indices.
        probabilities: of each class.
        classes: their names.
        shares: of the classes among the training rows, shape (k,): the trivial answer.
        weight: how much each row counts.
    """
    k = len(classes)
    chosen = probabilities.argmax(axis=1)
    constant = np.broadcast_to(shares, (len(y), k))
    return Evaluation(
        task="classification",
        n_rows=len(y),
        figures=_of_classes(y, probabilities, chosen, weight),
        intervals=_intervals_of_classes(y, probabilities, chosen, weight),
        baseline=_of_classes(y, constant, constant.argmax(axis=1), weight),
        trivial_answer=f"always {classes[int(np.argmax(shares))]}",
        classes=classes,
        confusion=tuple(map(tuple, metrics.confusion_matrix(y, chosen, k, weight).tolist())),
    )


def evaluate_regression(
    y: Floats, predictions: Floats, mean: float, weight: Floats | None = None
) -> Evaluation:
    """Judge predictions (n,) of the targets y (n,); `mean` is that of the training rows."""
    return Evaluation(
        task="regression",
        n_rows=len(y),
        figures=_of_numbers(y, predictions, weight),
        intervals=_intervals_of_numbers(y, predictions, weight),
        baseline=_of_numbers(y, np.full_like(y, mean), weight),
        trivial_answer=f"always the mean, {mean:,.6g}",
    )


def _of_classes(
    y: Integers, probabilities: Floats, chosen: Integers, weight: Floats | None
) -> dict[str, float | None]:
    return {
        "accuracy": metrics.accuracy(y, chosen, weight),
        "balanced accuracy": metrics.balanced_accuracy(y, chosen, weight),
        "log loss": metrics.log_loss(y, probabilities, weight),
        "ECE": expected_calibration_error(y, probabilities, weight),
        "ROC AUC": metrics.roc_auc(y, probabilities, weight),
    }


def _of_numbers(y: Floats, predictions: Floats, weight: Floats | None) -> dict[str, float | None]:
    return {
        "RMSE": metrics.rmse(y, predictions, weight),
        "MAE": metrics.mae(y, predictions, weight),
        "R2": metrics.r2(y, predictions, weight),
    }


def _intervals_of_classes(
    y: Integers, probabilities: Floats, chosen: Integers, weight: Floats | None
) -> dict[str, Interval | None]:
    w = np.ones(len(y)) if weight is None else weight
    hit = y == chosen
    p, came_true = judged_probability(y, probabilities)
    bins = reliability(p, came_true, weight).bin_of_row
    figures = {
        "accuracy": bootstrap.share(hit, w),
        "balanced accuracy": bootstrap.mean_share_by_class(y, hit, probabilities.shape[1], w),
        "log loss": bootstrap.mean(metrics.log_losses(y, probabilities), w),
        "ECE": bootstrap.calibration_error(bins, p, came_true, w),
        "ROC AUC": bootstrap.area(y, probabilities, w),
    }
    return bootstrap.intervals(figures, len(y), weight)


def _intervals_of_numbers(
    y: Floats, predictions: Floats, weight: Floats | None
) -> dict[str, Interval | None]:
    w = np.ones(len(y)) if weight is None else weight
    figures = {
        "RMSE": bootstrap.root_mean((y - predictions) ** 2, w),
        "MAE": bootstrap.mean(np.abs(y - predictions), w),
        "R2": bootstrap.explained_share(y, predictions, w),
    }
    return bootstrap.intervals(figures, len(y), weight)
