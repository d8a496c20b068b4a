"""Ctrl-C is answered within half a second, whatever the engine is at; and a long epoch can be seen.

Work runs in slices, between which Python hears of a signal. So no clock is asked here: slices are
counted, and how much is done in one.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from chainrule.activations import RELU
from chainrule.engines import EpochPlan, Rows, compiled, reference
from chainrule.engines.compiled import division, prediction, workspace
from chainrule.engines.compiled.threads import run_together
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import Adam
from chainrule.training import TrainingSettings, train

SRC = str(Path(compiled.__file__).parents[3])

PROLOGUE = """
import os, signal
from time import sleep
import numpy as np
from chainrule.activations import RELU
from chainrule.engines import Rows, compiled
from chainrule.engines.compiled import prediction
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import LBFGS
from chainrule.training import TrainingSettings, train

def network(d, hidden):
    return multilayer_perceptron(d, hidden, 1, activation=RELU, loss=SquaredError())

def table(n, d):
    return Rows(np.zeros((n, d), np.float32), np.zeros((n, 1), np.float32))

slices = []

def interrupted(run):  # the third slice of the work is sent the signal, and later ones are slow
    def run_and_send(*arguments):
        slices.append(1)
        if len(slices) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        if len(slices) >= 3:
            sleep(0.1)
        run(*arguments)
    return run_and_send

compiled.run_together = interrupted(compiled.run_together)
prediction.run_apart = interrupted(prediction.run_apart)
net = network(64, (256, 256))
theta = Parameters.zeros(net, np.float32)
"""

SLICES = 20
"""Fewer than any of these takes without a signal."""

WORK = {
    "an epoch": """
list(train(net, table(200_000, 64), TrainingSettings(batch_size=1024), engine=compiled))
""",
    "a single step of many rows": """
list(train(net, table(200_000, 64), TrainingSettings(batch_size=200_000), engine=compiled))
""",
    "an iteration of L-BFGS": """
list(train(net, table(200_000, 64), TrainingSettings(optimizer=LBFGS()), engine=compiled))
""",
    "a gradient of many rows": """
compiled.loss_and_gradient(net, theta, table(200_000, 64))
""",
    "scores of many rows": """
compiled.scores(net, theta, table(1_000_000, 64).X)
""",
}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("work", WORK)
def test_an_interrupt_is_answered_long_before_the_work_is_done(work):
    lines = "\n".join("    " + line for line in WORK[work].splitlines())
    script = f"{PROLOGUE}\ntry:\n{lines}\nexcept KeyboardInterrupt:\n    print(len(slices))\n"
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        env={**os.environ, "PYTHONPATH": SRC, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(said) < SLICES  # and of those that follow in the main thread there is none
    assert int(said) == 3 or "L-BFGS" in work


def rows_of(n, d=4):
    draws = np.random.default_rng(0)
    return Rows(
        draws.standard_normal((n, d), dtype=np.float32),
        draws.standard_normal((n, 1), dtype=np.float32),
    )


NETWORK = multilayer_perceptron(4, (16,), 1, activation=RELU, loss=SquaredError())


@pytest.mark.parametrize("engine", [reference, compiled])
def test_an_epoch_tells_of_growing_shares_up_to_all_of_it(engine):
    told = []
    settings = TrainingSettings(batch_size=10, epochs=2)
    list(train(NETWORK, rows_of(95), settings, engine=engine, tell=told.append))
    first, second = told[: told.index(1.0) + 1], told[told.index(1.0) + 1 :]
    for epoch in (first, second):
        assert len(epoch) > 1 or engine is compiled
        assert np.all(np.diff([0.0, *epoch]) > 0)
        assert epoch[-1] == 1.0


@pytest.mark.parametrize("engine", [reference, compiled])
def test_telling_changes_no_bit(engine):
    settings = TrainingSettings(batch_size=32, epochs=2)
    told, silent = (
        list(train(NETWORK, rows_of(500), settings, engine=engine, tell=tell))[-1]
        for tell in (lambda share: None, None)
    )
    assert np.array_equal(told.parameters.theta, silent.parameters.theta)
    assert told.loss == silent.loss


@pytest.mark.parametrize("engine", [reference, compiled])
def test_whoever_is_told_may_end_the_training(engine):
    class Enough(Exception):
        pass

    def tell(share):
        raise Enough

    settings = TrainingSettings(batch_size=32)
    with pytest.raises(Enough):
        list(train(NETWORK, rows_of(500), settings, engine=engine, tell=tell))


SIZES = [(1, 64), (7, 64), (64, 64), (100, 64), (640, 64), (1000, 64), (5000, 64), (5000, 5000)]


@pytest.mark.parametrize(("batch", "chunk"), SIZES)
def test_no_slice_of_an_epoch_is_long_and_none_changes_a_bit(batch, chunk, monkeypatch):
    rows, settings = rows_of(1000), TrainingSettings(batch_size=batch, epochs=2, l2=1e-3)
    weighted = Rows(rows.X, rows.y, np.linspace(0, 1, 1000, dtype=np.float32))
    monkeypatch.setattr(workspace, "CHUNK", chunk)
    expected = list(train(NETWORK, weighted, settings, engine=compiled))[-1]
    slices, told = [], []

    def run(kernel, space, job, sync, threads, start, stop):
        slices.append(stop - start)
        run_together(kernel, space, job, sync, threads, start, stop)

    work = 100 * compiled._row_cost(NETWORK)
    monkeypatch.setattr(compiled, "SLICE", work)
    monkeypatch.setattr(compiled, "run_together", run)
    found = list(train(NETWORK, weighted, settings, engine=compiled, tell=told.append))[-1]
    assert sum(slices) == 2 * 1000
    assert max(slices) <= max(100, min(batch, chunk))
    assert len(told) == len(slices)
    assert np.array_equal(found.parameters.theta, expected.parameters.theta)
    assert found.loss == expected.loss


def test_a_slice_takes_a_tenth_of_a_second():
    a_core = 50e9  # multiply-adds a second, in products; half of what it was made with
    assert compiled.SLICE / a_core < 0.1
    assert prediction.SLICE / a_core < 0.1


def test_a_step_that_is_left_half_done_changes_nothing(monkeypatch):
    class Enough(Exception):
        pass

    def enough(share):
        assert share < 1
        raise Enough

    monkeypatch.setattr(workspace, "CHUNK", 64)
    monkeypatch.setattr(compiled, "SLICE", 1)
    rows, settings = rows_of(1000), TrainingSettings(batch_size=1000, epochs=1)
    (expected,) = train(NETWORK, rows, settings, engine=compiled)
    start = Parameters(NETWORK, np.linspace(-1, 1, NETWORK.n_parameters, dtype=np.float32))
    before, state = start.theta.copy(), Adam().init(start.theta)
    plan = EpochPlan(np.arange(1000), 1000, np.full(1, 1e-2), np.zeros(2, np.uint32))
    with pytest.raises(Enough):
        compiled.train_epoch(NETWORK, start, Adam(), state, rows, plan, tell=enough)
    assert np.array_equal(start.theta, before)
    assert not np.any(state["m"])
    (again,) = train(NETWORK, rows, settings, engine=compiled)
    assert np.array_equal(again.parameters.theta, expected.parameters.theta)


@pytest.mark.parametrize("width", [64, 512, 2048, 4096, 16_384])
def test_no_chunk_of_rows_is_long_however_wide_the_network(width):
    network = multilayer_perceptron(50, (width, width), 1, activation=RELU, loss=SquaredError())
    space = workspace.Workspace(network, np.float32, 2_000_000)
    least = space.chunk == division.LEAST_BLOCK
    assert space.chunk * space.row_work <= workspace.CHUNK_WORK or least
    assert space.chunk == workspace.CHUNK or width > 2048


@pytest.mark.parametrize("engine", [reference, compiled])
def test_who_wants_a_gradient_may_end_it_too(engine, monkeypatch):
    class Enough(Exception):
        pass

    def enough(share):
        raise Enough

    theta = Parameters.zeros(NETWORK, np.float32)
    with pytest.raises(Enough):
        engine.loss_and_gradient(NETWORK, theta, rows_of(100), tell=enough)
    monkeypatch.setattr(workspace, "CHUNK", 64)
    monkeypatch.setattr(compiled, "SLICE", 1)
    told = []
    engine.loss_and_gradient(NETWORK, theta, rows_of(1000), tell=told.append)
    assert told[-1] == 1.0
    assert len(told) == (16 if engine is compiled else 1)
