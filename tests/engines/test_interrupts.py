"""Ctrl-C is answered within half a second, whatever the engine is at; and a long epoch can be seen.

Each case runs in a process of its own, is sent the signal in the midst of its work, and says when
it has ended.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chainrule.activations import RELU
from chainrule.engines import Rows, compiled, reference
from chainrule.losses import SquaredError
from chainrule.network import multilayer_perceptron
from chainrule.training import TrainingSettings, train

SRC = str(Path(compiled.__file__).parents[3])

PROLOGUE = """
import time
import numpy as np
from chainrule.activations import RELU
from chainrule.engines import Rows, compiled
from chainrule.losses import SquaredError
from chainrule.network import Parameters, multilayer_perceptron
from chainrule.optimizers import Adam
from chainrule.training import TrainingSettings, train

def network(d, hidden):
    return multilayer_perceptron(d, hidden, 1, activation=RELU, loss=SquaredError())

def table(n, d):
    return Rows(np.zeros((n, d), np.float32), np.zeros((n, 1), np.float32))

def ready(d=1, hidden=(1,)):
    compiled.warm_up(network(d, hidden), Adam())
    print("ready", flush=True)
"""

WORK = {
    "an epoch of a wide network": """
ready()
rows, settings = table(200_000, 64), TrainingSettings(batch_size=1024)
list(train(network(64, (1024, 1024)), rows, settings, engine=compiled))
""",
    "an epoch of batches of one row": """
rows = table(4_000_000, 1)
ready()
for _ in train(network(1, (1,)), rows, TrainingSettings(batch_size=1), engine=compiled):
    print("the epoch was too short for this test")
""",
    "a gradient of many rows": """
net, rows = network(64, (1024, 1024)), table(500_000, 64)
theta = Parameters.zeros(net, np.float32)
ready()
compiled.loss_and_gradient(net, theta, rows)
print("the table was too short for this test")
""",
    "scores of many rows": """
net = network(64, (1024, 1024))
theta, X = Parameters.zeros(net, np.float32), table(1_000_000, 64).X
ready()
compiled.scores(net, theta, X)
print("the table was too short for this test")
""",
}


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("work", WORK)
def test_an_interrupt_is_answered_long_before_the_work_is_done(work):
    waited, said = interrupted(WORK[work])
    assert said == "interrupted\n"
    assert waited < 2.5  # half a second, where nothing else runs


def interrupted(work, pause=0.7):
    """Seconds from the signal to the answer, and what was said."""
    lines = "\n".join("    " + line for line in work.splitlines())
    script = f"{PROLOGUE}\ntry:\n{lines}\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
    with subprocess.Popen(
        [sys.executable, "-u", "-W", "ignore", "-c", script],
        env={**os.environ, "PYTHONPATH": SRC, "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(pause)
        sent = time.perf_counter()
        process.send_signal(signal.SIGINT)
        said = process.stdout.readline()
        waited = time.perf_counter() - sent
        process.kill()
    return waited, said


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


def test_a_long_epoch_tells_twice_a_second():
    compiled.warm_up(NETWORK, TrainingSettings().optimizer)
    at = [time.perf_counter()]

    def tell(share):
        at.append(time.perf_counter())
        if at[-1] - at[0] > 2:
            raise TimeoutError

    settings = TrainingSettings(batch_size=1, epochs=100)
    with pytest.raises(TimeoutError):
        list(train(NETWORK, rows_of(1_000_000), settings, engine=compiled, tell=tell))
    assert np.median(np.diff(at[1:])) < 0.5  # other processes may hold up a single one
