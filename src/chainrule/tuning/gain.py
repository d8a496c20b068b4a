"""The gain: the errors of two models on the same rows, and an interval for what lies between."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from chainrule.arrays import Floats
from chainrule.bootstrap import Interval, SummedFigure, intervals
from chainrule.losses import central_output
from chainrule.model import Model, class_probabilities
from chainrule.table import row_weights, rows_with_target


@dataclass(frozen=True)
class Gain:
    """By how much a figure became smaller.

    Attributes:
        figure: "error rate", "log loss" or "RMSE"; smaller is better.
        before, after: of the one model and of the other.
        share: of `before` that was gained: 1 - after / before; negative where the other is worse.
            None where `before` is 0.
        interval: of that share, for 95 % of such sets of rows; None where it cannot be told.
    """

    figure: str
    before: float
    after: float
    share: float | None
    interval: Interval | None

    @property
    def is_sure(self) -> bool:
        """Whether the whole interval lies above 0."""
        return self.interval is not None and self.interval[0] > 0


def gains(before: Model, after: Model, table: nw.DataFrame[Any], weight: str | None) -> list[Gain]:
    """The gain of the one model over the other, on the rows whose target is known; headline first.

    Rows are redrawn for both models together, since both find the same rows hard.
    """
    rows = rows_with_target(table, before.target.name, before.target.missing)
    known = np.arange(len(table)) if rows is None else rows
    w = np.ones(len(known)) if weight is None else row_weights(table, weight, known)
    first, second = (_losses(model, table, known) for model in (before, after))
    pairs = {name: (first[name], second[name]) for name in first}
    figures = {
        name: SummedFigure(
            (w, w * a, w * b),
            lambda s, name=name: _share(s, name),  # type: ignore[misc]
        )
        for name, (a, b) in pairs.items()
    }
    ends = intervals(figures, len(known), w)
    return [_gain(name, a, b, w, ends[name]) for name, (a, b) in pairs.items()]


def _losses(model: Model, table: nw.DataFrame[Any], rows: np.ndarray) -> Mapping[str, Floats]:
    """What each row adds to each figure, shape (n,)."""
    y = model.target.encode(table[model.target.name], rows)
    predictions = model.predictions(model.encoder.encode(table, rows)).astype(np.float64)
    if model.task == "classification":
        p = class_probabilities(predictions)
        classes = np.asarray(y).reshape(-1).astype(np.int64)
        of_truth = np.clip(p[np.arange(len(p)), classes], np.finfo(np.float32).tiny, 1.0)
        return {
            "error rate": (p.argmax(axis=1) != classes).astype(np.float64),
            "log loss": -np.log(of_truth),
        }
    found = model.target.decode(predictions)[:, central_output(model.network.loss)]
    truth = model.target.decode(np.asarray(y, dtype=np.float64).reshape(len(rows), -1))[:, 0]
    return {"RMSE": (found - truth) ** 2}


def _share(sums: Floats, figure: str) -> Floats:
    ratio = np.divide(
        sums[..., 2], sums[..., 1], out=np.full(sums.shape[:-1], np.nan), where=sums[..., 1] > 0
    )
    return 1 - (np.sqrt(ratio) if figure == "RMSE" else ratio)


def _gain(name: str, a: Floats, b: Floats, w: Floats, interval: Interval | None) -> Gain:
    before, after = (float(np.average(values, weights=w)) for values in (a, b))
    if name == "RMSE":
        before, after = before**0.5, after**0.5
    return Gain(name, before, after, 1 - after / before if before else None, interval)
