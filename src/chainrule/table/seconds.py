"""Durations and times of day as numbers of seconds: the same number for the same cell, whichever
library held it and in whichever unit.
"""

import datetime
from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

#: How many ticks of each unit a second has.
TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

_MICROSECOND = datetime.timedelta(microseconds=1)


def seconds_of_column(column: nw.Series[Any]) -> pl.Series:
    """Float64 seconds of a column of type Duration or Time (since midnight), exactly rounded; null
    where the cell is missing.

    Not by `polars.from_arrow`: it makes whole seconds milliseconds, which may overflow.
    """
    native = column.to_native()
    if isinstance(native, pl.Series):
        unit = native.dtype.time_unit if isinstance(native.dtype, pl.Duration) else "ns"
        return _in_seconds(native.to_physical(), unit)
    if hasattr(getattr(native, "dtype", None), "pyarrow_dtype"):  # pandas, stored by PyArrow
        native = native.array.__arrow_array__()
    elif not column.implementation.is_pyarrow():
        spans = column.to_numpy()
        ticks = pl.Series(spans.astype(np.int64)).set(pl.Series(np.isnat(spans)), None)
        return _in_seconds(ticks, np.datetime_data(spans.dtype)[0])
    ticks = pl.Series(pl.from_arrow(native.cast(f"int{native.type.bit_width}")))
    return _in_seconds(ticks.cast(pl.Int64), native.type.unit)


def seconds_of_objects(values: list[Any]) -> tuple[str, pl.Series] | None:
    """The type ("Duration" or "Time") and the Float64 seconds of Python objects that are all
    durations, or all times of day without a time zone, beside None; None if they are not.
    """
    present = [value for value in values if value is not None]
    if not present:
        return None
    if all(isinstance(value, datetime.timedelta) for value in present):
        return "Duration", _each(_of_duration, values)
    if all(isinstance(value, datetime.time) and value.tzinfo is None for value in present):
        return "Time", _each(_of_time, values)
    return None


def _each(seconds: Callable[[Any], float], values: list[Any]) -> pl.Series:
    found = [None if value is None else seconds(value) for value in values]
    return pl.Series(found, dtype=pl.Float64)


def _in_seconds(ticks: pl.Series, unit: str) -> pl.Series:
    """Ticks (Int64) of this unit in seconds, exactly rounded; null stays null.

    NumPy's quotient of integers up to 2^53 is exactly rounded, and Python's of any.
    """
    per_second = TICKS_PER_SECOND[unit]
    values: NDArray[np.int64] = ticks.fill_null(0).to_numpy()
    quotients = values / per_second
    for row in np.flatnonzero((values < -(2**53)) | (values > 2**53)):
        quotients[row] = int(values[row]) / per_second
    seconds = pl.Series(quotients)
    return seconds.set(ticks.is_null(), None) if ticks.has_nulls() else seconds


def _of_duration(value: datetime.timedelta) -> float:
    """The nanoseconds of pandas.Timedelta come beside the microseconds of a timedelta."""
    nanoseconds = (value // _MICROSECOND) * 1_000 + getattr(value, "nanoseconds", 0)
    return nanoseconds / 1_000_000_000  # of integers of Python, exactly rounded


def _of_time(value: datetime.time) -> float:
    seconds = 3600 * value.hour + 60 * value.minute + value.second
    return (1_000_000 * seconds + value.microsecond) / 1_000_000
