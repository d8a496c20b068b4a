"""Numbers as they are written on a page, so that a reader can recompute what stands there.

Every number is rounded once, where it is written. What goes into a sum, a product or a function is
written with as many more digits as it takes for the reader, who has only the written numbers, to
arrive at the same last digit of the result.
"""

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np

from chainrule.arrays import Floats

_ROUNDING = 1e-14
"""What float64 may have lost of a short number: 1 - 0.9 is 0.1 but for 3e-17."""

SIGNIFICANT = 5
"""Digits of a result that count."""

MOST_MORE = 13
"""Digits that an operand may have beyond those of its result: float64 has no more."""


_SMALL, _LARGE = 1e-5, 1e7
"""Outside of these, numbers are written with a power of ten."""


def decimals_of(*values: float) -> int:
    """The decimals that give the largest of these numbers its significant digits.

    They are at least 2, but for numbers that are written with a power of ten.
    """
    largest = max((abs(v) for v in values if np.isfinite(v)), default=0.0)
    if largest == 0:
        return SIGNIFICANT - 1
    decimals = SIGNIFICANT - 1 - int(np.floor(np.log10(largest)))
    return decimals if largest >= _LARGE else max(2, decimals)


def written(value: float, decimals: int) -> str:
    """The number with this many decimals; fewer where the others are 0 and it is exact.

    Very small and very large numbers are written with a power of ten, to the same last place.
    """
    value = float(value)
    if not np.isfinite(value):
        return str(value)
    short = round(value, 6)
    if abs(value - short) <= _ROUNDING * abs(value) and abs(value) < _LARGE:
        return f"{short:.6f}".rstrip("0").rstrip(".") if value else "0"
    rounded = round(value, decimals)
    if rounded == 0:
        return "0"
    if abs(rounded) < _SMALL or abs(rounded) >= _LARGE:
        if value == float(f"{value:.1e}"):
            return f"{value:.1e}".replace(".0e", "e")
        digits = max(0, decimals + int(np.floor(np.log10(abs(rounded)))))
        return f"{rounded:.{digits}e}"
    return f"{value:.{max(0, decimals)}f}"


def known_decimals(found: float, result: float, decimals: int) -> int:
    """As many of these decimals as a result and its recomputation agree in.

    They are fewer only where float64 holds too little of an operand: of 1 - 1e-12, four digits of
    what it lacks to 1.
    """
    while np.isfinite([found, result]).all() and not _same(
        found, round(result, decimals), decimals
    ):
        decimals -= 1
    return decimals


def operand_decimals(
    compute: Callable[..., Floats | float],
    operands: Sequence[Floats | float],
    results: Floats | float,
    decimals: int,
) -> tuple[int, ...]:
    """How many decimals each operand needs, so that the reader gets the results' last digit.

    `compute(*operands)`, of operands so rounded, agrees with every result, which is written with
    `decimals`. All operands are given the same number of significant digits.
    """
    shown = np.round(results, decimals)
    least = [decimals_of(float(np.max(np.abs(one), initial=0.0))) for one in operands]
    with np.errstate(all="ignore"):
        for more in range(MOST_MORE):
            found = compute(*(np.round(x, d + more) for x, d in zip(operands, least, strict=True)))
            if _same(found, shown, decimals):
                break
    return tuple(d + more for d in least)


def term_decimals(terms: Floats, total: float, decimals: int) -> int:
    """How many decimals the terms of a sum need for the last digit of their total."""
    shown = round(total, decimals)
    for needed in range(decimals, decimals + MOST_MORE):
        if _same(np.round(terms, needed).sum(), shown, decimals):
            break
    return needed


def _same(found: Floats | float, shown: Floats | float, decimals: int) -> bool:
    """Whether the numbers, rounded, are those that are shown."""
    return bool(np.all(np.abs(np.round(found, decimals) - shown) < 0.1 * 10.0**-decimals))


def bracketed(text: str) -> str:
    """A negative number in brackets, as it stands behind a sign."""
    return f"({text})" if text.startswith("-") else text


def visible(text: object) -> str:
    r"""The text with every character that does not show itself as its escape: \x1b, \u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def columns_of(text: str) -> int:
    """The columns that a text takes on a terminal: Chinese characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits into the width, with an ellipsis."""
    if columns_of(text) <= width:
        return text
    while columns_of(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """The text with blanks up to the width."""
    blanks = " " * max(0, width - columns_of(text))
    return blanks + text if right else text + blanks


def align(numbers: Sequence[str]) -> list[str]:
    """The numbers with blanks, so that their decimal points stand below one another."""
    split = [("", number) if "e" in number else _at_point(number) for number in numbers]
    before = max((len(whole) for whole, _ in split), default=0)
    lines = [whole.rjust(before) + rest if whole else rest for whole, rest in split]
    after = max((len(rest) for whole, rest in split if whole), default=0)
    width = max((before + after, *map(len, lines)), default=0)
    return [
        (line.ljust(before + after) if whole else line).rjust(width)
        for (whole, _), line in zip(split, lines, strict=True)
    ]


def _at_point(number: str) -> tuple[str, str]:
    """What stands before the decimal point, and the rest with it."""
    whole, point, decimals = number.partition(".")
    return whole, point + decimals
