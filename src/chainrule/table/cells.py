"""The cells of one column, in one of a few plain forms, whichever library held the column.

A column of a CSV file is text; the same column of a Parquet file may be integers, and pandas turns
these into floats where a cell is empty. Everything after this module sees integers, floats,
booleans, points in time (microseconds, UTC), durations and times of day (seconds) or text, in a
Polars series, missing cells being null: that is why pandas, Polars and PyArrow tables give the
same encoding to the bit.
"""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import TableError
from chainrule.table.seconds import seconds_of_column, seconds_of_objects

Form = Literal["integer", "float", "boolean", "time", "seconds", "text", "unsupported"]

#: Which rows of a column statistics are learnt from; its kind is always found from all of them.
RowSelection = NDArray[np.int64] | slice
EVERY_ROW = slice(None)

#: Words that stand for a missing value where all the other cells of the column are numbers or dates
#: (in lower case). In a text column they are values: the country "NA" is Namibia.
MISSING_WORDS = ("na", "n/a", "nan", "null", "none", "-", "?", ".")

#: Beyond this, float32 is infinite; such values are never measurements, but marks of a missing
#: value or of an accident.
LARGEST = 1e38


@dataclass(frozen=True, eq=False)
class Numbers:
    """The cells of a column read as numbers.

    `values (n,)` float64 is NaN where the cell is missing or a word; `words (n,)` marks the cells
    that are neither a number nor missing; `tokens` are the missing words that were seen; `padded`
    says that a number has leading zeros, as codes have.
    """

    values: NDArray[np.float64]
    words: NDArray[np.bool_]
    tokens: tuple[str, ...] = ()
    padded: bool = False

    @property
    def complete(self) -> bool:
        """Whether there is a number, and nothing but numbers and missing values."""
        return not self.words.any() and not np.isnan(self.values).all()


@dataclass(frozen=True, eq=False)
class Cells:
    """One column: `values` is a Polars series of Int64, Float64, Boolean or String, null where the
    cell is missing.

    Points in time (`form` "time") are Int64 microseconds since 1970 in UTC; durations and times of
    day (`form` "seconds") are Float64 seconds. `declared` is true for a categorical type;
    `dtype` is the name of the source's type, for messages; `missing` are the texts that the user
    declared to mean a missing value; `numbering` are the rows of the table that the cells stand in,
    None if they are the whole column.
    """

    name: str
    form: Form
    values: pl.Series
    dtype: str
    declared: bool = False
    missing: tuple[str, ...] = ()
    numbering: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def is_missing(self) -> NDArray[np.bool_]:
        """(n,) whether the cell is missing: null, NaN, blank text, or one of the user's words."""
        return self.values.is_null().to_numpy()

    @cached_property
    def numbers(self) -> Numbers:
        """The cells read as numbers; booleans count as 0 and 1, points in time are no numbers."""
        if self.form in ("time", "unsupported"):
            return Numbers(np.full(len(self), np.nan), ~self.is_missing)
        if self.form != "text":
            values = self.values.cast(pl.Float64).to_numpy()  # null becomes NaN
            return Numbers(values, np.zeros(len(self), dtype=bool))
        # Polars reads what Python's float() reads, but no underscores and no digits outside ASCII.
        parsed = self.values.cast(pl.Float64, strict=False)
        values = parsed.fill_null(np.nan).to_numpy(writable=True)
        words = np.isnan(values) & ~self.is_missing
        texts = self.values.filter(pl.Series(words))
        is_token = texts.str.to_lowercase().is_in(MISSING_WORDS)
        tokens = tuple(sorted(texts.filter(is_token).unique()))
        words[np.flatnonzero(words)[is_token.to_numpy()]] = False
        if self.missing:
            values[np.isin(values, _as_numbers(self.missing))] = np.nan
        padded = bool(self.values.str.contains(r"^[+-]?0[0-9]").any())
        return Numbers(values, words, tokens, padded)

    @cached_property
    def texts(self) -> pl.Series:
        """The cells as text: 7, 7.0 and "7" are one text where the source is typed; null where
        missing.
        """
        if self.form == "float":
            return _replace(self.values, float_text, pl.String)
        if self.form == "time":
            return _replace(self.values, time_text, pl.String)
        if self.form == "seconds":
            return _replace(self.values, seconds_text, pl.String)
        return self.values.cast(pl.String)

    @cached_property
    def is_constant(self) -> bool:
        """Whether there is one value, and no cell is missing."""
        return not self.is_missing.any() and bool((self.values == self.values[0]).all())

    @cached_property
    def distinct(self) -> pl.Series:
        """The distinct texts that are not missing, in no order."""
        return self.texts.drop_nulls().unique()

    def take(self, rows: NDArray[np.int64] | None) -> "Cells":
        """The cells of these rows (from 0), which messages still call by their place in the table;
        None are all.
        """
        if rows is None:
            return self
        return replace(self, values=self.values[rows], numbering=rows)

    def at(self, row: int) -> str:
        """The cell of this row (from 0) as it is written in messages."""
        value = self.texts[row]
        return (
            "missing"
            if value is None
            else repr(str(value) if len(value) <= 60 else value[:57] + "...")
        )

    def refuse(self, row: int, expected: str, advice: str) -> TableError:
        """An error that names the column, the row (from 1, the header not counted), the value and
        what was expected.
        """
        place = row if self.numbering is None else self.numbering[row]
        return TableError(
            f"column {self.name!r}, row {place + 1}: {self.at(row)} {expected}; {advice}"
        )


def frame_of(table: Any) -> nw.DataFrame[Any]:
    """The table as a narwhals data frame, without a copy; raises TableError for what is no pandas,
    Polars or PyArrow table in memory, and for columns of one name.
    """
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError as error:
        raise TableError(
            "expected a table (a pandas, Polars or PyArrow data frame in memory), "
            f"got {type(table).__name__}"
        ) from error
    except ValueError as error:
        raise TableError(f"the columns of the table cannot be told apart: {error}") from error
    return frame


def columns_by_name(frame: Any) -> dict[str, nw.Series[Any]]:
    """The columns of a table by name, in its order; raises TableError as `frame_of` does."""
    table = frame_of(frame)
    columns = {str(name): table[name] for name in table.columns}
    if len(columns) < len(table.columns):
        raise TableError("two columns of the table have the same name once it is read as text")
    return columns


def read_cells(series: Any, name: str | None = None, missing: Sequence[str] = ()) -> Cells:
    """The cells of a column; `missing` are further texts (and numbers, written as text) that mean a
    missing value.

    Raises TableError where `series` is no column of a known library.
    """
    try:
        column = nw.from_native(series, series_only=True)
    except TypeError as error:
        raise TableError(
            f"expected a column (a pandas, Polars or PyArrow series), got {type(series).__name__}"
        ) from error
    name = str(column.name) if name is None else name
    dtype = str(column.dtype)
    objects = seconds_of_objects(_objects(column)) if isinstance(column.dtype, nw.Object) else None
    if objects is not None:
        form: Form = "seconds"
        dtype, values = objects
    else:
        form, values = _read(column)
    if missing and form in ("integer", "float", "seconds"):
        numbers = _as_numbers(missing)
        values = _blank(values, values.cast(pl.Float64).is_in(numbers))
    elif form == "text":
        values = values.str.strip_chars()
        nothing = ["", *(word.strip() for word in missing)]
        values = _blank(values, values.is_in(nothing))
    declared = isinstance(column.dtype, nw.Categorical | nw.Enum)
    return Cells(name, form, values, dtype, declared, tuple(missing))


def _read(column: nw.Series[Any]) -> tuple[Form, pl.Series]:
    """The form of a column, and its values as a Polars series."""
    dtype = column.dtype
    if isinstance(dtype, nw.Duration | nw.Time):
        return "seconds", seconds_of_column(column)
    native = column.to_native()
    if isinstance(native, pl.Series):
        values = native
    elif column.implementation.is_pyarrow():
        values = pl.Series(pl.from_arrow(native))
    else:
        values = _from_numpy(column)
    if isinstance(dtype, nw.Categorical | nw.Enum | nw.String | nw.Object | nw.Unknown):
        if values.dtype == pl.Object:
            values = pl.Series([_text(value) for value in values], dtype=pl.String)
        elif values.dtype.is_float():
            values = _replace(values, float_text, pl.String)
        return "text", values.cast(pl.String)
    if dtype.is_integer():
        if values.dtype == pl.UInt64 and (values.max() or 0) > 2**63 - 1:  # type: ignore[operator]
            return "float", values.cast(pl.Float64)
        return "integer", values.cast(pl.Int64)
    if dtype.is_numeric():
        values = values.cast(pl.Float64)
        return "float", values.fill_nan(None) if np.isnan(values.to_numpy()).any() else values
    if isinstance(dtype, nw.Boolean):
        return "boolean", values
    if isinstance(dtype, nw.Date | nw.Datetime):
        return "time", values if values.dtype == pl.Int64 else values.dt.timestamp("us")
    return "unsupported", pl.Series([None] * len(column), dtype=pl.String)


def _from_numpy(column: nw.Series[Any]) -> pl.Series:
    """The values of a pandas-like column, read without PyArrow; points in time as Int64
    microseconds since 1970 in UTC.
    """
    dtype = column.dtype
    missing = pl.Series(column.is_null().to_numpy().astype(bool))
    if isinstance(dtype, nw.Boolean):
        values = pl.Series(column.fill_null(False).to_numpy().astype(bool))
    elif dtype.is_integer():
        values = pl.Series(column.fill_null(0).to_numpy())
    elif dtype.is_numeric():
        return pl.Series(column.cast(nw.Float64).to_numpy(), nan_to_null=True)
    elif isinstance(dtype, nw.Date | nw.Datetime):
        instants = column.cast(nw.Datetime("us")) if isinstance(dtype, nw.Date) else column
        if getattr(dtype, "time_zone", None) is not None:
            instants = instants.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        # Not dt.timestamp(): pandas makes it a float where a cell is missing, inexact from 2255 on.
        values = pl.Series(instants.to_numpy().astype("datetime64[us]").astype(np.int64))
    elif isinstance(dtype, nw.Categorical | nw.Enum | nw.String | nw.Object | nw.Unknown):
        cells = zip(column.to_list(), missing, strict=True)
        return pl.Series([None if gone else _text(value) for value, gone in cells], dtype=pl.String)
    else:
        return pl.Series([None] * len(column), dtype=pl.String)
    return _blank(values, missing)


def _objects(column: nw.Series[Any]) -> list[Any]:
    """The cells of a column of Python objects, None where missing."""
    missing = column.is_null().to_list()
    return [None if gone else cell for cell, gone in zip(column.to_list(), missing, strict=True)]


def _blank(values: pl.Series, where: pl.Series) -> pl.Series:
    """The values, with null where `where` is true."""
    if not where.any():  # a query takes Polars a tenth of a millisecond, even of one row
        return values
    return pl.select(pl.when(where).then(None).otherwise(values)).to_series()


def _text(value: Any) -> str | None:
    """One Python object as text, the same as if the column had held only objects of its type."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float_text(float(value))
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    return str(value)


def float_text(value: float) -> str:
    """The shortest text of a float, without ".0" where it is an integer: 7.0 -> "7"."""
    return str(int(value)) if value.is_integer() and abs(value) < 2.0**53 else repr(value)


def canonical_number(text: str) -> str:
    """One text for each number: "7", "+7", "7.0" and "7e0" -> "7"; other text stays as it is."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    if digits.isascii() and digits.isdigit():
        return str(int(text)) if len(digits) < 4300 else text
    try:
        return float_text(float(text)) if "_" not in text else text
    except (ValueError, OverflowError):
        return text


def time_text(microseconds: int) -> str:
    """A point in time as ISO text in UTC, the time of day left out at midnight."""
    text = str(np.datetime64(microseconds, "us")).replace("T", " ")
    return text.removesuffix(".000000").removesuffix(" 00:00:00")


def seconds_text(seconds: float) -> str:
    """A duration or a time of day as text: "5400 seconds"."""
    return f"{float_text(seconds)} second{'' if seconds == 1 else 's'}"


def canonical_numbers(texts: pl.Series) -> pl.Series:
    """`canonical_number` of every text of a series."""
    return _replace(texts, canonical_number, pl.String)


def _replace(values: pl.Series, function: Any, dtype: Any) -> pl.Series:
    """The function of every value, called once for each distinct one; null stays null."""
    distinct = values.drop_nulls().unique()
    if distinct.is_empty():
        return pl.Series([None] * len(values), dtype=dtype)
    new = [function(value) for value in distinct]
    return values.replace_strict(distinct, pl.Series(new, dtype=dtype), default=None)


def _as_numbers(words: Sequence[str]) -> list[float]:
    """Those of the user's missing words that are numbers."""
    parsed = pl.Series(words, dtype=pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    return parsed.drop_nulls().drop_nans().to_list()
