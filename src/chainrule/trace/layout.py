"""The layout of a page: paragraphs and insets of at most 80 columns."""

from collections.abc import Iterable
from textwrap import wrap

WIDTH = 80
INDENT = "  "


def paragraph(text: str, indent: str = INDENT) -> list[str]:
    """A text in lines; what is joined by no-break spaces stays together."""
    lines = wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
    return [line.replace("\u00a0", " ") for line in lines]


def inset(lines: Iterable[str], depth: int = 1) -> list[str]:
    """Lines further to the right."""
    return [INDENT * depth + line for line in lines]


def amount(number: int, noun: str) -> str:
    """A number of things: 1 row, 12,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
