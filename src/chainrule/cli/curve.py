"""A curve: series of numbers drawn with the characters of a terminal.

A braille character is a cell of 2 x 4 dots; where the terminal has none, a cell is one dot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column of its dots (Unicode, chapter 21.1)."""

_LOGARITHMIC_FROM = 20.0
"""A range this many times its smallest value is drawn by the order of magnitude."""


@dataclass(frozen=True)
class Series:
    """Numbers y[0], y[1], ... to be joined by a line, which is dotted if `faint`."""

    values: Sequence[float]
    faint: bool = False


@dataclass(frozen=True)
class Drawing:
    """Lines of text, the first at the top, with the values that the first and last stand for."""

    lines: tuple[str, ...]
    high: float
    low: float
    is_logarithmic: bool


def draw(series: Sequence[Series], width: int, height: int, *, unicode: bool = True) -> Drawing:
    """The series in one picture of `width` x `height` characters; the last one is on top.

    All have the same number of values, at least 2, all finite.
    """
    rows, columns = (4, 2) if unicode else (1, 1)
    every = [y for one in series for y in one.values]
    low, high = min(every), max(every)
    is_logarithmic = low > 0 and high / low >= _LOGARITHMIC_FROM
    cells = [[0] * width for _ in range(height)]
    for one in series:
        at = _heights(one.values, width * columns, height * rows, low, high, is_logarithmic)
        for x, y in enumerate(at):
            if one.faint and x % 4 >= 2:
                continue
            before = at[x - 1] if x and not one.faint else y
            step = 1 if before <= y else -1
            for dot in range(before + step if before != y else y, y + step, step):
                row, column = height * rows - 1 - dot, x
                cell = cells[row // rows]
                if unicode:
                    cell[column // 2] |= _DOTS[row % 4][column % 2]
                else:
                    cell[column] = ord("." if one.faint else "*")
    base = 0x2800 if unicode else 0
    lines = tuple("".join(chr(base + bits) if bits else " " for bits in line) for line in cells)
    return Drawing(lines, high, low, is_logarithmic)


def _heights(
    values: Sequence[float], width: int, height: int, low: float, high: float, is_logarithmic: bool
) -> list[int]:
    """The dot, counted from below, at which the line stands in each column of dots."""

    def scaled(y: float) -> float:
        return math.log(y) if is_logarithmic else y

    bottom, span = scaled(low), (scaled(high) - scaled(low)) or 1.0
    found = []
    for x in range(width):
        place = x / (width - 1) * (len(values) - 1)
        i = min(int(place), len(values) - 2)
        y = scaled(values[i]) + (place - i) * (scaled(values[i + 1]) - scaled(values[i]))
        found.append(round((y - bottom) / span * (height - 1)))
    return found
