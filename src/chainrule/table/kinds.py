"""What a column is: a number, a category, a boolean, a date, or nothing to learn from. Decided by
its whole length.
"""

import re
import shlex
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from chainrule.table.booleans import pair_of
from chainrule.table.cells import Cells
from chainrule.table.dates import ORDERS, best_order
from chainrule.table.scaling import Vector

Kind = Literal["number", "category", "boolean", "date", "ignored"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: From this share on, a column that is almost all numbers (or dates, or distinct texts) is spoken
#: of as such.
NEARLY_ALL = 0.95
#: Below this many rows, all values may differ by chance.
FEWEST_ROWS_OF_AN_IDENTIFIER = 20
_NAMED_AS_IDENTIFIER = re.compile(r"(?i:(^|[_.\s-])(id|uuid|guid|key|index)$)|[a-z]I[dD]$")


@dataclass(frozen=True)
class Finding:
    """The kind of a column; why, where it is ignored; what else should be said of it.

    `counts_rows` marks a running number, which is better than nothing where no other column is
    left.
    """

    kind: Kind
    reason: str = ""
    note: str = ""
    counts_rows: bool = False


def find_kind(cells: Cells) -> Finding:
    """The kind of a column of at least one row."""
    if cells.form == "unsupported":
        return Finding("ignored", f"values of type {cells.dtype} are not supported")
    if cells.is_missing.all():
        return Finding("ignored", "all values are missing")
    if cells.is_constant:
        return Finding("ignored", f"constant: {cells.at(0)} in every row")
    if cells.form == "time":
        return Finding("date")
    if cells.declared:
        return Finding("category")
    if cells.form != "boolean" and cells.numbers.complete:
        return _number(cells)
    if pair_of(cells):
        return Finding("boolean")
    share = _share_of_dates(cells)
    if share == 1.0:
        return Finding("date")
    note = nearly_numbers(cells) or _nearly_dates(share)
    n_present = int((~cells.is_missing).sum())
    n_distinct = len(cells.distinct)
    if n_present >= FEWEST_ROWS_OF_AN_IDENTIFIER and n_distinct >= NEARLY_ALL * n_present:
        reason = f"an identifier or free text: {n_distinct:,} of {n_present:,} values differ"
        return Finding("ignored", reason, note)
    return Finding("category", note=note)


def _number(cells: Cells) -> Finding:
    """A column of numbers, unless they are codes or count the rows."""
    numbers = cells.numbers
    if numbers.padded:
        return Finding("category", note="its numbers have leading zeros, as codes have")
    values = numbers.values
    if counts_rows(values):
        reason = "an identifier: a running number, different in every row"
        return Finding("ignored", reason, counts_rows=True)
    if _NAMED_AS_IDENTIFIER.search(cells.name) and _all_distinct_integers(values):
        return Finding("ignored", "an identifier: a different whole number in every row")
    return Finding("number", note="read as seconds" if cells.form == "seconds" else "")


def counts_rows(values: Vector) -> bool:
    """Whether the numbers run on, in any order: distinct whole numbers at even steps, or filling at
    least half of their range.

    Half, because a random part of a numbered table is numbered with gaps. Measured whole numbers
    cannot look like this by chance: n values drawn from a range of 2n are all distinct with a
    probability below exp(-n/4). Years are exempt: a table of one row a year is a time series.
    """
    if not _all_distinct_integers(values):
        return False
    low, high = float(values.min()), float(values.max())
    if low >= 1500 and high <= 2200:
        return False
    steps = np.diff(np.sort(values))
    return high - low < 2 * len(values) or bool((steps == steps[0]).all())


def _all_distinct_integers(values: Vector) -> bool:
    if len(values) < FEWEST_ROWS_OF_AN_IDENTIFIER or np.isnan(values).any():
        return False
    with np.errstate(invalid="ignore"):
        if (values % 1 != 0).any():
            return False
    return len(np.unique(values)) == len(values)


def _share_of_dates(cells: Cells) -> float:
    """The share of the distinct values that are dates; 0 without a full reading where the first
    hundred are mostly none.
    """
    if cells.form != "text":
        return 0.0
    if best_order(_first(cells, 100), ORDERS[:3])[1] < 0.5:
        return 0.0
    return best_order(cells, ORDERS[:3])[1]


def _first(cells: Cells, n: int) -> Cells:
    present = cells.values.drop_nulls().head(n)
    return Cells(cells.name, cells.form, present, cells.dtype)


def nearly_numbers(cells: Cells) -> str:
    """What to say of a column of numbers with a few words in it, or with the same word often: it
    may stand for a missing value.
    """
    words = cells.numbers.words
    n_present = int((~cells.is_missing).sum())
    if cells.form != "text" or not 0 < words.sum() < n_present / 2:
        return ""
    row = int(np.argmax(words))
    strange = cells.texts.filter(words).unique(maintain_order=True)
    if len(strange) > 3 and words.sum() > (1 - NEARLY_ALL) * n_present:
        return ""
    percent = min(99, int(100 * (1 - words.sum() / n_present)))
    text = f"{percent} % of its values are numbers, but {cells.at(row)} (row {row + 1}) is not"
    if len(strange) > 3:
        return f"{text}, nor are {len(strange) - 1:,} other texts"
    options = " ".join(f"--missing {shlex.quote(word)}" for word in strange)
    return f"{text}; {options} would make it a number column"


def _nearly_dates(share: float) -> str:
    if share < NEARLY_ALL:
        return ""
    percent = min(99, int(100 * share))
    return f"{percent} % of its distinct values are dates, the others cannot be read as dates"
