"""What can be asked of a tabular estimator once it has a model.

Everything follows from `model_`: answers, the numbers inside of its members, files.
"""

import os
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from chainrule.arrays import Floats
from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.estimators.fit_callbacks import CallbackSupportMixin
from chainrule.estimators.table_input import LabelledRows, named_frame, with_table_tags
from chainrule.estimators.tabular_file import read_tabular, write_tabular
from chainrule.model import Model
from chainrule.trace import Trace


class FittedTable(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the tabular estimators: curves, derivatives, traces, files."""

    model_: Model

    @abstractmethod
    def _labelled(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> LabelledRows:
        """The rows that count, checked."""

    @abstractmethod
    def _checked_y(self, y: Any, frame: nw.DataFrame[Any]) -> NDArray[Any]:
        """The targets as an array of shape (n,), none of them missing."""

    @abstractmethod
    def _table(self, rows: LabelledRows, target: str, weight: str | None) -> nw.DataFrame[Any]:
        """The rows with their targets and weights in columns of these names."""

    # The training

    @property
    def members_(self) -> tuple[Model, ...]:
        """The members of the ensemble, each as a model of its own."""
        check_is_fitted(self)
        return tuple(self.model_.member(k) for k in range(len(self.model_.members)))

    @property
    def n_iter_(self) -> int:
        """Epochs of the first member."""
        check_is_fitted(self)
        return len(self.model_.history)

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of the first member after each epoch."""
        check_is_fitted(self)
        return curve_of(self.model_, "loss")

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The validation loss of the first member after each epoch; None without such rows."""
        check_is_fitted(self)
        return curve_of(self.model_, "validation loss") or None

    # The network

    def _asked(self, X: Any) -> tuple[Model, Floats]:
        """The model, exact enough for answers that are the same whatever rows are beside, and the
        inputs that X becomes.
        """
        check_is_fitted(self)
        return self.model_.in_float64(), self.model_.encoder.encode(
            named_frame(self, X, reset=False)
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """The names of the inputs that the columns became.

        Parameters
        ----------
        input_features : ignored
            Only for the interface.

        Returns
        -------
        ndarray of str
            In the order of the network's inputs.
        """
        check_is_fitted(self)
        return np.asarray(self.model_.encoder.input_names, dtype=object)

    def activations(self, X: Any, *, member: int = 0) -> list[Floats]:
        """What every layer of a member gives for the rows of X.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.
        member : int, default=0
            The number of the member, from 0.

        Returns
        -------
        list of ndarray
            The inputs that the columns became, named by `get_feature_names_out`; the activations of
            each hidden layer; and at last the network's predictions: probabilities, of two classes
            only that of the second, or the number on its scale in training.
        """
        model, inputs = self._asked(X)
        parameters = model.member(member).parameters
        passed = reference.forward(model.network, parameters, inputs.astype(np.float64))
        return [*passed.A[:-1], model.network.loss.link(passed.A[-1])]

    def gradients(
        self, X: Any, y: Any, sample_weight: Any = None, *, member: int = 0
    ) -> tuple[list[Floats], list[Floats]]:
        """The derivatives of J, the mean loss of the rows with the penalty, by all parameters.

        The parameters are those that answer: of the best epoch and, where the model is calibrated,
        after the division by the temperature.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.
        y : array-like of shape (n_samples,)
            The targets, as `fit` takes them.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts; multiplied with its `class_weight`, if there is one.
        member : int, default=0
            The number of the member, from 0.

        Returns
        -------
        tuple of two lists of ndarray
            dJ/dW[l] and dJ/db[l] of each layer, of the shapes of `members_[member].parameters.W`
            and `.b`. Numbers to predict are scaled as in training.
        """
        check_is_fitted(self)
        labelled = self._labelled(X, y, sample_weight, reset=False)
        model, name = self.model_.in_float64(), self.model_.target.name
        table = self._table(labelled, name, None)
        rows = Rows(
            model.encoder.encode(labelled.frame).astype(np.float64),
            model.network.loss.as_targets(model.target.encode(table[name])),
            labelled.weight,
        )
        penalty = float(model.training["options"]["l2"])
        parameters = model.member(member).parameters
        _, gradient = reference.loss_and_gradient(model.network, parameters, rows, penalty)
        return list(gradient.W), list(gradient.b)

    def trace(self, x: Any, y: Any = None, *, member: int = 0) -> Trace:
        """One row on its way through a member, with every number: the glass box.

        Parameters
        ----------
        x : data frame or array of one row, or a row by itself
            Such as `X[i:i+1]`, `X.iloc[i]` of pandas, `X[i]` of an array, or a dict from column to
            value.
        y : scalar, default=None
            Its target, such as `y[i]`. With it the trace goes backward too.
        member : int, default=0
            The number of the member, from 0.

        Returns
        -------
        Trace
            Inputs, each with the way from its cell; layers, neurons and weights; see
            `chainrule.trace`. All is computed in float64, for the loss of this row without the
            penalty.
        """
        check_is_fitted(self)
        frame = named_frame(self, self._one_row(x), reset=False)
        if len(frame) != 1:
            raise InputError(
                f"x has {len(frame):,} rows, but a trace is of one row: give X[i:i+1], or "
                "X.iloc[[i]] of pandas."
            )
        if y is None:
            return self.model_.trace(frame, member=member)
        target = np.ravel(y)
        if len(target) != 1:
            raise InputError(f"y holds {len(target)} values, but a row has one target: give y[i].")
        labelled = LabelledRows(frame, self._checked_y(target, frame), None)
        return self.model_.trace(self._table(labelled, self.model_.target.name, None), 0, member)

    def _one_row(self, x: Any) -> Any:
        """A table of the row x, where x is a row without its table."""
        if isinstance(x, Mapping):
            names = [*getattr(self, "feature_names_in_", ())]
            ordered = [name for name in names if name in x]
            ordered += [name for name in x if name not in ordered]
            return pl.DataFrame([pl.Series(name, [x[name]], strict=False) for name in ordered])
        if nw.dependencies.is_pandas_series(x):
            return x.to_frame().T.infer_objects()
        if isinstance(x, list | tuple) or (isinstance(x, np.ndarray) and x.ndim == 1):
            row = np.asarray(x)
            return row.reshape(1, -1) if row.ndim == 1 else row
        return x

    # As a file

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a model file, which holds no code (see `load`).

        It is also one that `chainrule predict` and `chainrule.model.Model.load` read.

        Parameters
        ----------
        path : str or path
            Where to.
        """
        check_is_fitted(self)
        write_tabular(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator that `save` wrote. Nothing in the file is executed.

        Parameters
        ----------
        path : str or path
            Where from.

        Returns
        -------
        estimator
            Fitted as it was.

        Raises
        ------
        ModelFileError
            Damaged, foreign, or of another kind of estimator.
        """
        return read_tabular(path, cls)

    def __sklearn_is_fitted__(self) -> bool:
        return "model_" in vars(self)

    def __sklearn_tags__(self) -> Any:
        return with_table_tags(super().__sklearn_tags__())


def curve_of(model: Model, name: str) -> list[float]:
    """The figure of that name after each epoch of the first member; [] if there is none."""
    return [figure for epoch in model.history if (figure := epoch[name]) is not None]
