"""`chainrule doctor` shows findings with evidence, and commands that run as they are."""

import shlex

import numpy as np
import polars as pl
import pytest

from chainrule.cli.screen import Screen

SMALL = ("--hidden", "16,16", "--epochs", "20", "--bins", "0")


def written(folder, name, **columns):
    random = np.random.default_rng(0)
    X = random.normal(size=(3, 300))
    y = np.sin(X[0]) + X[1] * X[2]
    table = pl.DataFrame({"a": X[0], "b": X[1], "c d": X[2], "y": y}).with_columns(**columns)
    table.write_csv(folder / name)
    return name


@pytest.fixture
def train(chainrule):
    def run(*words, **columns):
        written(chainrule.folder, "t.csv", **columns)
        rate = () if {"--rate", "--optimizer"} & set(words) else ("--rate", "0.01")
        result = chainrule("train", "t.csv", "--target", "y", *SMALL, *rate, *words)
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def said(text):
    return " ".join(text.split())


def test_a_training_in_which_all_is_well_says_so_in_a_line(chainrule, train):
    assert "\nDoctor: nothing to worry about (13 checks).\n" in train()
    page = chainrule("doctor", "t.safetensors", "t.csv")
    assert page.exit_code == 0
    assert "examined on 255 training rows and 45 others" in page.stdout
    assert "nothing to worry about (13 checks)." in page.stdout


def test_a_training_that_went_wrong_says_what_and_how_to_see_more(chainrule, train):
    drawn = ("--initializer", "he_normal")  # a linear start would be kept, and nothing be dead
    text = train("--rate", "3", "--activation", "relu", *drawn, late=pl.col("y"))
    assert "! Leakage suspected" in text
    assert "! Learning rate too high" in text
    assert "Dead ReLUs" not in text  # the third
    assert "chainrule doctor t.safetensors t.csv" in text
    page = chainrule("doctor", "t.safetensors", "t.csv").stdout
    assert "Dead ReLUs" in page
    for line in page.splitlines():
        assert len(line) <= 80 or line.lstrip().startswith("try: ")


def test_the_page_has_the_evidence_and_the_command(chainrule, train):
    train("--rate", "3")
    page = said(chainrule("doctor", "t.safetensors", "t.csv").stdout)
    assert "3.000 rate" in page
    assert "loss of a constant answer" in page
    assert "try: " in page
    assert "train t.csv --target y --hidden 16,16 --rate 0.3 --epochs 20" in page


@pytest.mark.parametrize(
    ("words", "columns"),
    [
        (("--rate", "3", "--activation", "relu"), {}),
        (("--rate", "0.000001"), {}),
        (("--activation", "identity", "--dropout", "0.1"), {}),
        (("--optimizer", "lbfgs"), {"late": pl.col("y")}),
        (("--loss", "huber:1.5", "--rate", "5"), {}),
        ((), {"y": pl.when(pl.int_range(300) == 7).then(1e6).otherwise("y")}),
        ((), {"-- odd 'name' = $x": pl.col("y"), "a": pl.col("a").round(0)}),
        (
            ("--ignore", "c d", "--category", "a"),
            {"a": pl.col("a").sign().cast(str), "late": pl.col("y")},
        ),
        ((), {"twin": 2 * pl.col("c d"), "fixed": pl.lit("same")}),
        ((), {"y": (pl.int_range(300) % 25 == 0).cast(str)}),
    ],
)
def test_the_next_steps_are_commands_that_run(chainrule, train, words, columns):
    train(*words, **columns)
    found = chainrule.json("doctor", "t.safetensors", "t.csv")
    steps = [one["next_step"] for one in found["findings"]]
    assert steps
    for step in steps:
        program, *words = shlex.split(step)
        assert program == "chainrule"
        files = {"MODEL": "t.safetensors", "TABLE": "t.csv"}
        result = chainrule(*(files.get(word, word) for word in words))
        assert result.exit_code == 0, result.stderr


def test_json_has_the_findings_and_what_could_not_be_checked(chainrule, train):
    train("--rate", "3", "--valid-fraction", "0")
    found = chainrule.json("doctor", "t.safetensors", "t.csv")
    assert (found["training_rows"], found["rows_not_learnt_from"]) == (300, 0)
    assert set(found["not_checked"]) == {"overfitting", "validation rows of another kind"}
    (rate,) = (one for one in found["findings"] if one["name"] == "learning rate too high")
    assert rate["severity"] == "warning"
    assert rate["evidence"]["rate"] == 3.0


def test_training_as_json_has_the_same_findings(chainrule):
    written(chainrule.folder, "t.csv")
    trained = chainrule.json("train", "t.csv", "--target", "y", *SMALL, "--rate", "3")
    found = chainrule.json("doctor", "t.safetensors", "t.csv")
    assert trained["doctor"]["findings"] == found["findings"]
    assert trained["doctor"]["findings"]


def test_another_table_is_compared_with_that_of_the_training(chainrule, train):
    train()
    written(chainrule.folder, "new.csv", a=pl.col("a") + 3)
    page = said(chainrule("doctor", "t.safetensors", "t.csv", "--valid", "new.csv").stdout)
    assert "Validation rows of another kind" in page
    assert "distance of 'a'" in page
    alone = said(chainrule("doctor", "t.safetensors", "new.csv").stdout)
    assert "examined on 300 rows that it was not trained on" in alone
    assert "not checked: few rows, as this is not the table" in alone


def test_a_name_from_a_table_is_shown_as_data(chainrule, train):
    train(**{"[red]\x1b[2J": pl.col("y")})
    page = chainrule("doctor", "t.safetensors", "t.csv").stdout
    assert "\x1b" not in page
    assert "[red]" in page


def test_a_table_that_does_not_fit_is_refused(chainrule, train):
    train()
    (chainrule.folder / "other.csv").write_text("a,b\n1,2\n")
    result = chainrule("doctor", "t.safetensors", "other.csv")
    assert result.exit_code == 2
    assert "target column 'y'" in said(result.stderr)


def test_a_terminal_without_unicode_gets_the_same_page(chainrule, train, monkeypatch):
    train("--rate", "3")
    page = chainrule("doctor", "t.safetensors", "t.csv").stdout
    monkeypatch.setattr(Screen, "has_unicode", False)
    assert chainrule("doctor", "t.safetensors", "t.csv").stdout == page
    assert page.isascii()
