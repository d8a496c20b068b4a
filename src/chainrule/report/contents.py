"""The contents of a report: everything that it says, computed, before anything is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.doctor import Examination, examine
from chainrule.importance import Importance, permutation_importance
from chainrule.model import Model
from chainrule.report.dependence import Dependence, dependence
from chainrule.report.judged_rows import JudgedRows, judge_rows
from chainrule.report.sensitivity import most_sensitive
from chainrule.report.worst_rows import WorstRow, worst_rows

MOST_DEPENDENCES = 6
REPEATS = 3
FEWEST_ROWS, FEWEST_COLUMNS = 300, 12
_WORK = 2e10
"""Multiplications that the shuffles of all columns may cost: about two seconds."""


@dataclass(frozen=True)
class Origin:
    """Where model and table come from.

    Attributes:
        model, table: their names, as the user typed them.
        model_sha256, table_sha256: of the files; "" if they are none.
        words: further words of the command.
        notes: what was said when the table was read.
    """

    model: str = "MODEL"
    table: str = "TABLE"
    model_sha256: str = ""
    table_sha256: str = ""
    words: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Contents:
    """A model, the rows that it is judged on, and what was found."""

    model: Model
    judged: JudgedRows
    importance: Importance
    dependences: tuple[Dependence, ...]
    worst: tuple[WorstRow, ...]
    examination: Examination
    origin: Origin


def contents(
    model: Model, table: Any, weight: str | None = None, origin: Origin | None = None
) -> Contents:
    """Judge the model on a table with its target, and find out what a report says.

    Raises:
        TableError: the target or an input is lacking, or a cell cannot be read.
    """
    judged = judge_rows(model, table, weight)
    n_columns = sum(bool(column.inputs) for column in model.encoder.columns)
    a_row = REPEATS * 2 * model.network.n_parameters * len(model.members)
    most_columns = max(FEWEST_COLUMNS, int(_WORK / (a_row * FEWEST_ROWS)))
    chosen = most_sensitive(model, judged, most_columns) if n_columns > most_columns else None
    affordable = _WORK / (a_row * min(n_columns, most_columns))
    importance = permutation_importance(
        model,
        table,
        repeats=REPEATS,
        weight=weight,
        most_rows=int(np.clip(affordable, FEWEST_ROWS, 5_000)),
        columns=chosen,
    )
    varied = [one.column for one in importance.columns[:MOST_DEPENDENCES] if one.mean > 0]
    return Contents(
        model=model,
        judged=judged,
        importance=importance,
        dependences=tuple(dependence(model, judged, name) for name in varied),
        worst=worst_rows(model, judged),
        examination=examine(model, table),
        origin=origin or Origin(),
    )
