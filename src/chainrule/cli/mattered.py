"""What mattered for one row: its attributions, added up by column."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.attribution import Attribution, attribute, typical_inputs
from chainrule.trace.layout import inset, paragraph
from chainrule.trace.sums import columns
from chainrule.trace.written import (
    align,
    cut,
    decimals_of,
    known_decimals,
    term_decimals,
    visible,
    written,
)

if TYPE_CHECKING:
    from chainrule.model import Model
    from chainrule.trace import Trace

MOST_COLUMNS = 12


@dataclass(frozen=True, eq=False)
class Mattered:
    """Attributions of a row by column.

    Attributes:
        what: is attributed, in words: the answer, or the score of a class.
        attribution: of the inputs.
        factor: what the attributions are multiplied by to be in the unit of `what`.
        offset: what has to be added to the scores.
        parts: (column, cell, integrated gradients, gradient times input), in that unit.
    """

    what: str
    attribution: Attribution
    factor: float
    offset: float
    parts: tuple[tuple[str, str, float, float], ...]

    @property
    def own(self) -> float:
        """The value for the row."""
        return self.offset + self.factor * self.attribution.score

    @property
    def baseline(self) -> float:
        """The value for the baseline."""
        return self.offset + self.factor * self.attribution.baseline_score

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "of": self.what,
            "value": self.own,
            "baseline": self.baseline,
            "residual": self.factor * self.attribution.residual,
            "columns": [
                {
                    "column": column,
                    "cell": cell,
                    "integrated_gradients": integrated,
                    "gradient_times_input": slope,
                }
                for column, cell, integrated, slope in self.parts
            ],
        }

    def lines(self) -> list[str]:
        """A table for the page, and the proof that it is complete."""
        parts = sorted(self.parts, key=lambda part: -abs(part[2]))
        shown, rest = parts[:MOST_COLUMNS], parts[MOST_COLUMNS:]
        together = sum(part[2] for part in rest)
        terms = np.array([self.baseline, *(part[2] for part in shown), *[together] * bool(rest)])
        decimals = known_decimals(float(terms.sum()), self.own, decimals_of(self.own))
        needed = term_decimals(terms, self.own, decimals)
        integrated = align([written(v, needed) for v in terms])
        of_slopes = decimals_of(*(part[3] for part in parts))
        slopes = align([written(part[3], of_slopes) for part in shown])
        rows = [["", "cell", "integrated gradients", "gradient x input"]]
        rows.append(["a typical row", "", integrated[0], ""])
        for place, (column, cell, *_) in enumerate(shown):
            name, value = cut(visible(column), 22), cut(visible(cell), 14)
            rows.append([name, value, integrated[place + 1], slopes[place]])
        if rest:
            rows.append([f"and {len(rest):,} more, together", "", integrated[-1], ""])
        rows.append(["this row, their sum", "", written(self.own, decimals), ""])
        held = "they add up" if self.attribution.is_complete else "THEY DO NOT ADD UP"
        residual = abs(self.factor * self.attribution.residual)
        held += f", but for {residual:.0e}" if residual else " exactly"
        return [
            f"What mattered: columns, by their part in {visible(self.what)}",
            *inset(columns(rows, (False, False, True, True))),
            *paragraph(
                "The typical row, where this begins, has the median of each number, the most "
                "frequent category, and the middle of each date. Integrated gradients: the slopes "
                "on the straight way from there to this row, added up. Gradient x input: the slope "
                "at this row alone, times the inputs; it need not add up to anything."
            ),
            *paragraph(f"Checked: {held}."),
        ]


def mattered(model: "Model", trace: "Trace") -> Mattered:
    """Attribute the answer for the traced row, or the score of its class, to the columns."""
    network, target = trace.network, trace.target
    factor, offset = 1.0, 0.0
    if target.task == "regression":
        what = f"the score of {target.name}"
        if network.loss.link(trace.scores[None])[0].tolist() == sorted(trace.scores.tolist()):
            what, factor, offset = f"the answer, {target.name}", target.scale, target.center
    else:
        what = f"the score of {trace.answer}"
        if len(trace.scores) == 1 and trace.answer == target.classes[0]:
            factor = -1.0  # the one score speaks for the second class
    found = attribute(
        network, trace.parameters, trace.layers[0].x, typical_inputs(model.encoder), trace.output
    )
    by_column: dict[str, tuple[str, float, float]] = {}
    for one, integrated, slope in zip(
        trace.inputs, found.integrated, found.gradient_times_input, strict=True
    ):
        _, before, slope_before = by_column.get(one.column, ("", 0.0, 0.0))
        by_column[one.column] = (
            "missing" if one.cell is None else one.cell,
            before + factor * float(integrated),
            slope_before + factor * float(slope),
        )
    parts = tuple((column, *part) for column, part in by_column.items())
    return Mattered(what, found, factor, offset, parts)
