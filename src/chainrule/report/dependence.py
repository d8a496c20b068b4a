"""Partial dependence: how the answers change when one column is set to the same value in every row.

    PD(v) = mean over rows i of  answer(row i with column = v)

(Friedman 2001, section 8.2). The single rows' curves are kept beside their mean (Goldstein et al.
2015): where they are not parallel, the column's effect depends on the others. Values are cells that
occur, so that their encoding is that of the table.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from chainrule.arrays import Floats, Integers
from chainrule.losses import central_output
from chainrule.model import Model
from chainrule.report.judged_rows import JudgedRows, answers
from chainrule.table import column_of
from chainrule.table.cells import read_cells
from chainrule.table.dates import MICROSECONDS_PER_YEAR, DateColumn, instants_of
from chainrule.table.encoder import Column
from chainrule.table.numbers import NumberColumn, numbers_of

MOST_ROWS = 300
MOST_SINGLE = 30
MOST_NUMBERS = 20_000_000
"""Inputs that are made for one column: with very many inputs, rows are fewer."""

MOST_VALUES = 24
MOST_LEVELS = 8
_INNER = (0.02, 0.98)
"""The quantiles between which values are taken: beyond them the model has seen hardly a row."""


@dataclass(frozen=True, eq=False)
class Dependence:
    """How the answers depend on one column.

    Attributes:
        column: its name.
        kind: number, category, boolean or date.
        values: (v,) numbers, ascending (of a date, in years); of a category the places 0, 1, ...
        names: of the values, where they are categories.
        outputs: places of the outputs that are shown: classes, or the answer.
        means: (v, outputs).
        single: of some rows, for the first of the outputs, (v, rows).
        rug: quantiles of a number's values, where its rows lie.
        missing: the means where the column is missing, (outputs,); None if it never is.
    """

    column: str
    kind: str
    values: Floats
    names: tuple[str, ...]
    outputs: tuple[int, ...]
    means: Floats
    single: Floats
    rug: Floats
    missing: Floats | None

    @property
    def reach(self) -> float:
        """How far the mean moves, at most."""
        return float(np.ptp(self.means, axis=0).max())


def dependence(model: Model, judged: JudgedRows, name: str, most_outputs: int = 4) -> Dependence:
    """Vary one column over the values that occur, in at most 300 of the rows."""
    column = next(one for one in model.encoder.columns if one.name == name)
    start = 0
    for one in model.encoder.columns:
        if one is column:
            break
        start += len(one.inputs)
    block = slice(start, start + len(column.inputs))
    numbers, names, missing = _values(column, judged, model.encoder.missing)
    places = _levels(numbers) if names else _grid(numbers)
    cells = judged.X.shape[1] * (len(places) + 1)
    base = judged.sample(int(np.clip(MOST_NUMBERS // cells, MOST_SINGLE, MOST_ROWS)))
    wanted = [*places, missing] if missing is not None else list(places)
    inputs = np.repeat(judged.X[base][None], len(wanted), axis=0)
    inputs[:, :, block] = judged.X[wanted, block][:, None]
    found = answers(model, inputs.reshape(-1, judged.X.shape[1]))
    found = found.reshape(len(wanted), len(base), -1)
    weight = judged.weight[base]
    means = np.einsum("vrk,r->vk", found, weight) / weight.sum()
    outputs = _outputs(model, means[: len(places)], most_outputs)
    single = found[: len(places), :: -(-len(base) // MOST_SINGLE), outputs[0]]
    known = numbers[np.isfinite(numbers)]
    return Dependence(
        column=name,
        kind=column.kind,
        values=np.arange(len(places), dtype=float) if names else numbers[places],
        names=tuple(names[int(numbers[place])] for place in places) if names else (),
        outputs=outputs,
        means=means[: len(places), list(outputs)],
        single=single,
        rug=np.array([]) if names else np.quantile(known, np.linspace(0.05, 0.95, 19)),
        missing=means[-1, list(outputs)] if missing is not None else None,
    )


def _values(
    column: Column, judged: JudgedRows, missing_words: tuple[str, ...]
) -> tuple[Floats, list[str], int | None]:
    """The cells as numbers (n,), NaN where missing; the names of levels; a row where it is missing.

    Of a category the numbers are places among the names.
    """
    cells = read_cells(column_of(judged.frame, column.name, "input"), column.name, missing_words)
    cells = cells.take(judged.rows.astype(np.int64))
    names: list[str] = []
    if isinstance(column, NumberColumn):
        numbers = numbers_of(cells, "")
    elif isinstance(column, DateColumn):
        micros, gone = instants_of(cells, column.order, "")
        numbers = np.where(gone, np.nan, 1970 + micros / MICROSECONDS_PER_YEAR)
    else:
        texts = cells.texts
        counts = texts.drop_nulls().value_counts(sort=True, name="count")
        names = [str(name) for name in counts[counts.columns[0]]]
        numbers = _places(texts, names)
    missing = np.flatnonzero(np.isnan(numbers))
    return numbers, names, int(missing[0]) if len(missing) else None


def _places(texts: pl.Series, names: list[str]) -> NDArray[np.float64]:
    levels = pl.Series(names, dtype=pl.String)
    places = pl.Series(range(len(names)), dtype=pl.Float64)
    return texts.replace_strict(levels, places, default=np.nan).cast(pl.Float64).to_numpy()


def _levels(places: Floats) -> Integers:
    """A row of each of the most frequent levels."""
    known = places[np.isfinite(places)]
    n_levels = int(min(known.max(initial=-1) + 1, MOST_LEVELS))
    return np.array([np.flatnonzero(places == level)[0] for level in range(n_levels)])


def _grid(numbers: Floats) -> Integers:
    """Rows whose numbers are evenly spread over the inner range."""
    known = np.flatnonzero(np.isfinite(numbers))
    order = known[np.argsort(numbers[known], kind="stable")]
    ordered = numbers[order]
    low, high = np.quantile(ordered, _INNER)
    at = np.searchsorted(ordered, np.linspace(low, high, MOST_VALUES)).clip(max=len(order) - 1)
    _, first = np.unique(ordered[at], return_index=True)
    return order[at[first]]


def _outputs(model: Model, means: Floats, most: int) -> tuple[int, ...]:
    """The answer of a regression, the second of two classes, or those classes that move most."""
    if model.task == "regression":
        return (central_output(model.network.loss),)
    if means.shape[1] == 2:
        return (1,)
    return tuple(np.argsort(-np.ptp(means, axis=0), kind="stable")[:most].tolist())
