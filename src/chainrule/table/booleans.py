"""A column of two opposite words, such as yes and no: one input of -1 and +1."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.table.cells import EVERY_ROW, Cells, RowSelection

#: Pairs of words, in lower case, that make a column boolean: the false one, the true one.
PAIRS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"))
_FALSE = frozenset(false for false, _ in PAIRS) | {"0"}
_TRUE = frozenset(true for _, true in PAIRS) | {"1"}


@dataclass(frozen=True)
class BooleanColumn:
    """How a boolean column became inputs: false is -1, missing is 0, true is +1."""

    kind: ClassVar[str] = "boolean"

    name: str
    false: str
    true: str
    n_rows: int
    n_true: int
    n_missing: int
    note: str

    @classmethod
    def fit(cls, cells: Cells, note: str = "", rows: RowSelection = EVERY_ROW) -> "BooleanColumn":
        """Count these rows; raises TableError for a cell that is neither true nor false."""
        truth = truth_of(
            cells, "correct it, mark it as missing (--missing), or leave the column out (--ignore)"
        )[rows]
        false, true = (_as_written(cells, word) for word in pair_of(cells) or PAIRS[0])
        n_missing = int(np.isnan(truth).sum())
        return cls(cells.name, false, true, len(truth), int((truth == 1.0).sum()), n_missing, note)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs: the truth, and whether it is missing."""
        if self.n_missing:
            return (f"{self.name} = {self.true}", f"{self.name} is missing")
        return (f"{self.name} = {self.true}",) if 0 < self.n_true < self.n_rows else ()

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """(n, len(inputs)); raises TableError for a cell that is neither true nor false."""
        truth = truth_of(cells, "correct the cell, or leave it empty if the value is unknown")
        missing = np.isnan(truth)
        X = np.empty((len(cells), len(self.inputs)), dtype=np.float32)
        X[:, 0] = np.where(missing, 0.0, 2.0 * truth - 1.0)
        if self.n_missing:
            X[:, 1] = missing
        return X

    def describe(self) -> str:
        """One line for the screen."""
        present = self.n_rows - self.n_missing
        text = f"{self.true} in {self.n_true:,} of {present:,} rows, else {self.false}"
        return text + (f"; {self.n_missing:,} missing and flagged" if self.n_missing else "")


def _as_written(cells: Cells, word: str) -> str:
    """The word in the case that the column has it in; the first of several in the alphabet."""
    written = cells.distinct.filter(cells.distinct.str.to_lowercase() == word)
    return min(written, default=word)


def pair_of(cells: Cells) -> tuple[str, str] | None:
    """The pair of words that all the values of the column belong to, or None."""
    if cells.form == "boolean":
        return PAIRS[0]
    if cells.form != "text":
        return None
    words = set(cells.distinct.str.to_lowercase().unique())
    return next((pair for pair in PAIRS if words and words <= set(pair)), None)


def truth_of(cells: Cells, advice: str) -> NDArray[np.float64]:
    """1 for true, 0 for false, NaN for missing (n,); words of any pair, 0 and 1 and booleans are
    understood.
    """
    words = cells.texts.str.to_lowercase()
    true = words.is_in(sorted(_TRUE)).fill_null(False).to_numpy()
    false = words.is_in(sorted(_FALSE)).fill_null(False).to_numpy()
    strange = ~(true | false | cells.is_missing)
    if strange.any():
        expected = "is neither true nor false (yes or no, t or f, y or n, 1 or 0)"
        raise cells.refuse(int(np.argmax(strange)), expected, advice)
    truth: NDArray[np.float64] = np.where(cells.is_missing, np.nan, true.astype(np.float64))
    return truth
