"""Columns of a data frame that are no inputs: the target, and how much each row counts."""

from collections.abc import Collection
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.choices import did_you_mean
from chainrule.errors import TableError
from chainrule.table.cells import read_cells
from chainrule.table.numbers import numbers_of
from chainrule.table.target import missing_rows


def column_of(frame: nw.DataFrame[Any], name: str, use: str) -> nw.Series[Any]:
    """The column called `name`; `use` says in a word or two what it is for, in messages.

    Raises:
        TableError: there is none; names the nearest one.
    """
    if name in frame.columns:
        return frame[name]
    listed = ", ".join(f"'{column}'" for column in frame.columns[:12])
    more = ", ..." if len(frame.columns) > 12 else ""
    raise TableError(
        f"the {use} column '{name}' is not in the table{did_you_mean(name, frame.columns)}; "
        f"its columns are {listed}{more}."
    )


def row_weights(
    frame: nw.DataFrame[Any], name: str, rows: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """The weights of these rows (None: all), shape (n,): finite, not negative, not all 0.

    Raises:
        TableError: it is lacking, or a weight is missing, negative or no number (durations and
            times of day are none).
    """
    cells = read_cells(column_of(frame, name, "weight")).take(rows)
    if cells.form == "seconds":
        raise TableError(
            f"the weight column '{name}' holds values of type {cells.dtype}, numbers of 0 or above "
            "were expected; turn it into a number of seconds first"
        )
    advice = "a weight says how much its row counts: correct it, or leave the row out"
    weights = numbers_of(cells, advice)
    bad = np.isnan(weights) | (weights < 0)
    if bad.any():
        raise cells.refuse(int(np.argmax(bad)), "is not a number of 0 or above", advice)
    if not weights.any():
        raise TableError(f"the weight column '{name}' is 0 in every row, so that no row counts.")
    return weights


def rows_with_target(
    frame: nw.DataFrame[Any], target: str, missing: Collection[str]
) -> NDArray[np.int64] | None:
    """The rows (from 0) whose target is known; None if that is all of them.

    Raises:
        TableError: the target is known in no row.
    """
    unknown = missing_rows(frame[target], missing)
    if not len(unknown):
        return None
    if len(unknown) == len(frame):
        raise TableError(
            f"the target column '{target}' is empty in every row; "
            "rows whose target is known are needed to learn from, or to compare predictions with."
        )
    return np.delete(np.arange(len(frame)), unknown)
