"""Scales: from numbers to pixels, with the ticks that an axis shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.report.numerals import numeral, significant_steps, tick_labels

LOGARITHMIC_FROM = 30.0
"""A range this many times its smallest value is drawn by the order of magnitude."""


@dataclass(frozen=True)
class Scale:
    """From values low .. high to pixels start .. end.

    Attributes:
        is_logarithmic: whether equal ratios are equal lengths.
        ticks: values with their labels.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[tuple[float, str], ...]
    is_logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; values outside are held at the ends."""
        return float(self.of(np.array([value]))[0])

    def of(self, values: Floats) -> Floats:
        """The pixels of values (n,)."""
        at = np.clip(values.astype(np.float64), self.low, self.high)
        low, high = self.low, self.high
        if self.is_logarithmic:
            at, low, high = np.log(at), math.log(low), math.log(high)
        return self.start + (at - low) / (high - low) * (self.end - self.start)


def scale(
    values: Sequence[float] | Floats,
    start: float,
    end: float,
    *,
    about: int = 5,
    holds: Sequence[float] = (),
    is_logarithmic: bool | None = False,
    is_tight: bool = False,
    is_years: bool = False,
) -> Scale:
    """A scale for these values.

    Args:
        values: those that are not finite are passed over.
        start: in pixels.
        end: in pixels.
        about: how many ticks.
        holds: values that have to be on it, such as 0.
        is_logarithmic: None to find out from the values.
        is_tight: whether to end at the values, not at a round number.
        is_years: whether the numbers are years, which have no thousands.
    """
    every = np.concatenate([np.asarray(values, dtype=np.float64).ravel(), np.array(holds, float)])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    if is_logarithmic is None:
        is_logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    if is_logarithmic:
        return _logarithmic(low, high, start, end)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(low) / 10 or 0.5
        low, high = low - margin, high + margin
    ticks = significant_steps(low, high, about)
    if not is_tight and len(ticks) > 1:
        step = ticks[1] - ticks[0]
        low = step * math.floor(low / step + 0.05)
        high = step * math.ceil(high / step - 0.05)
        low, high = min(low, float(every.min())), max(high, float(every.max()))
        ticks = significant_steps(low, high, about)
    labels = tick_labels(ticks, is_years)
    return Scale(low, high, start, end, tuple(zip(ticks, labels, strict=True)))


def _logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if last - first > 3:
        every = max(1, (last - first) // 4)
        ticks = [10.0**p for p in range(first, last + 1, every)]
        low, high = min(low, ticks[0]), max(high, ticks[-1])
    else:
        ticks = [m * 10.0**p for p in range(first, last + 1) for m in (1, 2, 5)]
        ticks = [tick for tick in ticks if low / 1.05 <= tick <= high * 1.05]
        while len(ticks) > 6:
            ticks = ticks[::2]
        low, high = min([low, *ticks]), max([high, *ticks])
    if high <= low * (1 + 1e-6):
        low, high = low / 2, high * 2
    labels = tuple((tick, _plain(tick)) for tick in ticks)
    return Scale(low, high, start, end, labels, is_logarithmic=True)


def _plain(tick: float) -> str:
    """A tick without zeros at its end: 0.5, 20, 10,000."""
    return f"{tick:,.9f}".rstrip("0").rstrip(".") if 1e-5 <= tick < 1e7 else numeral(tick, 3)
