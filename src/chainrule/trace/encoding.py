"""How the cells of one row became numbers, column by column, with the numbers of each step."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from chainrule.table import TableEncoder
from chainrule.table.booleans import BooleanColumn
from chainrule.table.categories import CategoryColumn
from chainrule.table.cells import Cells, columns_by_name, read_cells
from chainrule.table.dates import (
    MICROSECONDS_PER_YEAR,
    POSITIONS,
    DateColumn,
    instants_of,
    position,
)
from chainrule.table.numbers import NumberColumn, numbers_of
from chainrule.table.scaling import RobustScaling, number_text
from chainrule.trace.formula import Formula
from chainrule.trace.records import EncodedInput, InputPart
from chainrule.trace.written import SIGNIFICANT, bracketed, decimals_of, operand_decimals, written

Part = tuple[InputPart, str]
"""What an input is of its column, and how its number came about."""


def encoded_inputs(
    encoder: TableEncoder, frame: nw.DataFrame[Any], row: int
) -> tuple[EncodedInput, ...]:
    """The inputs of one row (from 0) of a table, each with its way from the cell.

    Raises:
        TableError: a column is lacking, or holds what it did not hold in training.
    """
    at = np.array([row])
    X = encoder.encode(frame, at).astype(np.float64)
    table = columns_by_name(frame)
    found: list[EncodedInput] = []
    for column in encoder.columns:
        if not column.inputs:
            continue
        cells = read_cells(table[column.name], column.name, encoder.missing).take(at)
        steps = STEPS[column.kind](column, cells)
        cell = cells.texts[0]
        for name, (part, how) in zip(column.inputs, steps, strict=True):
            i = len(found)
            found.append(EncodedInput(i, name, column.name, cell, float(X[0, i]), part, how))
    return tuple(found)


def _number(column: NumberColumn, cells: Cells) -> list[Part]:
    value = float(numbers_of(cells, "")[0])
    is_missing = bool(np.isnan(value))
    value = column.fill if is_missing else value
    stands_in = f"missing, so the median {number_text(column.fill)}: " if is_missing else ""
    steps: list[Part] = []
    if column.scaling:
        steps.append(("value", stands_in + _scaled(value, column.scaling)))
    for low, high in zip(column.edges, column.edges[1:], strict=False):
        share = f"({_short(value)} - {bracketed(_short(low))}) / {_short(high - low)}"
        if value <= low:
            share = f"0, as {_short(value)} is not above {_short(low)}"
        elif value >= high:
            share = f"1, as {_short(value)} is not below {_short(high)}"
        steps.append(("bin", stands_in + share))
    if column.n_missing:
        steps.append(("flag", _flag(is_missing)))
    return steps


def _category(column: CategoryColumn, cells: Cells) -> list[Part]:
    X = column.encode(cells)[0]
    if len(column.places) == 2:
        first, second = column.places
        what = {-1.0: f"-1, as it is {first}", 1.0: f"+1, as it is {second}"}
        neither = f"0, as it is neither {first} nor {second}"
        return [("value", what.get(float(X[0]), neither))]
    n = len(column.places)
    own = "1, as" if column.height == 1 else f"1 / √{n}, as"
    return [
        ("place", f"{own} the cell is {place}" if x else f"0, as the cell is not {place}")
        for x, place in zip(X, column.places, strict=True)
    ]


def _boolean(column: BooleanColumn, cells: Cells) -> list[Part]:
    truth = float(column.encode(cells)[0, 0])
    what = {-1.0: f"-1 for {column.false}", 1.0: f"+1 for {column.true}"}
    steps: list[Part] = [("value", what.get(truth, "0, as the cell is missing"))]
    if column.n_missing:
        steps.append(("flag", _flag(not truth)))
    return steps


def _date(column: DateColumn, cells: Cells) -> list[Part]:
    micros, missing = instants_of(cells, column.order, "")
    if missing[0]:
        n = len(column.inputs) - bool(column.n_missing)
        nothing: list[Part] = [("value", "0, as the cell is missing")] * n
        return [*nothing, ("flag", _flag(True))][: len(column.inputs)]
    steps: list[Part] = []
    if column.trend:
        years = float(micros[0] / MICROSECONDS_PER_YEAR)
        steps.append(("value", f"in years since 1970; {_scaled(years, column.trend)}"))
    for cycle, rounds in column.waves:
        at = int(position(micros, cycle)[0])
        turns = "2π" if rounds == 1 else f"2π · {rounds}"
        often = "" if rounds == 1 else f", gone round {rounds} times"
        for function in ("sin", "cos"):
            angle = f"{turns} · {at} / {POSITIONS[cycle]}"
            how = f"{function}({angle}), on the circle of the {cycle}{often}"
            steps.append(("cycle", how))
    if column.n_missing:
        steps.append(("flag", _flag(False)))
    return steps


def _flag(is_missing: bool) -> str:
    return "1, as the cell is missing" if is_missing else "0, as the cell is not missing"


def clip_formula(limit: float) -> Formula:
    """The smooth clip r / sqrt(1 + (r/limit)^2)."""
    return Formula(
        f"{{r}} / √(1 + ({{r}} / {_short(limit)})²)",
        lambda n: n["r"] / sqrt(1 + (n["r"] / limit) ** 2),
    )


STEPS: dict[str, Callable[[Any, Cells], list[Part]]] = {
    NumberColumn.kind: _number,
    CategoryColumn.kind: _category,
    BooleanColumn.kind: _boolean,
    DateColumn.kind: _date,
}
"""By kind of column: what became of the cell, in words and numbers, one text for each input."""


def _scaled(value: float, scaling: RobustScaling) -> str:
    """r = (x - median) / spread, then r / sqrt(1 + (r/limit)^2), with numbers."""
    r, limit = (value - scaling.median) / scaling.spread, scaling.limit
    scaled = float(scaling.apply(np.array([value]))[0])
    decimals = decimals_of(scaled)
    (of_r,) = operand_decimals(lambda r: r / np.sqrt(1 + (r / limit) ** 2), [r], scaled, decimals)
    clip = clip_formula(limit).with_numbers({"r": r}, {"r": of_r})
    median, spread = bracketed(_short(scaling.median)), _short(scaling.spread)
    return (
        f"r = ({_short(value)} - {median}) / {spread} = {written(r, of_r)}; "
        f"{clip} = {written(scaled, decimals)}"
    )


def _short(value: float) -> str:
    """A number of the table or of its statistics: in full where it is short."""
    text = repr(value) if len(repr(value)) <= 12 else f"{value:.{SIGNIFICANT + 5}g}"
    return text.removesuffix(".0")
