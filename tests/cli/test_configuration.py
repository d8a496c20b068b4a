"""A configuration file stands between the command line and the defaults."""

import pytest

from cli.flowers import QUICK, write_flowers


def train(chainrule, text, *words):
    write_flowers(chainrule.folder / "flowers.csv")
    (chainrule.folder / "c.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return chainrule("train", "flowers.csv", "--config", "c.toml", *words)


GOOD = """
target = "species"
hidden = [3, 2]
batch-size = 16
epochs = 2
rate = 1
ignore = ["colour"]
valid_fraction = 0.2
json = true
"""


def test_every_kind_of_option_can_come_from_the_file(chainrule):
    import json

    result = train(chainrule, GOOD)
    assert result.exit_code == 0, result.stderr
    options = json.loads(result.stdout)["options"]
    assert options["hidden"] == [3, 2]
    assert options["batch_size"] == 16
    assert options["rate"] == 1.0
    assert options["ignore"] == ["colour"]
    assert options["valid_fraction"] == 0.2


def test_the_command_line_wins_over_the_file(chainrule):
    import json

    result = train(chainrule, GOOD, "--epochs", "1", "--hidden", "7")
    assert json.loads(result.stdout)["epochs"] == 1
    assert json.loads(result.stdout)["options"]["hidden"] == [7]


BAD = {
    "an unknown key": ("epoch = 3", ["c.toml", "'epoch'", "did you mean 'epochs'?"]),
    "a key of no option": ("config = 'c.toml'", ["'config'"]),
    "an argument": ("table = 'x.csv'", ["'table'"]),
    "a text for a number": ("epochs = 'ten'", ["'epochs'", "'ten'", "a whole number"]),
    "a fraction for a whole number": ("epochs = 1.5", ["'epochs'", "a whole number"]),
    "true for a number": ("rate = true", ["'rate'", "a number"]),
    "a number for a text": ("loss = 3", ["'loss'", "a text"]),
    "a number for a path": ("model = 3", ["'model'", "a text"]),
    "a text for a flag": ("quiet = 'yes'", ["'quiet'", "true or false"]),
    "numbers for names": ("ignore = [1]", ["'ignore'", "texts"]),
    "fractions for widths": ("hidden = [1.5]", ["'hidden'", "[64, 64]"]),
    "a table": ("[train]\nepochs = 3", ["'train'"]),
    "a key twice": ("batch_size = 3\nbatch-size = 4", ["'batch-size'", "twice"]),
    "a value that means nothing": ("activation = 'relo'", ["'relo'", "relu"]),
    "no TOML": ("epochs: 3", ["c.toml", "TOML", "line 1"]),
    "no text": (b"\xff\xfe", ["c.toml", "UTF-8"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_means_nothing_is_refused(chainrule, case):
    text, fragments = BAD[case]
    result = train(chainrule, text, "--target", "species", *QUICK[2:])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    for fragment in fragments:
        assert fragment in result.stderr
    assert chainrule.files() == ["c.toml", "flowers.csv"]


def test_a_file_that_is_not_there_is_refused(chainrule):
    result = chainrule("train", "t.csv", "--config", "nowhere.toml", "--target", "x")
    assert result.exit_code == 2
    assert "nowhere.toml" in result.stderr
