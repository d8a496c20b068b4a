"""The model file: a JSON document and named tensors, in a file that says so itself if damaged.

The bytes are those of a safetensors file, so that other programs can open it:

    8 bytes     length of the header, little-endian
    header      JSON: {"__metadata__": {"format": "chainrule", "checksum": ..., "format_version":
                ..., "library_version": ..., "document": ...}, NAME: {"dtype": "F64", "shape":
                [13, 64], "data_offsets": [0, 6656]}, ...}, and spaces up to a multiple of 8
    data        the tensors, little-endian, row by row, without gaps

The checksum is the SHA-256 of every byte of the file, its own 64 hexadecimal digits counted as
zeros. The same content gives the same bytes, and a file is accepted only if it is, byte by byte,
what the writer writes for what was read. Nothing in a file is executed, imported or looked up.
docs/decisions/0002-model-file.md gives the reasons.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import strict_json, tensor_table
from chainrule.atomic_write import write_atomically
from chainrule.choices import did_you_mean
from chainrule.errors import InputError, ModelFileError

FORMAT_VERSION = 1

MAX_HEADER = 16 * 2**20
"""Bytes of the header; nearly all of them are the document's."""

# Every format to come keeps these bytes, the place and rule of the checksum, and the two versions
# behind it: without them an old library could not tell a newer file from a damaged one.
_START = b'{"__metadata__":{"format":"chainrule","checksum":"'
_CHECKSUM = slice(8 + len(_START), 8 + len(_START) + 64)
_VERSIONS = re.compile(
    rb'","format_version":"([1-9][0-9]{0,5})","library_version":"([0-9A-Za-z.+!_-]{1,64})"'
)
_FIXED_BYTES = 512
"""More than the longest beginning that _VERSIONS can match."""

_DOCUMENT = b',"document":'
_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive, such as PyTorch, Keras and NumPy write"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file, such as Keras wrote"),
    (b"PAR1", "a Parquet table"),
    (b"\x1f\x8b", "compressed by gzip"),
    *((bytes([0x80, v]), "a Python pickle, which is never loaded") for v in range(2, 6)),
)


def write_model_file(
    path: str | os.PathLike[str],
    document: Mapping[str, object],
    tensors: Mapping[str, NDArray[Any]],
) -> None:
    """Replace the file at `path` by one with this document and these tensors, whole or not at all.

    `document` is plain data: dicts, lists, strings, integers, finite floats, booleans and None;
    its keys keep their order. A tensor has one of tensor_table.DTYPES, and its place is not kept.

    Raises:
        InputError: the file cannot be written there, or the document needs more than MAX_HEADER.
        TypeError, ValueError: this format does not hold such a document or tensor; says which.
    """
    entries = tensor_table.entries_of(tensors)
    text = strict_json.encode(dict(document), "document")
    versions = f'","format_version":"{FORMAT_VERSION}","library_version":"{_library_version()}"'
    literal = strict_json.encode(text).encode()
    header = b"".join([_START, b"0" * 64, versions.encode(), _DOCUMENT, literal])
    header += tensor_table.render(entries, len(header))
    if len(header) > MAX_HEADER:
        raise InputError(
            f"cannot write {_shown(path)}: the description of this model needs {len(header):,} "
            f"bytes, and a model file holds {MAX_HEADER:,}; use fewer columns, or fewer distinct "
            "categories"
        )
    first = bytearray(len(header).to_bytes(8, "little") + header)
    data = [tensor_table.data_of(tensors[entry.name]) for entry in entries]
    first[_CHECKSUM] = _checksum([first, *data])
    write_atomically(path, [memoryview(first), *data])


def read_model_file(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The document of the model file at `path`, and its tensors by name.

    The tensors are read-only views of one buffer; copy what is to change. Whether they fit the
    document, and are finite, is for the caller to judge. What is declared is compared with the
    bytes that are there before it is allocated, and the checksum before the document is read.

    Raises:
        ModelFileError: the file is missing, damaged, foreign or newer; says which, what to do.
    """
    shown = _shown(path)
    try:
        with _open(path) as file:
            return _read(file, shown)
    except OSError as error:
        raise ModelFileError(f"cannot read {shown}: {error.strerror or error}.") from error
    except MemoryError:
        raise ModelFileError(f"cannot read {shown}: it needs more memory than is free.") from None


def _read(file: BufferedReader, shown: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    size = os.fstat(file.fileno()).st_size
    beginning = file.read(_FIXED_BYTES)
    versions = _versions(file, beginning, size, shown)
    n_header = int.from_bytes(beginning[:8], "little")
    if n_header > MAX_HEADER:
        raise _damaged(shown, f"it announces a header of {n_header:,} bytes")
    first = (beginning + file.read(max(0, 8 + n_header - _FIXED_BYTES)))[: 8 + n_header]
    literal_start = versions.end() + len(_DOCUMENT)
    # Inside the literal a backslash stands before every quotation mark, and its text is an object:
    # it ends at the first bare mark that follows a brace, and what it holds is a dict.
    literal_end = first.find(b'}"}', literal_start) + 2
    entries = tensor_table.parse(first[literal_end:], literal_end - 8)
    if entries is None or not first.startswith(_DOCUMENT, versions.end()):
        raise _damaged(shown, "its header is not what chainrule writes")
    expected = len(first) + sum(entry.n_bytes for entry in entries)
    if size < expected:
        raise _damaged(shown, f"it is cut off: {size:,} of {expected:,} bytes came")
    if size > expected:
        raise _damaged(shown, f"it has {size:,} bytes, and {expected:,} were expected")

    data = np.empty(expected - len(first), np.uint8)
    file.seek(len(first))
    if file.readinto(data.data) != data.size:
        raise _damaged(shown, "it changed while it was read")
    if _checksum([first, data.data]) != first[_CHECKSUM]:
        raise _damaged(shown, "its checksum does not match")
    try:
        text: str = strict_json.decode(first[literal_start:literal_end].decode())
        document: dict[str, Any] = strict_json.decode(text)
    except ValueError as error:
        raise _damaged(shown, f"its document cannot be read ({error!s:.200})") from None
    data.flags.writeable = False
    return document, tensor_table.views(entries, data)


def _versions(file: BufferedReader, beginning: bytes, size: int, shown: str) -> re.Match[bytes]:
    """What _VERSIONS finds in the `beginning` of a file that this format can read.

    Raises:
        ModelFileError: the file is foreign, cut off, or whole but of a newer format.
    """
    if not beginning.startswith(_START, 8):
        raise _foreign(beginning, shown)
    n_header = int.from_bytes(beginning[:8], "little")
    if size < 8 + n_header:
        raise _truncated(shown, size, 8 + n_header)
    versions = _VERSIONS.match(beginning, _CHECKSUM.stop)
    if versions is None:
        raise _damaged(shown, "its beginning is not what chainrule writes")
    if int(versions[1]) > FORMAT_VERSION:
        # A flipped bit can make a 3 of a 1, so the file is believed only if it is whole.
        rest = iter(lambda: file.read(2**20), b"")
        if _checksum(chain([beginning], rest)) != beginning[_CHECKSUM]:
            raise _damaged(shown, "its checksum does not match")
        raise ModelFileError(
            f"{shown} was written by chainrule {versions[2].decode()} with format "
            f"{int(versions[1])}; this is chainrule {_library_version()}, which reads format "
            f"{FORMAT_VERSION}: upgrade chainrule."
        )
    return versions


def _checksum(chunks: Iterable[bytes | bytearray | memoryview]) -> bytes:
    """Of a file in pieces, the first of which holds its checksum: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for i, chunk in enumerate(chunks):
        if i == 0:
            first = bytearray(chunk)
            first[_CHECKSUM] = b"0" * 64
            digest.update(first)
        else:
            digest.update(chunk)
    return digest.hexdigest().encode()


def _library_version() -> str:
    from importlib.metadata import version  # late: it costs more than reading a model

    return version("chainrule")


def _open(path: str | os.PathLike[str]) -> BufferedReader:
    """The file at `path`, if it is one: a pipe or a device could keep the reader waiting."""
    shown, file = _shown(path), Path(path)
    try:
        mode = file.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if not file.parent.is_dir():
            reason = f"there is no folder {str(file.parent)!r}"
        else:
            neighbours = (neighbour.name for neighbour in file.parent.iterdir())
            reason = f"there is no such file{did_you_mean(file.name, neighbours)}"
        raise ModelFileError(f"cannot read {shown}: {reason}.") from None
    except ValueError:  # a null byte
        raise ModelFileError(f"cannot read {shown}: that is not a file name.") from None
    if stat.S_ISDIR(mode):
        raise ModelFileError(f"{shown} is a folder; name the model file in it.")
    if not stat.S_ISREG(mode):
        raise ModelFileError(f"{shown} is a device or a pipe; a model is read from a file.")
    return file.open("rb")


def _foreign(beginning: bytes, shown: str) -> ModelFileError:
    """What to say of a file that does not begin as every model file does."""
    if not beginning:
        return ModelFileError(f"{shown} is empty; a model file was expected.")
    if len(beginning) <= 8:
        return ModelFileError(
            f"{shown} has only {len(beginning)} bytes, and a model file more; copy it again, or "
            "name another file."
        )
    if len(beginning) < 8 + len(_START) and _START.startswith(beginning[8:]):
        return _truncated(shown, len(beginning), _CHECKSUM.stop)
    known = (what for signature, what in _SIGNATURES if beginning.startswith(signature))
    if beginning[8:9] == b"{" and beginning[6:8] == b"\0\0":
        what = "a safetensors file of another program, or damaged at its beginning"
    elif re.fullmatch(rb"[\t\n\r\f\x20-\x7e\x80-\xff]*", beginning):
        what = "text, perhaps a table; the model is named first, then the table"
    else:
        what = next(known, "written by another program")
    return ModelFileError(
        f"{shown} is not a chainrule model: it is {what}; a file from 'chainrule train' is needed."
    )


def _truncated(shown: str, size: int, expected: int) -> ModelFileError:
    what = f"it is cut off: {size:,} bytes came, and {expected:,} or more were expected"
    return _damaged(shown, what)


def _damaged(shown: str, what: str) -> ModelFileError:
    return ModelFileError(
        f"{shown} is damaged: {what}; copy it again from its source, or train the model again."
    )


def _shown(path: str | os.PathLike[str]) -> str:
    return repr(os.fspath(path))
