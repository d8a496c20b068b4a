"""The help is quick, complete and true, and docs/cli.md says the same."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from chainrule import __version__
from chainrule.activations import ACTIVATIONS
from chainrule.cli.app import app
from chainrule.initializers import INITIALIZERS
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
from chainrule.options import Options, settled
from chainrule.schedules import SCHEDULES

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = typer.main.get_command(app).commands
TRAIN = {parameter.name: parameter for parameter in COMMANDS["train"].params}


@pytest.mark.parametrize(
    ("option", "names"),
    [
        ("activation", ACTIVATIONS),
        ("loss", LOSSES),
        ("optimizer", OPTIMIZERS),
        ("schedule", SCHEDULES),
        ("initializer", INITIALIZERS),
        ("task", ("regression", "classification")),
    ],
)
def test_the_help_lists_every_choice(option, names):
    for name in names:
        assert name in TRAIN[option].help


BY_TABLE = "follows the table"


@pytest.mark.parametrize("optimizer", [None, "lbfgs"])
def test_the_help_tells_the_defaults_that_are_used(optimizer):
    by_table = [
        settled(Options(optimizer=optimizer), n=n, task=task, n_classes=3)
        for n in (100, 3_000, 30_000, 3_000_000)
        for task in ("regression", "classification")
    ]
    told = {name: getattr(option, "show_default", None) for name, option in TRAIN.items()}
    for name in Options.__dataclass_fields__:
        used = [getattr(options, name) for options in by_table]
        text = told.get(name)
        if not isinstance(text, str) or text.startswith("found") or name in ("loss", "initializer"):
            continue
        if text == BY_TABLE:
            assert optimizer or len(set(used)) > 1, name
            continue
        usual, _, second_order = text.partition("; with lbfgs ")
        expected = second_order if optimizer and second_order else usual
        for value in used if name != "optimizer" or not optimizer else ():
            shown = ",".join(value) if isinstance(value, tuple) else value
            assert expected == str(shown) or float(expected) == shown, name


def test_every_option_can_be_given_on_the_command_line():
    kinds = {"number", "category", "boolean", "date"}
    options = set(Options.__dataclass_fields__) - {"kinds"} | kinds
    assert options <= set(TRAIN)


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_option_of_a_command_is_on_its_help_page(chainrule, command):
    result = chainrule(*filter(None, [command]), "--help")
    assert result.exit_code == 0
    for parameter in COMMANDS[command].params if command else ():
        assert (parameter.metavar or parameter.opts[0]) in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_command_is_a_question_for_help(chainrule):
    assert chainrule().stdout == chainrule("--help").stdout


def test_the_version_is_told(chainrule):
    assert chainrule("--version").stdout == f"chainrule {__version__}\n"


def test_the_help_imports_nothing_heavy():
    program = (
        "import sys, contextlib, io; sys.argv = ['chainrule', 'train', '--help']\n"
        "from chainrule.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()): main()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "polars", "scipy", "narwhals", "pydantic", "rich"}
    assert "typer" in done.stdout.split()
    assert not heavy & set(done.stdout.split())


def test_the_package_runs_as_a_program():
    words = [sys.executable, "-m", "chainrule", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout == f"chainrule {__version__}\n"


def test_the_reference_in_the_documentation_is_the_help():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "make_cli_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "cli.md").read_text(encoding="utf-8") == module.reference(), (
        "run: python docs/make_cli_reference.py"
    )
