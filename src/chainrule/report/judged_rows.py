"""The judged rows: those of a table whose target is known, with what the model answers for them."""

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats, Integers
from chainrule.evaluation import Evaluation
from chainrule.losses import central_output
from chainrule.metrics import log_losses
from chainrule.model import Model, class_probabilities
from chainrule.table import column_of, frame_of, row_weights, rows_with_target

MOST_INPUTS = 60_000_000
"""Numbers that the rows may become; of a larger table a part is judged, drawn at random."""

_AT_ONCE = 4_000_000
"""Numbers that go through the network at once, so that memory stays small."""


@dataclass(frozen=True, eq=False)
class JudgedRows:
    """Rows with their truth and the model's answers.

    Attributes:
        frame: the table.
        n_known: rows of it whose target is known.
        rows: those that are judged, from 0, (n,).
        X: their inputs, (n, d).
        truth: class indices or numbers in the target's unit, (n,).
        weight: of each row, (n,); ones where the user gave none.
        predictions: class probabilities (n, k), or numbers in the target's unit, one for each
            output, (n, k).
        evaluation: of them.
    """

    frame: nw.DataFrame[Any]
    n_known: int
    rows: Integers
    X: Floats
    truth: NDArray[Any]
    weight: Floats
    predictions: Floats
    evaluation: Evaluation

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def is_classification(self) -> bool:
        """Whether the truth is a class."""
        return self.evaluation.task == "classification"

    def sample(self, most: int, seed: int = 0) -> Integers:
        """Places of at most so many of the rows that count, drawn at random, in order."""
        counted = np.flatnonzero(self.weight)
        if len(counted) <= most:
            return counted
        return np.sort(np.random.default_rng(seed).choice(counted, most, replace=False))


def judge_rows(model: Model, table: Any, weight: str | None = None) -> JudgedRows:
    """Let the model answer for the rows of a table whose target is known.

    Raises:
        TableError: the target, an input or the weight is lacking, or cannot be read.
    """
    frame = frame_of(table)
    target = column_of(frame, model.target.name, "target")
    known = rows_with_target(frame, model.target.name, model.target.missing)
    rows = np.arange(len(frame)) if known is None else known
    n_known, most = len(rows), max(1_000, MOST_INPUTS // len(model.encoder.input_names))
    if n_known > most:
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    X, y = model.encoder.encode(frame, rows), model.target.encode(target, rows)
    given = None if weight is None else row_weights(frame, weight, rows)
    predicted = predictions_of(model, X)
    is_classes = model.task == "classification"
    return JudgedRows(
        frame=frame,
        n_known=n_known,
        rows=rows,
        X=X,
        truth=y if is_classes else model.target.decode(y)[:, 0],
        weight=np.ones(len(rows)) if given is None else given,
        predictions=answers(model, X) if is_classes else model.target.decode(predicted),
        evaluation=model.judge(y, predicted, given),
    )


def predictions_of(model: Model, X: Floats) -> Floats:
    """The network's predictions (n, k) for inputs (n, d)."""
    step = max(1, _AT_ONCE // max(X.shape[1], *(l.n_outputs for l in model.network.layers)))
    parts = [model.predictions(X[start : start + step]) for start in range(0, len(X), step)]
    return np.concatenate(parts).astype(np.float64)


def answers(model: Model, X: Floats) -> Floats:
    """Class probabilities, or numbers in the target's unit, (n, k)."""
    predicted = predictions_of(model, X)
    if model.task == "classification":
        return class_probabilities(predicted)
    return model.target.decode(predicted)


def central(model: Model, judged: JudgedRows) -> Floats:
    """The one number that a regression answers with, (n,)."""
    return judged.predictions[:, central_output(model.network.loss)]


def losses_of_rows(model: Model, judged: JudgedRows) -> Floats:
    """How wrong each answer is, (n,): -ln of the true class's probability, or the distance."""
    if judged.is_classification:
        return log_losses(judged.truth, judged.predictions)
    return np.abs(judged.truth - central(model, judged))
