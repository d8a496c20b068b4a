"""Arguments: every option of the commands, with its help.

The defaults named here are those of `options.settled`, and the choices those of the registries.
They are repeated, because importing these takes longer than the help may; a test compares them.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.cli.configuration import apply_configuration

TABLE = "Table"
NETWORK = "Network"
TRAINING = "Training"
SEARCH = "Search"
WHAT = "What to show"
OUTPUT = "Output"


def _option(panel: str, help: str, metavar: str, default: str | bool = False, **more: Any) -> Any:
    return typer.Option(
        help=help, rich_help_panel=panel, metavar=metavar, show_default=default, **more
    )


def _whole(text: str | int) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"a whole number was expected, not '{text}'.") from None


def _real(text: str | float) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"a number was expected, not '{text}'.") from None


_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(text: str | float) -> float:
    number, unit = str(text).strip(), 1
    if number[-1:] in _UNITS:
        number, unit = number[:-1], _UNITS[number[-1]]
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise typer.BadParameter(f"a time such as 10s, 1m or 2h was expected, not '{text}'.")
    return seconds


def _flag(name: str, help: str, panel: str = OUTPUT) -> Any:
    return typer.Option(name, help=help, rich_help_panel=panel, show_default=False)


Table = Annotated[
    Path, typer.Argument(metavar="TABLE", help="CSV, TSV or Parquet file, or one of them gzipped.")
]
ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Model file that 'chainrule train' wrote.")
]

# the table
Target = Annotated[str, _option(TABLE, "Column to learn.", "COLUMN")]
Task = Annotated[
    str | None,
    _option(TABLE, "regression or classification.", "TASK", "found from the values of the target"),
]
Valid = Annotated[
    Path | None, _option(TABLE, "Table to choose the best epoch by.", "TABLE", "a part of TABLE")
]
ValidFraction = Annotated[
    float | None,
    _option(
        TABLE,
        "Share of the rows held out to choose the best epoch.",
        "SHARE",
        "follows the table",
        parser=_real,
    ),
]
Test = Annotated[Path | None, _option(TABLE, "Table to judge the model on at the end.", "TABLE")]
Weight = Annotated[str | None, _option(TABLE, "Column that says how much a row counts.", "COLUMN")]
Ignore = Annotated[list[str] | None, _option(TABLE, "Column to leave out. Repeatable.", "COLUMN")]
Number = Annotated[
    list[str] | None, _option(TABLE, "Column to take for numbers. Repeatable.", "COLUMN")
]
Category = Annotated[
    list[str] | None, _option(TABLE, "Column to take for categories. Repeatable.", "COLUMN")
]
Boolean = Annotated[
    list[str] | None, _option(TABLE, "Column to take for yes and no. Repeatable.", "COLUMN")
]
Date = Annotated[
    list[str] | None, _option(TABLE, "Column to take for dates. Repeatable.", "COLUMN")
]
Missing = Annotated[
    list[str] | None,
    _option(TABLE, "Word or number that stands for a missing value. Repeatable.", "WORD"),
]
Delimiter = Annotated[
    str | None, _option(TABLE, "What separates the cells: , or ; or | or \\t.", "MARK", "found")
]
Encoding = Annotated[
    str | None, _option(TABLE, "Encoding of a text table, such as latin-1.", "NAME", "found")
]
Decimal = Annotated[str | None, _option(TABLE, "Decimal mark, . or ,", "MARK", "found")]

# the network
Hidden = Annotated[
    str | None,
    _option(
        NETWORK,
        "Width of each hidden layer; none makes a linear model.",
        "WIDTHS",
        "follows the table",
    ),
]
Activation = Annotated[
    str | None,
    _option(
        NETWORK,
        "Of all hidden layers, or of each, separated by commas: sigmoid, tanh, relu, leaky_relu, "
        "elu, selu, gelu, silu, mish, softplus, identity.",
        "NAMES",
        "follows the table",
    ),
]
Dropout = Annotated[
    float | None,
    _option(
        NETWORK,
        "Share of hidden activations dropped in training.",
        "SHARE",
        "follows the table",
        parser=_real,
    ),
]
Initializer = Annotated[
    str | None,
    _option(
        NETWORK,
        "How weights are drawn: glorot_uniform, glorot_normal, he_uniform, he_normal, "
        "lecun_uniform or lecun_normal.",
        "NAME",
        "follows the activation",
    ),
]
Bins = Annotated[
    int | None,
    _option(
        NETWORK,
        "Most intervals that a number column is cut into; 0 for none.",
        "N",
        "follows the table",
        parser=_whole,
    ),
]
BinsBy = Annotated[
    str | None,
    _option(
        NETWORK,
        "Where these intervals meet: at quantiles, or where the target changes.",
        "quantiles|target",
        "follows the table",
    ),
]
Loss = Annotated[
    str | None,
    _option(
        NETWORK,
        "squared, absolute, huber:1.5, quantile:0.1,0.5,0.9, poisson, binary_cross_entropy or "
        "softmax_cross_entropy.",
        "NAME",
        "follows the task",
    ),
]
LabelSmoothing = Annotated[
    float | None,
    _option(
        NETWORK,
        "Share by which cross-entropies mix classes.",
        "SHARE",
        "follows the table",
        parser=_real,
    ),
]

# the training
Optimizer = Annotated[
    str | None,
    _option(
        TRAINING,
        "sgd, rmsprop, adam, adamw, scaled_adamw or lbfgs.",
        "NAME",
        "scaled_adamw",
    ),
]
Rate = Annotated[
    float | None,
    _option(TRAINING, "Learning rate.", "NUMBER", "follows the table", parser=_real),
]
Schedule = Annotated[
    str | None,
    _option(
        TRAINING,
        "How the rate changes: constant, inverse_scaling, adaptive, cosine, one_cycle or warm_up.",
        "NAME",
        "cosine",
    ),
]
Decay = Annotated[
    float | None,
    _option(
        TRAINING,
        "Decoupled weight decay of adamw and scaled_adamw.",
        "NUMBER",
        "0.1",
        parser=_real,
    ),
]
L2 = Annotated[
    float | None,
    _option(
        TRAINING, "Penalty on squared weights.", "NUMBER", "0; with lbfgs 0.0001", parser=_real
    ),
]
BatchSize = Annotated[
    int | None,
    _option(TRAINING, "Rows for each step.", "N", "follows the table", parser=_whole),
]
Epochs = Annotated[
    int | None,
    _option(
        TRAINING,
        "Passes over the training rows, at most.",
        "N",
        "follows the table",
        parser=_whole,
    ),
]
Patience = Annotated[
    int | None,
    _option(
        TRAINING,
        "Epochs without a better validation loss before training stops; 0 never stops.",
        "N",
        "follows the table",
        parser=_whole,
    ),
]
Members = Annotated[
    int | None,
    _option(
        TRAINING,
        "Networks whose predictions are averaged.",
        "N",
        "follows the table",
        parser=_whole,
    ),
]
Time = Annotated[
    float | None,
    _option(
        TRAINING,
        "Time for the whole command: as many networks as can be trained in it, such as 10s, 1m "
        "or 2h.",
        "TIME",
        "as long as the other options take",
        parser=_seconds,
    ),
]
SearchTime = Annotated[
    float | None,
    _option(
        SEARCH,
        "Time for the whole command, such as 1m, 10m or 2h.",
        "TIME",
        "10m, or as long as --trials take",
        parser=_seconds,
    ),
]
Trials = Annotated[
    int | None,
    _option(
        SEARCH,
        "Trainings of the search at most, those of the study file counted in.",
        "N",
        "as many as there is time for",
        parser=_whole,
    ),
]
Study = Annotated[
    Path | None,
    _option(
        SEARCH,
        "File that keeps every trial as it ends; a search with the same file goes on.",
        "FILE",
        "none is kept",
    ),
]
TestFraction = Annotated[
    float,
    _option(
        SEARCH,
        "Share of the rows that nothing is chosen by, to tell the gain, where --test gives none.",
        "SHARE",
        "0.2",
        parser=_real,
    ),
]
Seed = Annotated[int, _option(TRAINING, "Of everything random.", "N", "0", parser=_whole)]
Engine = Annotated[
    str,
    _option(
        TRAINING,
        "What computes: compiled (needs numba), reference (NumPy), or auto: compiled where it "
        "can be had.",
        "NAME",
        "auto",
    ),
]

# what is explained
Row = Annotated[
    int, _option(WHAT, "Row to explain, counted from 1 below the header.", "N", "1", parser=_whole)
]
MemberNumber = Annotated[
    int,
    _option(WHAT, "Network of an ensemble, counted from 1.", "N", "1", parser=_whole),
]
NeuronName = Annotated[
    str | None,
    _option(WHAT, "Show this neuron in full: layer and place, from 0, such as 1.3.", "NEURON"),
]
WeightName = Annotated[
    str | None,
    _option(
        WHAT,
        "Show this weight: the neuron it goes into, and what it comes from: a neuron of the layer "
        "below, an input by number or name, or bias, such as '1.3<-0.2'.",
        "WEIGHT",
    ),
]
Backward = Annotated[
    bool, _flag("--backward", "Go on to the chain rule: every derivative and a step.", WHAT)
]
StepOptimizer = Annotated[
    str | None, _option(WHAT, "Of the step: sgd, rmsprop, adam or adamw.", "NAME", "sgd")
]
StepRate = Annotated[
    float | None,
    _option(WHAT, "Rate of the step.", "NUMBER", "0.1; with others than sgd 0.001", parser=_real),
]
Repeats = Annotated[int, _option(WHAT, "Shuffles of each column.", "N", "5", parser=_whole)]
ShuffleSeed = Annotated[int, _option(WHAT, "Of the shuffles.", "N", "0", parser=_whole)]
CheckedTable = Annotated[
    Path | None,
    typer.Argument(
        metavar="[TABLE]", help="Table to check on; without one, rows drawn at random are used."
    ),
]

JudgedBy = Annotated[
    Path | None,
    _option(TABLE, "Table of rows that were not learnt from, to compare with.", "TABLE"),
]

# the output
Latex = Annotated[bool, _flag("--latex", "Print a LaTeX document.")]
Model = Annotated[
    Path | None,
    _option(OUTPUT, "Model file to write.", "FILE", "TABLE's name with .safetensors, here"),
]
Config = Annotated[
    Path | None,
    _option(
        OUTPUT,
        "TOML file of options by their long names, such as epochs = 100; what is typed wins.",
        "FILE",
        callback=apply_configuration,
        is_eager=True,
    ),
]
Json = Annotated[bool, _flag("--json", "Print one JSON document instead of a report.")]
Quiet = Annotated[bool, _flag("--quiet", "Show no progress.")]
Output = Annotated[
    Path | None,
    _option(OUTPUT, "File to write: .csv, .tsv or .parquet.", "FILE", "CSV on the screen"),
]
Page = Annotated[
    Path | None, _option(OUTPUT, "HTML file to write.", "FILE", "MODEL's name with .html, here")
]
Probabilities = Annotated[bool, _flag("--probabilities", "Add the probability of each class.")]
