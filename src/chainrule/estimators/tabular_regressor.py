"""The estimator that predicts numbers, of tables as they are."""

from collections.abc import Sequence
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from chainrule.arrays import Floats
from chainrule.ensemble import HeldOut
from chainrule.errors import InputError
from chainrule.estimators.conformal import MOST_ROWS, CalibrationRows, conformal_interval
from chainrule.estimators.fit_callbacks import with_callbacks
from chainrule.estimators.tabular import TabularEstimator
from chainrule.losses import central_output
from chainrule.model import Model


class TabularRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """Neural network for a number, of a table as it is: with texts, dates and missing values.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=None
        The width of each hidden layer; `()` is a linear model. None, here and below, leaves the
        choice to the defaults, which follow the number of rows.
    activation : str or tuple of str, default=None
        The function of the hidden neurons, or one for each hidden layer.
    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}, default=None
        What is minimised. The target is scaled for it, so there is no need to.
    huber_delta : float, default=1.0
        Where 'huber' turns from squares to absolute values, in standard deviations of y.
    quantile_levels : float or tuple of float, default=(0.05, 0.5, 0.95)
        The quantiles that 'quantile' learns; `predict` gives the one nearest to 0.5.
    solver : {'scaled_adamw', 'adamw', 'adam', 'sgd', 'rmsprop', 'lbfgs'}, default=None
        How weights are found.
    alpha : float, default=None
        Weight of the penalty alpha / 2 times the sum of the squared weights.
    batch_size : int, default=None
        Rows for each step.
    learning_rate : str, default=None
        The learning rate over time: 'constant', 'inverse_scaling', 'adaptive', 'cosine',
        'one_cycle' or 'warm_up'.
    learning_rate_init : float, default=None
        The base learning rate.
    max_iter : int, default=None
        Epochs at most.
    n_iter_no_change : int or inf, default=None
        Epochs without a better validation loss before training stops.
    dropout : float, default=None
        Share of the hidden activations set to 0 in each step.
    weight_decay : float, default=None
        Decoupled weight decay of 'scaled_adamw' and 'adamw'.
    n_bins : int, default=None
        Most intervals of the piecewise-linear encoding of each number column; 0 for none.
    kinds : dict of str to str, default=None
        Columns whose kind you know better: {"zip": "category"}. Kinds are "number", "category",
        "boolean", "date" and "ignored". Columns of an array are called x0, x1, ...
    ignore : sequence of str, default=()
        Columns left out.
    missing : sequence of str, default=()
        Words and numbers (as text) that stand for a missing value in every column, such as "-999".
    validation_fraction : float, default=None
        Share of the rows that a member holds out to choose its best epoch. By default 0.1, or
        0.15 below 1,000 rows.
    calibration_fraction : float, default=0.0
        Share of the rows that nothing learns from and that choose no epoch, for
        `predict_interval`.
    n_members : int, default=None
        Networks whose predictions are averaged. They differ in seed and in validation rows.
    time_budget : float, default=None
        Seconds that `fit` may take. As many networks are trained as end in that time, up to 32; if
        not even one would, it gets fewer epochs; one epoch ends in any case, however long it
        takes. `n_members` then is a bound. What comes out depends on the speed of the machine.
    random_state : int, RandomState instance or None, default=None
        With an int, the same call gives the same networks.
    n_jobs : int, default=None
        Members trained at a time, in threads; None is one for each core.
    engine : {'auto', 'compiled', 'reference'}, default='auto'
        What computes; all give the same results up to rounding.
    verbose : int, default=0
        Whether to print what was decided, and a line for each member.

    Attributes
    ----------
    `model_` : chainrule.model.Model
        What was learnt, with all that a model can do: `trace`, `evaluate`, `save` ...
    `members_` : tuple of chainrule.model.Model
        Its members, each as a model of its own.
    calibration_rows_ : tuple of CalibrationRows
        The rows that `predict_interval` goes by: targets, and what was predicted for them.
    decisions_ : tuple of str
        What was decided about the table.
    `n_iter_`, `loss_curve_`, `validation_loss_curve_`
        Epochs and losses of the first member; those of all are in `members_[k].history`.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a data frame with texts as names.

    See Also
    --------
    TabularClassifier : The same for classes.
    MLPRegressor : scikit-learn's multilayer perceptron, for numbers that are scaled already.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from chainrule import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = TabularRegressor(max_iter=30, random_state=0).fit(X[:342], y[:342])
    >>> model.score(X[342:], y[342:]) > 0.4
    True
    >>> low, high = model.predict_interval(X[342:], coverage=0.9).T
    >>> bool(0.8 < np.mean((low <= y[342:]) & (y[342:] <= high)) <= 1)
    True
    """

    _task = "regression"
    _several_targets = (
        "For several, sklearn.multioutput.MultiOutputRegressor fits one of it for each, and "
        "MLPRegressor learns them with one network."
    )

    def __init__(
        self,
        hidden_layer_sizes: Any = None,
        activation: Any = None,
        *,
        loss: str | None = None,
        huber_delta: float = 1.0,
        quantile_levels: Any = (0.05, 0.5, 0.95),
        solver: str | None = None,
        alpha: float | None = None,
        batch_size: int | None = None,
        learning_rate: str | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        n_iter_no_change: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        n_bins: int | None = None,
        kinds: Any = None,
        ignore: Any = (),
        missing: Any = (),
        validation_fraction: float | None = None,
        calibration_fraction: float = 0.0,
        n_members: int | None = None,
        time_budget: float | None = None,
        random_state: Any = None,
        n_jobs: int | None = None,
        engine: str = "auto",
        verbose: int = 0,
    ) -> None:
        self._store(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            The table as it is; pandas, Polars or PyArrow, or an array of any type.
        y : array-like of shape (n_samples,)
            The number to predict in each row, in its own unit.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows that choose the best epoch of every member, instead of a share of X.

        Returns
        -------
        self
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight, validation_data)

    def predict(self, X: Any) -> Floats:
        """The number predicted for each row, the mean of the members'.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples,)
            In the unit of y.
        """
        answers = self._answers(X).mean(axis=0)
        return answers[:, central_output(self.model_.network.loss)]

    def predict_quantiles(self, X: Any) -> Floats:
        """The quantiles at `quantile_levels`, if the loss was 'quantile'.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples, n_levels)
            Ascending, in the unit of y.
        """
        check_is_fitted(self)
        if not self.model_.levels:
            raise InputError("quantiles need loss='quantile', with the levels in quantile_levels.")
        return self._answers(X).mean(axis=0)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Floats:
        """An interval for each row that holds the target with a stated probability.

        Conformal prediction by rows that the networks have not learnt from. With
        `calibration_fraction` these are rows kept apart for it, and new targets from the same
        source are within with a probability of at least `coverage`. Otherwise they are the
        validation rows. A single network chose its epoch by them, so that its intervals are a
        little narrow (of 60 such rows, 88 % were measured in place of 90 %; of 2,500 rows, nothing
        was missing). The members of an ensemble hold out rows of their own (CV+), and 90 % were
        measured.

        All intervals have much the same width, unless the loss is 'quantile': then quantiles are
        corrected, and intervals are wide where the target is hard to predict.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.
        coverage : float, default=0.9
            The share of targets that is to lie within.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Both ends of each interval, in the unit of y.
        """
        check_is_fitted(self)
        answers = self._answers(X)
        return conformal_interval(self.calibration_rows_, answers, coverage, self.model_.levels)

    def _answers(self, X: Any) -> Floats:
        """What each member answers, in the unit of y: shape (members, n, q)."""
        model, inputs = self._asked(X)
        return _decoded(model.scores(inputs), model)

    def _learn_target(self, y: NDArray[Any]) -> None:
        if y.dtype.kind not in "biuf":
            raise InputError(
                f"y holds values of type {y.dtype}, and a number is needed in each row; "
                "TabularClassifier predicts classes."
            )
        if (y == y[0]).all():
            raise InputError(f"y is {y[0]} in every row, so that there is nothing to learn.")

    def _checked_y(self, y: Any, frame: nw.DataFrame[Any]) -> NDArray[Any]:
        y = super()._checked_y(y, frame)
        if y.dtype.kind != "O":
            return y
        try:
            return y.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"y holds something that is no number: {error}.") from error

    def _target_column(self, y: NDArray[Any]) -> tuple[NDArray[Any], Any]:
        return y.astype(np.float64), nw.Float64

    def _strata(self, y: NDArray[Any]) -> NDArray[np.int64]:
        return np.zeros(len(y), dtype=np.int64)

    def _row_weights(self, y: NDArray[Any], sample_weight: Floats | None) -> Floats | None:
        return sample_weight

    def _take(self, model: Model, held_out: Sequence[HeldOut]) -> None:
        self.model_ = model
        self.calibration_rows_ = _calibration_rows(held_out, model)


def _calibration_rows(held_out: Sequence[HeldOut], model: Model) -> tuple[CalibrationRows, ...]:
    """The held-out rows in the unit of the target, `MOST_ROWS` of them at most."""
    draws = np.random.default_rng(0)
    groups = []
    for rows in held_out:
        y = model.target.decode(np.asarray(rows.y, dtype=np.float64))[:, 0]
        predictions = _decoded(rows.scores, model).mean(axis=0)
        most = MOST_ROWS // len(held_out)
        if len(y) > most:
            kept = np.sort(draws.choice(len(y), most, replace=False))
            y, predictions = y[kept], predictions[kept]
        groups.append(CalibrationRows(rows.members, y, predictions))
    return tuple(groups)


def _decoded(scores: Floats, model: Model) -> Floats:
    """Scores (members, n, k) as numbers in the unit of the target; all members share its scale."""
    answers = [model.target.decode(model.network.loss.link(of_member)) for of_member in scores]
    return np.stack(answers)
