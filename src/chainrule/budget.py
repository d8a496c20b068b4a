"""A time budget: as many networks as fit into it, or one that is trained for less long.

The pace is measured on a few steps. Where not even one training fits, it gets fewer epochs, so that
the learning rate comes down in time; where not one epoch fits, it gets fewer rows. What was chosen
stands in the experiment's options, with which the same numbers come out again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from statistics import fmean
from time import monotonic

import numpy as np

from chainrule.engines import Engine
from chainrule.ensemble import one_blas_thread
from chainrule.experiment import Experiment
from chainrule.folds import Fold
from chainrule.training import train

MOST_MEMBERS = 32
"""Networks that a budget is spent on at most: more hardly change the mean."""

SAMPLE_STEPS = 40
"""Batches that the pace is measured on, after as many that are not timed."""

MARGIN = 0.9
"""Share of the time that trainings are planned to take: none takes just what was expected."""


def fitted_to(experiment: Experiment, engine: Engine, seconds: float, at_once: int) -> Experiment:
    """The experiment with so many epochs and rows that one round of trainings ends in time.

    Args:
        experiment: with the epochs that it would have with all the time in the world.
        engine: what will compute.
        seconds: there are left.
        at_once: networks that will be trained at the same time.
    """
    start = monotonic()
    beside = min(at_once, len(experiment.folds))
    # as slow as they will be beside one another
    with one_blas_thread(engine), ThreadPoolExecutor(beside) as pool:
        rows_a_second = fmean(pool.map(partial(_pace, experiment), [engine] * beside))
    left = MARGIN * max(seconds - (monotonic() - start), 0.0)
    n = max(len(fold.learnt) for fold in experiment.folds)
    epochs = int(rows_a_second * left / n)
    if epochs >= experiment.settings.epochs:
        return experiment
    folds = experiment.folds
    if epochs < 1:
        folds = _shortened(folds, max(experiment.settings.batch_size, int(rows_a_second * left)))
    epochs = max(epochs, 1)
    return replace(
        experiment,
        settings=replace(experiment.settings, epochs=epochs),
        options=replace(experiment.options, epochs=epochs),
        folds=folds,
    )


def _pace(experiment: Experiment, engine: Engine) -> float:
    """Rows a second that one training passes, validation included."""
    settings, fold = experiment.settings, experiment.folds[0]
    few = fold.learnt[: settings.batch_size * SAMPLE_STEPS]
    table, judging = experiment.read_by(engine, 0)
    times = [monotonic()]
    for _ in train(
        experiment.network,
        table,
        replace(settings, epochs=2, patience=None),
        learnt=few,
        engine=engine,
    ):
        times.append(monotonic())
    # a pass over rows that are not learnt from takes a third
    share = 0.0 if judging is None else len(judging) / len(fold.learnt) / 3
    return len(few) / max(times[-1] - times[-2], 1e-6) / (1 + share)


def _shortened(folds: Sequence[Fold], rows: int) -> tuple[Fold, ...]:
    """The folds with so many rows to learn from at most, drawn with each fold's seed."""

    def shortened(fold: Fold) -> Fold:
        draws = np.random.default_rng(fold.seed)
        few = min(rows, len(fold.learnt))
        return replace(fold, learnt=np.sort(draws.choice(fold.learnt, few, replace=False)))

    return tuple(map(shortened, folds))
