"""`predict`, `evaluate` and `show` say what the model says."""

import csv
import io
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

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


DAYS = [date(2024, 1, 1) + timedelta(days=i * i % 37) for i in range(40)]
COLUMNS = {
    "duration": pl.Series([timedelta(seconds=i * i % 23, milliseconds=500) for i in range(40)]),
    "duration in ns": pl.Series([i * i % 23 for i in range(40)]).cast(pl.Duration("ns")),
    "time": pl.Series([None, *(time(i * i % 24, i, i) for i in range(1, 40))]),
    "date": pl.Series(DAYS),
    "datetime": pl.Series([datetime.combine(day, time(1), UTC) for day in DAYS]),
    "category": pl.Series(["red", "green"] * 20, dtype=pl.Categorical),
    "enum": pl.Series(["red", "green"] * 20, dtype=pl.Enum(["red", "green"])),
    "boolean": pl.Series([True, False] * 20),
    "decimal": pl.Series([Decimal(i * i % 23) / 8 for i in range(40)]),
    "small": pl.Series([i * i % 23 for i in range(40)], dtype=pl.UInt8),
    "nothing": pl.Series([None] * 40),
}


def train_on(chainrule, name, cells):
    """Train on t.parquet with this column beside a number, into t.safetensors; its rows."""
    x, y = [i * 7 % 11 for i in range(40)], [i * i % 13 + 0.5 for i in range(40)]
    given = pl.DataFrame([cells.alias(name), pl.Series("x", x), pl.Series("y", y)])
    given.write_parquet(chainrule.folder / "t.parquet")
    result = chainrule("train", "t.parquet", "--target", "y", *QUICK, "--quiet")
    assert result.exit_code == 0, result.stderr
    return given


@pytest.mark.parametrize("name", COLUMNS)
def test_a_table_of_every_type_is_answered_as_text_and_as_parquet(chainrule, name):
    given = train_on(chainrule, name, COLUMNS[name])
    answers = Model.load(chainrule.folder / "t.safetensors").predict(given)
    said = chainrule("predict", "t.safetensors", "t.parquet")
    assert said.exit_code == 0, said.stderr
    np.testing.assert_array_equal(frame(said.stdout)["predicted_y"].cast(pl.Float64), answers)
    assert frame(said.stdout)[name].is_null().equals(given[name].is_null())
    assert (
        chainrule("predict", "t.safetensors", "t.parquet", "--output", "p.parquet").exit_code == 0
    )
    assert pl.read_parquet("p.parquet")[name].equals(given[name])


def test_a_duration_is_written_to_text_as_a_number_of_seconds(chainrule):
    given = train_on(chainrule, "duration", COLUMNS["duration"])
    found = frame(chainrule("predict", "t.safetensors", "t.parquet").stdout)
    seconds = [span.total_seconds() for span in given["duration"]]
    assert found["duration"].cast(pl.Float64).to_list() == seconds


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
