"""The course of a training: all that a call of `fit` has decided before the first epoch."""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from scipy.sparse import issparse

from chainrule.engines import Engine, Rows
from chainrule.estimators.engine_choice import engine_for
from chainrule.estimators.mlp_settings import batch_rows, schedule_of, settings_of
from chainrule.estimators.mlp_start import orders
from chainrule.estimators.plateau import Progress
from chainrule.network import Network
from chainrule.training import Checkpoint, Epoch, Metric, TrainingSettings, train

NEGATIVE_SCORE = "negative score"
"""The metric that early stopping watches: the score, turned so that smaller is better."""

LARGEST_COPY = 128 * 2**20
"""Bytes that a dense copy of a sparse table may take."""

DENSITY = 0.25
"""Share of numbers that are not 0, from which on products with the copy are faster; one-hot tables
have about 0.1."""


@dataclass(frozen=True)
class Past:
    """What earlier calls of `fit` and `partial_fit` left for this one.

    Attributes:
        checkpoint: where they ended, or where this one starts if it is the first.
        rows_seen: rows that they learnt from, each counted once in every epoch.
        progress: how far they came.
        rate: the learning rate to go on with.
    """

    checkpoint: Checkpoint
    rows_seen: int
    progress: Progress
    rate: float


@dataclass(frozen=True)
class Course:
    """A training before its first epoch.

    Attributes:
        network: what is trained.
        rows: what it learns from.
        validation: what it is judged on, if anything.
        settings: how it is trained.
        dtype: of the table, and so of the coefficients that are kept.
        past: what it goes on from.
        random: where the orders of its rows come from.
        engine: what computes.
        monitor: what validation rows decide by when to stop and which epoch is kept: "score" or
            "loss"; None if they do not decide.
    """

    network: Network
    rows: Rows
    validation: Rows | None
    settings: TrainingSettings
    dtype: np.dtype[Any]
    past: Past
    random: RandomState
    engine: Engine
    monitor: str | None

    def epochs(self, score: Metric) -> Iterator[Epoch]:
        """The epochs; `score` judges predictions for the validation rows.

        Validation rows that decide nothing are kept from `train`, which would heed them.
        """

        def negative_score(*judged: Any) -> float:
            return -score(*judged)

        watches_score = self.monitor == "score"
        return train(
            self.network,
            self.rows,
            self.settings,
            validation=self.validation if self.monitor else None,
            metrics={NEGATIVE_SCORE: negative_score} if self.monitor else None,
            monitor=NEGATIVE_SCORE if watches_score else None,
            resume=self.past.checkpoint,
            orders=orders(len(self.rows), self.random) if self.settings.shuffle else None,
            engine=self.engine,
        )

    def validation_loss(self, epoch: Epoch) -> float:
        """The loss of the validation rows after that epoch; NaN where there are none."""
        if epoch.validation_loss is not None:
            return epoch.validation_loss
        if self.validation is None:
            return math.nan
        return self.engine.mean_loss(self.network, epoch.parameters, self.validation)

    def monitored(self, epoch: Epoch) -> float:
        """What decides whether that epoch was an improvement; the smaller, the better."""
        if self.monitor == "score":
            return epoch.metrics[NEGATIVE_SCORE]
        return epoch.loss if epoch.validation_loss is None else epoch.validation_loss


def course_of(
    parameters: Mapping[str, Any],
    network: Network,
    rows: Rows,
    validation: Rows | None,
    past: Past,
    random: RandomState,
    *,
    seed: int,
    one_epoch: bool,
) -> Course:
    """The course that an estimator's parameters set for these rows.

    Args:
        parameters: the parameters of the estimator.
        network: what is trained.
        rows: what to learn from.
        validation: what to judge on.
        past: what earlier calls left.
        random: where the orders of the rows come from.
        seed: of everything else that is random.
        one_epoch: whether this is a `partial_fit`.
    """
    n, lbfgs = len(rows), parameters["solver"] == "lbfgs"
    wanted = parameters["batch_size"]
    if not lbfgs and not isinstance(wanted, str) and wanted > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped "
            f"to {n} rows.",
            stacklevel=5,
        )
    # SciPy's line search compares losses that differ in their last digits
    table_dtype = rows.X.dtype
    dtype = np.dtype(np.float64) if lbfgs else table_dtype
    rows = _as_type(network, rows, dtype)
    validation = None if validation is None else _as_type(network, validation, dtype)
    if parameters["engine"] != "reference" and _is_better_dense(rows, validation):
        rows = _dense(rows)
        validation = None if validation is None else _dense(validation)
    epochs = int(parameters["max_iter"])
    settings = settings_of(
        parameters,
        batch_size=batch_rows(parameters, n),
        schedule=schedule_of(parameters, n, past.rows_seen, past.progress),
        epochs=max(epochs, past.checkpoint.number + 1) if one_epoch else epochs,
        rate=past.rate,
        seed=seed,
        dtype=dtype,
    )
    decides = parameters["early_stopping"] and validation is not None and not lbfgs
    return Course(
        network=network,
        rows=rows,
        validation=validation,
        settings=settings,
        dtype=table_dtype,
        past=past,
        random=random,
        engine=engine_for(parameters["engine"], network, dtype, settings.optimizer),
        monitor=parameters["monitor"] if decides else None,
    )


def _is_better_dense(rows: Rows, validation: Rows | None) -> bool:
    """Whether these sparse tables are worth a dense copy."""
    tables: list[Any] = [rows.X] if validation is None else [rows.X, validation.X]
    if not all(issparse(X) for X in tables):
        return False
    numbers = sum(X.shape[0] * X.shape[1] for X in tables)
    size = numbers * tables[0].dtype.itemsize
    return size <= LARGEST_COPY and sum(X.nnz for X in tables) >= DENSITY * numbers


def _dense(rows: Rows) -> Rows:
    X: Any = rows.X
    return Rows(X.toarray(), rows.y, rows.weight)


def _as_type(network: Network, rows: Rows, dtype: np.dtype[Any]) -> Rows:
    """The rows in the dtype of training, their targets checked.

    Raises:
        InputError: targets that the loss does not take.
    """
    y = network.loss.checked(rows.y, network.n_outputs)
    y = y.astype(dtype, copy=False) if np.issubdtype(y.dtype, np.floating) else y
    weight = None if rows.weight is None else rows.weight.astype(dtype)
    return Rows(rows.X.astype(dtype, copy=False), y, weight)
