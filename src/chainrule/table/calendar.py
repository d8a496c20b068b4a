"""Dates and times of day written as text, read as microseconds since 1970 in UTC.

Understood are year-month-day with - or /, day.month.year, and, where the order is given, slashes
with the year last and eight digits; each with a time of day after a T or a blank, and with a time
zone. A time without a zone is taken as UTC.
"""

from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: How the dates of a column are written, as far as one cell alone does not say it.
Order = Literal["year first", "month/day/year", "day/month/year", "yyyymmdd"]

MICROSECONDS_PER_DAY = 86_400_000_000
_TIME = (
    r"(?:[T ](?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})"
    r"(?:[.,](?<fraction>[0-9]{1,9}))?)? ?(?<zone>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$"
)
_Y, _M, _D = "(?<year>[0-9]{4})", "(?<month>[0-9]{1,2})", "(?<day>[0-9]{1,2})"
_CLEAR = (f"^{_Y}-{_M}-{_D}", f"^{_Y}/{_M}/{_D}", rf"^{_D}\.{_M}\.{_Y}")
_BY_ORDER: dict[Order, tuple[str, ...]] = {
    "year first": (),
    "month/day/year": (f"^{_M}/{_D}/{_Y}",),
    "day/month/year": (f"^{_D}/{_M}/{_Y}",),
    "yyyymmdd": ("^(?<year>[0-9]{4})(?<month>[0-9]{2})(?<day>[0-9]{2})",),
}

Instants = tuple[NDArray[np.int64], NDArray[np.bool_]]


def read_instants(texts: pl.Series, order: Order) -> Instants:
    """Microseconds since 1970 in UTC (n,), and whether each text is a date (n,); null is none."""
    distinct = texts.drop_nulls().unique()
    # One place more, the last (-1), for null: not a date.
    micros = np.zeros(len(distinct) + 1, dtype=np.int64)
    known = np.zeros(len(distinct) + 1, dtype=bool)
    for pattern in (*_CLEAR, *_BY_ORDER[order]):
        left = np.flatnonzero(~known[:-1])
        if not left.size:
            break
        micros[left], known[left] = _read_pattern(distinct[left], pattern + _TIME)
    if distinct.is_empty():
        return np.zeros(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=bool)
    places = pl.Series(range(len(distinct)), dtype=pl.Int64)
    at = texts.replace_strict(distinct, places, default=-1, return_dtype=pl.Int64).to_numpy()
    return micros[at], known[at]


def _read_pattern(texts: pl.Series, pattern: str) -> Instants:
    """The texts that match the pattern and name a day of the calendar and a time of the day."""
    parts = texts.str.extract_groups(pattern).struct.unnest()

    def integer(name: str) -> NDArray[np.int64]:
        return parts[name].cast(pl.Int64, strict=False).fill_null(0).to_numpy()

    year, month, day = integer("year"), integer("month"), integer("day")
    hour, minute, second = integer("hour"), integer("minute"), integer("second")
    fraction = parts["fraction"].str.pad_end(6, "0").str.head(6)
    micros = fraction.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    known = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    known &= (hour <= 23) & (minute <= 59) & (second <= 59)
    months = (np.where(known, year, 1970) - 1970) * 12 + np.where(known, month, 1) - 1
    first = months.astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    known &= days.astype("datetime64[M]") == first  # no 30 February
    offset = _zone_minutes(parts["zone"])
    seconds = ((hour * 60 + minute - offset) * 60) + second
    instants = days.astype(np.int64) * MICROSECONDS_PER_DAY + seconds * 1_000_000 + micros
    return np.where(known, instants, 0), known


def _zone_minutes(zones: pl.Series) -> NDArray[np.int64]:
    """Minutes east of UTC: +01:00, +0100 and +01 -> 60, Z and none -> 0."""
    sign = np.where(zones.str.starts_with("-").fill_null(False).to_numpy(), -1, 1)
    digits = zones.str.replace_all("[^0-9]", "").str.pad_end(4, "0")
    clock = digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    minutes: NDArray[np.int64] = sign * (clock // 100 * 60 + clock % 100)
    return minutes
