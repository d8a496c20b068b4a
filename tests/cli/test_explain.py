"""`chainrule explain` shows the numbers of the model, and `importance` what it rests on."""

import json
import re

import numpy as np
import pytest

from chainrule.cli.screen import Screen
from chainrule.model import Model
from chainrule.table import read_table
from cli.flowers import QUICK
from traces.reading import disagreements


@pytest.fixture
def files(trained):
    return trained / "flowers.safetensors", trained / "flowers.csv"


@pytest.fixture
def explain(chainrule, files):
    return lambda *words, **env: chainrule("explain", *files, *words, **env)


def test_an_explanation_goes_from_the_cells_to_the_answer(explain, files):
    said = " ".join(explain("--row", "17").stdout.split())
    model, frame = Model.load(files[0]), read_table(files[1]).frame
    line = files[1].read_text().splitlines()[17]
    for name, cell in zip(("length", "width", "colour"), line.split(","), strict=False):
        assert f"{name} is {cell}" in said
    assert f"species is answered with {model.predict(frame)[16]}" in said
    assert f"the table says {line.split(',')[3]}" in said
    assert said.startswith("Row 17 of flowers.csv, by flowers.safetensors, network 1 species is")
    assert "backward" not in said


def test_rows_are_counted_from_one(explain, chainrule):
    assert explain().stdout == explain("--row", "1").stdout
    assert explain("--row", "1").stdout != explain("--row", "2").stdout
    assert "row 0: rows are counted from 1" in explain("--row", "0").stderr


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--backward"],
        ["--neuron", "0.3"],
        ["--neuron", "0.3", "--backward"],
        ["--neuron", "1.0", "--optimizer", "adamw"],
        ["--weight", "0.3<-length"],
        ["--weight", "1.0<-0.2", "--optimizer", "rmsprop", "--rate", "0.01"],
        ["--weight", "1.0<-bias", "--optimizer", "adam"],
    ],
    ids=" ".join,
)
def test_every_page_holds_and_fits_eighty_columns(explain, words):
    for row in ("1", "23"):
        result = explain("--row", row, *words)
        assert result.exit_code == 0, result.stderr
        lines = result.stdout.splitlines()
        assert max(map(len, lines)) <= 80
        wrong, checked = disagreements(lines)
        assert not wrong
        assert checked > 2


def test_backward_gives_the_derivatives_of_the_trace(explain, chainrule, files):
    model, frame = Model.load(files[0]), read_table(files[1]).frame
    found = chainrule.json("explain", *files, "--row", "9", "--backward")
    trace = model.trace(frame, 8)
    assert found["row"] == 9
    for layer, plain in zip(trace.layers, found["layers"], strict=True):
        assert np.array_equal(layer.weight_gradients, plain["weight_gradients"])
        assert np.array_equal(layer.products, plain["products"])
    new = trace.parameters.W[0] - 0.1 * trace.gradient.W[0]
    np.testing.assert_allclose(found["step"]["new_W"][0], new)
    of_columns = [part["integrated_gradients"] for part in found["mattered"]["columns"]]
    difference = found["mattered"]["value"] - found["mattered"]["baseline"]
    assert sum(of_columns) == pytest.approx(difference, abs=1e-6)


def test_a_neuron_and_a_weight_as_json(chainrule, files):
    neuron = chainrule.json("explain", *files, "--row", "3", "--neuron", "0.2")
    products = neuron["products"]
    assert neuron["row"] == 3
    assert sum(products) + neuron["bias"] == pytest.approx(neuron["z"])
    weight = chainrule.json("explain", *files, "--row", "3", "--weight", "0.2<-width")
    by_number = chainrule.json("explain", *files, "--row", "3", "--weight", "0.2<-1")
    assert weight == by_number
    assert weight["product"] == products[1]
    assert weight["source_name"] == "width"
    assert weight["gradient"] == pytest.approx(
        weight["fed_back"] * weight["slope"] * weight["input"]
    )


def test_the_step_of_a_weight_as_json(chainrule, files):
    words = ("explain", *files, "--weight", "1.0<-bias", "--rate", "0.5")
    found = chainrule.json(*words)
    assert found["source_name"] == "bias"
    assert found["step"]["new w"] == pytest.approx(found["value"] - 0.5 * found["gradient"])
    adam = chainrule.json(*words, "--optimizer", "adam")["step"]
    assert adam["m_hat"] == pytest.approx(found["gradient"])
    assert adam["v_hat"] == pytest.approx(found["gradient"] ** 2)


@pytest.mark.parametrize("words", [[], ["--neuron", "0.1"], ["--weight", "0.1<-0"]])
def test_latex_is_a_document(explain, words):
    said = explain("--latex", *words).stdout
    assert said.startswith(r"\documentclass")
    assert said.strip().endswith(r"\end{document}")
    assert r"\begin{align*}" in said


def test_the_parts_of_the_columns_add_up_as_written(explain):
    said = explain("--row", "5").stdout
    table = said[said.index("What mattered") :].splitlines()
    assert table[2].split()[:3] == ["a", "typical", "row"]
    parts = [float(table[2].split()[-1])]
    for line in table[3:6]:
        parts.append(float(line.split()[-2]))
    total = re.search(r"this row, their sum +(\S+)", said)[1]
    decimals = len(total.partition(".")[2])
    assert round(sum(parts), decimals) == float(total)
    assert "Checked: they add up" in said


def test_a_number_is_attributed_in_its_own_unit(chainrule):
    rows = [f"{i % 9 + 1},{i % 7 + 1},{(i % 9 + 1) * (i % 7 + 1) + 0.5}" for i in range(120)]
    (chainrule.folder / "a.csv").write_text("\n".join(["length,width,area", *rows]) + "\n")
    chainrule("train", "a.csv", "--target", "area", *QUICK, "--quiet")
    found = chainrule.json("explain", "a.safetensors", "a.csv")
    assert found["mattered"]["value"] == pytest.approx(found["answer"])
    assert found["mattered"]["of"] == "the answer, area"


def test_the_score_of_the_chosen_class_speaks_for_it(chainrule, files):
    chosen = set()
    for row in range(1, 61, 4):
        found = chainrule.json("explain", *files, "--row", row)
        assert found["mattered"]["of"] == f"the score of {found['answer']}"
        assert found["mattered"]["value"] > 0  # the only score is above 0 for the second class
        assert found["mattered"]["value"] == pytest.approx(abs(found["scores"][0]))
        chosen.add(found["answer"])
    assert len(chosen) == 2


def test_a_row_without_the_target_is_explained_forward(chainrule, files):
    (chainrule.folder / "new.csv").write_text("length,width,colour\n1.5,1,red\n")
    result = chainrule("explain", files[0], "new.csv", "--weight", "0.1<-length")
    assert result.exit_code == 0
    assert "the table says" not in chainrule("explain", files[0], "new.csv").stdout
    for words in (["--backward"], ["--rate", "0.1"], ["--neuron", "0.1", "--optimizer", "adam"]):
        refused = chainrule("explain", files[0], "new.csv", *words)
        assert refused.exit_code == 2
        assert "row 1 has no 'species'" in refused.stderr


def test_a_terminal_without_unicode_gets_ascii(explain, monkeypatch):
    monkeypatch.setattr(Screen, "has_unicode", False)
    assert explain("--backward").stdout.isascii()


REFUSED = {
    "row beyond the end": (["--row", "61"], ["row 61", "1 to 60"]),
    "row zero": (["--row", "0"], ["row 0", "from 1"]),
    "row in words": (["--row", "last"], ["--row", "last"]),
    "layer that is not there": (["--neuron", "2.0"], ["layer 2", "0 to 1"]),
    "neuron that is not there": (["--neuron", "0.8"], ["neuron 0.8", "0.0 to 0.7"]),
    "neuron in words": (["--neuron", "first"], ["'first'", "1.3"]),
    "weight without an arrow": (["--weight", "0.1"], ["'0.1'", "<-"]),
    "weight of a misspelt input": (["--weight", "0.1<-lenght"], ["'lenght'", "'length'"]),
    "weight of an input too far": (["--weight", "0.1<-3"], ["no input 3", "0 to 2"]),
    "weight of a neuron too far": (["--weight", "1.0<-0.8"], ["'0.8'", "0.0 to 0.7"]),
    "weight into a neuron too far": (["--weight", "0.9<-0"], ["neuron 0.9"]),
    "two things": (["--neuron", "0.1", "--weight", "0.1<-0"], ["choose one"]),
    "two forms": (["--latex", "--json"], ["choose one"]),
    "optimizer that takes no step": (["--optimizer", "lbfgs"], ["'lbfgs'", "adamw"]),
    "rate of nothing": (["--rate", "0"], ["rate", "positive"]),
    "rate in words": (["--rate", "fast"], ["--rate", "fast"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_explained_is_refused(explain, case):
    words, fragments = REFUSED[case]
    result = explain(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("error: ") == 1
    for fragment in fragments:
        assert fragment in result.stderr


def test_importance_ranks_the_columns(chainrule, files):
    found = chainrule.json("importance", *files, "--repeats", "3", "--seed", "4")
    assert found["columns"][0]["column"] == "length"
    assert len(found["columns"][0]["increases"]) == 3
    assert (found["seed"], found["n_rows"], found["figure"]) == (4, 60, "log loss")
    said = chainrule("importance", *files).stdout
    assert said.index("length") < said.index("colour")
    assert max(map(len, said.splitlines())) <= 80


def test_importance_needs_a_shuffle_and_the_target(chainrule, files):
    assert "repeats" in chainrule("importance", *files, "--repeats", "0").stderr
    (chainrule.folder / "new.csv").write_text("length,width,colour\n1.5,1,red\n")
    result = chainrule("importance", files[0], "new.csv")
    assert result.exit_code == 2
    assert "'species'" in result.stderr


def test_the_page_of_an_ensemble_is_of_one_network_and_names_what_the_others_answer(explain, files):
    model, frame = Model.load(files[0]), read_table(files[1]).frame
    said = explain("--row", "5", "--member", "2").stdout
    assert said.startswith("Row 5 of flowers.csv, by flowers.safetensors, network 2")
    lines = said[said.index("The other networks") :].splitlines()
    probabilities = model.predict_probabilities(frame)[4]
    mean = next(line for line in lines if line.strip().startswith("mean"))
    assert [float(x) for x in mean.split()[1:]] == pytest.approx(
        sorted(probabilities, reverse=True), abs=1e-6
    )
    of_second = model.member(1).predict_probabilities(frame)[4]
    second = next(line for line in lines if line.strip().startswith("network 2"))
    assert sorted(float(x) for x in second.split()[2:]) == pytest.approx(
        sorted(of_second), abs=1e-6
    )
    networks = json.loads(explain("--row", "5", "--json").stdout)["networks"]
    assert np.allclose(networks["mean"], probabilities, atol=1e-6)
    assert len(networks["answers"]) == len(model.members) == 8


@pytest.mark.parametrize("command", ["explain", "check"])
def test_a_network_that_there_is_not_is_refused(chainrule, files, command):
    for number in ("0", "9"):
        refused = chainrule(command, *files, "--member", number)
        assert refused.exit_code == 2
        assert "there is no network" in refused.stderr
