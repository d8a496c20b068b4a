"""Scores are those of the rows asked for, whatever was asked before and by how many threads."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from chainrule.activations import TANH
from chainrule.engines import compiled, reference
from chainrule.engines.compiled import prediction, threads
from chainrule.initializers import initial_parameters
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron

NETWORKS = [
    multilayer_perceptron(d, hidden, k, activation=TANH, loss=SquaredError())
    for d, hidden, k in ((5, (7,), 1), (5, (7,), 1), (5, (33, 20), 3), (5, (), 2))
]


def parameters_of(network, seed=0, dtype=np.float32):
    return initial_parameters(network, np.random.default_rng(seed), dtype=dtype)


def table(n, dtype=np.float32, seed=1):
    return np.random.default_rng(seed).standard_normal((n, 5)).astype(dtype)


def expected(network, parameters, X):
    return reference.scores(network, parameters.astype(np.float64), X.astype(np.float64))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(range(len(NETWORKS))),
            st.sampled_from((1, 2, 127, 128, 129, 300)),
            st.integers(0, 2),
            st.sampled_from((np.float32, np.float64)),
            st.sampled_from(("rows", "columns", "sparse", "every second")),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_what_was_asked_before_shows_in_no_answer(asked):
    for which, n, seed, dtype, form in asked:
        network = NETWORKS[which]
        parameters, X = parameters_of(network, seed, dtype), table(2 * n, dtype)
        X = X[::2] if form == "every second" else X[:n]
        given = {"columns": np.asfortranarray, "sparse": csr_array}.get(form, lambda X: X)(X)
        found = compiled.scores(network, parameters, given)
        assert found.dtype == dtype
        bound = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(found, expected(network, parameters, X), rtol=0, atol=bound)


def test_an_answer_stays_when_the_next_question_is_asked():
    network, X = NETWORKS[2], table(2)
    parameters = parameters_of(network)
    first = compiled.scores(network, parameters, X[:1])
    before = first.copy()
    compiled.scores(network, parameters, X[1:])
    assert np.array_equal(first, before)


def test_parameters_that_change_in_place_are_seen():
    network, X = NETWORKS[2], table(1)
    parameters = parameters_of(network)
    compiled.scores(network, parameters, X)
    parameters.theta[:] = parameters_of(network, 7).theta
    found = compiled.scores(network, parameters, X)
    np.testing.assert_allclose(found, expected(network, parameters, X), atol=1e-5)


@pytest.fixture
def many_threads(monkeypatch):
    """Several threads for a few rows, as on a machine of six cores."""
    monkeypatch.setattr(prediction, "ALONE", 0)
    monkeypatch.setattr(prediction, "BLOCK_ROWS", 16)
    monkeypatch.setattr(prediction, "cores", lambda: 6)
    monkeypatch.setattr(prediction.Tempo, "threads", lambda tempo, most: most)
    with threads.at_most(6):
        yield


@pytest.mark.usefixtures("many_threads")
@pytest.mark.parametrize("n", [17, 95, 96, 97, 1000])
@pytest.mark.parametrize("slice_of", [1, 1e9])
def test_the_number_of_threads_shows_in_no_bit(n, slice_of, monkeypatch):
    monkeypatch.setattr(prediction, "SLICE", slice_of)
    network, X = NETWORKS[2], table(n)
    parameters = parameters_of(network)
    together = compiled.scores(network, parameters, X)
    np.testing.assert_allclose(together, expected(network, parameters, X), atol=1e-5)
    for count in (1, 2, 5):
        with threads.at_most(count):
            assert np.array_equal(compiled.scores(network, parameters, X), together)


@pytest.mark.usefixtures("many_threads")
def test_nobody_waits_for_a_thread_that_has_not_begun(monkeypatch):
    late = []
    monkeypatch.setattr(threads, "start_new_thread", lambda *call: late.append(call))
    network, X = NETWORKS[2], table(500)
    parameters = parameters_of(network)
    found = compiled.scores(network, parameters, X)
    np.testing.assert_allclose(found, expected(network, parameters, X), atol=1e-5)
    assert late
    found[:] = 7
    for run, arguments in late:  # they come now, when others have what they were to work with
        run(*arguments)
    assert (found == 7).all()


@pytest.mark.usefixtures("many_threads")
def test_where_the_system_gives_no_threads_one_does_all(monkeypatch):
    def refuse(*call):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", refuse)
    network, X = NETWORKS[2], table(500)
    parameters = parameters_of(network)
    found = compiled.scores(network, parameters, X)
    np.testing.assert_allclose(found, expected(network, parameters, X), atol=1e-5)


@pytest.mark.usefixtures("many_threads")
def test_after_an_interrupt_nothing_is_used_again_that_a_thread_may_be_at_work_in(monkeypatch):
    network, X = NETWORKS[2], table(500)
    parameters = parameters_of(network)
    before = compiled.scores(network, parameters, X)
    left, late = prediction._memory.last, []

    def interrupted(*call):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threads, "start_new_thread", lambda *call: late.append(call))
        patch.setattr(prediction, "score", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compiled.scores(network, parameters, X)
    assert np.array_equal(compiled.scores(network, parameters, X), before)
    assert prediction._memory.last is not left


@pytest.mark.usefixtures("many_threads")
def test_several_threads_ask_at_once():
    network, X = NETWORKS[2], table(700)
    networks = [parameters_of(network, seed) for seed in range(4)]
    wanted = [expected(network, parameters, X) for parameters in networks]
    found = [[] for _ in networks]

    def ask(i):
        for _ in range(20):
            found[i].append(compiled.scores(network, networks[i], X))

    asking = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    for answers, right in zip(found, wanted, strict=True):
        for answer in answers:
            np.testing.assert_allclose(answer, right, atol=1e-5)


def test_a_table_of_other_columns_is_refused():
    network = NETWORKS[0]
    with pytest.raises(ValueError, match=r"inputs have shape \(1, 4\)"):
        compiled.scores(network, parameters_of(network), np.zeros((1, 4), np.float32))
    assert compiled.scores(network, Parameters.zeros(network), np.zeros((0, 5))).shape == (0, 1)
