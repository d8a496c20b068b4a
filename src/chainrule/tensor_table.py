"""The tensors of a safetensors file: their names, dtypes and shapes, and where their data lies.

In the file's header a tensor is `"W":{"dtype":"F64","shape":[13,64],"data_offsets":[0,6656]}`.
The data are little-endian, row by row; the tensors with the largest items come first, then by
name, without gaps, so that each begins at a multiple of its item size.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "U8": np.dtype("u1"),
}
"""The dtypes that a tensor may have, by their names in safetensors."""

MAX_TENSORS = 4096
MAX_DIMENSIONS = 8
MAX_TENSOR_BYTES = 2**48
"""Of one tensor, an empty dimension counted as 1: far below what overflows anywhere."""

_NAME = r"[A-Za-z0-9_./\[\]-]{1,128}"
_ENTRY = re.compile(rf',"({_NAME})":\{{"dtype":"([A-Z0-9]{{1,4}})","shape":\[([0-9,]{{0,127}})\]')
_MAX_ENTRY_BYTES = 512


@dataclass(frozen=True)
class Entry:
    """What the header says of one tensor; the place of its data follows from those before it."""

    name: str
    dtype: str  # a key of DTYPES
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.name == "__metadata__" or not re.fullmatch(_NAME, self.name):
            raise ValueError(
                f"the tensor name {self.name!r} is not 1 to 128 letters, digits and _./-[]"
            )
        if self.dtype not in DTYPES:
            raise TypeError(
                f"tensor {self.name!r} has the dtype {self.dtype}; use one of {', '.join(DTYPES)}"
            )
        if len(self.shape) > MAX_DIMENSIONS:
            raise ValueError(f"tensor {self.name!r} has more than {MAX_DIMENSIONS} dimensions")
        n_items = math.prod(max(1, length) for length in self.shape)
        if n_items * DTYPES[self.dtype].itemsize > MAX_TENSOR_BYTES:
            raise ValueError(f"tensor {self.name!r} is larger than {MAX_TENSOR_BYTES:,} bytes")

    @property
    def n_bytes(self) -> int:
        """The size of the data."""
        return math.prod(self.shape) * DTYPES[self.dtype].itemsize


def entries_of(tensors: Mapping[str, NDArray[Any]]) -> list[Entry]:
    """The entries of these tensors, in the order of the file.

    Raises:
        TypeError, ValueError: a name, dtype or shape that the table does not hold; says which.
    """
    if len(tensors) > MAX_TENSORS:
        raise ValueError(f"{len(tensors)} tensors are more than {MAX_TENSORS}")
    # Without its first character, the byte order, which data_of takes care of.
    codes = {dtype.str[1:]: name for name, dtype in DTYPES.items()}
    return _in_file_order(
        Entry(name, codes.get(tensor.dtype.str[1:], str(tensor.dtype)), tensor.shape)
        for name, tensor in tensors.items()
    )


def data_of(tensor: NDArray[Any]) -> memoryview:
    """The bytes of one tensor as they lie in the file."""
    little_endian = np.asarray(tensor, tensor.dtype.newbyteorder("<"), order="C")
    return little_endian.reshape(-1).view(np.uint8).data


def render(entries: Iterable[Entry], n_before: int) -> bytes:
    """The end of a header, from the brace that closes the metadata to the spaces behind the last.

    `n_before` bytes of the header stand before it; with the spaces the data is aligned to 8.
    """
    parts, offset = ["}"], 0
    for entry in entries:
        shape = ",".join(map(str, entry.shape))
        end = offset + entry.n_bytes
        parts.append(
            f',"{entry.name}":{{"dtype":"{entry.dtype}","shape":[{shape}],'
            f'"data_offsets":[{offset},{end}]}}'
        )
        offset = end
    table = "".join(parts) + "}"
    return (table + " " * (-(n_before + len(table)) % 8)).encode()


def parse(table: bytes, n_before: int) -> list[Entry] | None:
    """The entries that `render` made this table of; None if it did not.

    What the pattern finds is a guess that rendering proves: it refuses duplicate and unknown
    keys, gaps, overlaps, offsets that disagree with a shape, and everything else at once.
    """
    if len(table) > MAX_TENSORS * _MAX_ENTRY_BYTES:
        return None
    matches = _ENTRY.findall(table.decode("ascii", "replace"))
    if len(matches) > MAX_TENSORS:
        return None
    try:
        entries = _in_file_order(
            Entry(name, dtype, tuple(int(digits) for digits in shape.split(",") if digits))
            for name, dtype, shape in matches
        )
    except (TypeError, ValueError):
        return None
    names = {entry.name for entry in entries}
    if len(names) < len(entries) or render(entries, n_before) != table:
        return None
    return entries


def views(entries: Iterable[Entry], data: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """The tensors by name, as views of `data`, all the bytes behind the header."""
    tensors, offset = {}, 0
    for entry in entries:
        items = data[offset : offset + entry.n_bytes].view(DTYPES[entry.dtype])
        tensors[entry.name] = items.reshape(entry.shape)
        offset += entry.n_bytes
    return tensors


def _in_file_order(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (-DTYPES[entry.dtype].itemsize, entry.name))
