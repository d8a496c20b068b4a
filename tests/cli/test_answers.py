"""`predict`, `evaluate` and `show` say what the model says."""

import csv
import io

import numpy as np
import polars as pl
import pytest

from chainrule.cli.screen import figure
from chainrule.model import Model
from chainrule.table import read_table
from cli.flowers import QUICK


@pytest.fixture
def files(chainrule, trained):
    return trained / "flowers.safetensors", trained / "flowers.csv"


def frame(text):
    return pl.read_csv(io.StringIO(text), infer_schema=False)


def test_predictions_are_the_input_and_what_the_model_predicts(chainrule, files):
    model, table = files
    found = frame(chainrule("predict", model, table).stdout)
    given = frame(table.read_text())
    assert found.columns == [*given.columns, "predicted_species"]
    assert found.drop("predicted_species").equals(given)
    expected = Model.load(model).predict(read_table(table).frame)
    assert found["predicted_species"].to_list() == list(expected)


def test_cells_of_the_input_pass_as_they_were_written(chainrule, files):
    rows = 'length,width,colour,note\n01.50,1e0,red,"a, ""b"" é"\n2.5,,green,\n'
    (chainrule.folder / "t.csv").write_text(rows)
    said = list(csv.reader(io.StringIO(chainrule("predict", files[0], "t.csv").stdout)))
    assert said[1][:4] == ["01.50", "1e0", "red", 'a, "b" é']
    assert said[2][:4] == ["2.5", "", "green", ""]


def test_probabilities_have_a_column_for_each_class(chainrule, files):
    model, table = files
    found = pl.read_csv(io.StringIO(chainrule("predict", model, table, "--probabilities").stdout))
    shares = found.select("probability_setosa", "probability_virginica").to_numpy()
    expected = Model.load(model).predict_probabilities(read_table(table).frame)
    np.testing.assert_allclose(shares, expected, rtol=1e-6)


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "CSV"])
def test_the_name_of_the_output_says_its_form(chainrule, files, ending):
    model, table = files
    name = f"p.{ending}"
    result = chainrule("predict", model, table, "--output", name)
    assert result.exit_code == 0
    assert result.stdout == ""
    assert chainrule.files() == [name]
    separator = "\t" if ending == "tsv" else ","
    found = (
        pl.read_parquet(name)
        if ending == "parquet"
        else pl.read_csv(name, separator=separator, infer_schema=False)
    )
    assert found.equals(frame(chainrule("predict", model, table).stdout))


def test_a_name_that_is_taken_gets_a_number(chainrule, files):
    model, table = files
    chainrule("predict", model, table, "--output", "p.csv")
    result = chainrule("predict", model, "p.csv")
    assert frame(result.stdout).columns[-2:] == ["predicted_species", "predicted_species_2"]
    assert "predicted_species_2" in result.stderr


@pytest.fixture
def areas(chainrule):
    rows = [f"{i % 9 + 1},{i % 7 + 1},{(i % 9 + 1) * (i % 7 + 1) + 0.5}" for i in range(120)]
    (chainrule.folder / "a.csv").write_text("\n".join(["length,width,area", *rows]) + "\n")
    return ("train", "a.csv", "--target", "area", *QUICK, "--quiet")


def test_a_model_of_quantiles_has_a_column_for_each_level(chainrule, areas):
    assert chainrule(*areas, "--loss", "quantile:0.1,0.5,0.9").exit_code == 0
    found = frame(chainrule("predict", "a.safetensors", "a.csv").stdout)
    names = ["predicted_area_0.1", "predicted_area_0.5", "predicted_area_0.9"]
    assert found.columns[-3:] == names


def test_numbers_have_no_probabilities(chainrule, areas):
    chainrule(*areas)
    result = chainrule("predict", "a.safetensors", "a.csv", "--probabilities")
    assert result.exit_code == 2
    assert "'area'" in result.stderr


def test_an_evaluation_has_the_figures_of_the_model(chainrule, files):
    model, table = files
    expected = Model.load(model).evaluate(read_table(table).frame)
    found = chainrule.json("evaluate", model, table)
    assert found["figures"] == dict(expected.figures)
    assert found["baseline"] == dict(expected.baseline)
    said = chainrule("evaluate", model, table).stdout
    for name, value in expected.figures.items():
        assert name in said
        assert figure(value) in said
    assert expected.trivial_answer in said


def test_a_row_of_weight_two_is_evaluated_as_two_rows(chainrule, files):
    model, table = files
    header, *lines = table.read_text().splitlines()
    weighted = "\n".join([f"{header},w", *(f"{s},{1 + i % 2}" for i, s in enumerate(lines))])
    twice = "\n".join([header, *(s for i, s in enumerate(lines) for _ in range(1 + i % 2))])
    (chainrule.folder / "w.csv").write_text(weighted + "\n")
    (chainrule.folder / "t.csv").write_text(twice + "\n")
    one = chainrule.json("evaluate", model, "w.csv", "--weight", "w")["figures"]
    two = chainrule.json("evaluate", model, "t.csv")["figures"]
    assert one == pytest.approx(two)


def test_rows_that_may_be_those_of_the_training_are_doubted(chainrule, files):
    model, table = files
    assert "flatter" in chainrule("evaluate", model, table).stdout
    (chainrule.folder / "t.csv").write_text("\n".join(table.read_text().splitlines()[:31]) + "\n")
    assert "flatter" not in chainrule("evaluate", model, "t.csv").stdout


def test_many_classes_are_shown_by_their_mistakes(chainrule):
    rows = [f"{i % 3},{chr(97 + i % 12)}" for i in range(240)]
    (chainrule.folder / "m.csv").write_text("\n".join(["x,z", *rows]) + "\n")
    said = chainrule("train", "m.csv", "--target", "z", *QUICK).stdout
    assert "Most frequent mistakes" in said
    assert "Confusion" not in said


def test_a_model_shows_columns_network_training_and_history(chainrule, files):
    said = chainrule("show", files[0]).stdout
    for part in ("length", "8 relu", "rate 0.05", "epochs 30", "best: epoch", "species"):
        assert part in said
    assert any("⠁" <= c <= "⣿" for c in said)


def test_the_history_marks_the_epoch_that_was_kept(chainrule, files):
    found = chainrule.json("show", files[0])
    losses = [figures["validation loss"] or figures["loss"] for figures in found["histories"][0]]
    best = min(range(len(losses)), key=losses.__getitem__)
    assert f"best: epoch {best + 1}, {figure(losses[best])}" in chainrule("show", files[0]).stdout


def test_a_model_of_one_epoch_can_be_shown(chainrule, areas):
    chainrule(*areas, "--epochs", "1")
    assert chainrule("show", "a.safetensors").exit_code == 0
