"""`chainrule train` says what it did, writes the model, and tells what to type next."""

import shlex
import signal
import sys
from time import monotonic

import pytest

from chainrule.cli import progress
from chainrule.errors import DivergedError
from chainrule.experiment import Experiment
from chainrule.model import Model
from cli.flowers import QUICK, write_flowers


@pytest.fixture
def flowers(chainrule):
    return write_flowers(chainrule.folder / "flowers.csv")


def train(chainrule, *words, table="flowers.csv", target="species"):
    return chainrule("train", table, "--target", target, *QUICK, *words)


def test_the_model_is_written_under_the_name_of_its_table(chainrule, flowers):
    result = train(chainrule)
    assert result.exit_code == 0
    assert chainrule.files() == ["flowers.csv", "flowers.safetensors"]
    assert "flowers.safetensors" in result.stdout
    assert Model.load("flowers.safetensors").target.name == "species"


def test_a_compressed_table_gives_its_model_the_short_name(chainrule, flowers):
    import gzip

    (chainrule.folder / "tulips.csv.gz").write_bytes(gzip.compress(flowers.read_bytes()))
    assert train(chainrule, table="tulips.csv.gz").exit_code == 0
    assert "tulips.safetensors" in chainrule.files()


def test_the_report_names_task_columns_network_figures_and_baseline(chainrule, flowers):
    said = train(chainrule, "--valid-fraction", "0.3", "--ignore", "width").stdout
    for part in (
        "60 rows, 4 columns",
        "species: classification, because its values are texts",
        "length",
        "colour",
        "asked for",
        "4 relu",
        "accuracy",
        "ROC AUC",
        "always",
        "each answered by the networks",
        "Confusion",
        "setosa",
    ):
        assert part in said
    assert "\x1b" not in said


def test_figures_of_rows_that_were_learnt_are_called_so(chainrule, flowers):
    said = train(chainrule, "--valid-fraction", "0").stdout
    assert "On the training rows" in said
    assert "Validation" not in said


def test_a_test_table_is_judged_too(chainrule, flowers):
    write_flowers(chainrule.folder / "test.csv", n=30)
    found = chainrule.json(
        *("train", "flowers.csv", "--target", "species", *QUICK, "--test", "test.csv")
    )
    assert found["test"]["n_rows"] == 30
    assert "30 rows of test.csv" in train(chainrule, "--test", "test.csv").stdout


def test_a_table_of_its_own_can_choose_the_epoch(chainrule, flowers):
    write_flowers(chainrule.folder / "valid.csv", n=30)
    words = ("train", "flowers.csv", "--target", "species", *QUICK, "--valid", "valid.csv")
    found = chainrule.json(*words)
    assert found["validation"]["n_rows"] == 30
    assert found["training_rows"] == 60


def test_the_next_command_works_as_it_stands(chainrule, flowers):
    flowers.rename("my flowers;1.csv")
    found = chainrule.json("train", "my flowers;1.csv", "--target", "species", *QUICK)
    program, *words = shlex.split(found["next"][0])
    assert program == "chainrule"
    assert chainrule(*words).exit_code == 0
    assert "predictions.csv" in chainrule.files()
    said = train(chainrule, table="my flowers;1.csv").stdout
    assert found["next"][0] in said


def test_the_next_command_reads_the_table_as_this_one_did(chainrule, flowers):
    flowers.write_text(flowers.read_text().replace(",", "|"))
    found = chainrule.json(
        "train", "flowers.csv", "--target", "species", *QUICK, "--delimiter", "|"
    )
    assert "--delimiter '|'" in found["next"][0]


def test_json_holds_nothing_else_and_stderr_the_progress(chainrule, flowers):
    found = chainrule.json("train", "flowers.csv", "--target", "species", *QUICK)
    assert found["ended"] == "finished"
    assert [column["kind"] for column in found["columns"]] == ["number", "number", "category"]
    assert found["model"] == "flowers.safetensors"
    assert "epoch 3 of 3" in train(chainrule, "--json").stderr
    assert train(chainrule, "--json", "--quiet").stderr == ""


def test_json_says_null_where_a_figure_is_undefined(chainrule, flowers):
    write_flowers(chainrule.folder / "one.csv", n=1)
    train(chainrule)
    found = chainrule.json("evaluate", "flowers.safetensors", "one.csv")
    assert found["figures"]["ROC AUC"] is None


def test_progress_is_plain_lines_where_there_is_no_terminal(chainrule, flowers):
    lines = train(
        chainrule, "--epochs", "40", "--members", "1", "--patience", "0"
    ).stderr.splitlines()
    assert 10 <= len(lines) <= 12
    assert lines[-1].startswith("epoch 40 of 40  loss ")
    lines = train(chainrule, "--epochs", "40", "--members", "3").stderr.splitlines()
    assert 8 <= len(lines) <= 12
    assert " of 3, epoch 1 of 40  loss " in lines[0]
    assert "\x1b" not in "".join(lines)
    assert "\r" not in "".join(lines)
    assert train(chainrule, "--quiet").stderr == ""


def test_a_model_that_learnt_nothing_is_told_so(chainrule):
    rows = "\n".join(f"{i % 7},{'ab'[i * i % 3 == 1]}" for i in range(90))
    (chainrule.folder / "t.csv").write_text(f"x,z\n{rows}\n")
    said = train(chainrule, "--rate", "1e-9", table="t.csv", target="z").stdout
    assert "no better than" in " ".join(said.split())


def test_a_linear_model_has_no_hidden_layer(chainrule, flowers):
    words = ("train", "flowers.csv", "--target", "species", *QUICK)
    for none in ("none", ""):
        found = chainrule.json(*words, "--hidden", none)
        assert len(found["network"]["layers"]) == 1


def test_a_kind_that_the_user_knows_is_taken(chainrule, flowers):
    words = ("train", "flowers.csv", "--target", "species", *QUICK, "--category", "width")
    kinds = {column["name"]: column["kind"] for column in chainrule.json(*words)["columns"]}
    assert kinds["width"] == "category"


EVERY_OPTION = {
    "task": "regression",
    "loss": "huber:2",
    "hidden": "5,4",
    "activation": "tanh,relu",
    "dropout": "0.25",
    "initializer": "he_normal",
    "optimizer": "adamw",
    "rate": "0.02",
    "schedule": "one_cycle",
    "decay": "0.003",
    "l2": "0.004",
    "batch_size": "7",
    "epochs": "2",
    "patience": "9",
    "bins": "3",
    "ignore": "colour",
    "missing": "1.5",
    "weight": "width",
    "valid_fraction": "0.35",
    "seed": "11",
}


def test_every_option_reaches_the_training(chainrule, flowers):
    words = [w for name, value in EVERY_OPTION.items() for w in (f"--{name}", value)]
    words = [word.replace("_", "-") if word.startswith("--") else word for word in words]
    used = chainrule.json("train", "flowers.csv", "--target", "length", *words)["options"]
    for name, value in EVERY_OPTION.items():
        told = used[name]
        shown = ",".join(map(str, told)) if isinstance(told, list) else str(told)
        assert shown == value, name


def test_a_wide_table_is_folded(chainrule):
    header = ",".join(f"x{j}" for j in range(200))
    rows = [",".join(str((i * j) % 11) for j in range(200)) for i in range(40)]
    text = "\n".join([header + ",z", *(f"{row},{i % 2}" for i, row in enumerate(rows))])
    (chainrule.folder / "t.csv").write_text(text + "\n")
    said = train(chainrule, table="t.csv", target="z").stdout
    assert "more columns" in said
    assert len(said.splitlines()) < 100


HOSTILE = "\x1b[31m[red]x\u202e\r\n\x07\x9b"


def test_names_and_classes_from_a_table_are_shown_literally(chainrule, flowers):
    quoted = f'"{HOSTILE}"'
    flowers.write_bytes(
        flowers.read_text().replace("length", quoted).replace("setosa", quoted).encode()
    )
    output = train(chainrule).output
    output += chainrule("show", "flowers.safetensors").output
    output += chainrule("evaluate", "flowers.safetensors", "flowers.csv").output
    assert r"\x1b[31m[red]x\u202e" in output
    assert not set("\x1b\u202e\r\x07\x9b") & set(output)


def stop_in_epoch(monkeypatch, number, signals):
    show = progress._Lines.show

    def interrupted(self, record):
        show(self, record)
        if record.epoch.number == number:
            for one in signals:
                signal.raise_signal(one)

    monkeypatch.setattr(progress._Lines, "show", interrupted)


def stop_in_record(monkeypatch, number):
    show = progress._Lines.show
    seen = []

    def interrupted(self, record):
        show(self, record)
        seen.append(record)
        if len(seen) == number:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(progress._Lines, "show", interrupted)


@pytest.mark.parametrize(
    ("one", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_stopped_training_keeps_and_reports_its_best_model(
    chainrule, flowers, monkeypatch, one, status
):
    stop_in_epoch(monkeypatch, 5, [one])
    result = train(chainrule, "--epochs", "100", "--members", "1")
    assert result.exit_code == status
    assert len(Model.load("flowers.safetensors").history) == 5
    assert "stopped: in epoch 6" in result.stderr
    assert "accuracy" in result.stdout


def test_the_first_signal_waits_for_the_model_to_be_written(chainrule, flowers, monkeypatch):
    save = Model.save

    def interrupted(self, path):
        signal.raise_signal(signal.SIGINT)
        save(self, path)

    monkeypatch.setattr(Model, "save", interrupted)
    assert train(chainrule).exit_code == 130
    assert "flowers.safetensors" in chainrule.files()


def test_a_stopped_ensemble_keeps_the_networks_that_were_finished(chainrule, flowers, monkeypatch):
    monkeypatch.setattr("chainrule.cli.training_run.cores", lambda: 1)
    stop_in_record(monkeypatch, 25)
    result = train(chainrule, "--epochs", "10", "--members", "4")
    assert result.exit_code == 130
    assert "stopped: with 2 of 4 networks trained" in result.stderr
    model = Model.load("flowers.safetensors")
    assert [len(member.history) for member in model.members] == [10, 10]


def test_a_time_is_kept_and_what_was_trained_in_it_is_recorded(chainrule, flowers):
    train(chainrule)  # which compiles the engine, if need be
    start = monotonic()
    result = train(chainrule, "--time", "3s", "--epochs", "100000", "--patience", "0")
    assert result.exit_code == 0, result.stderr
    assert monotonic() - start < 8  # it has 3.3 where nothing else runs
    options = Model.load("flowers.safetensors").training["options"]
    assert 1 <= options["epochs"] < 100_000
    for wrong in ("3 weeks", "-1s", "0", "soon"):
        refused = train(chainrule, "--time", wrong)
        assert refused.exit_code == 2
        assert "a time such as 10s, 1m or 2h was expected" in refused.stderr


def test_the_second_signal_stops_at_once(chainrule, flowers, monkeypatch):
    stop_in_epoch(monkeypatch, 2, [signal.SIGINT])
    monkeypatch.setattr(Model, "save", lambda self, path: signal.raise_signal(signal.SIGINT))
    result = train(chainrule)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1].startswith("error: stopped")
    assert chainrule.files() == ["flowers.csv"]


def test_a_training_stopped_in_its_first_epoch_writes_nothing(chainrule, flowers, monkeypatch):
    def interrupted(self, engine, *, member=0, tell=None):
        signal.raise_signal(signal.SIGINT)
        yield

    monkeypatch.setattr(Experiment, "train", interrupted)
    result = train(chainrule)
    assert result.exit_code == 130
    assert "nothing written" in result.stderr
    assert chainrule.files() == ["flowers.csv"]


def test_a_training_that_diverges_at_once_writes_nothing(chainrule, flowers):
    result = train(chainrule, "--optimizer", "sgd", "--rate", "1e30")
    assert result.exit_code == 1
    assert "diverged in epoch 1" in result.stderr
    assert chainrule.files() == ["flowers.csv"]


def test_a_training_that_diverges_later_keeps_its_best_model(chainrule, flowers, monkeypatch):
    epochs = Experiment.train

    def diverging(self, engine, *, member=0, tell=None):
        yield from list(epochs(self, engine, member=member))[:2]
        raise DivergedError("training diverged in epoch 3.")

    monkeypatch.setattr(Experiment, "train", diverging)
    result = train(chainrule)
    assert result.exit_code == 1
    assert "diverged in epoch 3" in result.stderr
    assert "accuracy" in result.stdout
    assert len(Model.load("flowers.safetensors").history) == 2


def test_a_bug_is_called_a_bug(chainrule, flowers, monkeypatch):
    def broken(self, engine, *, member=0, tell=None):
        raise ZeroDivisionError("by nought")
        yield

    monkeypatch.setattr(Experiment, "train", broken)
    result = train(chainrule)
    assert result.exit_code == 70
    assert "ZeroDivisionError: by nought" in result.stderr
    assert "CHAINRULE_TRACEBACK=1" in result.stderr


@pytest.mark.parametrize("engine", ["reference", "compiled"])
def test_the_engine_that_was_asked_for_computes_and_is_named(chainrule, flowers, engine):
    result = train(chainrule, "--engine", engine)
    assert result.exit_code == 0
    assert f"{engine} engine" in result.stdout


def test_without_numba_the_reference_engine_computes_and_says_why(chainrule, flowers, monkeypatch):
    monkeypatch.setitem(sys.modules, "chainrule.engines.compiled", None)
    monkeypatch.delattr("chainrule.engines.compiled", raising=False)
    result = train(chainrule)
    assert result.exit_code == 0
    assert "reference engine, slower" in result.stdout
    refused = train(chainrule, "--engine", "compiled")
    assert refused.exit_code == 2
    assert "chainrule[fast]" in refused.stderr
