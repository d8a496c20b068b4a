"""The encoding of a table's columns into the inputs of a network, fitted once and stored with the
model.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.choices import nearest
from chainrule.errors import ModelFileError, TableError
from chainrule.plain import from_plain, to_plain
from chainrule.table.booleans import BooleanColumn
from chainrule.table.categories import MAX_LEVELS, CategoryColumn
from chainrule.table.cells import (
    EVERY_ROW,
    Cells,
    RowSelection,
    columns_by_name,
    read_cells,
)
from chainrule.table.dates import DateColumn
from chainrule.table.ignored import IgnoredColumn
from chainrule.table.kinds import KINDS, Finding, find_kind
from chainrule.table.numbers import NumberColumn
from chainrule.table.target_edges import BinGuide

Column = NumberColumn | CategoryColumn | BooleanColumn | DateColumn | IgnoredColumn
_COLUMN_TYPES: dict[str, type[Column]] = {
    cls.kind: cls
    for cls in (NumberColumn, CategoryColumn, BooleanColumn, DateColumn, IgnoredColumn)
}


@dataclass(frozen=True)
class TableEncoder:
    """The columns of a table in their order, each saying how it becomes inputs; `missing` are the
    user's missing words.
    """

    columns: tuple[Column, ...]
    missing: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        frame: Any,
        *,
        kinds: Mapping[str, str] | None = None,
        ignore: Collection[str] = (),
        missing: Collection[str] = (),
        bins: int = 0,
        max_levels: int = MAX_LEVELS,
        rows: NDArray[np.int64] | None = None,
        guide: BinGuide | None = None,
    ) -> "TableEncoder":
        """Find the kind of every column over its whole length, and learn its encoding from `rows`
        (row numbers from 0; None: all), so that rows held out shape no statistic.

        `kinds` overrides what would be found, `ignore` leaves columns out, `missing` are words (in
        any column) that mean a missing value; `bins` > 1 adds piecewise-linear bins to each number,
        with borders at quantiles or, with a `guide`, where its target changes;
        `max_levels` is the most categories of a column that get an input of their own. The target
        must not be among the columns.

        Raises TableError for a table without rows, without a usable column, for a name or a kind
        that is not known, and for a column that cannot be what `kinds` says.
        """
        table = columns_by_name(frame)
        kinds = dict(kinds or {})
        _check_names(table, [*kinds, *ignore])
        _check_kinds(kinds)
        words = tuple(dict.fromkeys(missing))
        learnt = EVERY_ROW if rows is None else rows
        if not any(len(column) for column in table.values()):
            raise TableError("the table has no rows to learn from")
        found: dict[str, Finding] = {}
        columns: dict[str, Column] = {}
        for name, series in table.items():
            cells = read_cells(series, name, words)
            found[name] = _finding(cells, kinds.get(name), name in ignore)
            columns[name] = _fit_column(cells, found[name], bins, max_levels, learnt, guide)
        if not any(column.inputs for column in columns.values()):
            # A running number is better than nothing: the table may be a plain series x = 0, 1, 2,
            # ...
            for name in [name for name, finding in found.items() if finding.counts_rows]:
                cells = read_cells(table[name], name, words)
                columns[name] = NumberColumn.fit(cells, bins, rows=learnt)
        encoder = cls(tuple(columns.values()), words)
        if not encoder.input_names:
            reasons = "; ".join(
                f"{column.name!r}: {column.describe()}" for column in encoder.columns
            )
            raise TableError(f"no column is left to learn from ({reasons})")
        return encoder

    @property
    def input_names(self) -> tuple[str, ...]:
        """The d names of the inputs, in the order of the columns of X."""
        return tuple(name for column in self.columns for name in column.inputs)

    @property
    def is_bin(self) -> NDArray[np.bool_]:
        """Which of the d inputs are bins of a number, beside its value."""
        found = []
        for column in self.columns:
            own = np.zeros(len(column.inputs), dtype=bool)
            if isinstance(column, NumberColumn) and column.edges:
                own[column.bins] = True
            found.append(own)
        return np.concatenate(found)

    @property
    def continues_bins(self) -> NDArray[np.bool_]:
        """Which of the d inputs are bins that go on where the bin before them ends."""
        found = self.is_bin
        first = np.flatnonzero(np.diff(found, prepend=False) & found)
        found[first] = False
        return found

    @property
    def scaled_numbers(self) -> NDArray[np.int64]:
        """The places of the scaled numbers among the d inputs."""
        starts = np.cumsum([0, *(len(column.inputs) for column in self.columns)])
        numbers = [
            isinstance(one, NumberColumn) and one.scaling is not None for one in self.columns
        ]
        return starts[:-1][numbers]

    def with_limits(self, limits: Mapping[str, float]) -> "TableEncoder":
        """The same with other limits of the clips of these columns of numbers."""
        columns = [
            column.with_limit(limits[column.name])
            if isinstance(column, NumberColumn) and column.name in limits
            else column
            for column in self.columns
        ]
        return replace(self, columns=tuple(columns))

    def encode(self, frame: Any, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """X (n, d) of these rows (None: all), C-contiguous and finite; columns are matched by name,
        those not known to the encoder are passed over.

        Each row is encoded by itself: its numbers do not depend on the rows beside it. Raises
        TableError for a lacking column, and for a cell that is not of the kind that was learnt.
        """
        table = columns_by_name(frame)
        wanted = [column for column in self.columns if column.inputs]
        for column in wanted:
            if column.name not in table:
                raise TableError(
                    f"the table has no column {column.name!r}, which the model was trained on"
                    + _nearest(column.name, table)
                )
        n = len(rows) if rows is not None else max(map(len, table.values()), default=0)
        X = np.empty((n, sum(len(column.inputs) for column in wanted)), dtype=np.float32)
        start = 0
        for column in wanted:
            cells = read_cells(table[column.name], column.name, self.missing)
            block = column.encode(cells.take(rows))
            X[:, start : start + block.shape[1]] = block
            start += block.shape[1]
        return X

    def to_dict(self) -> dict[str, Any]:
        """The fitted state as plain JSON data."""
        columns = [{"kind": column.kind, **to_plain(column)} for column in self.columns]
        return {"columns": columns, "missing": list(self.missing)}

    @classmethod
    def from_dict(cls, data: Any) -> "TableEncoder":
        """The encoder that `to_dict` described; raises ModelFileError for anything but such a
        description.
        """
        if not isinstance(data, Mapping) or set(data) != {"columns", "missing"}:
            raise ModelFileError("table encoding: expected 'columns' and 'missing'")
        missing, entries = data["missing"], data["columns"]
        if not isinstance(missing, list) or not all(isinstance(word, str) for word in missing):
            raise ModelFileError("table encoding: 'missing' must be a list of texts")
        if not isinstance(entries, list):
            raise ModelFileError("table encoding: 'columns' must be a list")
        columns = tuple(_read_column(entry, i) for i, entry in enumerate(entries))
        if len({column.name for column in columns}) < len(columns):
            raise ModelFileError("table encoding: a column is described twice")
        return cls(columns, tuple(missing))


def _finding(cells: Cells, kind: str | None, ignore: bool) -> Finding:
    """What the column is taken for: what the user says, unless nothing can be learnt from it."""
    if ignore or kind == "ignored":
        return Finding("ignored", "asked for")
    found = find_kind(cells)
    if kind is None:
        return found
    if cells.is_missing.all() or cells.is_constant or cells.form == "unsupported":
        return found
    return Finding(next(k for k in KINDS if k == kind))


def _fit_column(
    cells: Cells,
    found: Finding,
    bins: int,
    max_levels: int,
    rows: RowSelection,
    guide: BinGuide | None,
) -> Column:
    column: Column
    if found.kind == "ignored":
        return IgnoredColumn(cells.name, found.reason, found.note)
    if cells.is_missing[rows].all():
        return IgnoredColumn(cells.name, "all values are missing in the training rows", found.note)
    if found.kind == "number":
        column = NumberColumn.fit(cells, bins, found.note, rows, guide)
    elif found.kind == "boolean":
        column = BooleanColumn.fit(cells, found.note, rows)
    elif found.kind == "date":
        column = DateColumn.fit(cells, found.note, rows)
    else:
        column = CategoryColumn.fit(cells, max_levels, found.note, rows)
        if not column.inputs and column.n_levels > 1:
            reason = f"no value occurs in at least {column.min_rows} rows"
            return IgnoredColumn(cells.name, reason, found.note)
    if not column.inputs:
        reason = "constant: one value in every training row"
        return IgnoredColumn(cells.name, reason, found.note)
    return column


def _read_column(entry: Any, index: int) -> Column:
    where = f"table encoding, column {index + 1}"
    if not isinstance(entry, Mapping) or not isinstance(entry.get("kind"), str):
        raise ModelFileError(f"{where}: expected an object with a 'kind'")
    if entry["kind"] not in _COLUMN_TYPES:
        raise ModelFileError(f"{where}: kind {entry['kind']!r} is not one of {', '.join(KINDS)}")
    fields = {key: value for key, value in entry.items() if key != "kind"}
    return from_plain(_COLUMN_TYPES[entry["kind"]], fields, where)


def _check_names(table: Mapping[str, nw.Series[Any]], names: Collection[str]) -> None:
    for name in names:
        if name not in table:
            raise TableError(f"the table has no column {name!r}" + _nearest(name, table))


def _check_kinds(kinds: Mapping[str, str]) -> None:
    for name, kind in kinds.items():
        if kind not in KINDS:
            choices = ", ".join(KINDS)
            raise TableError(f"column {name!r} cannot be of kind {kind!r}; the kinds are {choices}")


def _nearest(name: str, table: Mapping[str, Any]) -> str:
    """A suggestion for a name that is not there."""
    near = nearest(name, table)
    if near is not None:
        return f"; did you mean {near!r}?"
    some = ", ".join(repr(column) for column in list(table)[:10])
    return f"; its columns are {some}{', ...' if len(table) > 10 else ''}" if table else ""
