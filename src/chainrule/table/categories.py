"""A column of categories: one input per frequent level, and places for the rare and the missing."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.table.cells import EVERY_ROW, Cells, RowSelection, canonical_numbers

#: Levels that get an input of their own, at most; those that get one have ten rows each in a large
#: table (`fewest_rows`). With 4,000 levels that count, of 20,000 rows, 1,000 inputs in place of 100
#: lowered the error by a tenth, and the training took no longer.
MAX_LEVELS = 1_000

#: Places up to this many have inputs of 0 and 1; those of more are lower, see `height`.
MOST_FULL_PLACES = 10


@dataclass(frozen=True)
class CategoryColumn:
    """How a column of categories became inputs.

    `levels` have a place of their own, the most frequent first; `has_rare` says that rarer levels
    of the training table share one more place, `n_missing` whether missing values have one. Two
    places become one input of -1 and +1, others one input each, 0 or `height`. A level never seen
    goes to the rare place; without one, its inputs are all 0, halfway between the two places where
    there are two. So does a missing value where none was seen. `by_value`: the levels are numbers,
    so 7.0 is "7".
    """

    kind: ClassVar[str] = "category"

    name: str
    levels: tuple[str, ...]
    has_rare: bool
    by_value: bool
    n_rows: int
    n_levels: int
    min_rows: int
    n_missing: int
    note: str

    def __post_init__(self) -> None:
        if len(set(self.levels)) < len(self.levels):
            raise ValueError("a level is named twice")

    @classmethod
    def fit(
        cls,
        cells: Cells,
        max_levels: int = MAX_LEVELS,
        note: str = "",
        rows: RowSelection = EVERY_ROW,
    ) -> "CategoryColumn":
        """Count the levels in these rows, keep the `max_levels` most frequent of those that are not
        rare.
        """
        numbers = cells.numbers
        by_value = numbers.complete and not numbers.tokens and not numbers.padded
        texts = _texts(cells, by_value)[rows]
        counts = texts.drop_nulls().value_counts(name="count")
        counts.columns = ["level", "count"]
        counts = counts.sort(["count", "level"], descending=[True, False])
        min_rows = fewest_rows(len(texts))
        kept = counts.filter(pl.col("count") >= min_rows).head(max_levels)
        return cls(
            name=cells.name,
            levels=tuple(kept["level"]),
            has_rare=len(kept) < len(counts),
            by_value=by_value,
            n_rows=len(texts),
            n_levels=len(counts),
            min_rows=min_rows,
            n_missing=int(cells.is_missing[rows].sum()),
            note=note,
        )

    @property
    def places(self) -> tuple[str, ...]:
        """What a row can be: the levels, (rare), (missing)."""
        rare = ("(rare)",) if self.has_rare else ()
        return self.levels + rare + (("(missing)",) if self.n_missing else ())

    @property
    def height(self) -> float:
        """What the input of a row's own place is: 1, or with more than ten places 1 / sqrt(places).

        Each of many places is learnt from few rows, and with lower inputs the weights behind them
        move the answer less. On churn (51 states, which tell nothing) the error fell by a tenth.
        """
        return 1.0 if len(self.places) <= MOST_FULL_PLACES else 1 / math.sqrt(len(self.places))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs; with two places only the second, less frequent one is named; one
        place tells nothing.
        """
        names = tuple(f"{self.name} = {place}" for place in self.places)
        return names if len(names) > 2 else names[1:]

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """(n, len(inputs)); never raises: what was not seen in training has its place."""
        n_places = len(self.places)
        unseen = len(self.levels) if self.has_rare else n_places
        missing = n_places - 1 if self.n_missing else unseen
        texts = _texts(cells, self.by_value)
        if self.levels:
            places = texts.replace_strict(
                pl.Series(self.levels, dtype=pl.String),
                pl.Series(range(len(self.levels)), dtype=pl.Int32),
                default=unseen,
                return_dtype=pl.Int32,
            ).to_numpy()
        else:
            places = np.full(len(cells), unseen, dtype=np.int32)
        code = self._code()
        encoded: NDArray[np.float32] = code[np.where(cells.is_missing, missing, places)]
        return encoded

    def describe(self) -> str:
        """One line for the screen."""
        n_kept, n_rare = len(self.levels), self.n_levels - len(self.levels)
        parts = [f"{self.n_levels:,} level{'s' if self.n_levels != 1 else ''}"]
        if self.has_rare and n_kept:
            parts = [f"{parts[0]}: the {n_kept:,} most frequent kept, {n_rare:,} rare grouped"]
        elif self.has_rare:
            parts = [f"{parts[0]}: all rare, grouped"]
        if self.n_missing:
            parts.append(f"{self.n_missing:,} missing, with a place of their own")
        return "; ".join(parts)

    def _code(self) -> NDArray[np.float32]:
        """(places + 1, inputs): the inputs of each place, and last those of a level that has no
        place.
        """
        n_places = len(self.places)
        if n_places == 2:
            return np.array([[-1], [1], [0]], dtype=np.float32)
        return np.eye(n_places + 1, len(self.inputs), dtype=np.float32) * np.float32(self.height)


def fewest_rows(n_rows: int) -> int:
    """Rows that a level needs for a place of its own: one in 500, but between 2 and 10.

    A level seen once has weights that fit that one row, and an unseen level is best treated as the
    rare ones were; from about ten rows on, a level's own mean says more (its error falls with
    1/sqrt(rows)) than that of the group of rare ones.
    """
    return min(10, max(2, n_rows // 500))


def _texts(cells: Cells, by_value: bool) -> pl.Series:
    return canonical_numbers(cells.texts) if by_value else cells.texts
