"""A pixel image: a matrix as a PNG within the page, one pixel for each number.

Only its opacity says how large a number is, so that it looks right on light and on dark paper. The
file is an indexed PNG (PNG specification, third edition, sections 5 and 11).
"""

import base64
import struct
import zlib

import numpy as np

from chainrule.arrays import Floats
from chainrule.report.markup import Markup, tag

MOST_PIXELS = 160
"""Along a side; larger matrices are summarised in blocks."""

PLUS, MINUS = (31, 120, 190), (214, 96, 22)
"""Blue and vermilion, which people with any kind of colour blindness tell apart."""

_LEVELS = 127


def pixel_image(
    matrix: Floats, largest: float, *, x: float, y: float, width: float, height: float
) -> Markup:
    """The matrix (rows, columns) of numbers -largest .. +largest, in a place of a drawing."""
    relative = np.clip(matrix / (largest or 1.0), -1, 1)
    index = np.round(relative * _LEVELS).astype(np.int64) + _LEVELS
    return tag(
        "image",
        x=x,
        y=y,
        width=width,
        height=height,
        preserveAspectRatio="none",
        class_="pixels",
        href=f"data:image/png;base64,{base64.b64encode(_png(index)).decode()}",
    )


def summarised(matrix: Floats) -> tuple[Floats, int, int]:
    """At most `MOST_PIXELS` in each direction, and the height and width of the blocks.

    Of each block of numbers the one that is farthest from 0.
    """
    tall, broad = (-(-size // MOST_PIXELS) for size in matrix.shape)
    if tall == broad == 1:
        return matrix, 1, 1
    rows, columns = -(-matrix.shape[0] // tall), -(-matrix.shape[1] // broad)
    padded = np.zeros((rows * tall, columns * broad))
    padded[: matrix.shape[0], : matrix.shape[1]] = matrix
    blocks = padded.reshape(rows, tall, columns, broad).swapaxes(1, 2).reshape(rows, columns, -1)
    at = np.abs(blocks).argmax(axis=2)
    return np.take_along_axis(blocks, at[:, :, None], axis=2)[:, :, 0], tall, broad


def _png(index: np.ndarray) -> bytes:
    """An image of palette entries (rows, columns)."""
    rows, columns = index.shape
    levels = range(2 * _LEVELS + 1)
    palette = b"".join(bytes(PLUS if i > _LEVELS else MINUS) for i in levels)
    opacity = bytes(round(255 * abs(i - _LEVELS) / _LEVELS) for i in levels)
    lines = np.hstack([np.zeros((rows, 1), np.uint8), index.astype(np.uint8)])  # filter: none
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", opacity),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))
