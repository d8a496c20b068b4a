"""Products and transposes of our own are NumPy's, at every size, and touch nothing beside."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.engines.compiled import products
from engines.kernel_calls import at, run

SIZES = st.one_of(st.integers(1, 20), st.integers(1, 140))

pytestmark = pytest.mark.skipif(
    not products.are_ours(64, np.float32), reason="needs a CPU with AVX-512"
)


def draws(seed, *shape, real):
    return np.random.default_rng(seed).standard_normal(shape).astype(real)


@settings(max_examples=150, deadline=None)
@given(
    m=SIZES,
    n=SIZES,
    k=st.one_of(SIZES, st.just(600)),
    turned=st.booleans(),
    adds=st.booleans(),
    real=st.sampled_from((np.float32, np.float64)),
)
def test_a_product_is_numpys_and_nothing_beside_it_is_touched(m, n, k, turned, adds, real):
    A = draws(1, k, m, real=real) if turned else draws(1, m, k, real=real)
    B = draws(2, k, n, real=real)
    around = np.full((m + 2, n + 40), 7, real)
    C = around[1:-1, 20:-20]
    C[...] = 3 if adds else np.nan
    steps = A.strides[::-1] if turned else A.strides
    run(
        products.multiply(real), at(A), *steps, at(B), B.strides[0], products.PANEL_ROW, at(C),
        C.strides[0], m, n, k, int(adds),
    )  # fmt: skip
    truth = (A.T if turned else A).astype(float) @ B.astype(float) + 3 * adds
    assert np.abs(C - truth).max() <= 40 * np.finfo(real).eps * (k + 3)
    C[...] = 7
    assert (around == 7).all()


@settings(max_examples=60, deadline=None)
@given(
    m=SIZES,
    k=SIZES,
    wider=st.integers(0, 3),
    turned=st.booleans(),
    adds=st.booleans(),
    real=st.sampled_from((np.float32, np.float64)),
)
def test_a_product_by_a_vector_is_numpys_and_nothing_beside_it_is_touched(
    m, k, wider, turned, adds, real
):
    A = draws(1, k, m + wider, real=real) if turned else draws(1, m, k + wider, real=real)
    used = A[:, :m].T if turned else A[:, :k]
    x, around = draws(2, k, real=real), np.full(m + 2, 7, real)
    out = around[1:-1]
    out[:] = 3 if adds else np.nan
    run(products.by_vector(real), at(A), A.shape[1], turned, at(x), m, k, at(out), int(adds))
    truth = used.astype(float) @ x.astype(float) + 3 * adds
    assert np.abs(out - truth).max() <= 40 * np.finfo(real).eps * (k + 3)
    out[:] = 7
    assert (around == 7).all()


@settings(max_examples=60, deadline=None)
@given(m=SIZES, n=SIZES, real=st.sampled_from((np.float32, np.float64)))
def test_a_transpose_is_numpys_and_nothing_beside_it_is_touched(m, n, real):
    A = draws(1, m, n, real=real)
    around = np.full((n + 2, m + 40), 7, real)
    out = around[1:-1, 20:-20]
    run(products.transpose(real), at(A), A.strides[0], at(out), out.strides[0], m, n)
    assert np.array_equal(out, A.T)
    out[...] = 7
    assert (around == 7).all()


def test_the_bits_of_a_product_do_not_depend_on_how_its_rows_are_divided():
    A, B = draws(1, 50, 70, real=np.float32), draws(2, 70, 90, real=np.float32)
    whole, parts = np.empty((2, 50, 90), np.float32)
    for C, cuts in ((whole, (0, 50)), (parts, (0, 1, 8, 13, 50))):
        for first, stop in pairwise(cuts):
            run(
                products.multiply(np.float32), at(A[first]), *A.strides, at(B), B.strides[0],
                products.PANEL_ROW, at(C[first]), C.strides[0], stop - first, 90, 70, 0,
            )  # fmt: skip
    assert np.array_equal(whole, parts)
