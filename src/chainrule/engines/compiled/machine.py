"""What Numba leaves out: calls by address, BLAS products, atomic counters.

Kernels reach one another by address, not by name, so that the pass over a network is compiled once
and not again for each combination of activations, loss and optimiser. Everything that a kernel
takes is a whole number (an address, a count) or a float64.

These are names for use in kernels; their definitions, in `intrinsics.py`, are imported when a
kernel is compiled.
"""

import ctypes
import sys
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from chainrule.engines.compiled.kernels import Late


def _intrinsic(name: str) -> Any:
    return Late(lambda: getattr(import_module("chainrule.engines.compiled.intrinsics"), name))


call = _intrinsic("call")
"""`call(address, (a, b, ...))`: a kernel without a result."""

call_for_number = _intrinsic("call_for_number")
"""The same for a kernel that gives a float64."""

gemm32 = _intrinsic("gemm32")
"""`gemm32(address, ta, tb, m, n, k, A, lda, B, ldb, beta, C, ldc)`, all whole numbers."""

gemm64 = _intrinsic("gemm64")

peek = _intrinsic("peek")
"""`peek(address, index)`: a whole number of a table of 8-byte numbers at an address."""

peek_real = _intrinsic("peek_real")
"""The same for a float64."""

poke_real = _intrinsic("poke_real")
"""`poke_real(address, index, value)`: write a float64 to entry `index` of a table."""


def pointer_to(kind: Any) -> Any:
    """`pointer(address)`: what lies there, to be indexed as numbers of a NumPy type."""
    return Late(
        lambda: import_module("chainrule.engines.compiled.intrinsics").pointer_to(np.dtype(kind))
    )


power_of_two = _intrinsic("power_of_two")
"""2^n from n + `exponent_shift`, as `elementwise` needs it."""

atomic_add = _intrinsic("atomic_add")
"""`atomic_add(address, amount)`: add to the int64 there; the value before."""

atomic_load = _intrinsic("atomic_load")
"""`atomic_load(address)`: the int64 there, as other threads left it."""


@cache
def yield_address() -> int:
    """The operating system's function by which a waiting thread lets others run."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread  # type: ignore[attr-defined,unused-ignore]
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value or 0
