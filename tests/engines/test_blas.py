"""The products are right, the kernels fit the CPU, and nothing of the process is changed by it."""

import os

import numpy as np
import pytest

from chainrule.engines.compiled import blas as module

WIDE = dict.fromkeys(module.AVX512, True)


def test_a_cpu_with_avx512_is_given_kernels_that_use_it():
    assert module.core_type("znver5", WIDE) == "SkylakeX"
    assert module.core_type("skylake-avx512", WIDE) == "SkylakeX"


@pytest.mark.parametrize("missing", module.AVX512)
def test_no_kernel_is_chosen_that_the_cpu_could_not_run(missing):
    assert module.core_type("znver5", {**WIDE, missing: False}) is None
    assert module.core_type("znver5", {k: v for k, v in WIDE.items() if k != missing}) is None


def test_openblas_chooses_for_the_cpus_that_it_knows_better():
    assert module.core_type("sapphirerapids", WIDE) is None
    assert module.core_type("apple-m2", {}) is None


def test_loading_leaves_the_environment_as_it_was(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    before = dict(os.environ)
    module.chosen_blas.cache_clear()
    module.chosen_blas()
    assert dict(os.environ) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scipys_products_pass_the_check_that_the_private_ones_pass(dtype):
    assert module._agrees_with_numpy(module._scipy_blas("on request"), dtype)
    assert module._agrees_with_numpy(module.chosen_blas(), dtype)


def test_a_library_with_wrong_products_is_not_used(monkeypatch):
    private = module.chosen_blas()
    swapped = module.Blas(private.sgemm, private.sgemm, "a library that mistakes its types")
    assert not module._agrees_with_numpy(swapped, np.float64)
    monkeypatch.setattr(module, "_private_openblas", lambda: swapped)
    module.chosen_blas.cache_clear()
    try:
        assert "gave wrong products" in module.chosen_blas().source
    finally:
        monkeypatch.undo()
        module.chosen_blas.cache_clear()


def test_a_missing_library_is_no_obstacle(monkeypatch):
    def missing():
        raise ImportError("No module named 'scipy_openblas32'")

    monkeypatch.setattr(module, "_private_openblas", missing)
    module.chosen_blas.cache_clear()
    try:
        assert module.chosen_blas().source.startswith(
            "SciPy's BLAS (no private OpenBLAS: No module"
        )
    finally:
        monkeypatch.undo()
        module.chosen_blas.cache_clear()
