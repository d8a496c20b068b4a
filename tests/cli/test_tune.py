"""`chainrule tune`: a table in, a better model out, and the options that make it."""

import json
import os
import signal
import subprocess
import sys
import tomllib

import numpy as np
import polars as pl
import pytest

from chainrule.model import Model
from cli.flowers import write_flowers

QUICK = ("--epochs", "4", "--hidden", "4", "--bins", "0", "--activation", "relu")
QUICK = (*QUICK, "--members", "2", "--engine", "reference", "--trials", "4")


@pytest.fixture
def flowers(tmp_path):
    return write_flowers(tmp_path / "flowers.csv", n=200)


def tune(chainrule, *words):
    return chainrule("tune", "flowers.csv", "--target", "species", *QUICK, *words)


def test_a_model_and_its_options_are_written(chainrule, flowers):
    done = tune(chainrule)
    assert done.exit_code == 0, done.stderr
    assert chainrule.files() == ["flowers.csv", "flowers.safetensors", "flowers.toml"]
    assert "40 rows apart tell the gain" in done.stdout
    assert "trial 0  loss" in done.stderr
    assert len(Model.load("flowers.safetensors").members) == 2


def test_training_with_the_written_options_gives_the_same_model(chainrule, flowers):
    tune(chainrule, "--ignore", "colour", "--category", "width", "--delimiter", ",", "--quiet")
    words = ("train", "flowers.csv", "--config", "flowers.toml", "--model", "again.safetensors")
    done = chainrule(*words, "--engine", "reference")
    assert done.exit_code == 0, done.stderr
    table = pl.read_csv("flowers.csv")
    tuned, again = (Model.load(f"{name}.safetensors") for name in ("flowers", "again"))
    np.testing.assert_array_equal(
        tuned.predict_probabilities(table), again.predict_probabilities(table)
    )


def test_the_written_options_are_those_decided_and_found(chainrule, flowers):
    document = chainrule.json("tune", "flowers.csv", "--target", "species", *QUICK)
    options = tomllib.loads((chainrule.folder / "flowers.toml").read_text())
    assert options["target"] == "species"
    assert options["hidden"] == [4]
    assert options["members"] == 2
    assert options["rate"] == document["best"]["rate"]
    assert len(document["trials"]) == 4
    assert document["trials"][0]["values"] == document["defaults"]
    assert document["rows_apart"] == 40


def test_a_study_goes_on_and_counts_what_it_holds(chainrule, flowers):
    tune(chainrule, "--study", "a.study")
    assert len((chainrule.folder / "a.study").read_text().splitlines()) == 5
    done = tune(chainrule, "--study", "a.study", "--trials", "6")
    assert "going on after 4 trials in a.study" in done.stdout
    assert "6 trials" in done.stdout
    assert len((chainrule.folder / "a.study").read_text().splitlines()) == 7


def test_a_study_of_another_table_is_refused(chainrule, flowers):
    tune(chainrule, "--study", "a.study")
    write_flowers(flowers, n=201)
    done = tune(chainrule, "--study", "a.study")
    assert done.exit_code == 2
    assert "another table" in done.stderr
    assert "--study" in done.stderr


def test_a_test_table_tells_the_gain_and_judges_the_model(chainrule, flowers):
    write_flowers(chainrule.folder / "test.csv", n=50)
    done = tune(chainrule, "--test", "test.csv")
    assert done.exit_code == 0, done.stderr
    assert "50 rows of test.csv, never seen" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--trials", "0"), "--trials is 0, but must be at least 1"),
        (("--test-fraction", "1"), "--test-fraction is 1.0, but must be from 0 to below 1"),
        (("--time", "soon"), "a time such as 10s, 1m or 2h was expected, not 'soon'"),
        (("--time", "1ms"), "a time such as"),
        (("--valid-fraction", "0"), "too few to tune"),
        (("--study", "flowers.csv"), "would replace the table"),
        (("--rate", "-1"), "--rate is -1.0, but must be a positive number"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(chainrule, flowers, words, message):
    before = flowers.read_bytes()
    done = tune(chainrule, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())
    assert chainrule.files() == ["flowers.csv"]
    assert flowers.read_bytes() == before


def test_without_optuna_it_is_said_how_to_get_it(chainrule, flowers, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = tune(chainrule)
    assert done.exit_code == 2
    assert "pip install 'chainrule[tune]'" in done.stderr


def process(folder, *words):
    command = [sys.executable, "-m", "chainrule", "tune", "flowers.csv", "--target", "species"]
    return subprocess.Popen(
        [*command, *QUICK, "--trials", "100000", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )


def test_ctrl_c_keeps_the_best_so_far(tmp_path, flowers):
    with process(tmp_path, "--study", "a.study") as tuning:
        assert "trial 0" in tuning.stderr.readline()
        tuning.send_signal(signal.SIGINT)
        _, complained = tuning.communicate(timeout=30)
    assert tuning.returncode == 130
    assert "stopped: before the end; the best network so far and its options are in" in complained
    assert Model.load(tmp_path / "flowers.safetensors").history
    assert tomllib.loads((tmp_path / "flowers.toml").read_text())["target"] == "species"


def test_a_kill_loses_only_the_trials_that_were_on_their_way(tmp_path, flowers):
    with process(tmp_path, "--study", "a.study") as tuning:
        assert "trial 0" in tuning.stderr.readline()
        tuning.kill()
    lines = (tmp_path / "a.study").read_bytes().split(b"\n")
    kept = [json.loads(line) for line in lines[1:-1]]
    assert kept[0]["number"] == 0
    with process(tmp_path, "--study", "a.study", "--trials", str(len(kept) + 1)) as again:
        said, complained = again.communicate(timeout=60)
    assert again.returncode == 0, complained
    assert f"going on after {len(kept)} trial" in said
