"""The multilayer perceptron that predicts numbers."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from chainrule.arrays import Floats, Targets
from chainrule.engines import Rows
from chainrule.errors import InputError
from chainrule.estimators.fit_callbacks import with_callbacks
from chainrule.estimators.mlp import MultilayerPerceptron, takes_steps
from chainrule.estimators.mlp_settings import regression_loss
from chainrule.losses import Loss, Quantile


class MLPRegressor(RegressorMixin, MultilayerPerceptron):  # type: ignore[misc]
    """Multilayer perceptron for regression, in place of scikit-learn's.

    Parameters
    ----------
    loss : {'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson'}, \
            default='squared_error'
        What the network minimises, summed over outputs and averaged over rows.

        - 'squared_error', half the squared residual: predicts the mean;
        - 'absolute_error': predicts the median, and outliers pull less;
        - 'huber', squared up to `huber_delta` and absolute beyond it;
        - 'quantile', the pinball loss: predicts the quantiles at `quantile_levels`;
        - 'poisson', half the Poisson deviance, for counts and other y >= 0: the network predicts
          through the exponential function.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        The width of each hidden layer; `()` is a linear model.
    activation : str or tuple of str, default='relu'
        The function of the hidden neurons: 'identity', 'logistic' (or 'sigmoid'), 'tanh', 'relu',
        'leaky_relu', 'elu', 'selu', 'gelu', 'silu', 'mish' or 'softplus'; or a tuple with one for
        each hidden layer.
    solver : {'lbfgs', 'sgd', 'adam', 'adamw', 'scaled_adamw', 'rmsprop'}, default='adam'
        How weights are found. 'lbfgs' takes all rows at once, which suits small tables; the others
        take a step for each batch.
    alpha : float, default=0.0001
        Strength of the penalty alpha / 2 times the sum of the squared weights, divided by the
        weight of the rows of a batch.
    batch_size : int or 'auto', default='auto'
        Rows of a batch; 'auto' is min(200, n_samples). Not for 'lbfgs'.
    learning_rate : str or Schedule, default='constant'
        The learning rate over time. scikit-learn's policies count for 'sgd' only:

        - 'constant', `learning_rate_init` throughout;
        - 'invscaling', divided by (rows seen + 1) to the power `power_t`;
        - 'adaptive', divided by 5 whenever `n_iter_no_change` epochs have not brought an
          improvement of `tol`; training stops when it would fall below 1e-6.

        These count for every solver but 'lbfgs': 'cosine', 'one_cycle', 'warm_up', and any
        schedule of `chainrule.schedules`. They run over `max_iter` epochs.
    learning_rate_init : float, default=0.001
        The base learning rate. Not for 'lbfgs'.
    power_t : float, default=0.5
        The exponent of 'invscaling'.
    max_iter : int, default=200
        Epochs at most; of 'lbfgs' iterations.
    shuffle : bool, default=True
        Whether every epoch sees the rows in a new order. Not for 'lbfgs'.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, the order of rows, dropout, and the split of early stopping. With an
        int, the same call gives the same network, and the one that scikit-learn's gives.
    tol : float, default=1e-4
        An epoch is an improvement if it is better than the best one by more than this. 'lbfgs'
        stops where no entry of the gradient is larger.
    verbose : bool or int, default=False
        Whether to print a line for every epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from the network of the last call.
    momentum : float, default=0.9
        Momentum of 'sgd', below 1.
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score no longer improves, and keep the network of
        the best epoch. Not for 'lbfgs'.
    validation_fraction : float, default=0.1
        The share of rows held out for that, unless `fit` is given `validation_data`.
    beta_1 : float, default=0.9
        Decay of the mean of gradients, in 'adam' and 'adamw'.
    beta_2 : float, default=0.999
        Decay of the mean of their squares.
    epsilon : float, default=1e-8
        Added to the divisor in 'adam', 'adamw' and 'rmsprop'.
    n_iter_no_change : int or inf, default=10
        Training stops after more than so many epochs in a row without an improvement. Not for
        'lbfgs'.
    max_fun : int, default=15000
        Evaluations of the loss, at most, of 'lbfgs'.
    huber_delta : float, default=1.0
        Where the Huber loss turns from squared to absolute, in the unit of y.
    quantile_levels : float or tuple of float, default=0.5
        The levels of the quantile loss, ascending, each between 0 and 1. With several of them
        `predict` gives a column for each, and `score` judges the one nearest to 0.5.
    dropout : float, default=0.0
        Share of the hidden activations set to 0 in each step. Not for 'lbfgs'.
    weight_decay : float, default=0.01
        Decoupled decay of 'adamw' and 'scaled_adamw': every step shrinks all parameters by this
        share of the rate.
    clip : float or None, default=None
        The greatest length of a gradient; longer ones are shortened to it. Not for 'lbfgs'.
    averaging : float or None, default=None
        Decay of the moving average of the parameters, such as 0.999, that then predicts in place
        of the last ones. Not for 'lbfgs' and `partial_fit`.
    monitor : {'score', 'loss'}, default='score'
        What `early_stopping` watches of the held-out rows.
    missing : {'median', 'indicator'} or None, default=None
        What becomes of NaN in X: 'median' is the median of the rows learnt from first; 'indicator'
        also adds, for each column that had NaN there, an input of 1 for NaN; None refuses NaN.
    precision : {'float32', 'float64', 'bfloat16'} or None, default=None
        What X is converted to, to compute with: 'float32' takes about half the time and memory of
        'float64'. None is that of X, and float64 for whole numbers. 'bfloat16' is float32 but for
        the products of wide layers in training, whose factors are rounded to 8 binary digits: for
        wide networks 1.7 times as fast, on CPUs with AVX512-BF16, and not for 'lbfgs'.
    engine : {'auto', 'compiled', 'reference'}, default='auto'
        What computes; all give the same results up to rounding.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_neurons)
        The weights of each layer; the first by columns of X, then by `flagged_`. They may be set.
    intercepts_ : list of ndarray of shape (n_neurons,)
        The biases of each layer. They may be set.
    loss_ : float
        J of the last epoch: the mean loss as its batches were met, with the penalty.
    best_loss_ : float or None
        The lowest `loss_`; None with `early_stopping`.
    loss_curve_ : list of float
        `loss_` after each epoch.
    validation_loss_curve_ : list of float or None
        The loss of the validation rows after each epoch, without penalty; None without such rows.
    validation_scores_ : list of float or None
        The score of the validation rows after each epoch, with `early_stopping`.
    best_validation_score_ : float or None
        The highest of them.
    n_iter_ : int
        Epochs of the last call; of 'lbfgs' iterations.
    t_ : int
        Rows seen in all epochs.
    n_layers_ : int
        Layers, with that of the inputs.
    n_outputs_ : int
        Outputs of the network.
    out_activation_ : str
        The function that makes predictions of the last layer's sums.
    medians_ : ndarray of shape (n_features_in_,) or None
        What stands in for NaN in each column of X; None without `missing`.
    flagged_ : ndarray of int or None
        The columns of X whose NaN has an input of its own; empty with 'median'.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a data frame with strings as names.

    See Also
    --------
    MLPClassifier : The same for classes.

    Notes
    -----
    The coefficients have the dtype of X, unless `precision` says another. Sparse X is made dense to
    train on only if that takes at most 128 MiB and a quarter of it is not 0.

    Examples
    --------
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from chainrule import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = TransformedTargetRegressor(
    ...     make_pipeline(StandardScaler(), MLPRegressor(alpha=10, tol=1e-3, random_state=0)),
    ...     transformer=StandardScaler(),
    ... ).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.3
    True
    """

    _y_is_numeric = True

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        huber_delta: float = 1.0,
        quantile_levels: Any = 0.5,
        dropout: float = 0.0,
        weight_decay: float = 0.01,
        clip: float | None = None,
        averaging: float | None = None,
        monitor: str = "score",
        missing: str | None = None,
        precision: str | None = None,
        engine: str = "auto",
    ) -> None:
        self._store(locals())

    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Self:
        """Learn from the rows of X and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows that are not learnt from: their loss goes into `validation_loss_curve_`, and with
            `early_stopping` they are what is watched, in place of rows split off from X.

        Returns
        -------
        self : MLPRegressor
            The fitted regressor.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from the rows of X for one epoch more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        self : MLPRegressor
            The fitted regressor.
        """
        return self._fit(X, y, sample_weight, one_epoch=True)

    def predict(self, X: Any) -> NDArray[Any]:
        """The number, or numbers, of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions; quantiles in a column for each level.
        """
        predictions = self._predictions(X)
        return predictions[:, 0] if predictions.shape[1] == 1 else predictions

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of the variance of y that is explained, R^2.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        float
            At most 1; 0 is what the mean of y scores. Of several outputs the mean.
        """
        answers = self._central(self.predict(X))
        return float(r2_score(y, answers, sample_weight=sample_weight))

    # What the base asks for

    def _learn_targets(self, y: Any, *, goes_on: bool, one_epoch: bool) -> None:
        targets = self._encoded(y)
        n_outputs = targets.shape[1]
        loss = self._loss()
        if isinstance(loss, Quantile):
            if n_outputs > 1:
                raise InputError(
                    f"loss='quantile' is for one target, but y has {n_outputs} columns: fit a "
                    "regressor for each, for example with MultiOutputRegressor."
                )
            n_outputs = len(loss.levels)
        if goes_on and n_outputs != np.shape(self.coefs_[-1])[1]:
            raise InputError(
                f"y asks for {n_outputs} outputs, but this network has "
                f"{np.shape(self.coefs_[-1])[1]}: fit a new estimator."
            )
        self.n_outputs_ = n_outputs
        self.out_activation_ = "exp" if self.loss == "poisson" else "identity"

    def _encoded(self, y: Any) -> Targets:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y[:, None] if y.ndim == 1 else y

    def _loss(self) -> Loss:
        return regression_loss(self.loss, self.huber_delta, self.quantile_levels)

    def _offset(self, rows: Rows) -> float:
        """Of the Poisson deviance, what depends on y alone: ln(y^y) - y."""
        if self.loss != "poisson":
            return 0.0
        y = rows.y.astype(np.float64)
        return float(np.average(np.sum(xlogy(y, y) - y, axis=1), weights=rows.weight))

    def _judged(self, y: Targets, predictions: Floats, weight: Floats | None) -> float:
        """R^2, as `score` says it."""
        if not np.isfinite(predictions).all():
            return float("nan")
        return float(r2_score(y, self._central(predictions), sample_weight=weight))

    def _central(self, predictions: Floats) -> Floats:
        """Of several quantiles the one nearest to the median; else all outputs."""
        loss = self._loss()
        if not isinstance(loss, Quantile) or predictions.ndim == 1:
            return predictions
        return predictions[:, int(np.argmin(np.abs(np.subtract(loss.levels, 0.5))))]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
