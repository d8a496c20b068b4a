"""The proof of a model passes where its numbers are right, and notices where they are not."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from chainrule import plain_answer, proof
from chainrule.activations import ACTIVATIONS
from chainrule.derivative_proof import derivative_findings
from chainrule.engines import Rows, reference
from chainrule.errors import ModelFileError
from chainrule.losses import LOSSES, SquaredError
from chainrule.network import Dense, Network, Parameters
from chainrule.plain_answer import read_plainly
from chainrule.proof import FLAT, ROWS, TARGETS, prove
from traces.models import KINDS, untrained

PAIRS = [(loss, g) for i, loss in enumerate(LOSSES) for g in list(ACTIVATIONS)[i::4]]


@pytest.fixture
def no_compiled(monkeypatch):
    monkeypatch.setattr(proof, "_COMPILED", "chainrule.engines.nowhere")


def saved(model, folder):
    path = folder / "m.safetensors"
    model.save(path)
    return path


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_a_model_of_ours_holds(loss, activation, tmp_path, no_compiled):
    path = saved(untrained(loss, activation), tmp_path)
    for table in (KINDS, None):
        found = prove(path, table)
        assert found.holds, [one for one in found.findings if one.passed is False]
    checked = [one.what for one in found.findings]
    for l in range(3):
        assert f"dJ/dW[{l}]" in checked
        assert f"dJ/db[{l}]" in checked


def test_what_was_drawn_is_said(tmp_path, no_compiled):
    path = saved(untrained(), tmp_path)
    assert prove(path).drawn == ROWS
    assert prove(path, KINDS.drop("area")).drawn == TARGETS
    assert prove(path, KINDS).drawn == ""
    assert prove(path, KINDS).n_rows == len(KINDS)


def test_where_the_slope_is_too_flat_other_targets_show_it(tmp_path, no_compiled):
    model = untrained("softmax_cross_entropy", hidden=())
    model.parameters.theta[:] = 0
    model.parameters.b[0][:] = [30, 0, 0]
    path = saved(model, tmp_path)
    first = KINDS.filter(KINDS["kind"] == model.target.classes[0])
    found = prove(path, first)
    assert found.drawn == FLAT
    assert found.holds


def broken(derivative):
    g = replace(ACTIVATIONS["tanh"], derivative=derivative)
    layers = (Dense(3, 4, g), Dense(4, 2, g), Dense(2, 1, ACTIVATIONS["identity"]))
    return Network(layers, SquaredError())


def findings_of(network):
    random = np.random.default_rng(0)
    parameters = Parameters(network, random.normal(size=network.n_parameters))
    rows = Rows(random.normal(size=(20, 3)), random.normal(size=(20, 1)))
    return {one.what: one for one in derivative_findings(network, parameters, rows, random)}


def test_a_derivative_that_is_one_in_ten_thousand_off_is_found():
    right = findings_of(broken(lambda z, a: 1 - a * a))
    assert all(one.passed for one in right.values())
    wrong = findings_of(broken(lambda z, a: (1 - a * a) * 1.0001))
    assert not wrong["dJ/dtheta, all parameters"].passed
    assert not wrong["dJ/dW[0]"].passed
    assert wrong["dJ/dW[2]"].passed  # nothing goes through tanh on its way back to it


def test_a_layer_whose_derivatives_are_swapped_is_named(monkeypatch):
    backward = reference.backward

    def swapped(*args):
        gradient, deltas = backward(*args)
        gradient.W[1][[0, 1]] = gradient.W[1][[1, 0]]
        return gradient, deltas

    monkeypatch.setattr(reference, "backward", swapped)
    found = findings_of(broken(lambda z, a: 1 - a * a))
    assert [name for name, one in found.items() if not one.passed] == [
        "dJ/dtheta, all parameters",
        "dJ/dW[1]",
    ]
    assert "worst W[1][" in found["dJ/dW[1]"].evidence


def test_a_kink_is_no_error(tmp_path, no_compiled):
    model = untrained("absolute", "relu")
    for b in model.parameters.b:
        b[:] = 0
    model.parameters.W[0][:] = 0  # every neuron of layer 0 stands at its kink
    found = prove(saved(model, tmp_path), KINDS)
    assert found.holds
    assert any("at a kink left out" in one.evidence for one in found.findings)


def test_a_damaged_file_is_refused(tmp_path):
    path = saved(untrained(), tmp_path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="damaged"):
        prove(path)
    plain = read_plainly(path)
    assert plain.checksum != plain.computed


def test_answers_that_the_second_way_does_not_find_are_noticed(tmp_path, monkeypatch, no_compiled):
    path = saved(untrained(), tmp_path)
    functions = {**plain_answer.ACTIVATIONS, "tanh": lambda z: z}
    monkeypatch.setattr(plain_answer, "ACTIVATIONS", functions)
    found = prove(path, KINDS)
    assert not found.holds
    assert [one.what for one in found.findings if one.passed is False] == ["predictions"]


def test_an_engine_with_other_numbers_is_noticed(tmp_path, monkeypatch):
    engine = ModuleType("other_engine")
    engine.scores = lambda *args: 1.01 * reference.scores(*args)
    engine.loss_and_gradient = reference.loss_and_gradient
    monkeypatch.setitem(sys.modules, "other_engine", engine)
    monkeypatch.setattr(proof, "_COMPILED", "other_engine")
    found = prove(saved(untrained(), tmp_path), KINDS)
    assert [one.what for one in found.findings if one.passed is False] == [
        "compiled engine in float32"
    ]


def test_an_engine_that_is_not_there_is_no_failure(tmp_path, no_compiled):
    found = prove(saved(untrained(), tmp_path), KINDS)
    assert found.holds
    assert found.findings[-1].passed is None
    assert found.to_dict()["findings"][-1]["passed"] is None


def test_the_second_way_knows_every_activation_and_every_link():
    assert set(plain_answer.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(plain_answer.LINKS) == set(LOSSES)


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_the_second_way_gives_the_answers_of_the_first(loss, activation, tmp_path):
    model = untrained(loss, activation, seed=3)
    plain = read_plainly(saved(model, tmp_path))
    X = model.encoder.encode(KINDS).astype(np.float64)
    scores = reference.scores(model.network, model.parameters.astype(np.float64), X)
    expected = model.network.loss.link(scores)
    np.testing.assert_allclose([plain.predictions(x) for x in X.tolist()], expected, rtol=1e-11)
    assert plain.checksum == plain.computed
