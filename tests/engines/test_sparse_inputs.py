"""A table that is mostly zeros gives the same numbers in its sparse form, and stays sparse."""

import os
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array, csr_matrix

from chainrule.activations import RELU, SILU, TANH
from chainrule.engines import EpochPlan, Rows, compiled, reference
from chainrule.engines.choice import choose_engine
from chainrule.engines.compiled import division, sparse_gradient, threads, workspace
from chainrule.engines.compiled.inputs import sparse_table
from chainrule.errors import InputError
from chainrule.losses import SoftmaxCrossEntropy, SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD, Adam
from core.cases import case
from engines.test_parity import BOUNDS, assert_near, cast, plan_of
from recorded.weyl import classes, numbers


def mostly_zeros(seed, n, d, kept=0.3):
    X = numbers(seed, n, d)
    return np.where(numbers(seed + 1, n, d) < 2 * kept - 1, X, 0.0)


def sparse_case(n=29, d=37, dtype=np.float64, form=csr_array, hidden=(21,), k=3):
    """A case with sparse inputs, and the same with dense ones."""
    network = multilayer_perceptron(d, hidden, k, activation=SILU, loss=SquaredError())
    parameters = Parameters(network, 0.3 * numbers(1, network.n_parameters))
    X = mostly_zeros(2, n, d)
    X[n // 2] = 0  # a row without entries
    rows = Rows(X, numbers(4, n, k), np.abs(numbers(5, n)) + 0.1)
    dense = replace(
        case(TANH, SquaredError()), network=network, parameters=parameters, rows=rows, l2=0.01
    )
    dense = cast(dense, dtype)
    return replace(dense, rows=replace(dense.rows, X=form(dense.rows.X))), dense


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize("form", [csr_array, csr_matrix, csc_array])
def test_every_verb_gives_the_numbers_of_the_dense_table(form, dtype):
    sparse, dense = sparse_case(dtype=dtype, form=form)
    bound = BOUNDS[dtype]
    network, parameters = sparse.network, sparse.parameters
    for rows in (sparse.rows, dense.rows):
        J, gradient = reference.loss_and_gradient(network, parameters, dense.rows, sparse.l2)
        J2, gradient2 = compiled.loss_and_gradient(network, parameters, rows, sparse.l2)
        assert pytest.approx(J, rel=bound, abs=bound) == J2
        assert_near(gradient2.theta, gradient.theta, bound)
    scores = compiled.scores(network, parameters, sparse.rows.X)
    assert_near(scores, reference.scores(network, parameters, dense.rows.X), bound)
    assert compiled.mean_loss(network, parameters, sparse.rows) == pytest.approx(
        reference.mean_loss(network, parameters, dense.rows), rel=bound
    )
    ends = []
    for engine, c in ((reference, dense), (compiled, sparse)):
        state = Adam().init(c.parameters.theta)
        plan = plan_of(29, 6, 2, rate=0.01)
        ends.append(engine.train_epoch(c.network, c.parameters, Adam(), state, c.rows, plan, c.l2))
    assert_near(ends[1][1].theta, ends[0][1].theta, 100 * bound)


@settings(max_examples=80, deadline=None)
@given(
    n=st.integers(1, 200),
    d=st.integers(1, 50),
    hidden=st.lists(st.integers(1, 140), max_size=2),
    batch=st.integers(1, 200),
    chunk=st.integers(1, 200),
    kept=st.sampled_from((0.0, 0.1, 0.5, 1.0)),
    index=st.sampled_from((np.int32, np.int64)),
    small=st.booleans(),
    fewest=st.sampled_from((0.0, 0.5, np.inf)),
)
def test_no_size_and_no_share_of_zeros_shows_in_the_numbers(
    n, d, hidden, batch, chunk, kept, index, small, fewest
):
    network = multilayer_perceptron(d, hidden, 3, activation=TANH, loss=SoftmaxCrossEntropy())
    parameters = Parameters(network, 0.3 * numbers(1, network.n_parameters))
    X = csr_array(mostly_zeros(2, n, d, kept))
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    c = case(RELU, SoftmaxCrossEntropy())
    c = replace(c, network=network, parameters=parameters, rows=Rows(X, classes(3, n, 3)), l2=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "CHUNK", chunk)
        patch.setattr(sparse_gradient, "FEWEST", fewest)  # by columns, as it suits, and by rows
        if not small:
            patch.setattr(division, "SMALL", 0)
            patch.setattr(division, "LEAST_BLOCK", 7)
            patch.setattr(division, "LEAST_PANEL", 2)
            patch.setattr(os, "cpu_count", lambda: 5)
        plan = plan_of(n, batch, len(hidden) + 1, rate=5e-4)
        ends = [
            engine.train_epoch(
                network, parameters, SGD(), SGD().init(parameters.theta), c.rows, plan
            )
            for engine in (reference, compiled)
        ]
        assert_near(ends[1][1].theta, ends[0][1].theta, 1e-12)
        J, gradient = reference.loss_and_gradient(network, parameters, c.rows)
        J2, gradient2 = compiled.loss_and_gradient(network, parameters, c.rows)
        assert pytest.approx(J, rel=1e-12) == J2
        assert_near(gradient2.theta, gradient.theta, 1e-12)


def test_entries_that_stand_twice_or_in_no_order_add_up():
    sparse, dense = sparse_case()
    X = sparse.rows.X
    twice = csr_array(
        (
            np.repeat(X.data[::-1] / 2, 2),
            np.repeat(X.indices[::-1], 2),
            2 * X.indptr[-1] - 2 * X.indptr[::-1],
        ),
        X.shape,
    )
    X = dense.rows.X[::-1]
    network, parameters = dense.network, dense.parameters
    expected = reference.scores(network, parameters, X)
    assert_near(compiled.scores(network, parameters, twice), expected, 1e-12)
    _, gradient = reference.loss_and_gradient(network, parameters, replace(dense.rows, X=X))
    _, found = compiled.loss_and_gradient(network, parameters, replace(dense.rows, X=twice))
    assert_near(found.theta, gradient.theta, 1e-12)


def test_a_row_with_far_more_entries_than_others_makes_chunks_small_and_changes_no_number(
    monkeypatch,
):
    monkeypatch.setattr(sparse_gradient, "ROOM", 1)
    sparse, dense = sparse_case(n=200)
    space = workspace.Workspace(sparse.network, np.float64, 200, sparse_table(sparse.rows.X, float))
    assert space.chunk == sparse_gradient.GROUP
    _, gradient = reference.loss_and_gradient(dense.network, dense.parameters, dense.rows)
    _, found = compiled.loss_and_gradient(sparse.network, sparse.parameters, sparse.rows)
    assert_near(found.theta, gradient.theta, 1e-12)


def test_the_number_of_threads_shows_in_no_bit_of_a_sparse_training(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(division, "SMALL", 0)
    sparse, _ = sparse_case(n=300, d=120, dtype=np.float32, hidden=(40, 30))
    found = set()
    for count in (1, 2, 3, 8):
        with threads.at_most(count):
            state = Adam().init(sparse.parameters.theta)
            _, end, _ = compiled.train_epoch(
                sparse.network, sparse.parameters, Adam(), state, sparse.rows, plan_of(300, 100, 3)
            )
            found.add(end.theta.tobytes())
    assert len(found) == 1


def test_indices_that_lead_outside_of_the_table_are_refused():
    sparse, _ = sparse_case()
    for attribute, wrong in (("indices", 37), ("indices", -1), ("indptr", 10_000)):
        X = sparse.rows.X.copy()
        getattr(X, attribute)[-1] = wrong
        with pytest.raises(InputError, match="do not fit"):
            compiled.scores(sparse.network, sparse.parameters, X)
    with pytest.raises(InputError, match="do not fit"):
        compiled.scores(sparse.network, sparse.parameters, sparse.rows.X[:, :5])


def test_memory_stays_sparse():
    n, d = 2000, 20_000
    network = multilayer_perceptron(d, (8,), 2, activation=RELU, loss=SoftmaxCrossEntropy())
    X = csr_array(
        (np.ones(5 * n, np.float32), np.arange(5 * n) * 7919 % d, np.arange(0, 5 * n + 1, 5)),
        (n, d),
    )
    rows = Rows(X, classes(3, n, 2))
    parameters = Parameters.zeros(network, np.float32)
    plan = EpochPlan(np.arange(n), 500, np.full(4, 1e-3), np.zeros(2, np.uint32))
    state = Adam().init(parameters.theta)
    compiled.warm_up(network, Adam(), np.float32, X)  # the compiler's memory is none of ours
    tracemalloc.start()
    compiled.train_epoch(network, parameters, Adam(), state, rows, plan)
    compiled.scores(network, parameters, X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * network.n_parameters * 4  # of the dense table: n / 8 = 250 times


def test_the_compiled_engine_is_chosen_for_sparse_tables():
    sparse, _ = sparse_case()
    choice = choose_engine("auto", sparse.network, Adam(), np.float32)
    assert choice.name == "compiled"
    choice.warm_up(sparse.rows.X)
    assert choice.warm_up(sparse.rows.X) == []
