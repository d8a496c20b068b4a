"""How many threads there are, who else trains and who forks shows in no bit."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from chainrule.activations import SILU
from chainrule.engines import EpochPlan, Rows, compiled
from chainrule.engines.compiled import division, tempo, threads
from chainrule.errors import InputError
from chainrule.initializers import initial_parameters
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import multilayer_perceptron
from chainrule.optimizers import Adam

TESTS = str(Path(__file__).parents[1])

N, D, K, BATCH = 1000, 20, 3, 250

PROLOGUE = """
import os, sys, time
import numpy as np
from engines.test_threads import trained
"""


def trained(seed=0, epochs=3, n=N, hidden=(48, 40), batch=BATCH):
    """Theta after some epochs, as bytes."""
    draws = np.random.default_rng(seed)
    X = draws.standard_normal((n, D)).astype(np.float32)
    y = draws.integers(K, size=n)
    network = multilayer_perceptron(
        D, hidden, K, activation=SILU, loss=SoftmaxCrossEntropy(), dropout=0.1
    )
    parameters = initial_parameters(network, draws, dtype=np.float32)
    state = Adam().init(parameters.theta)
    rows = Rows(X, y, draws.random(n).astype(np.float32))
    for _ in range(epochs):
        plan = EpochPlan(
            draws.permutation(n),
            batch,
            np.full(-(-n // batch), 1e-2),
            draws.integers(2**32, size=len(hidden) + 1, dtype=np.uint32),
        )
        _, parameters, state = compiled.train_epoch(
            network, parameters, Adam(), state, rows, plan, 1e-4
        )
    scores = compiled.scores(network, parameters, X)
    _, gradient = compiled.loss_and_gradient(network, parameters, rows)
    return b"".join(part.tobytes() for part in (parameters.theta, scores, gradient.theta))


@pytest.fixture
def many_cores(monkeypatch):
    """A division of the work as on a machine of eight CPUs."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(division, "SMALL", 0)


def run(script, timeout=90):
    """A Python of its own, which has to end in time and without a word of complaint."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROLOGUE + script],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": TESTS},
        timeout=timeout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.usefixtures("many_cores")
def test_the_number_of_threads_shows_in_no_bit():
    found = set()
    for count in (1, 2, 3, 4, 8):
        with threads.at_most(count):
            found.add(trained())
    assert len(found) == 1


@pytest.mark.usefixtures("many_cores")
def test_networks_trained_side_by_side_are_those_trained_alone():
    alone = [trained(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(trained, range(4))) == alone


def test_the_work_is_divided_on_this_test():
    network = multilayer_perceptron(D, (48, 40), K, activation=SILU, loss=SoftmaxCrossEntropy())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "cpu_count", lambda: 8)
        patch.setattr(division, "SMALL", 0)
        block, panels = division.division(network, BATCH)
    assert -(-BATCH // block) >= 7
    assert len(panels) >= 7


def test_work_that_runs_at_once_shares_the_threads():
    with threads.at_most(6), threads.share() as first:
        assert first() == 6
        with threads.share() as second, threads.share():
            assert first() == second() == 2
        assert first() == 6


def test_threads_go_together_only_while_that_is_faster():
    pace = tempo.Tempo()
    assert pace.threads(1) == 1
    assert pace.threads(4) == 4
    pace.note(4, 1.0)
    assert pace.threads(4) == 1
    pace.note(1, 2.0)
    assert {pace.threads(4) for _ in range(50)} == {4}
    for _ in range(tempo.MEMORY):  # another process that has come
        pace.note(4, 9.0)
        pace.note(1, 2.0)
    taken = [pace.threads(4) for _ in range(2 * tempo.LONGEST)]
    assert taken.count(4) == 2
    for _ in range(tempo.MEMORY):  # and gone
        pace.note(4, 1.0)
    assert {pace.threads(4) for _ in range(50)} == {4}


def test_a_disturbance_is_answered_by_one_slice_alone():
    pace = tempo.Tempo()
    for count, seconds in ((4, 1.0), (1, 2.0), (4, 1.0), (4, 1.0), (4, 9.0)):
        pace.note(count, seconds)
    assert pace.threads(4) == 1
    pace.note(1, 2.0)
    assert {pace.threads(4) for _ in range(50)} == {4}


def test_a_disturbed_slice_alone_is_not_believed_for_ever():
    pace = tempo.Tempo()
    pace.note(4, 3.0)
    pace.note(1, 50.0)  # truly 2
    for _ in range(2 * tempo.MEMORY):
        pace.note(count := pace.threads(4), 3.0 if count == 4 else 2.0)
        if count == 4:
            pace.note(4, 60.0)  # a moment's disturbance, after which one thread is tried again
    taken = [pace.threads(4) for _ in range(2 * tempo.LONGEST)]
    assert taken.count(1) > taken.count(4)


CAN_CHOOSE_CPUS = hasattr(os, "sched_setaffinity") and threads.cores() > 1


@pytest.mark.skipif(not CAN_CHOOSE_CPUS, reason="needs two CPUs to choose from")
def test_a_helper_begins_on_another_cpu_and_may_wander_from_there():
    allowed = os.sched_getaffinity(0)
    moves = []

    def choose(thread, cpus):
        moves.append(set(cpus))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_setaffinity", choose)
        for me in range(1, 2 * len(allowed)):
            threads.step_aside(me, min(allowed))
    aside, back = moves[::2], moves[1::2]
    assert all(len(cpus) == 1 and cpus <= allowed - {min(allowed)} for cpus in aside)
    assert set.union(*aside) == allowed - {min(allowed)}  # spread over all the others
    assert all(cpus == allowed for cpus in back)


@pytest.mark.skipif(not CAN_CHOOSE_CPUS, reason="needs two CPUs to choose from")
def test_the_cpus_of_the_process_are_the_same_after_training():
    before = os.sched_getaffinity(0)
    trained()
    assert os.sched_getaffinity(0) == before


def test_a_sandbox_that_forbids_to_choose_a_cpu_is_no_obstacle(monkeypatch):
    def refuse(thread, cpus):
        raise PermissionError

    expected = trained()
    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    assert trained() == expected


def test_an_interrupt_that_comes_when_a_lock_has_just_been_had_leaves_nobody_waiting():
    class Lock:
        def acquire(self):
            assert not ended  # a second wait would never end
            ended.append(1)
            raise KeyboardInterrupt

    ended = []
    with pytest.raises(KeyboardInterrupt):
        threads._join([(Lock(), ended)])


def test_fewer_than_one_thread_is_refused():
    with pytest.raises(InputError, match="threads is 0"), threads.at_most(0):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_of_a_fork_trains_as_its_parent_does():
    out = run(
        """
from threading import Thread
before = trained(1)
busy = Thread(target=lambda: [trained(2) for _ in range(200)], daemon=True)
busy.start()          # a fork while another thread is at work
for child in range(3):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if trained(1) == before else 1)
    print(os.waitpid(pid, 0)[1])
print(trained(1) == before)
os._exit(0) if sys.stdout.flush() is None else None
"""
    )
    assert out.split() == ["0", "0", "0", "True"]
