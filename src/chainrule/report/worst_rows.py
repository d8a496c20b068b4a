"""The worst rows: where the model is most wrong, and what its answers rested on there."""

import contextlib
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.attribution import attribute, typical_inputs
from chainrule.losses import central_output
from chainrule.model import Model
from chainrule.report.judged_rows import JudgedRows, central, losses_of_rows
from chainrule.report.numerals import numeral
from chainrule.table.cells import read_cells
from chainrule.table.encoder import Column
from chainrule.table.numbers import NumberColumn

MOST_ROWS = 6
MOST_COLUMNS = 6


@dataclass(frozen=True)
class Part:
    """A column's part in the answer for a row: integrated gradients, added up over its inputs."""

    column: str
    cell: str
    value: float


@dataclass(frozen=True)
class WorstRow:
    """A row that the model is wrong about.

    Attributes:
        number: of the row in the table, from 1.
        truth, answer: what is right, and what the model says.
        loss: -ln of the true class's probability, or the distance.
        probability: of the answer and of the truth, for classes.
        what: that the parts add up to, in words.
        typical, own: the value for a typical row and for this one; the parts lead from one to the
            other.
        parts: the largest ones.
        rest: the sum of the others.
        n_rest: how many they are.
    """

    number: int
    truth: object
    answer: object
    loss: float
    probability: tuple[float, float] | None
    what: str
    typical: float
    own: float
    parts: tuple[Part, ...]
    rest: float
    n_rest: int


def worst_rows(model: Model, judged: JudgedRows, most: int = MOST_ROWS) -> tuple[WorstRow, ...]:
    """The rows with the largest losses, the worst first; rows without weight are none."""
    losses = np.where(judged.weight > 0, losses_of_rows(model, judged), -np.inf)
    places = np.argsort(-losses, kind="stable")[: min(most, np.count_nonzero(judged.weight))]
    cells = {
        column.name: read_cells(judged.frame[column.name], column.name, model.encoder.missing)
        .texts[judged.rows[places]]
        .to_list()
        for column in model.encoder.columns
        if column.inputs
    }
    baseline = typical_inputs(model.encoder)
    return tuple(
        _explained(
            model,
            judged,
            place,
            float(losses[place]),
            baseline,
            {name: column[order] for name, column in cells.items()},
        )
        for order, place in enumerate(places.tolist())
    )


def _explained(
    model: Model,
    judged: JudgedRows,
    place: int,
    loss: float,
    baseline: Floats,
    cells: dict[str, str | None],
) -> WorstRow:
    truth, output, factor, offset = judged.truth[place], 0, 1.0, 0.0
    probability: tuple[float, float] | None = None
    answer: object
    if judged.is_classification:
        p = judged.predictions[place]
        chosen = int(p.argmax())
        truth, answer = model.target.classes[int(truth)], model.target.classes[chosen]
        probability = float(p[chosen]), float(p[int(judged.truth[place])])
        what = f"the score of {answer}"
        output = chosen if model.network.n_outputs > 1 else 0
        factor = -1.0 if model.network.n_outputs == 1 and chosen == 0 else 1.0
    else:
        truth, answer = float(truth), float(central(model, judged)[place])
        output = central_output(model.network.loss)
        what = f"the score of {model.target.name}"
        if model.network.loss.name != "poisson":
            what = f"the answer, {model.target.name}"
            factor, offset = model.target.scale, model.target.center
    found = [
        attribute(model.network, one.parameters, judged.X[place], baseline, output)
        for one in model.members
    ]
    integrated = np.mean([one.integrated for one in found], axis=0)
    parts, start = [], 0
    for column in model.encoder.columns:
        if column.inputs:
            end = start + len(column.inputs)
            value = factor * float(integrated[start:end].sum())
            parts.append(Part(column.name, _cell(column, cells[column.name]), value))
            start = end
    parts.sort(key=lambda part: -abs(part.value))
    rest = parts[MOST_COLUMNS:]
    return WorstRow(
        number=int(judged.rows[place]) + 1,
        truth=truth,
        answer=answer,
        loss=loss,
        probability=probability,
        what=what,
        typical=offset + factor * float(np.mean([one.baseline_score for one in found])),
        own=offset + factor * float(np.mean([one.score for one in found])),
        parts=tuple(parts[:MOST_COLUMNS]),
        rest=sum(part.value for part in rest),
        n_rest=len(rest),
    )


def _cell(column: Column, text: str | None) -> str:
    """A cell as it is shown: a number with the digits that count."""
    if text is None:
        return "missing"
    if isinstance(column, NumberColumn) and len(text) > 8:
        with contextlib.suppress(ValueError):  # a word that stands for a missing number
            return numeral(float(text), 5)
    return text
