"""How a text table is written: its records and quotes, its delimiter, its decimal mark."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import polars as pl

from chainrule.errors import TableError
from chainrule.table.cells import MISSING_WORDS

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
DECIMALS = (".", ",")

_SAMPLE = 1 << 18  # bytes looked at to find the delimiter; more only where a record is longer


class Record(NamedTuple):
    """One record: the line it begins on (from 1), its cells, and where the next one begins."""

    line: int
    cells: list[str]
    end: int


class BrokenQuoteError(TableError):
    """A quote that is never closed, or whose closing is followed by more of the cell."""

    def __init__(self, message: str, *, closed: bool) -> None:
        super().__init__(message)
        self.closed = closed


@cache
def _cell_pattern(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(
        rf"{blanks(delimiter)}*+"
        rf'(?:"([^"]*+(?:""[^"]*+)*+)"{blanks(delimiter)}*+|(?!")([^{mark}\r\n]*+))'
        rf"({mark}|\r\n?|\n|\Z)"
    )


def blanks(delimiter: str) -> str:
    """A character class of what may stand around a cell and does not belong to it."""
    return "[" + "".join({" ", "\t"} - {delimiter}) + "]"


def records(text: str, delimiter: str, line: int = 1) -> Iterator[Record]:
    """The records of `text` (RFC 4180), the first of which begins on `line`.

    A quote opens a quoted cell only at the start of a cell, blanks aside; elsewhere it is a
    character. A record ends with LF, CRLF or CR. Raises BrokenQuoteError.
    """
    match = _cell_pattern(delimiter).match
    cells: list[str] = []
    position, first = 0, line
    while position < len(text) or cells:
        found = match(text, position)
        if found is None:
            raise _broken_quote(text, position, line, delimiter)
        quoted, plain, end = found.groups()
        if quoted is not None:
            line += _line_ends(quoted)
            plain = quoted.replace('""', '"')
        cells.append(plain)
        position = found.end()
        if end != delimiter:
            yield Record(first, cells, position)
            cells = []
            line += 1
            first = line


def _line_ends(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


def _broken_quote(text: str, position: int, line: int, delimiter: str) -> BrokenQuoteError:
    found = re.compile(r'[ \t]*+"([^"]*+(?:""[^"]*+)*+)"').match(text, position)
    if found is None:
        return BrokenQuoteError(
            f"the quote opened on line {line} is never closed: close it, "
            "or write a quote that belongs to a cell twice inside quotes",
            closed=False,
        )
    closing = line + _line_ends(found[1])
    where = f"on line {line}" if closing == line else f"on line {line} and closed on line {closing}"
    rest = re.split(rf"[{re.escape(delimiter)}\r\n]", text[found.end() :][:20])[0]
    return BrokenQuoteError(
        f"the quote opened {where} is followed by {rest!r}, a delimiter or the end of the line "
        "was expected: close every quote, and write a quote inside quotes twice",
        closed=True,
    )


def is_blank(cells: list[str]) -> bool:
    """Whether these are the cells of a line with nothing on it."""
    return len(cells) == 1 and not cells[0].strip()


def checked_delimiter(delimiter: str) -> str:
    r"""The delimiter that was given, with "\t" typed as two characters understood as a tab."""
    delimiter = "\t" if delimiter == r"\t" else delimiter
    if len(delimiter) != 1:
        raise TableError(
            f"the delimiter was given as {delimiter!r}, one character was expected: "
            r"for example , or ; or | or \t for a tab"
        )
    if delimiter in '"\r\n\0':
        raise TableError(f"{delimiter!r} cannot delimit cells: give for example , or ; or | or \\t")
    return delimiter


def find_delimiter(data: bytes) -> str:
    """The delimiter of a UTF-8 text table: the one that gives all its first records one width.

    A table in which none occurs has one column. Where no candidate fits, the likeliest is
    returned, and reading the table with it then names the record that does not fit.

    Raises TableError where two candidates fit, and where another separator seems to be in use.
    """
    size = _SAMPLE
    while True:
        sample, whole = data[:size].decode("utf-8", "ignore"), size >= len(data)
        shapes = {mark: _widths(sample, mark, whole=whole) for mark in DELIMITERS}
        if whole or max(len(widths) for widths, _ in shapes.values()) >= 2:
            break
        size *= 4
    fitting = {
        mark: widths[0]
        for mark, (widths, sound) in shapes.items()
        if sound and widths and widths[0] > 1 and len(set(widths)) == 1
    }
    if len(fitting) > 1 and len(shapes[next(iter(fitting))][0]) > 1:
        choices = " and ".join(f"{DELIMITERS[mark]} ({n} columns)" for mark, n in fitting.items())
        raise TableError(f"both {choices} may separate the columns: give the delimiter")
    if fitting:
        return max(fitting, key=lambda mark: fitting[mark])
    if all(set(widths) <= {1} and sound for widths, sound in shapes.values()):
        lines = re.split(r"\r\n?|\n", sample)
        _refuse_other_separator(lines if whole else lines[:-1])
        return ","

    def likelihood(mark: str) -> tuple[bool, bool, float, int]:
        widths, _ = shapes[mark]
        width = widths[0] if widths else 0
        return width > 1, set(widths) != {1}, widths.count(width) / max(1, len(widths)), width

    return max(DELIMITERS, key=likelihood)


def _widths(sample: str, delimiter: str, *, whole: bool) -> tuple[list[int], bool]:
    """The number of cells of each complete record, and whether the quotes fit the delimiter."""
    widths = []
    try:
        for record in records(sample, delimiter):
            if record.end == len(sample) and not whole:
                break
            if not is_blank(record.cells):
                widths.append(len(record.cells))
    except BrokenQuoteError as error:
        return widths, not (error.closed or whole)
    return widths, True


def _refuse_other_separator(lines: list[str]) -> None:
    lines = [line for line in lines if line.strip()]
    for mark, name in ((None, "spaces"), (":", "colons"), ("^", "'^'"), ("~", "'~'")):
        widths = {len(line.split(mark)) for line in lines}
        if len(lines) > 1 and len(widths) == 1 and widths != {1}:
            raise TableError(
                f"the columns seem to be separated by {name}; commas, semicolons, tabs or | were "
                "expected: give the delimiter (a comma if this is a single column)"
            )


# A column may hold words for "no value" beside its numbers; they say nothing of the decimal mark.
_NO_VALUE = f"(?i:{'|'.join(map(re.escape, MISSING_WORDS))})"


def _number(decimal: str) -> str:
    """A regular expression of the numbers written with this decimal mark, thousands grouped or not.

    A group of thousands never begins with a zero, so that "0.123" is not taken for a grouping.
    """
    d, t = re.escape(decimal), re.escape(_other(decimal))
    whole = rf"(?:[0-9]+|[1-9][0-9]{{0,2}}(?:{t}[0-9]{{3}})+)"
    return rf"[+-]?(?:{whole}(?:{d}[0-9]*)?|{d}[0-9]+)(?:[eE][+-]?[0-9]+)?"


def _other(decimal: str) -> str:
    return "," if decimal == "." else "."


def checked_decimal(decimal: str) -> str:
    """The decimal mark that was given; raises TableError for one that is not known."""
    if decimal not in DECIMALS:
        raise TableError(f"the decimal mark was given as {decimal!r}: give . or ,")
    return decimal


def unify_decimals(
    frame: pl.DataFrame, delimiter: str, given: str | None
) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    """Write the numbers of a table of text cells with a decimal point and no thousands marks.

    A column speaks for a decimal mark if all its values are numbers written with it, and not all
    are numbers with the other mark. Columns such as 1,234 that could be either follow the mark that
    is given, or that all other columns agree on; otherwise they are left, and said to be in doubt.
    A decimal comma is not inferred where commas delimit.

    Returns the table, the decimal mark, and notes.
    """
    holding = {
        mark: _columns_where(frame, pl.all().str.contains(mark, literal=True).any())
        for mark in (DECIMALS if given else (",",))
    }
    if not any(holding.values()):
        return frame, given or ".", ()
    numbers = {mark: _columns_of_numbers(frame, mark) for mark in DECIMALS}
    speaking = {
        mark: [name for name in numbers[mark] if name not in numbers[_other(mark)]]
        for mark in DECIMALS
    }
    doubtful = [name for name in numbers["."] if name in numbers[","]]

    decimal = given or ("," if speaking[","] and delimiter != "," else ".")
    settled = given is not None or (speaking[decimal] and not speaking[_other(decimal)])
    changed = speaking[decimal] + (doubtful if settled else [])
    if decimal == ".":
        changed = [name for name in changed if name in holding[","]]
    without_thousands = pl.col(changed).str.replace_all(_other(decimal), "", literal=True)
    unified = frame.with_columns(without_thousands.str.replace(decimal, ".", literal=True))

    notes = []
    if changed:
        found = "decimal commas are used" if decimal == "," else "commas group the thousands"
        notes.append(f"{found} in {_named(changed)}")
    if doubtful and decimal == "," and given is None and settled:
        notes.append(
            f"points group the thousands in {_named(doubtful)}, so 1.234 is 1234, for decimal "
            "commas are used elsewhere: if that is wrong, give the decimal mark"
        )
    unsure = [name for name in doubtful if decimal == "," or name in holding[","]]
    if unsure and not settled:
        notes.append(
            f"numbers like 1,234 or 1.234 in {_named(unsure)} are left as they are, for the mark "
            "may group thousands or be a decimal mark: give the decimal mark"
        )
    if speaking[","] and decimal == ".":
        notes.append(
            f"values like 1,5 in {_named(speaking[','])} are left as text: "
            "if they are numbers, give the comma as decimal mark"
        )
    return unified, decimal, tuple(notes)


def _columns_where(frame: pl.DataFrame, condition: pl.Expr) -> list[str]:
    found = frame.select(condition)
    return [name for name in found.columns if found[name][0]]


def _columns_of_numbers(frame: pl.DataFrame, decimal: str) -> list[str]:
    """The columns that hold a mark, and in which every value is a number with this decimal mark."""
    marked = _columns_where(frame, pl.all().str.contains(r"[0-9][.,]|[.,][0-9]").any())
    fits = pl.col(marked).str.contains(rf"^(?:{_number(decimal)}|{_NO_VALUE})$")
    return _columns_where(frame, fits.all())


def _named(columns: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in columns[:5])
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return f"column{'s' if len(columns) > 1 else ''} {shown}{more}"
