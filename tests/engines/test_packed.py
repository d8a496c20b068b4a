"""Products of packed factors are those of NumPy, and of bfloat16 where that is asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.activations import RELU
from chainrule.engines import EpochPlan, Rows, compiled, reference
from chainrule.engines.compiled import division, packed, products, threads, workspace
from chainrule.errors import InputError
from chainrule.initializers import initial_parameters
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD, Adam
from engines.kernel_calls import at, run

SIZES = st.one_of(st.integers(1, 20), st.integers(1, 150))
KINDS = (np.float32, products.PAIRS)

STEP_BOUND, GRADIENT_BOUND = 2e-3, 2e-2
"""Shares of the largest number: how far engines may be apart that round alike, and that do not."""

needs_pairs = pytest.mark.skipif(not packed.has_pairs(), reason="needs a CPU with AVX512-BF16")
pytestmark = pytest.mark.skipif(
    not products.are_ours(64, np.float32), reason="needs a CPU with AVX-512"
)


def rounded(A, kind):
    return reference.bfloat16(A) if kind == products.PAIRS else A


def skip_without(kind):
    if kind == products.PAIRS and not packed.has_pairs():
        pytest.skip("needs a CPU with AVX512-BF16")


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(max_examples=80, deadline=None)
@given(m=SIZES, n=SIZES, k=st.one_of(SIZES, st.just(601)), turned=st.booleans(),
       way=st.sampled_from(("forward", "back")), adds=st.booleans())  # fmt: skip
def test_a_product_of_packed_factors_is_numpys(kind, m, n, k, turned, way, adds):
    skip_without(kind)
    draws = np.random.default_rng(m + 150 * n)
    A = draws.standard_normal((k, m) if turned else (m, k), dtype=np.float32)
    B = draws.standard_normal((k, n), dtype=np.float32)
    packs = packed.pairs(kind)
    # what lies beside a strip's numbers must not matter
    room = np.full(packed.size(k, n, packs), np.nan, np.float32)
    copy = np.full(packed.COPY, np.nan, np.float32)
    strip = -(-k // packs) * products.PANEL_ROW
    if way == "forward":
        run(packed.pack(kind), at(B), k, n, at(room), strip)
    else:
        W = np.ascontiguousarray(B.T)
        run(packed.pack_turned(kind), at(W), at(W), n, k, at(room), strip, at(copy), at(copy))
    around = np.full((m + 2, n), 7, np.float32)
    C = around[1:-1]
    C[...] = 3 if adds else np.nan
    steps = (1, m) if turned else (k, 1)
    run(
        packed.multiply_packed(kind), products.multiply(kind), at(A), *steps, at(room), strip,
        at(C), m, n, k, int(adds), at(copy), at(copy),
    )  # fmt: skip
    left, right = (rounded(F, kind).astype(float) for F in (A.T if turned else A, B))
    assert np.abs(C - left @ right - 3 * adds).max() <= 40 * np.finfo(np.float32).eps * (k + 3)
    C[...] = 7
    assert (around == 7).all()


@needs_pairs
def test_rounding_keeps_nan_and_infinity_and_takes_the_even_of_two_as_near():
    odd = np.array([1 + 3 * 2.0**-8], np.float32)  # between 1 + 2^-7 and 1 + 2^-6
    special = np.array([np.nan, np.inf, -np.inf, 0, 3.4e38, *odd], np.float32)
    special.view(np.uint32)[0] = 0x7FFFFFFF  # which carries over to -0 if rounded as a number
    found = np.zeros(packed.size(1, 6, 2), np.uint32)
    run(packed.pack(products.PAIRS), at(special), 1, 6, at(found), products.PANEL_ROW)
    unpacked = (found[:6] << 16).view(np.float32)
    assert np.array_equal(unpacked, reference.bfloat16(special), equal_nan=True)
    assert np.isnan(unpacked[0])
    assert unpacked[4] == np.inf
    assert unpacked[5] == 1 + 2.0**-6


def problem(hidden=(70, 600, 33), n=203, d=41, k=3):
    draws = np.random.default_rng(5)
    X = draws.standard_normal((n, d), dtype=np.float32)
    rows = Rows(X, (X @ draws.standard_normal((d, k))).argmax(1))
    network = multilayer_perceptron(d, hidden, k, activation=RELU, loss=SoftmaxCrossEntropy())
    return network, rows, initial_parameters(network, draws, dtype=np.float32)


def gradient_of(engine, network, parameters, rows, *, bfloat16, batch=None):
    """What a step of plain descent moves theta by, as one vector."""
    n = len(rows)
    keys = np.zeros(len(network.layers), np.uint32)
    plan = EpochPlan(np.arange(n), batch or n, np.ones(1), keys, bfloat16)
    optimizer = SGD(momentum=0, nesterov=False)
    state = optimizer.init(parameters.theta)
    J, moved, _ = engine.train_epoch(network, parameters, optimizer, state, rows, plan)
    return J, parameters.theta.astype(float) - moved.theta


def distance(found, truth):
    return np.abs(found - truth).max() / np.abs(truth).max()


def in_float64(parameters, rows):
    return parameters.astype(np.float64), replace(rows, X=rows.X.astype(np.float64))


def test_a_wide_network_learns_in_float32_as_the_reference_does():
    network, rows, parameters = problem(hidden=(530, 601))
    J, found = gradient_of(compiled, network, parameters, rows, bfloat16=False)
    J_there, truth = gradient_of(reference, network, *in_float64(parameters, rows), bfloat16=False)
    assert abs(J - J_there) < 1e-5
    assert distance(found, truth) < 2e-5


@needs_pairs
def test_with_bfloat16_both_engines_round_alike_and_are_near_the_exact_gradient():
    network, rows, parameters = problem()
    J, found = gradient_of(compiled, network, parameters, rows, bfloat16=True)
    exact = in_float64(parameters, rows)
    J_rounded, rounded_alike = gradient_of(reference, network, *exact, bfloat16=True)
    J_exact, truth = gradient_of(reference, network, *exact, bfloat16=False)
    assert abs(J - J_rounded) < STEP_BOUND
    assert distance(found, rounded_alike) < STEP_BOUND
    assert abs(J - J_exact) < GRADIENT_BOUND
    assert 1e-5 < distance(found, truth) < GRADIENT_BOUND


def trained(network, rows, parameters, *, bfloat16, batch=101, epochs=3, count=None):
    """The losses of some epochs, and theta after them."""
    state, losses = Adam().init(parameters.theta), []
    for i in range(epochs):
        order = np.random.default_rng(i).permutation(len(rows))
        keys = np.zeros(len(network.layers), np.uint32)
        plan = EpochPlan(order, batch, np.full(-(-len(rows) // batch), 1e-3), keys, bfloat16)
        with threads.at_most(count or 2):
            loss, parameters, state = compiled.train_epoch(
                network, parameters, Adam(), state, rows, plan
            )
        losses.append(loss)
    return losses, parameters.theta


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("cpus", [2, 3, 8])
def test_bits_do_not_depend_on_how_many_threads_there_are(kind, cpus, monkeypatch):
    skip_without(kind)
    monkeypatch.setattr(division.os, "cpu_count", lambda: cpus)
    made = problem(hidden=(530, 601))
    (_, one), (_, two), (_, three) = (
        trained(*made, bfloat16=kind == products.PAIRS, count=count) for count in (1, 2, 3)
    )
    assert np.array_equal(one, two)
    assert np.array_equal(one, three)


@needs_pairs
def test_a_run_with_bfloat16_has_the_loss_curve_of_one_without():
    made = problem(n=600)
    with_it, _ = trained(*made, bfloat16=True, epochs=12)
    without, _ = trained(*made, bfloat16=False, epochs=12)
    assert without[-1] < 0.5 * without[0]
    assert np.allclose(with_it, without, rtol=0.05)


@needs_pairs
def test_a_batch_of_many_chunks_and_one_of_a_single_row_round_alike(monkeypatch):
    network, rows, parameters = problem()
    _, whole = gradient_of(compiled, network, parameters, rows, bfloat16=True)
    monkeypatch.setattr(workspace, "CHUNK", 37)
    _, parts = gradient_of(compiled, network, parameters, rows, bfloat16=True)
    assert distance(parts, whole) < 1e-5
    single = Rows(rows.X[:1], rows.y[:1])
    _, found = gradient_of(compiled, network, parameters, single, bfloat16=True)
    _, truth = gradient_of(reference, network, *in_float64(parameters, single), bfloat16=True)
    assert distance(found, truth) < STEP_BOUND


@needs_pairs
def test_a_nan_among_the_weights_is_seen_with_bfloat16():
    network, rows, parameters = problem()
    theta = parameters.theta.copy()
    theta[3] = np.nan
    J, _ = gradient_of(compiled, network, Parameters(network, theta), rows, bfloat16=True)
    assert np.isnan(J)


def test_bfloat16_is_refused_by_name_where_it_cannot_be(monkeypatch):
    network, rows, parameters = problem()
    with pytest.raises(InputError, match="float32, not in float64"):
        gradient_of(compiled, network, *in_float64(parameters, rows), bfloat16=True)
    monkeypatch.setattr(packed, "has_pairs", lambda: False)
    with pytest.raises(InputError, match="AVX512-BF16"):
        gradient_of(compiled, network, parameters, rows, bfloat16=True)
