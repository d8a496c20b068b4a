"""The application: its commands, and what belongs to none of them."""

from typing import Annotated

import typer

from chainrule import __version__
from chainrule.cli.check import check
from chainrule.cli.doctor import doctor
from chainrule.cli.evaluate import evaluate
from chainrule.cli.explain import explain
from chainrule.cli.front_door import FrontDoor
from chainrule.cli.help_page import Command
from chainrule.cli.html_report import report
from chainrule.cli.importance import importance
from chainrule.cli.predict import predict
from chainrule.cli.show import show
from chainrule.cli.train import train
from chainrule.cli.tune import tune
from chainrule.cli.warmup import warmup

app = typer.Typer(
    name="chainrule",
    cls=FrontDoor,
    help="Neural networks for tables that show their work.",
    epilog="Begin with: chainrule train TABLE --target COLUMN",
    add_completion=False,
    rich_markup_mode=None,
    # with a default for --help, Typer does not import pydantic to make one of nothing
    context_settings={"max_content_width": 100, "default_map": {"help": False}},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chainrule {__version__}")
        raise typer.Exit


@app.callback()
def _globally(
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Declare the options that stand before the command."""


for command, example in (
    (train, "chainrule train penguins.csv --target species --epochs 100"),
    (tune, "chainrule tune penguins.csv --target species --time 10m --study penguins.study"),
    (predict, "chainrule predict penguins.safetensors new.csv --output predictions.csv"),
    (evaluate, "chainrule evaluate penguins.safetensors test.csv"),
    (show, "chainrule show penguins.safetensors"),
    (explain, "chainrule explain penguins.safetensors penguins.csv --row 17 --backward"),
    (importance, "chainrule importance penguins.safetensors test.csv"),
    (report, "chainrule report penguins.safetensors test.csv --output penguins.html"),
    (check, "chainrule check penguins.safetensors penguins.csv"),
    (doctor, "chainrule doctor penguins.safetensors penguins.csv"),
    (warmup, "chainrule warmup"),
):
    app.command(cls=Command, epilog=f"Example: {example}")(command)
