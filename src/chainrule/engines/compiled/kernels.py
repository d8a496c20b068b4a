"""Kernels: functions that Numba compiles once, reached by address ever after.

Where a kernel is found compiled (`kernel_files.py`), Numba is not even imported. So whatever needs
it is made late: `Late` stands for functions that kernels inline, types are named by strings, and a
driver is made when it is called.
"""

import ctypes
import os
from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from threading import Lock
from typing import Any

from chainrule.engines.compiled import kernel_files
from chainrule.engines.compiled.object_code import emitted, load

ROUNDING = {"contract", "nsz"}
"""Fast-math of scalar functions: a product and a sum may become one operation."""

REDUCING = ROUNDING | {"reassoc"}
"""Fast-math of loops that add up: they may add in lanes. A NaN stays a NaN in either."""

COMPILED: list[str] = []
"""The kernels that had to be compiled in this process, in order."""

LONGEST = "train-steps"
"""The kernel that takes longest to compile; where it is on disk others take a second or less."""

LOGGER = "chainrule"
"""The logger that is told of a wait; by default Python writes what it says to stderr."""

if find_spec("numba") is None:  # said now rather than in the midst of a training
    raise ModuleNotFoundError("No module named 'numba'", name="numba")

_addresses: dict[str, int] = {}
_lock = Lock()


class Late:
    """Something of Numba's, made when the first kernel that uses it is compiled.

    Numba takes an object for what its `_numba_type_` says.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    @cached_property
    def made(self) -> Any:
        """What it stands for."""
        return self._make()

    @cached_property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target

        made = self.made
        cpu_target.typing_context.refresh()  # it knows what there was when it began to compile
        return cpu_target.typing_context.resolve_value_type(made)


def inlined(function: Any, fastmath: set[str] = ROUNDING) -> Any:
    """A function for use in kernels, which takes no call there."""
    return Late(lambda: _jit(function, fastmath, forceinline=True))


def inner(function: Any) -> Any:
    """A function for use in kernels."""
    return Late(lambda: _jit(function, ROUNDING))


def _jit(function: Any, fastmath: set[str], **options: Any) -> Any:
    from numba import njit

    # without the wrappers by which Python would call it: they take half of the time to compile
    never_called = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return njit(fastmath=fastmath, error_model="numpy", **never_called, **options)(function)


def kernel(
    function: Any,
    name: str,
    arguments: tuple[str, ...],
    returns: str = "void",
    fastmath: set[str] = REDUCING,
) -> int:
    """Compile `function`, or load it; the address at which compiled code may call it.

    Args:
        function: what it does; must not raise.
        name: of this very function, its dtype included.
        arguments: their types, in Numba's words.
        returns: that of the result.
        fastmath: what LLVM may do with floating-point operations.
    """
    with _lock:
        if name not in _addresses:
            found = kernel_files.read(name)
            if found is None:
                if not COMPILED:
                    _announce()
                found = _compiled(function, f"{returns}({', '.join(arguments)})", fastmath)
                COMPILED.append(name)
                kernel_files.keep(name, found)
            _addresses[name] = load(found.symbol, found.code)
        return _addresses[name]


def _announce() -> None:
    """Say why one has to wait, if the engine was never compiled on this machine."""
    if kernel_files.read(LONGEST) is None:
        import logging  # here: it takes some milliseconds, and is hardly ever needed

        logging.getLogger(LOGGER).warning(
            "note: compiling the engine for this machine, once: five or six seconds"
        )


def _compiled(function: Any, signature: str, fastmath: set[str]) -> kernel_files.ObjectCode:
    from numba import cfunc

    made: Any = cfunc(signature, nopython=True, fastmath=fastmath, error_model="numpy")(function)
    return kernel_files.ObjectCode(made.native_name, emitted(made.native_name, made.inspect_llvm()))


class Driver:
    """A kernel to be called from Python, made when it is called first; other threads run meanwhile.

    The types of its arguments are those of its annotations, int and float.
    """

    def __init__(self, function: Any, name: str) -> None:
        self.function, self.name = function, name

    @cached_property
    def _entry(self) -> Any:
        kinds = [kind for name, kind in self.function.__annotations__.items() if name != "return"]
        arguments = tuple("int64" if kind is int else "float64" for kind in kinds)
        address = kernel(self.function, self.name, arguments, fastmath=ROUNDING)
        numbers = [ctypes.c_int64 if kind is int else ctypes.c_double for kind in kinds]
        return ctypes.CFUNCTYPE(None, *numbers)(address)

    def __call__(self, *arguments: float) -> None:
        """Run it."""
        self._entry(*arguments)


def _after_fork() -> None:
    global _lock
    _lock = Lock()  # another thread of the parent may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
