"""`chainrule report`, through the front door."""

import hashlib
import html

import pytest


@pytest.fixture
def files(trained):
    return trained / "flowers.safetensors", trained / "flowers.csv"


def test_a_report_is_written_under_the_name_of_the_model(chainrule, files):
    model, table = files
    result = chainrule("report", model, table)
    assert result.exit_code == 0, result.stderr
    assert chainrule.files() == ["flowers.html"]
    assert "flowers.html   0." in result.stdout
    text = (chainrule.folder / "flowers.html").read_text(encoding="utf-8")
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() in text
    assert html.escape(f"chainrule report {model} {table} --output flowers.html") in text


def test_the_weight_column_reaches_the_page(chainrule, files):
    model, table = files
    header, *lines = table.read_text().splitlines()
    weighted = [f"{header},w", *(f"{line},{i % 3}" for i, line in enumerate(lines))]
    (chainrule.folder / "w.csv").write_text("\n".join(weighted) + "\n")
    result = chainrule("report", model, "w.csv", "--weight", "w", "--output", "a.html")
    assert result.exit_code == 0, result.stderr
    assert "--weight w --output a.html" in (chainrule.folder / "a.html").read_text(encoding="utf-8")


def test_a_table_without_the_target_is_refused_and_nothing_is_written(chainrule, files):
    model, table = files
    lines = [line.rpartition(",")[0] for line in table.read_text().splitlines()]
    (chainrule.folder / "t.csv").write_text("\n".join(lines) + "\n")
    result = chainrule("report", model, "t.csv")
    assert result.exit_code == 2
    assert "target column 'species' is not in the table" in " ".join(result.stderr.split())
    assert chainrule.files() == ["t.csv"]


def test_neither_the_model_nor_the_table_is_written_over(chainrule, files):
    model, table = files
    for file, name in ((model, "model"), (table, "table")):
        before = file.read_bytes()
        result = chainrule("report", model, table, "--output", file)
        assert result.exit_code == 2
        assert f"is the {name} itself" in " ".join(result.stderr.split())
        assert file.read_bytes() == before


def test_a_folder_that_is_not_there_is_refused_before_anything_is_computed(chainrule, files):
    result = chainrule("report", "no.safetensors", "no.csv", "--output", "no/such/a.html")
    assert result.exit_code == 2
    assert "the folder 'no/such' does not exist" in " ".join(result.stderr.split())


def test_evaluate_shows_every_figure_with_its_interval_in_80_columns(chainrule, files):
    result = chainrule("evaluate", *files)
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "95 % interval" in result.stdout
    found = chainrule.json("evaluate", *files)
    assert found["confidence"] == 0.95
    assert set(found["intervals"]) == set(found["figures"])
    assert {"ECE", "ROC AUC", "log loss"} <= set(found["figures"])
    low, high = found["intervals"]["log loss"]
    assert low < found["figures"]["log loss"] < high
