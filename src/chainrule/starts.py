"""The starts of an experiment: the linear model that each member begins as, and may end as.

What such a model is, and how a network begins as one, is in `linear_start.py`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from chainrule.engines import Rows, reference
from chainrule.folds import Fold, held_out_parts, strata_of
from chainrule.linear_start import LinearModel, carries_lines, linear_models
from chainrule.monitored_loss import mean_loss, monitored_loss
from chainrule.network import Network, Parameters
from chainrule.options import Options
from chainrule.randomness import Purpose, generator
from chainrule.training import Epoch


def linear_starts(
    network: Network,
    options: Options,
    table: Rows,
    judges: Rows | None,
    folds: Sequence[Fold],
    plain: NDArray[np.bool_],
) -> tuple[LinearModel, ...]:
    """The linear model of the `plain` inputs that each member begins as, if it can."""
    chosen_by_user = options.initializer is not None or options.optimizer == "lbfgs"
    if chosen_by_user or not carries_lines(network) or not plain.any():
        return ()
    splits = [(fold.learnt, fold.held_out) for fold in folds]
    if judges is None and not len(folds[0].held_out):
        quarters = held_out_parts(strata_of(table.y), 0.25, 4, options.seed)
        splits = [(np.delete(np.arange(len(table)), held_out), held_out) for held_out in quarters]
    distinct = list({learnt.tobytes(): (learnt, held_out) for learnt, held_out in splits}.values())

    def narrow(rows: Rows) -> Rows:  # before any copy of rows: bins are most of the inputs
        return Rows(rows.X[:, plain], rows.y, rows.weight)

    few = narrow(table)
    other = None if judges is None else narrow(judges)
    parts = [(few.take(learnt), other or few.take(held_out)) for learnt, held_out in distinct]
    models = linear_models(
        network.loss,
        network.n_outputs,
        parts,
        lambda *rows: monitored_loss(network.loss, *rows),
        generator(options.seed, Purpose.SPLIT, 1),
    )
    return tuple(model.widened(plain) for model, _ in zip(cycle(models), folds, strict=False))


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
