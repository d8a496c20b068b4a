"""The bytes of a table file: found, unpacked, told from other kinds of file, and turned into UTF-8.

What a file is called is never trusted; what it begins with is.
"""

import codecs
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

from chainrule.choices import nearest
from chainrule.errors import TableError

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

_AS_CSV = "save the table as CSV or Parquet"
_FOREIGN = (  # magic bytes, what the file is, what to do
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file (.xls)", "save the sheet as CSV"),
    (b"PK\x05\x06", "an empty zip archive", _AS_CSV),
    (b"\x89PNG\r\n", "a PNG image", _AS_CSV),
    (b"\xff\xd8\xff", "a JPEG image", _AS_CSV),
    (b"GIF87a", "a GIF image", _AS_CSV),
    (b"GIF89a", "a GIF image", _AS_CSV),
    (b"%PDF-", "a PDF document", _AS_CSV),
    (b"SQLite format 3\0", "an SQLite database", _AS_CSV),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _AS_CSV),
    (b"\x93NUMPY", "a NumPy array", _AS_CSV),
    (b"ARROW1", "an Arrow file", _AS_CSV),
    (b"\xfd7zXZ\0", "compressed with xz", "unpack it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "unpack it, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (GZIP, "compressed with gzip twice", "unpack it once"),
)

_MARKS = (  # byte order marks; UTF-32 first, for its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Text:
    """A text file as UTF-8 without a byte order mark, and the encoding it came in."""

    data: bytes
    encoding: str
    notes: tuple[str, ...]


def load(path: Path) -> bytes:
    """The bytes of the file at `path`, unpacked if gzip had packed them.

    Raises TableError for a path that cannot be read and for kinds of file that hold no table.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise TableError(f"there is no such file{_nearest(path)}") from None
    except IsADirectoryError:
        raise TableError("this is a folder, a table file was expected: name a file in it") from None
    except PermissionError:
        raise TableError("this file may not be read: ask for permission to read it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise TableError(f"this file cannot be read ({reason}): check the path") from None
    if data.startswith(GZIP):
        try:
            data = gzip.decompress(data)
        except EOFError:
            raise TableError("the gzip file ends too early: copy or download it again") from None
        except (OSError, zlib.error) as error:
            raise TableError(
                f"the gzip file is damaged ({error}): copy or download it again"
            ) from None
    if not data:
        raise TableError("the file is empty: a line of column names and rows were expected")
    _refuse_foreign(data)
    return data


def _nearest(path: Path) -> str:
    folder = path.parent
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except NotADirectoryError:
        return f": '{folder}' is not a folder; check the path"
    except OSError:
        return f", nor a folder '{folder}' that can be listed: check the path"
    near = nearest(path.name, names, likeness=0.7)
    if near is not None:
        return f": did you mean '{near}'?"
    return f" in '{folder}': check the path"


def _refuse_foreign(data: bytes) -> None:
    if data.startswith(b"PK\x03\x04"):
        if b"xl/workbook." in data:
            raise TableError(
                "this is an Excel file (.xlsx), CSV or Parquet was expected: save the sheet as CSV"
            )
        raise TableError("this is a zip archive, CSV or Parquet was expected: unpack it first")
    if data.startswith(b"BZh") and data[4:10] == b"1AY&SY":
        raise TableError("this file is compressed with bzip2: unpack it, or compress it with gzip")
    for magic, kind, advice in _FOREIGN:
        if data.startswith(magic):
            raise TableError(f"this file is {kind}, CSV or Parquet was expected: {advice}")


def decode(data: bytes, encoding: str | None) -> Text:
    """Turn the bytes of a text file into UTF-8.

    Without a given `encoding`, a byte order mark decides; then UTF-8 where the whole file is valid
    UTF-8; then windows-1252, which is said in the notes.

    Raises TableError for an unknown encoding, for bytes that do not fit it, for binary content and
    for JSON or HTML.
    """
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    notes: tuple[str, ...] = ()
    if encoding is not None:
        name = known_encoding(encoding)
        if marked is not None and not name.startswith(marked):
            raise TableError(
                f"the file begins with the byte order mark of {marked}, but the encoding was given "
                f"as {encoding}: give {marked}, or leave it to be found"
            )
    else:
        name = marked or "utf-8"
    if name in ("utf-8", "utf-8-sig"):
        name = "utf-8"
        data = data.removeprefix(codecs.BOM_UTF8)
        _refuse_binary(data)
        problem = _utf8_problem(data)
        if problem is not None:
            if encoding is not None or marked is not None:
                raise TableError(
                    f"{_not_encoded(data, problem)}: save it as UTF-8, or give its encoding "
                    "(windows-1252 is usual for older files)"
                )
            data, name = _from_windows_1252(data, problem), "windows-1252"
            line = data.count(b"\n", 0, problem.start) + 1
            notes = (
                f"read as windows-1252, for line {line} is not UTF-8: "
                "if letters look wrong, give the encoding",
            )
    else:
        data = _recode(data, name)
        _refuse_binary(data)
    if not data:
        raise TableError("the file is empty: a line of column names and rows were expected")
    _refuse_markup(data)
    return Text(data, name, notes)


def known_encoding(encoding: str) -> str:
    """The standard name of a text encoding; raises TableError if Python knows none so called."""
    try:
        name = codecs.lookup(encoding).name
        "a".encode(encoding)  # refused by codecs such as base64, which are not of text
    except (LookupError, ValueError, UnicodeError):
        raise TableError(
            f"the encoding {encoding!r} is not known: give for example utf-8, utf-16, "
            "windows-1252, iso-8859-2, cp1251 or shift_jis"
        ) from None
    return "windows-1252" if name == "cp1252" else name


def _recode(data: bytes, name: str) -> bytes:
    try:
        return data.decode(name).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        raise TableError(
            f"{_not_encoded(data, error, name)}: give the encoding it was written in"
        ) from None
    except UnicodeError:
        raise TableError(f"the file is not {name}: give the encoding it was written in") from None


def _utf8_problem(data: bytes) -> UnicodeDecodeError | None:
    if data.isascii():
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    view, step = memoryview(data), 1 << 20  # in pieces: a str of the whole could be four times it
    try:
        for start in range(0, len(data), step):
            decoder.decode(view[start : start + step], start + step >= len(data))
    except UnicodeDecodeError:
        try:
            data.decode()
        except UnicodeDecodeError as error:
            return error
    return None


def _from_windows_1252(data: bytes, problem: UnicodeDecodeError) -> bytes:
    replaced = data.decode("utf-8", "replace")
    wrong = replaced.count("\ufffd")
    if sum(not character.isascii() for character in replaced) - wrong > wrong:
        raise TableError(
            f"{_not_encoded(data, problem)}, though the rest of it is: "
            "the file is damaged; write or copy it again, or give its encoding"
        )
    try:
        text = data.decode("windows-1252")
    except UnicodeDecodeError as error:
        raise TableError(
            f"{_not_encoded(data, problem)} and {_not_encoded(data, error, 'windows-1252')}: "
            "give the encoding it was written in, or check that it is a table"
        ) from None
    controls = set(map(chr, range(32))) - set("\t\n\v\f\r\x1a")
    if not controls.isdisjoint(text):
        raise TableError(
            "the file holds neither text nor Parquet (control characters and bytes that are not "
            "UTF-8): a CSV or Parquet table was expected"
        )
    return text.encode()


def _not_encoded(data: bytes, problem: UnicodeDecodeError, name: str = "UTF-8") -> str:
    line = data.count(b"\n", 0, problem.start) + 1
    return f"line {line} is not {name} (byte 0x{data[problem.start]:02x})"


def _refuse_binary(data: bytes) -> None:
    if b"\0" not in data:
        return
    even, odd = data[0:4096:2].count(0), data[1:4096:2].count(0)
    if min(even, odd) == 0 and max(even, odd) * 5 > len(data[:4096]):
        guess = "utf-16-le" if odd else "utf-16-be"
        raise TableError(f"the file looks like UTF-16 without its mark: give the encoding {guess}")
    line = data.count(b"\n", 0, data.index(b"\0")) + 1
    raise TableError(
        f"line {line} holds a NUL byte, so the file is binary or damaged: "
        "a CSV or Parquet table was expected"
    )


def _refuse_markup(data: bytes) -> None:
    start = data[:512].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise TableError(
            "this is a web page or XML, CSV or Parquet was expected: "
            "download the table itself, not the page that shows it"
        )
    if start.startswith(b"{") or (start.startswith(b"[") and data[-64:].rstrip().endswith(b"]")):
        first = data.lstrip().split(b"\n", 1)[0]
        for candidate in (first, data if len(data) < 10_000_000 else first):
            try:
                json.loads(candidate)
            except (ValueError, RecursionError):
                continue
            raise TableError("this is JSON, CSV or Parquet was expected: save the table as CSV")
