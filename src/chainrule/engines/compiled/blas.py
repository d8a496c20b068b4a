"""Matrix products: the fastest sgemm and dgemm that can be had safely, as addresses.

The OpenBLAS inside the wheels of NumPy and SciPy does not know every CPU, and then runs at half the
speed: it takes a Zen 5 for a Haswell and leaves AVX-512 unused. It reads its core type once, when
it is loaded, which was long before us. So we load a copy of our own, from the package
`scipy-openblas32`, with the core type chosen from what the CPU can do, on one thread (the engine
divides rows among threads itself), and compare its products with NumPy's before they are used.
Where any of that fails, SciPy's own `cython_blas` serves: slower, and as right.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding
from numpy.typing import DTypeLike

AVX512 = ("avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd")
OWN_KERNELS = ("cooperlake", "sapphirerapids", "emeraldrapids", "graniterapids", "diamondrapids")
"""CPUs with AVX-512 for which OpenBLAS has kernels beyond those of its core type SkylakeX."""


@dataclass(frozen=True)
class Blas:
    """Where the products are.

    Attributes:
        sgemm: address of Fortran's sgemm, float32.
        dgemm: address of Fortran's dgemm, float64.
        source: the library and its kernels, or why it is not the private one; for reports.
    """

    sgemm: int
    dgemm: int
    source: str

    def gemm(self, dtype: DTypeLike) -> int:
        """The product for a dtype."""
        return self.sgemm if np.dtype(dtype) == np.float32 else self.dgemm


@cache
def chosen_blas() -> Blas:
    """The products of this process, chosen and checked at the first call."""
    try:
        found = _private_openblas()
    except (ImportError, OSError, AttributeError) as error:
        return _scipy_blas(f"no private OpenBLAS: {error}")
    if not (_agrees_with_numpy(found, np.float32) and _agrees_with_numpy(found, np.float64)):
        return _scipy_blas(f"{found.source} gave wrong products")
    return found


def core_type(cpu: str, features: dict[str, bool]) -> str | None:
    """OpenBLAS's name of the kernels for a CPU, or None where its own choice is right.

    Args:
        cpu: LLVM's name of the CPU, such as `znver5`.
        features: which instructions it has, by LLVM's names.
    """
    if all(features.get(name, False) for name in AVX512) and cpu not in OWN_KERNELS:
        return "SkylakeX"
    return None


def _private_openblas() -> Blas:
    chosen = core_type(binding.get_host_cpu_name(), dict(binding.get_host_cpu_features()))
    wanted = {"OPENBLAS_NUM_THREADS": "1"} | ({"OPENBLAS_CORETYPE": chosen} if chosen else {})
    with _environment(wanted):
        import scipy_openblas32  # which loads the library by itself

        folder = Path(scipy_openblas32.get_lib_dir())
        names = ("libscipy_openblas.so", "libscipy_openblas.dylib", "libscipy_openblas.dll")
        path = next((folder / name for name in names if (folder / name).exists()), None)
        if path is None:
            raise OSError(f"no library in {folder}")
        library = ctypes.CDLL(str(path))
    library.scipy_openblas_set_num_threads(1)
    library.scipy_openblas_get_corename.restype = ctypes.c_char_p
    core = library.scipy_openblas_get_corename().decode()
    return Blas(
        _address(library.scipy_sgemm_), _address(library.scipy_dgemm_), f"OpenBLAS for {core}"
    )


def _scipy_blas(reason: str) -> Blas:
    from scipy.linalg import cython_blas

    capsules = cython_blas.__pyx_capi__
    return Blas(
        _capsule_address(capsules["sgemm"]),
        _capsule_address(capsules["dgemm"]),
        f"SciPy's BLAS ({reason})",
    )


def _address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _capsule_address(capsule: Any) -> int:
    api = ctypes.pythonapi
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", api)
    )
    return pointer(capsule, name(capsule)) or 0


@contextmanager
def _environment(wanted: dict[str, str]) -> Iterator[None]:
    """Variables set for the moment in which a library is loaded, and then as before."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _agrees_with_numpy(found: Blas, dtype: type[np.floating[Any]]) -> bool:
    """Whether products with either factor transposed, small and larger, are NumPy's."""
    draws = np.random.default_rng(0)
    real = np.ctypeslib.as_ctypes_type(dtype)
    integer, pointer = ctypes.POINTER(ctypes.c_int), ctypes.POINTER(real)
    gemm = ctypes.CFUNCTYPE(
        None,
        *(ctypes.c_char_p,) * 2,
        *(integer,) * 3,
        *(pointer, pointer, integer, pointer, integer, pointer, pointer, integer),
    )(found.gemm(dtype))

    def count(number: int) -> Any:
        return ctypes.byref(ctypes.c_int(number))

    one, zero = ctypes.byref(real(1)), ctypes.byref(real(0))
    for m, n, k in ((1, 1, 1), (5, 3, 7), (33, 65, 17), (130, 67, 260)):
        for a, b in ((b"N", b"N"), (b"T", b"N"), (b"N", b"T")):
            A = np.asfortranarray(draws.standard_normal((m, k) if a == b"N" else (k, m)), dtype)
            B = np.asfortranarray(draws.standard_normal((k, n) if b == b"N" else (n, k)), dtype)
            C = np.full((m, n), np.nan, dtype, order="F")
            at = [array.ctypes.data_as(pointer) for array in (A, B, C)]
            rows_a, rows_b = count(A.shape[0]), count(B.shape[0])
            gemm(
                a, b, count(m), count(n), count(k),
                one, at[0], rows_a, at[1], rows_b, zero, at[2], count(m),
            )  # fmt: skip
            left, right = A if a == b"N" else A.T, B if b == b"N" else B.T
            truth = left.astype(np.float64) @ right.astype(np.float64)
            size = np.abs(left).astype(np.float64) @ np.abs(right).astype(np.float64)
            if not (np.abs(C - truth) <= 4 * np.finfo(dtype).eps * np.sqrt(k) * size).all():
                return False
    return True
