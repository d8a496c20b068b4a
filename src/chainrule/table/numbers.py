"""A column of numbers: robust scale and smooth clip, an indicator of missing values, and optional
piecewise-linear bins.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import TableError
from chainrule.table.cells import EVERY_ROW, LARGEST, Cells, RowSelection
from chainrule.table.scaling import LIMIT, RobustScaling, Vector, number_text
from chainrule.table.target_edges import BinGuide, target_edges


@dataclass(frozen=True)
class NumberColumn:
    """How a column of numbers became inputs.

    `scaling` is None where the column has one value beside missing ones; `fill` (the median) stands
    for a missing value; `edges` are the borders of the bins; `n_missing` of `n_rows` training rows
    were missing, some of them written as `tokens`.
    """

    kind: ClassVar[str] = "number"

    name: str
    scaling: RobustScaling | None
    fill: float
    edges: tuple[float, ...]
    n_rows: int
    n_missing: int
    tokens: tuple[str, ...]
    note: str

    def __post_init__(self) -> None:
        if any(b <= a for a, b in pairwise(self.edges)):
            raise ValueError("the edges of the bins must increase")

    @classmethod
    def fit(
        cls,
        cells: Cells,
        bins: int = 0,
        note: str = "",
        rows: RowSelection = EVERY_ROW,
        guide: BinGuide | None = None,
    ) -> "NumberColumn":
        """Learn the scaling from these rows of the column, and at most `bins` bins (0: none).

        Their borders are quantiles, or where the target of the `guide` changes.

        Raises TableError for a cell that is not a number, an infinity, or a magnitude beyond 1e38.
        """
        whole = numbers_of(
            cells,
            "correct it, mark it as missing (--missing), or leave the column out (--ignore)",
        )
        values = whole[rows]
        missing = np.isnan(values)
        present = values[~missing]
        if present.size == 0:
            raise TableError(f"column {cells.name!r} has no number in it; leave it out (--ignore)")
        return cls(
            name=cells.name,
            scaling=RobustScaling.fit(present),
            fill=float(np.median(present)),
            edges=_edges(whole, present, bins, guide),
            n_rows=len(values),
            n_missing=int(missing.sum()),
            tokens=cells.numbers.tokens,
            note=note,
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs: the scaled number, its bins, whether it is missing."""
        value = (self.name,) if self.scaling else ()
        indicator = (f"{self.name} is missing",) if self.n_missing else ()
        return value + self._bin_names() + indicator

    @property
    def bins(self) -> slice:
        """Where the bins stand among the inputs, if there are edges."""
        return slice(1, len(self.edges))

    def with_limit(self, limit: float) -> "NumberColumn":
        """The same, clipped at another limit."""
        assert self.scaling is not None
        return replace(self, scaling=replace(self.scaling, limit=limit))

    def encode(self, cells: Cells) -> NDArray[np.float32]:
        """(n, len(inputs)); raises TableError for text, an infinity, or a magnitude beyond 1e38."""
        values = numbers_of(cells, "correct the cell, or leave it empty if the value is unknown")
        missing = np.isnan(values)
        values = np.where(missing, self.fill, values)
        X = np.empty((len(cells), len(self.inputs)), dtype=np.float32)
        if self.scaling:
            X[:, 0] = self.scaling.apply(values)
        if self.edges:
            X[:, self.bins] = piecewise_linear(values, self.edges)
        if self.n_missing:
            X[:, -1] = missing
        return X

    def describe(self) -> str:
        """One line for the screen."""
        if self.scaling is None:
            parts = [f"{number_text(self.fill)} wherever it is not missing"]
        else:
            median, spread = number_text(self.scaling.median), number_text(self.scaling.spread)
            parts = [f"median {median}, scaled by {spread}"]
            if self.scaling.limit > LIMIT:
                parts.append("a long tail, not clipped")
        if self.edges:
            parts.append(f"{len(self.edges) - 1} bins")
        if self.n_missing:
            words = f" (written as {', '.join(self.tokens)})" if self.tokens else ""
            fill = f", filled with {number_text(self.fill)}" if self.scaling else ""
            parts.append(f"{self.n_missing:,} missing{words}{fill} and flagged")
        return "; ".join(parts)

    def _bin_names(self) -> tuple[str, ...]:
        digits = 6
        while len(set(texts := [f"{edge:.{digits}g}" for edge in self.edges])) < len(texts):
            digits += 1  # 17 digits tell any two floats apart
        return tuple(f"{self.name} in [{a}, {b})" for a, b in pairwise(texts))


def numbers_of(cells: Cells, advice: str) -> Vector:
    """The column as float64 (n,), NaN where missing; raises TableError for what is no number or too
    large for one.
    """
    numbers = cells.numbers
    if numbers.words.any():
        row = int(np.argmax(numbers.words))
        raise cells.refuse(row, "is not a number, which was expected", advice)
    too_large = np.abs(numbers.values) > LARGEST
    if too_large.any():
        row = int(np.argmax(too_large))
        what = "is infinite" if np.isinf(numbers.values[row]) else "is larger than 1e38"
        raise cells.refuse(row, f"{what}, and numbers up to 1e38 were expected", advice)
    return numbers.values


def _edges(whole: Vector, present: Vector, bins: int, guide: BinGuide | None) -> tuple[float, ...]:
    """Borders of the bins of a column."""
    if guide is None:
        return quantile_edges(present, bins) if bins else ()
    values = whole[guide.rows]
    known = ~np.isnan(values)
    found = target_edges(values[known], guide.y[known], bins)
    # the ends are those of all rows; fewer than two bins would repeat the scaled number
    inner = [edge for edge in found[1:-1] if present.min() < edge < present.max()]
    return (float(present.min()), *inner, float(present.max())) if inner else ()


def quantile_edges(values: Vector, bins: int) -> tuple[float, ...]:
    """Borders of at most `bins` bins: the quantiles of the distinct values, each a value that
    occurs.

    Fewer than two bins would repeat the scaled number itself, so that two or fewer distinct values
    give none.
    """
    distinct = np.unique(values)
    if len(distinct) < 3 or bins < 2:
        return ()
    at = np.linspace(0, len(distinct) - 1, min(bins, len(distinct) - 1) + 1).round().astype(int)
    return tuple(float(edge) for edge in distinct[at])


def piecewise_linear(values: Vector, edges: tuple[float, ...]) -> Vector:
    """Piecewise-linear encoding (arXiv 2203.05556, equation 1), held within [0, 1].

        e_t = clip((x - b_{t-1}) / (b_t - b_{t-1}), 0, 1)      for the bins [b_{t-1}, b_t), t = 1 ..
        T

    values (n,), edges (T+1,) increasing -> (n, T). The paper lets the first and last bin run on
    beyond the edges; here a value outside the training range is carried by the smoothly clipped
    number beside the bins.
    """
    low = np.asarray(edges[:-1])
    width = np.diff(np.asarray(edges))
    with np.errstate(over="ignore"):
        encoded: Vector = np.clip((values[:, None] - low) / width, 0.0, 1.0)
    return encoded
