"""The beginning of an experiment: its rows, encoded, and the linear model that each member begins
as, and may end as.

What such a model is, and how a network begins as one, is in `linear_start.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.folds import Fold, held_out_parts, strata_of
from chainrule.linear_start import LinearModel, carries_lines, linear_models
from chainrule.long_tails import LongTails, long_tails
from chainrule.monitored_loss import mean_loss, monitored_loss
from chainrule.network import Network, Parameters
from chainrule.options import Options
from chainrule.randomness import Purpose, generator
from chainrule.table import TableEncoder
from chainrule.table.numbers import NumberColumn
from chainrule.training import Epoch


@dataclass(frozen=True)
class EncodedTable:
    """Rows of a table with what they were encoded from.

    Attributes:
        frame: the table.
        numbers: of the rows (from 0) that were encoded.
        rows: what became of them.
    """

    frame: Any
    numbers: NDArray[np.int64]
    rows: Rows


@dataclass(frozen=True)
class Beginning:
    """An experiment before its training.

    Attributes:
        encoder: with the clips that suit the linear models.
        rows, judges: encoded by it.
        starts: the linear model of each fold; () where members begin at random.
        said: sentences on what was decided.
    """

    encoder: TableEncoder
    rows: Rows
    judges: Rows | None
    starts: tuple[LinearModel, ...]
    said: tuple[str, ...]


def begin(
    network: Network,
    options: Options,
    encoder: TableEncoder,
    folds: Sequence[Fold],
    tables: Sequence[EncodedTable],
) -> Beginning:
    """Find the linear models of the inputs that are no bins, and the clips that suit them.

    Args:
        network: what will be trained.
        options: settled ones.
        encoder: as it was fitted.
        folds: one for each member.
        tables: the one that is learnt from, and perhaps one that judges all members; where a clip
            changes, these columns of their X are written anew.

    Raises:
        InputError: the weights of all rows that a member learns from, or holds out, are 0.
    """
    rows, judges = tables[0].rows, tables[1].rows if len(tables) > 1 else None
    _check_weights(options, rows, folds)
    plain = ~encoder.is_bin
    chosen_by_user = options.initializer is not None or options.optimizer == "lbfgs"
    if chosen_by_user or not carries_lines(network) or not plain.any():
        return Beginning(encoder, rows, judges, (), ())
    parts = _parts(options, rows, judges, folds, plain)
    if not parts:
        return Beginning(encoder, rows, judges, (), ())
    starts, said = _linear_models(network, options, parts), list[str]()
    tails = _long_tails(network, options, encoder, parts, starts)
    if tails is not None:
        encoder, sentence = _not_clipped(encoder, tails, tables)
        said.append(sentence)
        del parts  # before other copies of the rows
        parts = _parts(options, rows, judges, folds, plain)
        starts = _linear_models(network, options, parts)
    wide = tuple(model.widened(plain) for model, _ in zip(cycle(starts), folds, strict=False))
    return Beginning(encoder, rows, judges, wide, tuple(said))


def _check_weights(options: Options, rows: Rows, folds: Sequence[Fold]) -> None:
    """Refuse parts of which no row counts."""
    for fold in folds:
        for numbers, use in ((fold.learnt, "learns from"), (fold.held_out, "holds out")):
            if len(numbers) and not _weighs(rows, numbers):
                raise InputError(
                    f"the weight column '{options.weight}' is 0 in all {len(numbers):,} rows that "
                    f"a network {use}, so that none of them counts: leave rows of weight 0 out, "
                    "or try another seed."
                )


def _weighs(rows: Rows, numbers: NDArray[np.int64]) -> bool:
    """Whether any of the rows with these numbers counts."""
    return len(numbers) > 0 if rows.weight is None else bool(rows.weight[numbers].any())


def _parts(
    options: Options,
    table: Rows,
    judges: Rows | None,
    folds: Sequence[Fold],
    plain: NDArray[np.bool_],
) -> list[tuple[Rows, Rows]]:
    """Rows to learn from and rows that judge, of the `plain` inputs, once where folds share them.

    The folds begin again with the first part after the last one. Where nobody holds rows out,
    quarters judge, but for those of which no row counts; there may be none.
    """
    splits = [(fold.learnt, fold.held_out) for fold in folds]
    if judges is None and not len(folds[0].held_out):
        quarters = held_out_parts(strata_of(table.y), 0.25, 4, options.seed)
        splits = [(np.delete(np.arange(len(table)), held_out), held_out) for held_out in quarters]
        splits = [split for split in splits if all(_weighs(table, numbers) for numbers in split)]
    distinct = {learnt.tobytes(): (learnt, held_out) for learnt, held_out in splits}.values()

    def narrow(rows: Rows) -> Rows:  # before any copy of rows: bins are most of the inputs
        return Rows(rows.X[:, plain], rows.y, rows.weight)

    few = narrow(table)
    other = None if judges is None else narrow(judges)
    return [(few.take(learnt), other or few.take(held_out)) for learnt, held_out in distinct]


def _linear_models(
    network: Network, options: Options, parts: Sequence[tuple[Rows, Rows]]
) -> list[LinearModel]:
    """The linear model of each part."""
    return linear_models(
        network.loss,
        network.n_outputs,
        parts,
        lambda *rows: monitored_loss(network.loss, *rows),
        generator(options.seed, Purpose.SPLIT, 1),
    )


def _long_tails(
    network: Network,
    options: Options,
    encoder: TableEncoder,
    parts: Sequence[tuple[Rows, Rows]],
    starts: Sequence[LinearModel],
) -> LongTails | None:
    """The long tails of the scaled numbers, with their places among all inputs."""
    plain = np.flatnonzero(~encoder.is_bin)
    numbers = np.flatnonzero(np.isin(plain, encoder.scaled_numbers))
    draws = generator(options.seed, Purpose.SPLIT, 2)
    found = long_tails(network.loss, parts, starts, numbers, draws)
    return None if found is None else replace(found, columns=plain[found.columns])


def _not_clipped(
    encoder: TableEncoder, tails: LongTails, tables: Sequence[EncodedTable]
) -> tuple[TableEncoder, str]:
    """The encoder that leaves these tails as they are, and a sentence on them.

    The columns of X that it encodes in another way are written anew.
    """
    names = [encoder.input_names[place] for place in tails.columns]
    changed = encoder.with_limits(dict(zip(names, tails.limits.tolist(), strict=True)))
    scaled_only = tuple(
        replace(column, edges=(), n_missing=0)
        for column in changed.columns
        if isinstance(column, NumberColumn) and column.name in names
    )
    numbers = TableEncoder(scaled_only, encoder.missing)
    for table in tables:
        table.rows.X[:, tails.columns] = numbers.encode(table.frame, table.numbers)
    shown = ", ".join(f"'{name}'" for name in names[:3])
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    sentence = (
        f"not clipped, for their long tails: {shown}{more} (so the loss of linear models on "
        f"held-out rows is {tails.gain:.0%} lower)"
    )
    return changed, sentence


def or_the_start(epochs: Iterator[Epoch], start: Parameters, judging: Rows) -> Iterator[Epoch]:
    """The epochs, with the start as the best parameters for as long as none of them is better."""
    loss = start.network.loss
    scores = reference.scores(start.network, start, judging.X)
    start_loss = mean_loss(loss, judging.y, scores, judging.weight)
    monitored = monitored_loss(loss, judging.y, scores, judging.weight)
    for epoch in epochs:
        found = replace(epoch, start_loss=start_loss)
        if monitored <= epoch.best_loss:
            found = replace(found, best=start, best_number=0, best_loss=monitored)
        yield found
