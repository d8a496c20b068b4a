"""The front door, and a model of a small table."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chainrule.cli.app import app

TESTS = str(Path(__file__).parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)

from cli.flowers import write_flowers  # noqa: E402


class CommandLine:
    """Runs commands in this process; `files` is what lies in their folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __call__(self, *words, **env):
        env = {"COLUMNS": "80", "NO_COLOR": "1", "FORCE_COLOR": None, **env}
        result = CliRunner().invoke(app, [str(word) for word in words], env=env)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result

    def json(self, *words):
        result = self(*words, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout, parse_constant=refuse_constant)

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


def refuse_constant(name):
    raise AssertionError(f"{name} is not JSON")


@pytest.fixture
def chainrule(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return CommandLine(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with flowers.csv and flowers.safetensors, which nobody changes."""
    folder = tmp_path_factory.mktemp("trained")
    table = write_flowers(folder / "flowers.csv")
    words = ("train", table, "--target", "species", "--model", folder / "flowers.safetensors")
    quick = ("--epochs", "30", "--hidden", "8", "--bins", "0", "--rate", "0.05")
    result = CommandLine(folder)(*words, *quick)
    assert result.exit_code == 0, result.output
    return folder
