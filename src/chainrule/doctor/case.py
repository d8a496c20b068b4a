"""A case: the model, rows that it has learnt from, rows that it has not, and how it was trained.

Of an ensemble the first member is examined, on its own part of the rows: members differ in their
seeds only, and what is wrong with one is wrong with all.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import Floats, Integers, Targets
from chainrule.doctor.retraining import options_of
from chainrule.engines import Rows, reference
from chainrule.experiment import Experiment, typical_answer
from chainrule.folds import folds_of, member_seeds
from chainrule.model import Model, class_probabilities
from chainrule.network import Network
from chainrule.options import Options
from chainrule.table import column_of, copies_in, frame_of, row_weights, rows_with_target
from chainrule.table.encoder import Column
from chainrule.table.numbers import NumberColumn
from chainrule.training import START

MOST_ROWS = 5_000
"""Of each part; of a longer one so many are drawn at random, always the same."""

SAME_LOSS = 1e-3
"""A table is the one trained on if its validation loss is the recorded one, but for this part."""


@dataclass(frozen=True)
class Part:
    """Rows of one kind.

    Attributes:
        rows: encoded; at most 5,000.
        n: how many there are in all.
        at: their numbers in the table, from 0; None where they are not known.
        model: what their scores are computed with.
    """

    rows: Rows
    n: int
    at: NDArray[np.int64] | None
    model: Model

    @cached_property
    def scores(self) -> Floats:
        """Scores of the model, shape (rows, k), float64."""
        found = reference.scores(self.model.network, self.model.parameters, self.rows.X)
        return found.astype(np.float64)

    @cached_property
    def losses(self) -> Floats:
        """The loss of each row."""
        return self.model.network.loss.value(self.rows.y, self.scores)

    @cached_property
    def probabilities(self) -> Floats:
        """Of each class, shape (rows, k); of a classification."""
        return class_probabilities(self.model.network.loss.link(self.scores))

    @cached_property
    def classes(self) -> Integers:
        """The true class of each row; of a classification."""
        return np.asarray(self.rows.y).reshape(-1).astype(np.int64)

    @cached_property
    def constant(self) -> Floats:
        """The scores (k,) that are best if they are the same for every row."""
        from scipy.optimize import minimize  # here: it takes long to import

        loss, k, n = self.model.network.loss, self.model.network.n_outputs, len(self.rows)

        def objective(scores: Floats) -> tuple[float, Floats]:
            tiled = np.tile(scores, (n, 1))
            gradient = loss.gradient(self.rows.y, tiled).mean(axis=0)
            return float(loss.value(self.rows.y, tiled).mean()), gradient

        found: Floats = minimize(objective, np.zeros(k), jac=True, method="L-BFGS-B").x
        return found

    def loss_of_constant(self, scores: Floats) -> float:
        """The mean loss of these rows with the same scores (k,) for every row."""
        tiled = np.tile(scores, (len(self.rows), 1))
        return float(self.model.network.loss.value(self.rows.y, tiled).mean())


@dataclass(frozen=True)
class Case:
    """What the doctor looks at.

    Attributes:
        model: with its history and the options that it was trained with.
        learnt: rows of the training; None if the table is not the one trained on.
        unseen: rows that were not learnt from; None if there are none.
    """

    model: Model
    learnt: Part | None
    unseen: Part | None

    @property
    def network(self) -> Network:
        """The model's network."""
        return self.model.network

    @cached_property
    def options(self) -> Options:
        """What the model was trained with."""
        return options_of(self.model)

    @property
    def any(self) -> Part:
        """The training rows where they are known, else the others."""
        part = self.learnt or self.unseen
        assert part is not None
        return part

    def figures(self, name: str) -> list[float]:
        """A figure of every epoch that has it, from the history."""
        values = (figures.get(name) for figures in self.model.history)
        return [value for value in values if value is not None]

    @cached_property
    def columns(self) -> tuple[tuple[Column, slice], ...]:
        """The columns that became inputs, each with its place among them."""
        found, start = [], 0
        for column in self.model.encoder.columns:
            if column.inputs:
                found.append((column, slice(start, start + len(column.inputs))))
                start += len(column.inputs)
        return tuple(found)

    @cached_property
    def plain_inputs(self) -> NDArray[np.int64]:
        """The inputs that are not bins: these only repeat the number beside them."""
        kept: list[int] = []
        for column, place in self.columns:
            own = list(range(place.start, place.stop))
            if isinstance(column, NumberColumn) and column.edges:
                first = 1 if column.scaling else 0
                del own[first : first + len(column.edges) - 1]
            kept += own
        return np.array(kept, dtype=np.int64)


def case_after_training(experiment: Experiment, model: Model, member: int = 0) -> Case:
    """The case of a model that was just trained, on the rows of its experiment.

    `member` is the number that the model's first member has in the experiment.
    """
    model, judging = model.member(0), experiment.judging(member)
    learnt = experiment.table.take(experiment.folds[member].learnt)
    return Case(
        model,
        _part(model, learnt, None),
        None if judging is None else _part(model, judging, None),
    )


def case_of_table(model: Model, table: Any, validation: Any = None) -> Case:
    """The case of a model and a table with its target.

    If the table is the one that the model was trained on, the split of that training is found
    again; if not, all of its rows are unseen. `validation` is another table, of unseen rows.

    Raises:
        TableError: a table that does not fit the model.
    """
    model = model.member(0)
    rows, at = _encoded(model, table)
    split = _split(model, rows, frame_of(table), at)
    if split is None and validation is None:
        return Case(model, None, _part(model, rows, at))
    learnt, held_out = split if split is not None else (np.arange(len(rows)), at[:0])
    unseen = _part(model, rows.take(held_out), at[held_out]) if len(held_out) else None
    if validation is not None:
        unseen = _part(model, *_encoded(model, validation))
        unseen = replace(unseen, at=None)  # numbers are of the first table
    return Case(model, _part(model, rows.take(learnt), at[learnt]), unseen)


def _encoded(model: Model, table: Any) -> tuple[Rows, NDArray[np.int64]]:
    """The rows whose target is known, and their numbers."""
    frame, name = frame_of(table), model.target.name
    target = column_of(frame, name, "target")
    known = rows_with_target(frame, name, model.target.missing)
    y = model.network.loss.as_targets(model.target.encode(target, known))
    column = options_of(model).weight
    weight = row_weights(frame, column, known) if column in frame.columns else None
    at = np.arange(len(frame)) if known is None else known
    return Rows(model.encoder.encode(frame, known), y, weight), at


def _split(
    model: Model, rows: Rows, frame: nw.DataFrame[Any], at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The rows learnt from and those held out, if these are the rows of the model's training."""
    counts = [model.training.get(f"{part}_rows") for part in ("training", "validation")]
    everything = np.arange(len(rows))
    if counts[0] == len(rows):
        learnt, held_out = everything, everything[:0]
    else:
        y: Targets = np.asarray(rows.y)
        if model.task == "classification":
            y = y.reshape(-1).astype(np.int64)
        options = options_of(model)
        seeds = member_seeds(options.seed, options.members or 1)
        inputs = {c.name: frame[c.name] for c in model.encoder.columns if c.inputs}
        copies = copies_in(inputs, at, y)
        (first, *_), _ = folds_of(y, options.valid_fraction or 0.0, seeds, copies)
        learnt, held_out = first.learnt, first.held_out
        if counts != [len(learnt), len(held_out)]:
            return None
    if not _is_known(model, rows.take(learnt), rows.take(held_out)):
        return None
    return learnt, held_out


def _is_known(model: Model, learnt: Rows, held_out: Rows) -> bool:
    """Whether the rows have what the training recorded of them: the loss of those held out, or,
    where there were none, the mean or the shares of the target.
    """
    recorded = [
        figures.get(name) for figures in model.history for name in ("validation loss", START)
    ]
    losses = [loss for loss in recorded if loss is not None]
    if not len(held_out) or not losses:
        found = typical_answer(model.target, learnt)
        return len(found) == len(model.typical) and np.allclose(found, model.typical)
    # a temperature came after the training: without it, the scores are as they were recorded
    temperature = float(model.training.get("temperature", 1.0))
    scores = temperature * reference.scores(model.network, model.parameters, held_out.X)
    of_rows = model.network.loss.value(held_out.y, scores).astype(np.float64)
    loss = float(np.average(of_rows, weights=held_out.weight))
    return any(abs(loss - known) <= SAME_LOSS * abs(known) + 1e-9 for known in losses)


def _part(model: Model, rows: Rows, at: NDArray[np.int64] | None) -> Part:
    n = len(rows)
    if n > MOST_ROWS:
        drawn = np.sort(np.random.default_rng(0).choice(n, MOST_ROWS, replace=False))
        rows, at = rows.take(drawn), None if at is None else at[drawn]
    return Part(rows, n, at, model)
