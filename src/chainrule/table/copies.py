"""Copies: rows that stand in a table several times.

A copy of a row that is learnt from says nothing about rows that were never seen. Where copies are
held out, a network that learns its rows by heart looks better from epoch to epoch.
"""

from collections.abc import Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Targets
from chainrule.table.cells import read_cells
from chainrule.table.kinds import find_kind

AGREEING = 0.95
"""Rows with the same inputs are copies if, of such groups, at least this share has one target each:
otherwise they are observations of few possible inputs, as those of a survey."""


def copies_in(
    columns: Mapping[str, nw.Series[Any]], rows: NDArray[np.int64], y: Targets
) -> NDArray[np.int64] | None:
    """For each row the number of its group of copies, (n,); None where there are no copies.

    Columns without anything to learn, as identifiers, are passed over. Columns are read one by one
    until all rows differ, which takes one or two of them in most tables.

    Args:
        columns: the inputs, as they are.
        rows: numbers (from 0) of the rows looked at, n of them.
        y: their encoded targets, (n,) or (n, 1).
    """
    n = len(rows)
    group = np.zeros(n, dtype=np.int64)
    for name, series in columns.items():
        cells = read_cells(series, name)
        if find_kind(cells).kind == "ignored":
            continue
        values = cells.values[rows]
        if values.dtype.is_float():
            values = values.fill_nan(None)
        codes = values.rank("dense").fill_null(0).to_numpy().astype(np.int64)
        _, group = np.unique(group * (n + 1) + codes, return_inverse=True)
        if int(group.max(initial=0)) + 1 == n:
            return None
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    several = np.diff(first, append=n) > 1
    targets = np.asarray(y).reshape(n)[order]
    one_target = np.minimum.reduceat(targets, first) == np.maximum.reduceat(targets, first)
    if not several.any() or one_target[several].mean() < AGREEING:
        return None
    return _by_appearance(group)


def _by_appearance(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The groups in the order of their first rows, however their values are sorted.

    The same table gives the same parts then, whether its numbers came as numbers or as text.
    """
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group]
