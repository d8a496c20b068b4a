"""The beginning of the page: how the cells of the row became inputs, column by column."""

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from chainrule.trace.layout import INDENT, WIDTH, amount, inset, paragraph
from chainrule.trace.records import EncodedInput, Trace
from chainrule.trace.written import cut, decimals_of, visible, written

MOST_COLUMNS = 16
_MOST_VALUES = 13
"""Inputs of a column on the page: those of a date with its time, a trend and six waves."""


def input_lines(trace: Trace) -> list[str]:
    """Every column with the inputs that are not 0; bins and places that say nothing are counted."""
    lines = ["From cells to inputs"]
    if any(one.how.startswith("r = ") for one in trace.inputs):
        lines += paragraph(
            "A number x becomes r = (x - median) / spread, of the training rows, and then "
            "r\u00a0/\u00a0√(1\u00a0+\u00a0(r/c)²), which holds outliers within -c and c."
        )
    columns = [list(group) for _, group in groupby(trace.inputs, lambda one: one.column)]
    for inputs in columns[:MOST_COLUMNS]:
        lines += _column_lines(inputs)
    if more := columns[MOST_COLUMNS:]:
        n = sum(map(len, more))
        lines += paragraph(f"and {amount(len(more), 'more column')} with {amount(n, 'input')}")
    return lines


def _column_lines(inputs: list[EncodedInput]) -> list[str]:
    first = inputs[0]
    cell = "missing" if first.cell is None else cut(visible(first.cell), 40)
    lines = [f"{INDENT}{cut(visible(first.column), 32)} is {cell}"]
    for text in _said(inputs):
        lines += inset(_wrapped(text), 2)
    return lines


def _wrapped(text: str) -> list[str]:
    """The text in lines, cut between two formulas rather than within one."""
    parts = [text] if len(text) <= WIDTH - 4 else text.split("; ")
    return [
        line
        for part, indent in zip(parts, ("", *["  "] * len(parts)), strict=False)
        for line in wrap(
            part,
            WIDTH - 4,
            initial_indent=indent,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    ]


def _said(inputs: list[EncodedInput]) -> Iterator[str]:
    """A text for each input that says something, and one for all the others."""
    full = [one for one in inputs if one.part == "bin" and one.value == 1]
    empty = [one for one in inputs if one.part not in ("value", "cycle") and one.value == 0]
    said = [one for one in inputs if one not in full and one not in empty]
    for one in said[:_MOST_VALUES]:
        yield f"input {one.index}: {_how(one)}"
    if len(said) > _MOST_VALUES:
        yield f"and {len(said) - _MOST_VALUES:,} more inputs"
    if full:
        yield f"{_places(full)}: 1, {'bins' if len(full) > 1 else 'a bin'} that the number is past"
    if empty:
        yield f"{_places(empty)}: 0, {_nothing(empty)}"


def _how(one: EncodedInput) -> str:
    number = written(one.value, decimals_of(one.value))
    if one.part == "bin":
        return f"{number} = {visible(one.how)}, in the bin of the number"
    how = visible(one.how)
    if one.part == "cycle":
        return f"{number} = {how}"
    is_said = how.startswith(number) or how.endswith(f"= {number}")
    return how if is_said else f"{number}, {how}"


def _nothing(inputs: list[EncodedInput]) -> str:
    what = {"bin": "bins that the number has not reached", "place": "other categories"}
    parts = dict.fromkeys(one.part for one in inputs)
    return " and ".join(what.get(part, "the cell is not missing") for part in parts)


def _places(inputs: list[EncodedInput]) -> str:
    """Inputs 3 to 7, or those that there are."""
    places = [one.index for one in inputs]
    if len(places) == 1:
        return f"input {places[0]}"
    if places[-1] - places[0] == len(places) - 1:
        return f"inputs {places[0]} to {places[-1]}"
    return f"{len(places):,} other inputs"
