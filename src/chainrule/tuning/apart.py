"""Rows apart: those of a table that no choice is made by, so that they can tell what was gained."""

from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from chainrule.bootstrap import FEWEST_ROWS
from chainrule.experiment import Experiment
from chainrule.folds import held_out_parts
from chainrule.table import rows_with_target


@dataclass(frozen=True)
class Parts:
    """A table in two.

    Attributes:
        learnt: the rows that are searched and learnt by.
        apart: the others; None where the table has too few rows to tell anything by.
    """

    learnt: nw.DataFrame[Any]
    apart: nw.DataFrame[Any] | None


def parts_of(frame: nw.DataFrame[Any], experiment: Experiment, share: float) -> Parts:
    """The table with a share of its rows apart, of each class as much; drawn by the seed.

    Args:
        frame: the whole table.
        experiment: that `prepare` made of it.
        share: of the rows with a known target, from 0 to below 1.
    """
    y = np.asarray(experiment.table.y).reshape(len(experiment.table), -1)
    is_class = experiment.target.task == "classification"
    strata = y[:, 0].astype(np.int64) if is_class else np.zeros(len(y), np.int64)
    if is_class and y.shape[1] > 1:
        strata = y.argmax(axis=1)
    (apart,) = held_out_parts(strata, share, 1, experiment.options.seed)
    if len(apart) < FEWEST_ROWS:
        return Parts(frame, None)
    known = rows_with_target(frame, experiment.target.name, experiment.options.missing)
    numbers = apart if known is None else known[apart]
    others = np.delete(np.arange(len(frame)), numbers)
    return Parts(frame[others], frame[numbers])
