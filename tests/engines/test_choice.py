"""The fast engine is taken where it can be, and what takes its place is said by name."""

import subprocess
import sys

import numpy as np
import pytest

from chainrule.activations import RELU, Activation
from chainrule.engines import compiled, reference
from chainrule.engines.choice import choose_engine
from chainrule.engines.compiled.kernels import COMPILED
from chainrule.errors import InputError
from chainrule.losses import LOSSES
from chainrule.network import multilayer_perceptron
from chainrule.optimizers import LBFGS, SGD, Adam

BENT = Activation("bent", RELU.function, RELU.derivative)


def network(activation=RELU, loss="squared", k=2):
    return multilayer_perceptron(3, [4], k, activation=activation, loss=LOSSES[loss]())


@pytest.mark.parametrize("optimizer", [Adam(), LBFGS()])
def test_the_compiled_engine_is_chosen_where_nothing_is_in_its_way(optimizer):
    choice = choose_engine("auto", network(), optimizer, np.float32)
    assert choice.engine is compiled
    assert choice.name == "compiled"
    assert "thread" in choice.sentence


def test_the_reference_engine_is_had_on_request():
    assert choose_engine("reference", network(), Adam(), np.float32).engine is reference


def test_the_reference_engine_steps_in_for_what_has_no_twin_and_says_so():
    choice = choose_engine("auto", network(BENT), Adam(), np.float32)
    assert choice.engine is reference
    assert "activation 'bent'" in choice.sentence
    assert "slower" in choice.sentence


def test_the_compiled_engine_on_request_is_not_replaced_in_silence():
    class Wild(SGD):
        name = "wild"

    with pytest.raises(InputError, match="activation 'bent'"):
        choose_engine("compiled", network(BENT), Adam(), np.float32)
    with pytest.raises(InputError, match="optimizer 'wild'"):
        choose_engine("compiled", network(), Wild(), np.float32)
    with pytest.raises(InputError, match="float16"):
        choose_engine("compiled", network(), Adam(), np.float16)


def test_an_engine_nobody_built_is_refused():
    with pytest.raises(InputError, match="engine 'quick' is unknown"):
        choose_engine("quick", network(), Adam(), np.float32)


def test_without_numba_everything_works_and_it_is_said():
    script = """
import sys
sys.modules["numba"] = None
import numpy as np
from chainrule.activations import RELU
from chainrule.engines.choice import choose_engine
from chainrule.losses import SquaredError
from chainrule.network import multilayer_perceptron
from chainrule.optimizers import Adam
network = multilayer_perceptron(3, [4], 2, activation=RELU, loss=SquaredError())
print(choose_engine("auto", network, Adam(), np.float32).sentence)
try:
    choose_engine("compiled", network, Adam(), np.float32)
except ValueError as error:
    print(error)
"""
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    assert out[0].startswith(
        "reference engine, slower: the compiled engine needs the package numba"
    )
    assert out[1].startswith("the compiled engine needs the package numba")


@pytest.mark.parametrize("loss", LOSSES)
def test_after_a_warm_up_nothing_is_left_to_compile(loss):
    net = network(loss=loss, k=3)
    compiled.warm_up(net, Adam())
    before = len(COMPILED)
    assert compiled.warm_up(net, Adam()) == []
    assert len(COMPILED) == before
