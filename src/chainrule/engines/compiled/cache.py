"""Compiled kernels, kept on disk: compiled once, loaded in milliseconds ever after.

Numba's own cache looks at the file of a function alone. Our kernels inline functions of other files
of this package, and are made by factories, one for each activation and dtype; so a kernel is kept
under a name of its own, and is stale as soon as any file of this package differs.
"""

import hashlib
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    NullCache,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.ccallback import CFunc

ROUNDING = {"contract", "nsz"}
"""Fast-math of scalar functions: a product and a sum may become one operation."""

REDUCING = ROUNDING | {"reassoc"}
"""Fast-math of loops that add up: they may add in lanes. A NaN stays a NaN in either."""

COMPILED: list[str] = []
"""The kernels that had to be compiled in this process, in order."""


@cache
def fingerprint() -> str:
    """A hash over all files of this package."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class _Locator:
    """Where Numba would keep a function, with our name and our stamp."""

    def __init__(self, place: Any, name: str) -> None:
        self.place, self.name = place, name

    def ensure_cache_path(self) -> None:
        self.place.ensure_cache_path()

    def get_cache_path(self) -> str:
        return str(self.place.get_cache_path())

    def get_source_stamp(self) -> str:
        return fingerprint()

    def get_disambiguator(self) -> str:
        return self.name


class _Implementation(CompileResultCacheImpl):
    _locator_classes = (UserProvidedCacheLocator, InTreeCacheLocator, UserWideCacheLocator)

    def __init__(self, function: Any, name: str) -> None:
        super().__init__(function)
        self._locator: Any = _Locator(self.locator, name)
        self._filename_base = f"{name}.py{sys.version_info[0]}{sys.version_info[1]}"


class _KernelCache(FunctionCache):
    """Numba's cache of one function, under a name of our own."""

    def __init__(self, function: Any, name: str) -> None:
        self._kernel_name = name
        self._impl_class = partial(_Implementation, name=name)
        super().__init__(function)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (sig, codegen.magic_tuple(), self._kernel_name)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a damaged file, or one of a version with other types: compile anew
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        COMPILED.append(self._kernel_name)
        super().save_overload(sig, data)


_KEPT: list[Any] = []  # kernels are called by address, so nobody else keeps them alive


def kernel(function: Any, name: str, arguments: tuple[Any, ...], returns: Any = types.void) -> int:
    """Compile `function`, or load it; the address at which compiled code may call it."""
    compiled: Any = CFunc(
        function,
        (arguments, returns),
        locals={},
        options={"nopython": True, "fastmath": REDUCING, "error_model": "numpy"},
    )
    compiled._cache = _cache(function, name)
    compiled.compile()
    _KEPT.append(compiled)
    return int(compiled.address)


def driver(function: Any, name: str) -> Any:
    """`function` as a Numba dispatcher that lets other threads run, compiled or loaded when called.

    Unlike a kernel it is called from Python, with arrays.
    """
    dispatcher: Any = njit(nogil=True, error_model="numpy", fastmath=ROUNDING)(function)
    dispatcher._cache = _cache(function, name)
    return dispatcher


def _cache(function: Any, name: str) -> Any:
    try:
        return _KernelCache(function, name)
    except RuntimeError:  # no folder can be written: kernels are compiled in every process
        return NullCache()
