"""Permutation importance: how much worse a model answers when one column is shuffled among rows.

A column that the model does not use can be shuffled without harm; one that it rests on cannot
(Breiman 2001; Fisher, Rudin & Dominici 2019). Columns that say the same share their importance
badly: shuffling one leaves the other in place.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import InputError
from chainrule.losses import central_output
from chainrule.metrics import log_loss, rmse
from chainrule.model import Model, class_probabilities
from chainrule.table import column_of, frame_of, row_weights, rows_with_target

FIGURE = {"classification": "log loss", "regression": "RMSE"}
"""What is watched, by task; the lower the better."""

MOST_ROWS = 5_000


@dataclass(frozen=True)
class ColumnImportance:
    """The harm of shuffling one column: mean and standard deviation of the increases."""

    column: str
    mean: float
    spread: float
    increases: tuple[float, ...]


@dataclass(frozen=True)
class Importance:
    """The importance of every column that the model uses, the most important first.

    Attributes:
        figure: what rises where a column matters: "log loss" or "RMSE".
        value: of the table as it is.
        n_rows: how many rows were used.
        of_rows: how many have the target; more than `n_rows` where a part was drawn.
        of_columns: how many the model uses; more than in `columns` where only some were shuffled.
        columns: sorted by mean.
    """

    figure: str
    value: float
    n_rows: int
    of_rows: int
    of_columns: int
    columns: tuple[ColumnImportance, ...]

    def to_dict(self) -> dict[str, Any]:
        """The importance as plain data."""
        columns = [{**vars(one), "increases": list(one.increases)} for one in self.columns]
        return {**vars(self), "columns": columns}


def permutation_importance(
    model: Model,
    table: Any,
    *,
    repeats: int = 5,
    seed: int = 0,
    weight: str | None = None,
    most_rows: int = MOST_ROWS,
    columns: Collection[str] | None = None,
) -> Importance:
    """Shuffle each column in turn, `repeats` times, and see how much worse the model answers.

    Each row is encoded by itself, so that shuffling the inputs of a column is shuffling its cells.

    Args:
        model: to judge.
        table: with the target; rows without it are left out.
        repeats: shuffles of each column.
        seed: of the shuffles, and of the rows drawn where there are more than `most_rows`.
        weight: the column of row weights, if any.
        most_rows: rows to use at most.
        columns: to shuffle; None are all that the model uses.

    Raises:
        InputError: fewer than one repeat, or a table that does not fit the model.
    """
    if repeats < 1:
        raise InputError(f"repeats is {repeats}, but must be at least 1.")
    frame = frame_of(table)
    target = column_of(frame, model.target.name, "target")
    known = rows_with_target(frame, model.target.name, model.target.missing)
    rows = np.arange(len(frame)) if known is None else known
    of_rows = len(rows)
    draw = np.random.default_rng(seed)
    if of_rows > most_rows:
        rows = np.sort(draw.choice(rows, most_rows, replace=False))
    X, y = model.encoder.encode(frame, rows), model.target.encode(target, rows)
    row_weight = None if weight is None else row_weights(frame, weight, rows)
    truth: Any = model.target.decode(y)[:, 0] if model.task == "regression" else y

    def judged() -> float:
        predictions = model.predictions(X)
        if model.task == "classification":
            return log_loss(truth, class_probabilities(predictions), row_weight)
        decoded = model.target.decode(predictions)[:, central_output(model.network.loss)]
        return rmse(truth, decoded, row_weight)

    value = judged()
    found, start, of_columns = [], 0, 0
    for column in model.encoder.columns:
        block = slice(start, start + len(column.inputs))
        start = block.stop
        if not column.inputs:
            continue
        of_columns += 1
        if columns is not None and column.name not in columns:
            continue
        own = X[:, block].copy()
        increases = []
        for _ in range(repeats):
            X[:, block] = own[draw.permutation(len(X))]
            increases.append(judged() - value)
        X[:, block] = own
        mean, spread = float(np.mean(increases)), float(np.std(increases))
        found.append(ColumnImportance(column.name, mean, spread, tuple(increases)))
    found.sort(key=lambda one: -one.mean)
    return Importance(FIGURE[model.task], value, len(rows), of_rows, of_columns, tuple(found))
