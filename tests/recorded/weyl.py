"""Numbers that look random and are the same everywhere, for answers that are recorded.

They come from a formula and not from a random generator, whose stream a library may change:
the fractional parts of i^2 / golden ratio, which fill (0, 1) evenly (Weyl 1916). Each is one IEEE
multiplication and one remainder, so that they are equal to the last bit on every machine.
"""

import numpy as np

GOLDEN = 0.6180339887498949


def numbers(seed, *shape):
    """Evenly spread in (-1, 1), in an array of the given shape; another seed, other numbers."""
    i = np.arange(1, np.prod(shape, dtype=int) + 1) + 1009.0 * seed
    return (2 * ((i * i * GOLDEN) % 1) - 1).reshape(shape)


def classes(seed, n, k):
    """Class indices 0 .. k - 1, shape (n,)."""
    return np.minimum(np.floor((numbers(seed, n) + 1) / 2 * k), k - 1).astype(np.int64)
