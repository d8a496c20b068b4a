"""Thermometer codes give the same numbers by their differences as they do as dense inputs."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from chainrule.activations import SILU
from chainrule.engines import Rows, compiled, reference
from chainrule.engines.compiled import division, threads, workspace
from chainrule.engines.compiled.inputs import table_for
from chainrule.errors import InputError
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import SGD, Adam, AdamW, RMSProp, ScaledAdamW
from chainrule.table.numbers import piecewise_linear
from chainrule.thermometer import ThermometerInputs, pays, thermometer_inputs
from chainrule.training import TrainingSettings, train
from chainrule.training_rows import prepared
from engines.test_parity import BOUNDS, assert_near, plan_of
from recorded.weyl import numbers


def codes(n, bins, dtype=np.float64):
    """Numbers with so many bins each, and a plain column between them; which inputs continue."""
    blocks, continues = [], []
    for i, count in enumerate(bins):
        values = 2 * numbers(10 + i, n)
        edges = tuple(np.linspace(-1.1, 1.3, count + 1))  # some values lie beyond both ends
        blocks += [values[:, None], piecewise_linear(values, edges)]
        continues += [False, False] + [True] * (count - 1)
    X = np.hstack(blocks) if blocks else np.zeros((n, 1))
    return X.astype(dtype), np.array(continues or [False])


def dense(inputs):
    """The inputs themselves, of their differences."""
    X = inputs.differences.toarray()
    for j in np.flatnonzero(inputs.continues)[::-1]:
        X[:, j - 1] += X[:, j]
    return X


def problem(n=37, bins=(5, 1, 9), dtype=np.float64, hidden=(21,), k=2):
    X, continues = codes(n, bins, dtype)
    network = multilayer_perceptron(X.shape[1], hidden, k, activation=SILU, loss=SquaredError())
    theta = 0.3 * numbers(1, network.n_parameters)
    parameters = Parameters(network, theta.astype(dtype))
    y, weight = numbers(4, n, k).astype(dtype), (np.abs(numbers(5, n)) + 0.1).astype(dtype)
    whole = Rows(X, y, weight)
    return network, parameters, whole, Rows(thermometer_inputs(X, continues), y, weight)


@given(
    n=st.integers(1, 40),
    bins=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    dtype=st.sampled_from(list(BOUNDS)),
)
@settings(deadline=None, max_examples=40)
def test_the_differences_are_few_and_tell_all(n, bins, dtype):
    X, continues = codes(n, bins, dtype)
    found = thermometer_inputs(X, continues)
    np.testing.assert_allclose(dense(found), X, rtol=0, atol=2 * np.finfo(dtype).eps)
    assert found.differences.nnz <= 3 * n * len(bins)
    some = found[np.arange(n)[::2]]
    np.testing.assert_array_equal(dense(some), dense(found)[::2])


@pytest.mark.parametrize("dtype", BOUNDS)
@pytest.mark.parametrize(
    "optimizer", [SGD(momentum=0.9), RMSProp(), Adam(), AdamW(), ScaledAdamW()]
)
def test_an_epoch_gives_the_parameters_of_the_dense_inputs(optimizer, dtype):
    network, parameters, dense, by_differences = problem(dtype=dtype)
    optimizer = optimizer.for_first_layer(*parameters.W[0].shape)
    plan = plan_of(len(dense), 8, 2, rate=0.01)
    ends = []
    for engine, rows in ((reference, dense), (compiled, by_differences)):
        state = optimizer.init(parameters.theta)
        ends.append(engine.train_epoch(network, parameters, optimizer, state, rows, plan, 0.01))
    assert ends[1][0] == pytest.approx(ends[0][0], rel=100 * BOUNDS[dtype])
    assert_near(ends[1][1].theta, ends[0][1].theta, 200 * BOUNDS[dtype])


@given(
    n=st.integers(1, 60),
    bins=st.lists(st.integers(1, 30), min_size=1, max_size=4),
    hidden=st.lists(st.integers(1, 90), max_size=2),
    batch=st.integers(1, 80),
    chunk=st.integers(1, 70),
    small=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_no_size_shows_in_the_numbers(n, bins, hidden, batch, chunk, small):
    network, parameters, dense, by_differences = problem(n, bins, hidden=hidden)
    plan = plan_of(n, batch, len(network.layers), rate=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace, "CHUNK", chunk)
        if not small:  # steps of any size are divided, into panels of any height
            for name in ("SMALL", "LEAST_PANEL", "MOST_PANEL", "TALL_PANEL"):
                patch.setattr(division, name, 1)
        expected = reference.loss_and_gradient(network, parameters, dense, 0.01)
        found = compiled.loss_and_gradient(network, parameters, by_differences, 0.01)
        assert_near(found[1].theta, expected[1].theta, 1e-11)
        ends = [
            engine.train_epoch(
                network, parameters, Adam(), Adam().init(parameters.theta), rows, plan, 0.01
            )
            for engine, rows in ((reference, dense), (compiled, by_differences))
        ]
    assert_near(ends[1][1].theta, ends[0][1].theta, 1e-8)
    assert_near(
        compiled.scores(network, parameters, by_differences.X),
        reference.scores(network, parameters, dense.X),
        1e-11,
    )


def test_the_number_of_threads_shows_in_no_bit(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    network, parameters, _, rows = problem(n=900, bins=(40, 3, 60, 7), hidden=(64,))
    plan, ends = plan_of(900, 300, 2, rate=0.01), []
    for count in (1, 2, 3):
        monkeypatch.setattr(compiled, "cores", lambda count=count: count)
        with threads.at_most(count):
            state = Adam().init(parameters.theta)
            found = compiled.train_epoch(network, parameters, Adam(), state, rows, plan, 0.01)
        ends.append(found[1].theta)
    assert (ends[0] == ends[1]).all()
    assert (ends[0] == ends[2]).all()


def test_a_panel_begins_with_no_input_that_continues_a_code():
    network, _, _, rows = problem(n=900, bins=(40, 3, 60, 7), hidden=(200,))
    continues = rows.X.continues.astype(np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 5)
        patch.setattr(division, "MOST_PANEL", 1000)
        patch.setattr(division, "TALL_PANEL", 8)
        _, panels = division.division(network, 900, 0.2, False, continues)
    first = [(start, rows) for l, start, rows in panels if l == 0]
    assert len(first) > 4
    assert not any(continues[start] for start, _ in first)
    ends = [start + rows for start, rows in first]
    assert [0, *ends] == [*(start for start, _ in first), network.n_inputs]


def test_scores_follow_parameters_that_change_in_place():
    network, parameters, dense, by_differences = problem()
    compiled.scores(network, parameters, by_differences.X)
    parameters.theta[...] *= -0.7
    assert_near(
        compiled.scores(network, parameters, by_differences.X),
        reference.scores(network, parameters, dense.X),
        1e-11,
    )


def test_dense_and_differences_in_turn_do_not_take_one_another_s_workspace():
    network, parameters, dense, by_differences = problem()
    plan, ends = plan_of(len(dense), 8, 2, rate=0.01), []
    for rows in (dense, by_differences, dense, by_differences):
        state = Adam().init(parameters.theta)
        ends.append(compiled.train_epoch(network, parameters, Adam(), state, rows, plan)[1].theta)
    assert (ends[0] == ends[2]).all()
    assert (ends[1] == ends[3]).all()
    assert_near(ends[1], ends[0], 1e-10)


def test_scores_of_sparse_inputs_and_of_differences_in_turn_are_the_same():
    network, parameters, dense, by_differences = problem()
    tables = (csr_array(dense.X), by_differences.X, csr_array(dense.X), by_differences.X)
    for table in tables:
        found = compiled.scores(network, parameters, table)
        assert_near(found, reference.scores(network, parameters, dense.X), 1e-11)


def test_a_training_takes_them_and_judges_by_them():
    network, _, dense, by_differences = problem(n=60)
    some = TrainingSettings(epochs=3, seed=1, dtype=np.float64)
    ends = []
    for rows in (dense, by_differences):
        judging = rows.take(np.arange(40, 60))
        epochs = train(
            network, rows, some, learnt=np.arange(40), validation=judging, engine=compiled
        )
        ends.append(list(epochs)[-1])
    assert_near(ends[1].parameters.theta, ends[0].parameters.theta, 1e-9)
    assert ends[1].validation_loss == pytest.approx(ends[0].validation_loss, rel=1e-9)


def test_differences_that_are_not_finite_are_refused():
    network, _, _, rows = problem()
    rows.X.differences.data[3] = np.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        prepared("the training rows", network, rows, np.float32)


@pytest.mark.parametrize(
    ("continues", "what"),
    [
        ([True, False, False], "the first input continues"),
        ([False, True], "one word for each"),
    ],
)
def test_codes_that_do_not_fit_the_inputs_are_refused(continues, what):
    network = multilayer_perceptron(3, (4,), 1, activation=SILU, loss=SquaredError())
    right = thermometer_inputs(np.eye(3), np.array([False, True, False]))
    with pytest.raises(InputError, match=what):
        table_for(network, ThermometerInputs(right.differences, np.array(continues)), np.float64)


def test_they_pay_where_codes_are_long_and_batches_large():
    long, short = codes(50, (90,) * 4), codes(50, (4,) * 4)
    assert pays(*long, 256)
    assert not pays(*long, 8)
    assert not pays(*short, 256)


def test_whether_they_pay_is_seen_on_rows_from_all_over_the_table():
    X, continues = codes(4_000, (60,) * 4)
    crowded = np.where(np.arange(len(X))[:, None] < 1_500, np.zeros_like(X), numbers(3, *X.shape))
    assert not pays(crowded, np.zeros_like(continues), 256)
    assert pays(X, continues, 256)


def test_sparse_inputs_without_codes_need_no_running_sums():
    network, _, rows, _ = problem()
    no_codes = np.zeros(rows.X.shape[1], dtype=bool)
    table = table_for(network, thermometer_inputs(rows.X, no_codes), np.float64)
    assert table.continues is None
    np.testing.assert_array_equal(table.numbers, rows.X[rows.X != 0])
