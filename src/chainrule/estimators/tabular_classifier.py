"""The estimator that tells classes apart, of tables as they are."""

from collections.abc import Sequence
from typing import Any, Self

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from chainrule.arrays import Floats
from chainrule.calibration import Calibration, calibrated, needs_calibration
from chainrule.ensemble import HeldOut
from chainrule.errors import InputError
from chainrule.estimators.class_weights import weights_by_class
from chainrule.estimators.fit_callbacks import with_callbacks
from chainrule.estimators.tabular import TabularEstimator
from chainrule.model import Model


class TabularClassifier(ClassifierMixin, TabularEstimator):  # type: ignore[misc]
    """Neural network for classes, of a table as it is: with texts, dates and missing values.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=None
        The width of each hidden layer; `()` is a linear model. None, here and below, leaves the
        choice to the defaults, which follow the number of rows.
    activation : str or tuple of str, default=None
        The function of the hidden neurons, or one for each hidden layer.
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
    label_smoothing : float, default=None
        Share of the certainty that is taken from each class label, and spread over all classes.
    n_bins : int, default=None
        Most intervals of the piecewise-linear encoding of each number column; 0 for none.
    kinds : dict of str to str, default=None
        Columns whose kind you know better: {"zip": "category"}. Kinds are "number", "category",
        "boolean", "date" and "ignored". Columns of an array are called x0, x1, ...
    ignore : sequence of str, default=()
        Columns left out.
    missing : sequence of str, default=()
        Words and numbers (as text) that stand for a missing value in every column, such as "-999".
    class_weight : dict, 'balanced' or None, default=None
        What the rows of each class count, multiplied with their `sample_weight`.
    validation_fraction : float, default=None
        Share of the rows that a member holds out to choose its best epoch. By default 0.1, or
        0.15 below 1,000 rows.
    calibration_fraction : float, default=0.0
        Share of the rows that nothing learns from and that choose no epoch, for `calibrate`.
    calibrate : bool, default=None
        Whether to divide the scores by a temperature, fitted on rows held out: those of
        `calibration_fraction`, or the validation rows of each member. None does so where labels
        were smoothed, and where there are fewer than 1,000 rows; other networks, stopped at their
        best validation loss, are nearly calibrated.
    n_members : int, default=None
        Networks whose probabilities are averaged. They differ in seed and in validation rows.
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
    classes_ : ndarray of shape (n_classes,)
        The class labels, of the type they had in y.
    `model_` : chainrule.model.Model
        What was learnt, with all that a model can do: `trace`, `evaluate`, `save` ...
    `members_` : tuple of chainrule.model.Model
        Its members, each as a model of its own.
    calibration_ : Calibration or None
        The temperature, and the expected calibration error before and after; None where
        there was none.
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
    TabularRegressor : The same for numbers.
    MLPClassifier : scikit-learn's multilayer perceptron, for numbers that are scaled already.

    Examples
    --------
    >>> import polars as pl
    >>> from chainrule import TabularClassifier
    >>> penguins = pl.read_csv("examples/penguins.csv", null_values="NA")
    >>> X, y = penguins.drop("species"), penguins["species"]
    >>> model = TabularClassifier(max_iter=30, random_state=0).fit(X, y)
    >>> model.predict(X[:2]).tolist()
    ['Adelie', 'Adelie']
    >>> model.score(X, y) > 0.97
    True
    """

    _task = "classification"
    _several_targets = (
        "For several, or for labels that do not exclude each other, "
        "sklearn.multioutput.MultiOutputClassifier fits one of it for each, and MLPClassifier "
        "learns labels with one network."
    )

    def __init__(
        self,
        hidden_layer_sizes: Any = None,
        activation: Any = None,
        *,
        solver: str | None = None,
        alpha: float | None = None,
        batch_size: int | None = None,
        learning_rate: str | None = None,
        learning_rate_init: float | None = None,
        max_iter: int | None = None,
        n_iter_no_change: float | None = None,
        dropout: float | None = None,
        weight_decay: float | None = None,
        label_smoothing: float | None = None,
        n_bins: int | None = None,
        kinds: Any = None,
        ignore: Any = (),
        missing: Any = (),
        class_weight: Any = None,
        validation_fraction: float | None = None,
        calibration_fraction: float = 0.0,
        calibrate: bool | None = None,
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
            The class of each row.
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

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples,)
            Classes, of the type they had in y.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> Floats:
        """The probability of each class, the mean of the members'.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> Floats:
        """The logarithm of the probability of each class, exact where these are almost 0 too.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        model, inputs = self._asked(X)
        scores = model.scores(inputs)
        if scores.shape[2] == 1:  # of two classes the network has one score, for the second
            scores = np.concatenate([np.zeros_like(scores), scores], axis=2)
        pooled: Floats = logsumexp(log_softmax(scores, axis=2), axis=0)
        return pooled - np.log(len(scores))

    def decision_function(self, X: Any) -> Floats:
        """How far each row lies on the side of a class: its score, of all members together.

        The sigmoid of the scores, or their softmax, is `predict_proba`.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes the log-odds of the second, above 0 where that is the more probable. Of
            more the logarithm of each class's probability, the largest being that of the answer.
        """
        log_probabilities = self.predict_log_proba(X)
        if log_probabilities.shape[1] == 2:
            return log_probabilities[:, 1] - log_probabilities[:, 0]
        return log_probabilities

    def _learn_target(self, y: NDArray[Any]) -> None:
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise InputError(
                f"y holds only one class, {self.classes_.tolist()[0]!r}, among the rows that "
                "count; at least two are needed to tell apart."
            )
        if self.classes_.dtype.kind not in "OU":
            return
        for label in self.classes_:
            if not label.strip() or label != label.strip() or label in (self.missing or ()):
                raise InputError(
                    f"y holds the class {label!r}, which reads like a missing value or has blanks "
                    "around it: rename the class, or leave its rows out."
                )

    def _target_column(self, y: NDArray[Any]) -> tuple[NDArray[Any], Any]:
        # declared as a category, text stays text even where it reads as numbers
        types = {"b": nw.Boolean, "i": nw.Int64, "u": nw.Int64, "f": nw.Float64}
        return y, types.get(y.dtype.kind, nw.Categorical)

    def _strata(self, y: NDArray[Any]) -> NDArray[np.int64]:
        return np.searchsorted(self.classes_, y)

    def _row_weights(self, y: NDArray[Any], sample_weight: Floats | None) -> Floats | None:
        if self.class_weight is None:
            return sample_weight
        of_class = weights_by_class(self.class_weight, y, self.classes_)
        return of_class if sample_weight is None else of_class * sample_weight

    def _take(self, model: Model, held_out: Sequence[HeldOut]) -> None:
        self.model_ = model
        self.calibration_: Calibration | None = None
        wanted = needs_calibration(model) if self.calibrate is None else self.calibrate
        if not wanted or (self.calibrate is None and not held_out):
            return
        if not held_out:
            raise InputError(
                "calibrate=True needs rows that were held out, and there are none: set "
                "calibration_fraction or validation_fraction, or give validation_data."
            )
        self.model_, self.calibration_ = calibrated(model, held_out)
