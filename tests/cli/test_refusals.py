"""Whatever cannot be used is refused: one message, status 2, no traceback, no file left behind."""

import hashlib

import pytest

from cli.flowers import QUICK, write_flowers

ROWS = "".join(f"{i / 7:.3f},{i % 5},{'ab'[i % 2]}\n" for i in range(1, 41))
"""Forty good rows of x, y and z."""


def table(text: str | bytes):
    return text if isinstance(text, bytes) else text.encode()


TABLES = {
    "empty file": (b"", "z", ["t.csv", "empty"]),
    "header only": (b"x,y,z\n", "z", ["t.csv", "column names and no rows"]),
    "target absent": (table(f"x,y,price\n{ROWS}"), "prize", ["'prize'", "did you mean 'price'?"]),
    "target constant": (b"x,y,z\n" + b"1,2,3\n2,5,3\n" * 20, "z", ["'z'", "in every row"]),
    "one class": (b"x,y,z\n" + b"1,2,a\n2,5,a\n" * 20, "z", ["'z'", "in every row"]),
    "a class with one row": (table(f"x,y,z\n{ROWS}3,3,rare\n"), "z", ["'z'", "'rare'"]),
    "target missing everywhere": (b"x,y,z\n" + b"1,2,\n2,5,\n" * 20, "z", ["'z'", "empty"]),
    "all other columns missing": (b"x,z\n" + b",a\n,b\n" * 20, "z", ["no column", "missing"]),
    "duplicate column names": (table(f"x,x,z\n{ROWS}"), "z", ["'x' (columns 1, 2)"]),
    "a row too long": (table(f"x,y,z\n{ROWS}1,2,a,4\n"), "z", ["line 42", "4 cells", "3 columns"]),
    "a row too short": (table(f"x,y,z\n{ROWS}1,2\n"), "z", ["line 42", "2 cells", "3 columns"]),
    "not UTF-8": (
        table(f"x,y,z\n{ROWS}") + "1,2,é ü ö ß\n".encode() + b"2,2,\xe9\n",
        "z",
        ["not UTF-8", "encoding"],
    ),
    "binary garbage": (bytes(range(256)) * 20, "z", ["t.csv", "binary"]),
    "an image": (b"\x89PNG\r\n\x1a\n\x00\x00" + bytes(99), "z", ["t.csv"]),
    "an infinity": (table(f"x,y,z\n{ROWS}inf,2,a\n"), "z", ["'x'", "row 41"]),
    "a number like 1e300": (table(f"x,y,z\n{ROWS}1e300,2,a\n"), "z", ["'x'", "1e300", "row 41"]),
    "a target like 1e300": (table(f"z,y,x\n0.5,2,a\n{ROWS}1e300,2,a\n"), "z", ["'z'", "1e300"]),
    "a target of infinity": (table(f"z,y,x\n0.5,2,a\n{ROWS}-inf,2,a\n"), "z", ["'z'", "row 42"]),
}

OPTIONS = {
    "task": (["--task", "clustering"], ["task 'clustering'", "regression, classification"]),
    "activation": (["--activation", "relo"], ["'relo'", "relu", "gelu"]),
    "two activations for one layer": (["--activation", "relu,tanh"], ["2 activations", "1 hidden"]),
    "loss": (["--loss", "sqared"], ["'sqared'", "squared", "huber"]),
    "a loss of the other task": (
        ["--task", "classification", "--loss", "huber"],
        ["huber", "regression", "softmax_cross_entropy"],
    ),
    "levels of the quantile loss": (["--loss", "quantile:0.9,x"], ["quantile:0.9,x"]),
    "levels out of order": (["--loss", "quantile:0.9,0.1"], ["ascending"]),
    "optimizer": (["--optimizer", "adan"], ["'adan'", "adam", "lbfgs"]),
    "schedule": (["--schedule", "cosin"], ["'cosin'", "cosine"]),
    "initializer": (["--initializer", "he"], ["'he'", "he_normal"]),
    "hidden zero": (["--hidden", "64,0"], ["hidden", "64,0", "above 0"]),
    "hidden negative": (["--hidden", "-3"], ["hidden", "-3"]),
    "hidden in words": (["--hidden", "big"], ["hidden", "big", "none"]),
    "rate zero": (["--rate", "0"], ["rate", "positive"]),
    "rate in words": (["--rate", "fast"], ["--rate", "fast"]),
    "rate not a number": (["--rate", "nan"], ["rate", "positive"]),
    "batch size": (["--batch-size", "0"], ["--batch-size is 0", "must be"]),
    "epochs": (["--epochs", "0"], ["epochs", "must be"]),
    "epochs with a fraction": (["--epochs", "1.5"], ["--epochs", "1.5"]),
    "patience": (["--patience", "-1"], ["patience"]),
    "dropout": (["--dropout", "1"], ["dropout", "below 1"]),
    "l2": (["--l2", "-1"], ["l2", "0 or a positive"]),
    "decay": (["--decay", "-1"], ["decay", "0 or a positive"]),
    "decay of another optimizer": (["--optimizer", "sgd", "--decay", "0.1"], ["decay", "sgd"]),
    "rate of lbfgs": (["--optimizer", "lbfgs", "--rate", "0.1"], ["rate", "lbfgs"]),
    "dropout of lbfgs": (["--optimizer", "lbfgs", "--dropout", "0.1"], ["dropout", "lbfgs"]),
    "bins": (["--bins", "-1"], ["bins"]),
    "label smoothing": (["--label-smoothing", "1"], ["smoothing"]),
    "label smoothing of numbers": (
        ["--task", "regression", "--label-smoothing", "0.1"],
        ["--label-smoothing is", "classification"],
    ),
    "share of validation rows": (["--valid-fraction", "1"], ["--valid-fraction is 1.0", "below 1"]),
    "seed": (["--seed", "-1"], ["seed"]),
    "engine": (["--engine", "gpu"], ["engine 'gpu'", "auto, compiled, reference"]),
    "delimiter": (["--delimiter", "::"], ["delimiter"]),
    "encoding": (["--encoding", "utf-9"], ["utf-9"]),
    "decimal": (["--decimal", "'"], ["decimal"]),
    "ignored column": (["--ignore", "widht"], ["'widht'", "'width'"]),
    "column of a kind": (["--category", "widht"], ["'widht'", "'width'"]),
    "column of two kinds": (["--category", "width", "--date", "width"], ["'width'", "category"]),
    "column that is no date": (["--date", "colour"], ["'colour'", "date"]),
    "weight": (["--weight", "wieght"], ["'wieght'"]),
    "weight that is no number": (["--weight", "colour"], ["'colour'"]),
    "validation table": (["--valid", "nowhere.csv"], ["nowhere.csv"]),
    "test table": (["--test", "nowhere.csv"], ["nowhere.csv"]),
    "unknown option": (["--epoch", "3"], ["--epoch", "did you mean '--epochs'?"]),
    "option without a value": (["--epochs"], ["--epochs", "requires an argument"]),
    "two tables": (["other.csv"], ["other.csv"]),
    "folder of the model": (["--model", "no/m.safetensors"], ["'no'", "does not exist"]),
    "a folder as the model": (["--model", "."], ["folder"]),
    "the table as the model": (["--model", "flowers.csv"], ["flowers.csv", "--model"]),
}


def assert_refused(result, fragments, chainrule, before):
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert result.stderr.count("error: ") == 1
    assert result.stderr.splitlines()[-1].startswith("error: ")
    assert len(result.stderr) < 600
    for fragment in fragments:
        assert fragment in result.stderr
    assert chainrule.files() == before


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize("mode", ["", "--json"])
def test_a_table_that_cannot_be_learnt_is_refused(chainrule, case, mode):
    content, target, fragments = TABLES[case]
    (chainrule.folder / "t.csv").write_bytes(content)
    words = ["train", "t.csv", "--target", target, *QUICK, *filter(None, [mode])]
    assert_refused(chainrule(*words), fragments, chainrule, ["t.csv"])


def test_a_table_that_is_not_there_is_refused(chainrule):
    write_flowers(chainrule.folder / "flowers.csv")
    result = chainrule("train", "flower.csv", "--target", "species")
    assert_refused(result, ["flower.csv"], chainrule, ["flowers.csv"])


@pytest.mark.parametrize("case", OPTIONS)
def test_an_option_that_means_nothing_is_refused(chainrule, case):
    words, fragments = OPTIONS[case]
    write_flowers(chainrule.folder / "flowers.csv")
    quick = [] if "lbfgs" in words else list(QUICK)
    result = chainrule("train", "flowers.csv", "--target", "species", *quick, *words)
    assert_refused(result, fragments, chainrule, ["flowers.csv"])


@pytest.mark.parametrize(
    "case", ["activation", "hidden zero", "rate zero", "loss", "bins", "decay"]
)
def test_options_are_checked_before_any_table_is_read(chainrule, case):
    words, fragments = OPTIONS[case]
    result = chainrule("train", "nowhere.csv", "--target", "species", *words)
    assert_refused(result, fragments, chainrule, [])


def test_a_column_without_values_is_left_out_and_named(chainrule):
    path = write_flowers(chainrule.folder / "flowers.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0] + ",empty", *(line + "," for line in lines[1:])]) + "\n")
    result = chainrule("train", "flowers.csv", "--target", "species", *QUICK)
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "empty" in line)
    assert "all values are missing" in line


def test_no_target_is_asked_for(chainrule):
    write_flowers(chainrule.folder / "flowers.csv")
    result = chainrule("train", "flowers.csv")
    assert_refused(result, ["--target", "missing"], chainrule, ["flowers.csv"])


def test_an_unknown_command_is_refused_with_the_nearest(chainrule):
    assert_refused(chainrule("trian"), ["'trian'", "'train'"], chainrule, [])


PREDICT_TABLES = {
    "a column is lacking": (lambda text: text.replace("width", "breadth"), ["'width'"]),
    "a column of another type": (
        lambda text: text.replace("\n", "\nwide", 1),
        ["'length'", "wide"],
    ),
    "no rows": (lambda text: text.splitlines()[0] + "\n", ["no rows"]),
    "an infinity": (lambda text: text + "inf,1,red,setosa\n", ["'length'", "row 61"]),
    "a number like 1e300": (lambda text: text + "1e300,1,red,setosa\n", ["'length'", "1e300"]),
}


@pytest.mark.parametrize("command", ["predict", "evaluate"])
@pytest.mark.parametrize("case", PREDICT_TABLES)
def test_a_table_that_does_not_fit_the_model_is_refused(chainrule, trained, case, command):
    change, fragments = PREDICT_TABLES[case]
    (chainrule.folder / "t.csv").write_text(change((trained / "flowers.csv").read_text()))
    words = ["--output", "p.csv"] if command == "predict" else []
    result = chainrule(command, trained / "flowers.safetensors", "t.csv", *words)
    assert_refused(result, fragments, chainrule, ["t.csv"])


EVALUATE_TABLES = {
    "the target is lacking": (lambda text: text.replace("species", "kind"), ["'species'"]),
    "a class of its own": (lambda text: text + "1,1,red,tulip\n", ["tulip", "'setosa'"]),
    "no target at all": (
        lambda text: text.replace("setosa", "").replace("virginica", ""),
        ["'species'", "empty in every row"],
    ),
}


@pytest.mark.parametrize("case", EVALUATE_TABLES)
def test_a_table_without_the_answers_is_not_evaluated(chainrule, trained, case):
    change, fragments = EVALUATE_TABLES[case]
    (chainrule.folder / "t.csv").write_text(change((trained / "flowers.csv").read_text()))
    result = chainrule("evaluate", trained / "flowers.safetensors", "t.csv")
    assert_refused(result, fragments, chainrule, ["t.csv"])


def newer(data: bytes) -> bytes:
    """The bytes as a later format would write them: checksum over the whole, its digits zeroed."""
    data = data.replace(b'"format_version":"1"', b'"format_version":"2"')
    start = data.index(b'"checksum":"') + len(b'"checksum":"')
    zeroed = data[:start] + b"0" * 64 + data[start + 64 :]
    return data[:start] + hashlib.sha256(zeroed).hexdigest().encode() + data[start + 64 :]


MODELS = {
    "cut off": (lambda data: data[: len(data) // 2], ["damaged"]),
    "cut off at its start": (lambda data: data[:5], ["5 bytes"]),
    "empty": (lambda data: b"", ["empty"]),
    "with a flipped bit": (lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:], ["damaged"]),
    "of a newer format": (newer, ["format 2", "upgrade"]),
    "a pickle": (lambda data: b"\x80\x04}q\x00." * 9, ["pickle"]),
    "a table": (lambda data: b"x,y\n1,2\n" * 99, ["text, perhaps a table"]),
}


@pytest.mark.parametrize("command", ["predict", "evaluate", "show"])
@pytest.mark.parametrize("case", MODELS)
def test_a_model_file_that_is_not_whole_is_refused(chainrule, trained, case, command):
    change, fragments = MODELS[case]
    good = (trained / "flowers.safetensors").read_bytes()
    (chainrule.folder / "m.safetensors").write_bytes(change(good))
    words = [] if command == "show" else [trained / "flowers.csv"]
    result = chainrule(command, "m.safetensors", *words)
    assert_refused(result, ["m.safetensors", *fragments], chainrule, ["m.safetensors"])


@pytest.mark.parametrize("command", ["predict", "evaluate", "show"])
def test_a_model_that_is_not_there_is_refused(chainrule, trained, command):
    words = [] if command == "show" else [trained / "flowers.csv"]
    result = chainrule(command, "nowhere.safetensors", *words)
    assert_refused(result, ["nowhere.safetensors"], chainrule, [])


PREDICT_OPTIONS = {
    "an ending that says nothing": (["--output", "p.xlsx"], ["p.xlsx", ".csv, .tsv, .parquet"]),
    "a folder that is not there": (["--output", "no/p.csv"], ["'no'", "does not exist"]),
}


@pytest.mark.parametrize("case", PREDICT_OPTIONS)
def test_an_output_that_cannot_be_written_is_refused(chainrule, trained, case):
    words, fragments = PREDICT_OPTIONS[case]
    result = chainrule("predict", trained / "flowers.safetensors", trained / "flowers.csv", *words)
    assert_refused(result, fragments, chainrule, [])


def test_predictions_never_replace_the_table_they_are_of(chainrule, trained):
    text = (trained / "flowers.csv").read_text()
    (chainrule.folder / "t.csv").write_text(text)
    words = ("predict", trained / "flowers.safetensors", "t.csv", "--output", "./t.csv")
    assert_refused(chainrule(*words), ["t.csv", "replace"], chainrule, ["t.csv"])
    assert (chainrule.folder / "t.csv").read_text() == text


def fill_the_disk(monkeypatch, room: int) -> None:
    """Every file may have `room` bytes more."""
    import errno
    import os

    write = os.write

    def limited(descriptor, view):
        if len(view) > room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, view)

    monkeypatch.setattr("chainrule.atomic_write.os.write", limited)


@pytest.mark.parametrize("room", [0, 4096], ids=["at the start", "at the end"])
def test_a_full_disk_leaves_the_old_model_as_it_was(chainrule, monkeypatch, room):
    write_flowers(chainrule.folder / "flowers.csv")
    (chainrule.folder / "flowers.safetensors").write_bytes(b"old")
    fill_the_disk(monkeypatch, room)
    result = chainrule("train", "flowers.csv", "--target", "species", *QUICK, "--hidden", "64,64")
    assert result.exit_code == 2
    assert "full" in result.stderr.splitlines()[-1]
    assert (result.stdout == "") == (room == 0)
    assert chainrule.files() == ["flowers.csv", "flowers.safetensors"]
    assert (chainrule.folder / "flowers.safetensors").read_bytes() == b"old"


def test_a_message_is_one_line_where_nobody_wraps_it(chainrule):
    result = chainrule("train", "a" * 200 + ".csv", "--target", "x")
    assert result.stderr.count("\n") == 1


def test_names_from_a_table_cannot_move_the_cursor_of_a_message(chainrule):
    write_flowers(chainrule.folder / "flowers.csv")
    result = chainrule("train", "flowers.csv", "--target", "\x1b[2J[red]spe\u202ecies\n")
    assert result.exit_code == 2
    assert r"\x1b[2J[red]spe\u202ecies\n" in result.stderr
    assert "\x1b" not in result.output
