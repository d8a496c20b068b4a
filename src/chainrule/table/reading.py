"""Reading a table file into a data frame, or refusing it with a reason.

A text table is read as text: what its columns mean is decided elsewhere, over whole columns. Two
readers give the same table. The fast one is Polars', which pads short records and forgives broken
quotes; so it is only used on a file that is first proven to be well formed, from its skeleton of
delimiters, quotes and line ends. Every other file goes to the careful one, which reads record by
record and says where it stumbles.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from os import PathLike
from pathlib import Path

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl

from chainrule.errors import TableError
from chainrule.table import dialect, source

_ROWS_AT_ONCE = 20_000  # held as Python strings by the careful reader
_BYTES_AT_ONCE = 1 << 23
_ONE_AT_A_TIME = threading.Lock()  # for the standard error, of which a process has one
_SEP_LINE = re.compile(rb"sep=([^\r\n])\r?\n", re.IGNORECASE)  # Excel's way to name the delimiter
_LOOKS_LIKE_A_NUMBER = re.compile(r"[+-]?[0-9]*[.,]?[0-9]+([eE][+-]?[0-9]+)?")


@dataclass(frozen=True)
class Reading:
    """A table that was read, and what was found out about its file.

    `delimiter`, `encoding` and `decimal` are None for Parquet. `notes` are sentences for the user.
    """

    frame: nw.DataFrame[pl.DataFrame]
    delimiter: str | None
    encoding: str | None
    decimal: str | None
    notes: tuple[str, ...]


def read_table(
    path: str | PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    decimal: str | None = None,
) -> Reading:
    r"""Read a CSV, TSV, otherwise delimited or Parquet file, gzip-compressed or not.

    The kind of file is found from its content. For a text file, delimiter (one of , ; tab |),
    encoding (UTF-8, UTF-16 with a mark, else windows-1252) and decimal mark are found unless they
    are given. All its columns come back as text: stripped, empty cells null, numbers with a decimal
    comma rewritten with a point. The columns of a Parquet file keep their types.

    Raises TableError, naming the file, for everything that is not surely a table.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "desks.csv"
    >>> _ = file.write_text("length;width\n1,5;2,5\n2;\n")
    >>> reading = read_table(file)
    >>> reading.delimiter, reading.decimal, reading.frame.rows()
    (';', ',', [('1.5', '2.5'), ('2', None)])
    """
    try:
        delimiter = None if delimiter is None else dialect.checked_delimiter(delimiter)
        decimal = None if decimal is None else dialect.checked_decimal(decimal)
        data = source.load(Path(path))
        if data.startswith(source.PARQUET):
            given = {"delimiter": delimiter, "encoding": encoding, "decimal mark": decimal}
            return _read_parquet(data, [name for name, value in given.items() if value])
        text = source.decode(data, encoding)
        del data  # a table may fill half of the memory
        return _read_text(text, delimiter, decimal)
    except TableError as error:
        raise TableError(f"{path}: {error}") from None


def _read_parquet(data: bytes, given: list[str]) -> Reading:
    if len(data) < 12 or not data.endswith(source.PARQUET):
        raise TableError("the Parquet file ends too early: copy or write it again")
    try:
        with _panics_unreported():
            frame = pl.read_parquet(data)
    except pl.exceptions.PanicException:
        raise TableError("the Parquet file is damaged: write it again") from None
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"the Parquet file is damaged ({reason}): write it again") from None
    names, notes = _named_columns(frame.columns)
    frame.columns = names
    for name, kind in frame.schema.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            raise TableError(
                f"column '{name}' has the type {kind}, a number, text, boolean or date was "
                "expected: leave it out, or split it into columns of single values"
            )
    if frame.height == 0:
        raise TableError("the Parquet file has no rows: at least one was expected")
    if given:
        notes.append(f"a Parquet file needs no {' or '.join(given)}: what was given is not used")
    return Reading(nw.from_native(frame, eager_only=True), None, None, None, tuple(notes))


@contextmanager
def _panics_unreported() -> Iterator[None]:
    """Keep from the screen what Polars' decoder writes there, below Python, of damaged files.

    It reports a panic on the standard error of the process, then raises it as PanicException.
    """
    with _ONE_AT_A_TIME:
        try:
            screen = os.dup(2)
        except OSError:  # a process without a screen
            yield
            return
        try:
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def _read_text(
    text: source.Text, given_delimiter: str | None, given_decimal: str | None
) -> Reading:
    data, first_line = text.data, 1
    notes = list(text.notes)
    sep_line = _SEP_LINE.match(data) if given_delimiter is None else None
    if sep_line is not None:
        given_delimiter = dialect.checked_delimiter(sep_line[1].decode())
        data, first_line = data[sep_line.end() :], 2
    start = re.match(rb"\s*[\r\n]", data)
    if start is not None:
        first_line += len(re.findall(rb"\r\n?|\n", start[0]))
        data = data[start.end() :]
    delimiter = given_delimiter or dialect.find_delimiter(data)
    data = _without_blank_end(data, delimiter)
    if not data:
        raise TableError("the file is blank: a line of column names and rows were expected")

    header, start_of_rows = _header(data, delimiter, first_line)
    names, naming = _named_columns(header)
    notes += naming
    if start_of_rows >= len(data):
        raise TableError(
            f"there is a line of {len(names)} column names and no rows: at least one was expected"
        )
    if given_delimiter is None and len(names) > 1 and delimiter != ",":
        notes.append(f"{dialect.DELIMITERS[delimiter]} separate the columns")
    if given_delimiter is not None and len(names) == 1:
        notes.append(f"the delimiter {delimiter!r} is not in the header: read as a single column")
    if all(_LOOKS_LIKE_A_NUMBER.fullmatch(cell.strip()) for cell in header):
        notes.append(
            "the first line is taken for the column names, though it holds only numbers: "
            "if the file has no column names, add a line with them"
        )

    frame = _read_well_formed(data, delimiter, names)
    if frame is None:
        frame, skipping = _read_with_care(data.decode(), delimiter, names, first_line)
        notes += skipping
    decimal = given_decimal or "."
    commas_in_cells = b"," in data and (delimiter != "," or b'"' in data)
    if commas_in_cells or given_decimal is not None:
        frame, decimal, rewriting = dialect.unify_decimals(frame, delimiter, given_decimal)
        notes += rewriting
    return Reading(
        nw.from_native(frame, eager_only=True), delimiter, text.encoding, decimal, tuple(notes)
    )


def _without_blank_end(data: bytes, delimiter: str) -> bytes:
    """The data without the blank lines at its end; a copy is only made where there are some."""
    blank = b"\r\n" if delimiter in "\t " else b"\r\n\t "
    end = len(data)
    while end and data[end - 1] in blank:
        end -= 1
    return data if len(data) - end <= 1 else data[:end] + b"\n" * bool(end)


def _header(data: bytes, delimiter: str, first_line: int) -> tuple[list[str], int]:
    """The cells of the first record, and where the next record begins in the data."""
    size = 1 << 16
    while True:  # a header may be longer than any guess
        beginning = data[:size].decode("utf-8", "ignore")
        try:
            record = next(dialect.records(beginning, delimiter, first_line))
        except dialect.BrokenQuoteError:
            if size >= len(data):
                raise
        else:
            if record.end < len(beginning) or size >= len(data):
                return record.cells, len(beginning[: record.end].encode())
        size *= 8


def _named_columns(header: list[str]) -> tuple[list[str], list[str]]:
    """A name for each column, and notes on those that had none; duplicates are refused."""
    names = [cell.strip() for cell in header]
    places: dict[str, list[str]] = {}
    for place, name in enumerate(names, start=1):
        if name:
            places.setdefault(name, []).append(str(place))
    duplicates = [
        f"'{name}' (columns {', '.join(found)})" for name, found in places.items() if len(found) > 1
    ]
    if duplicates:
        raise TableError(
            f"each column needs a name of its own, but these come twice or more: "
            f"{'; '.join(duplicates[:5])}: rename them in the header"
        )
    unnamed = []
    for index, name in enumerate(names):
        if not name:
            new = f"column_{index + 1}"
            while new in places:
                new += "_"
            names[index] = new
            unnamed.append(new)
    if not unnamed:
        return names, []
    shown = ", ".join(unnamed[:5]) + (f" and {len(unnamed) - 5} more" if len(unnamed) > 5 else "")
    return names, [f"columns without a name in the header are called by their place: {shown}"]


def _read_well_formed(data: bytes, delimiter: str, names: list[str]) -> pl.DataFrame | None:
    """The rows as Polars reads them, or None unless the file is proven to be well formed.

    Well formed is: quotes only around whole cells or doubled within them, and as many cells in each
    record as there are names. Its slow twin is `_read_with_care`.
    """
    mark = delimiter.encode()
    quoted = b'"' in data
    if len(mark) > 1 or (quoted and not _quotes_enclose_cells(data, mark)):
        return None
    skeleton = data.translate(None, bytes(set(range(256)) - set(mark + b'\r\n"')))
    if quoted:
        skeleton = _outside_quotes(skeleton)
    if b"\r" in data:
        if data.count(b"\r") != skeleton.count(b"\r"):
            return None  # in a quoted cell a CR belongs to the text
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        skeleton = skeleton.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    in_cells = data.count(b"\n") - skeleton.count(b"\n")
    if not skeleton.endswith(b"\n"):
        skeleton += b"\n"
    records = len(skeleton) // len(names)
    if skeleton != (mark * (len(names) - 1) + b"\n") * records:
        return None
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema=dict.fromkeys(names, pl.String),
            separator=delimiter,
            quote_char='"' if quoted else None,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != records:
        return None
    frame = frame.slice(1)
    padding = set(b" \t\v\f") - set(mark)
    padded = not data.isascii() or any(blank in data for blank in padding)
    if padded or in_cells:
        frame = frame.with_columns(pl.all().str.strip_chars())
    return _with_nulls(frame) if padded or quoted else frame


def _quotes_enclose_cells(data: bytes, mark: bytes) -> bool:
    """Whether each quote begins or ends a cell, or is one of two within a quoted cell.

    Counted from the start of the file, odd quotes open and even ones close; the two quotes written
    for one within a cell are a closing and an opening that touch.
    """
    text = np.frombuffer(data, np.uint8)
    edge = np.zeros(256, dtype=bool)
    edge[list(mark + b'\r\n"')] = True
    inside = 0
    for start in range(0, len(text), _BYTES_AT_ONCE):
        quotes = start + np.flatnonzero(text[start : start + _BYTES_AT_ONCE] == ord('"'))
        before = quotes[inside::2] - 1
        after = quotes[1 - inside :: 2] + 1
        if not (
            edge[text[before[before >= 0]]].all() and edge[text[after[after < len(text)]]].all()
        ):
            return False
        inside = (inside + len(quotes)) % 2
    return inside == 0


def _outside_quotes(skeleton: bytes) -> bytes:
    """What is left of a skeleton of delimiters, line ends and quotes without the quoted cells."""
    skeleton = skeleton.replace(b'""', b"")  # most cells: nothing of the skeleton is within them
    if b'"' not in skeleton:
        return skeleton
    marks = np.frombuffer(skeleton, np.uint8)
    quotes = marks == ord('"')
    outside = np.cumsum(quotes, dtype=np.uint8) % 2 == 0  # a count modulo 256 keeps its parity
    return marks[outside & ~quotes].tobytes()


def _read_with_care(
    text: str, delimiter: str, names: list[str], first_line: int
) -> tuple[pl.DataFrame, list[str]]:
    """The rows of any text table, read record by record, and a note on blank lines.

    Raises TableError at the first record that does not have one cell per name.
    """
    schema = dict.fromkeys(names, pl.String)
    frames: list[pl.DataFrame] = []
    rows: list[list[str]] = []
    blank_lines = []
    found = dialect.records(text, delimiter, first_line)
    next(found)
    for record in found:
        if len(names) > 1 and dialect.is_blank(record.cells):
            blank_lines.append(record.line)
        elif len(record.cells) == len(names):
            rows.append(record.cells)
            if len(rows) == _ROWS_AT_ONCE:
                frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
                rows = []
        else:
            widths = [len(record.cells)]
            if not frames and not rows:
                widths += [len(later.cells) for later in islice(found, 100)]
            raise _ragged(record, names, every=len(widths) > 1 and len(set(widths)) == 1)
    frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
    notes = []
    if blank_lines:
        many = (
            "a blank line was" if len(blank_lines) == 1 else f"{len(blank_lines)} blank lines were"
        )
        notes.append(f"{many} skipped (line {blank_lines[0]})")
    return _with_nulls(pl.concat(frames).with_columns(pl.all().str.strip_chars())), notes


def _ragged(record: dialect.Record, names: list[str], *, every: bool) -> TableError:
    came = f"{len(record.cells)} cell{'s' if len(record.cells) > 1 else ''}"
    expected = f"the header names {len(names)} column{'s' if len(names) > 1 else ''}"
    if every and len(record.cells) == len(names) + 1:
        return TableError(
            f"each row, from line {record.line} on, has {came}, but {expected}: name the column "
            "that lacks a name (often row numbers, at the left), or remove the delimiter that ends "
            "each row"
        )
    if len(record.cells) > len(names):
        advice = "put cells that contain the delimiter in quotes, or give the delimiter"
    else:
        advice = "complete the row, remove it if it is no row of the table, or give the delimiter"
    return TableError(f"line {record.line} has {came}, but {expected}: {advice}")


def _with_nulls(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with null for its empty cells."""
    empty = frame.select((pl.all() == "").any())
    emptied = [name for name in frame.columns if empty[name][0]]
    return frame.with_columns(pl.when(pl.col(emptied) != "").then(pl.col(emptied)))
