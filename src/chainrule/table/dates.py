"""A column of dates: a trend, and the cycles of year, month, week and day as points on circles."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.errors import TableError
from chainrule.plain import LATER
from chainrule.table.calendar import MICROSECONDS_PER_DAY, Order, read_instants
from chainrule.table.cells import EVERY_ROW, MISSING_WORDS, Cells, RowSelection, time_text
from chainrule.table.scaling import RobustScaling

#: The Gregorian mean year, so that the trend is in years.
MICROSECONDS_PER_YEAR = 365.2425 * MICROSECONDS_PER_DAY

WEEKDAY_ROUNDS = 3
"""Sines and cosines of one, two and three rounds a week make the effects of all seven weekdays a
linear function of the inputs."""

TREND_LIMIT = 30.0
"""Of the clip of a trend: days to come lie beyond those learnt from, and a line that bends there
would miss them. A date such as 31 December 9999 stays within it."""

Cycle = Literal["day of year", "day of month", "weekday", "time of day"]
#: The orders tried where nothing is known; eight digits are a date only where the user says so.
ORDERS: tuple[Order, ...] = ("year first", "month/day/year", "day/month/year", "yyyymmdd")
#: Positions on each circle. 29 February is a position of its own, days of short months end before
#: the circle does.
POSITIONS: dict[Cycle, int] = {
    "day of year": 366,
    "day of month": 31,
    "weekday": 7,
    "time of day": 1440,
}


@dataclass(frozen=True)
class DateColumn:
    """How a column of dates became inputs.

    `trend` scales the time in years since 1970 (None: one moment only); `cycles` are those that
    vary in training, of which the week is gone round once to `weekday_rounds` times; a missing date
    is 0 in all of them, the median of the trend and the centre of the circles.
    """

    kind: ClassVar[str] = "date"

    name: str
    order: Order
    trend: RobustScaling | None
    cycles: tuple[Cycle, ...]
    first: str
    last: str
    n_rows: int
    n_missing: int
    tokens: tuple[str, ...]
    note: str
    weekday_rounds: int = field(default=1, metadata={LATER: True})

    def __post_init__(self) -> None:
        if not 1 <= self.weekday_rounds <= WEEKDAY_ROUNDS:
            raise ValueError(f"weekday_rounds must be 1 to {WEEKDAY_ROUNDS}")

    @classmethod
    def fit(cls, cells: Cells, note: str = "", rows: RowSelection = EVERY_ROW) -> "DateColumn":
        """Learn how the dates are written, and from these rows their scaling and which cycles vary;
        raises TableError for what is no date.
        """
        order, _, ambiguous = best_order(cells, ORDERS)
        if ambiguous:
            note = (
                f"every date can be read as month/day or day/month; {order} was taken: "
                "write year-month-day to be sure"
            )
        advice = "correct it, mark it as missing (--missing), or leave the column out (--ignore)"
        micros, gone = instants_of(cells, order, advice)
        missing = gone[rows]
        present = micros[rows][~missing]
        if present.size == 0:
            raise TableError(f"column {cells.name!r} has no date in it; leave it out (--ignore)")
        return cls(
            name=cells.name,
            order=order,
            trend=RobustScaling.fit(present / MICROSECONDS_PER_YEAR, TREND_LIMIT),
            cycles=tuple(c for c in POSITIONS if np.ptp(position(present, c)) > 0),
            first=time_text(int(present.min())),
            last=time_text(int(present.max())),
            n_rows=len(missing),
            n_missing=int(missing.sum()),
            tokens=_tokens(cells),
            note=note,
            weekday_rounds=WEEKDAY_ROUNDS,
        )

    @property
    def waves(self) -> tuple[tuple[Cycle, int], ...]:
        """Each cycle with how often it is gone round: two inputs for each."""
        rounds = {"weekday": self.weekday_rounds}
        return tuple((cycle, k + 1) for cycle in self.cycles for k in range(rounds.get(cycle, 1)))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs: the trend, two for each wave, whether it is missing."""
        names = [f"{self.name}, trend"] if self.trend else []
        for cycle, rounds in self.waves:
            wave = cycle if rounds == 1 else f"{cycle} x {rounds}"
            names += [f"{self.name}, {wave} (sine)", f"{self.name}, {wave} (cosine)"]
        return (*names, f"{self.name} is missing") if self.n_missing else tuple(names)

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """(n, len(inputs)); raises TableError for a cell that is no date."""
        advice = "correct the cell, or leave it empty if the date is unknown"
        micros, missing = instants_of(cells, self.order, advice)
        parts: list[NDArray[np.float64]] = []
        if self.trend:
            parts.append(self.trend.apply(micros / MICROSECONDS_PER_YEAR))
        for cycle, rounds in self.waves:
            # A table of the positions: the same bits for a row whatever rows come with it.
            angle = 2 * np.pi * rounds * np.arange(POSITIONS[cycle]) / POSITIONS[cycle]
            at = position(micros, cycle)
            parts += [np.sin(angle)[at], np.cos(angle)[at]]
        X = np.empty((len(cells), len(self.inputs)), dtype=np.float32)
        for j, part in enumerate(parts):
            X[:, j] = np.where(missing, 0.0, part)
        if self.n_missing:
            X[:, -1] = missing
        return X

    def describe(self) -> str:
        """One line for the screen."""
        span = f"{self.first} to {self.last}" if self.first != self.last else self.first
        written = "" if self.order == "year first" else f", read as {self.order}"
        made = ["trend"] if self.trend else []
        parts = [f"{span}{written}: {', '.join([*made, *self.cycles])}".removesuffix(": ")]
        if self.n_missing:
            words = f" (written as {', '.join(self.tokens)})" if self.tokens else ""
            parts.append(f"{self.n_missing:,} missing{words} and flagged")
        return "; ".join(parts)


def position(micros: NDArray[np.int64], cycle: Cycle) -> NDArray[np.int64]:
    """Where on the circle each moment lies, from 0 (1 January, the first, Monday, midnight)."""
    days = micros // MICROSECONDS_PER_DAY
    if cycle == "weekday":
        return (days + 3) % 7  # 1 January 1970 was a Thursday
    if cycle == "time of day":
        return (micros - days * MICROSECONDS_PER_DAY) // 60_000_000
    unit = "datetime64[Y]" if cycle == "day of year" else "datetime64[M]"
    dates = days.astype("datetime64[D]")
    since: NDArray[np.int64] = (dates - dates.astype(unit).astype("datetime64[D]")).astype(np.int64)
    return since


def best_order(cells: Cells, orders: tuple[Order, ...]) -> tuple[Order, float, bool]:
    """The order that reads most dates, the share that it reads, and whether month and day could be
    exchanged everywhere.

    The share is of the values that are not missing. Where everything can be read both ways,
    month/day/year is taken: it is the order of the tables in which slashes are most common.
    """
    if cells.form == "time":
        return "year first", 1.0, False
    values = cells.distinct.filter(~_is_token(cells.distinct))
    if values.is_empty():
        return "year first", 0.0, False
    shares: dict[Order, float] = {
        order: float(read_instants(values, order)[1].mean()) for order in orders
    }
    best = max(orders, key=lambda order: shares[order])
    slashes: tuple[Order, ...] = ("month/day/year", "day/month/year")
    ambiguous = best in slashes and all(shares.get(order) == 1.0 for order in slashes)
    return best, shares[best], ambiguous


def instants_of(
    cells: Cells, order: Order, advice: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds since 1970 in UTC (n,), and which cells are missing (n,); raises TableError for
    what is no date.
    """
    if cells.form == "time":
        return cells.values.fill_null(0).to_numpy(), cells.is_missing
    micros, known = read_instants(cells.texts, order)
    missing = cells.is_missing | _is_token(cells.texts).to_numpy()
    strange = ~(known | missing)
    if strange.any():
        written = "year-month-day" if order == "year first" else order
        expected = f"is not a date that can be read as {written}, which was expected"
        raise cells.refuse(int(np.argmax(strange)), expected, advice)
    return micros, missing


def _tokens(cells: Cells) -> tuple[str, ...]:
    """The missing words that the column has."""
    if cells.form != "text":
        return ()
    return tuple(sorted(cells.distinct.filter(_is_token(cells.distinct))))


def _is_token(texts: pl.Series) -> pl.Series:
    return texts.str.to_lowercase().is_in(MISSING_WORDS).fill_null(False)
