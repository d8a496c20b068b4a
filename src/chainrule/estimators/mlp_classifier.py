"""The multilayer perceptron that tells classes apart."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import unique_labels

from chainrule.arrays import Floats, Targets
from chainrule.errors import InputError
from chainrule.estimators.class_labels import ClassLabels
from chainrule.estimators.class_weights import weights_by_class
from chainrule.estimators.fit_callbacks import with_callbacks
from chainrule.estimators.mlp import MultilayerPerceptron, takes_steps
from chainrule.estimators.mlp_parameters import check_parameters
from chainrule.losses import Loss


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):  # type: ignore[misc]
    """Multilayer perceptron for classification, in place of scikit-learn's.

    The network minimises the cross-entropy: of a sigmoid for two classes and for several labels,
    of softmax for more classes.

    Parameters
    ----------
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
    class_weight : dict, 'balanced' or None, default=None
        What the rows of each class count, multiplied with their `sample_weight`. "balanced" makes
        all classes count the same: n_samples / (n_classes * count of the class). In a multi-label
        task a list with a dict for each label.
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
    classes_ : ndarray of shape (n_classes,)
        The class labels.
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
    MLPRegressor : The same for numbers.

    Notes
    -----
    The coefficients have the dtype of X, unless `precision` says another. Sparse X is made dense to
    train on only if that takes at most 128 MiB and a quarter of it is not 0.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from chainrule import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> classifier = MLPClassifier(
    ...     (16, 8), activation=("relu", "tanh"), learning_rate_init=0.02, random_state=0
    ... ).fit(X_train, y_train)
    >>> classifier.score(X_test, y_test) > 0.9
    True
    >>> classifier.predict_proba(X_test[:2]).shape
    (2, 3)
    >>> [W.shape for W in classifier.coefs_]
    [(4, 16), (16, 8), (8, 3)]
    """

    loss = "log_loss"
    _y_is_numeric = False

    def __init__(
        self,
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
        class_weight: Any = None,
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
        """Learn from the rows of X and their classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The class of each row; or 0 and 1 for each label of a multi-label task.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        validation_data : tuple (X, y) or (X, y, sample_weight), default=None
            Rows that are not learnt from: their loss goes into `validation_loss_curve_`, and with
            `early_stopping` they are what is watched, in place of rows split off from X.

        Returns
        -------
        self : MLPClassifier
            The fitted classifier.
        """
        return self._fit(X, y, sample_weight, validation_data)

    @available_if(takes_steps)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Learn from the rows of X for one epoch more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            The classes.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call only.

        Returns
        -------
        self : MLPClassifier
            The fitted classifier.
        """
        if isinstance(self.class_weight, str):
            raise InputError(
                "class_weight='balanced' follows from all rows, of which partial_fit sees a part: "
                "give a dict of class weights, such as compute_class_weight makes of all classes."
            )
        check_parameters(type(self).__name__, self.get_params(deep=False))
        known = getattr(self, "classes_", None)
        if classes is not None:
            announced = unique_labels(classes)
            if known is not None and not np.array_equal(known, announced):
                raise InputError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: "
                    f"{known!r}"
                )
            self.classes_ = announced
        elif known is None:
            raise InputError("classes must be passed on the first call to partial_fit.")
        return self._fit(X, y, sample_weight, one_epoch=True)

    def predict(self, X: Any) -> Any:
        """The most probable class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Classes; or 0 and 1 for each label.
        """
        predictions = self._predictions(X)
        return self._labels().decode(predictions)

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """The probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        scores = self._scores(X)
        return self._labels().probabilities(scores)

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """The logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        with np.errstate(divide="ignore"):  # what is 0 has the logarithm -inf
            return np.log(self.predict_proba(X))

    # What the base asks for

    def _labels(self) -> ClassLabels:
        """The labels, from the attributes that say them."""
        n_classes = len(self.classes_)
        multilabel = self.out_activation_ == "logistic" and self.n_outputs_ > 1
        if not multilabel and n_classes > 2 and self.n_outputs_ != n_classes:
            raise InputError(f"{n_classes} classes do not fit {self.n_outputs_} outputs.")
        return ClassLabels(self.classes_, multilabel, getattr(self, "_sparse_labels", False))

    def _learn_targets(self, y: Any, *, goes_on: bool, one_epoch: bool) -> None:
        y = _one_column(y)
        labels = ClassLabels.of(y, self.classes_ if one_epoch else None)
        if goes_on and not one_epoch and set(labels.classes) != set(self.classes_):
            raise InputError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {labels.classes}"
            )
        asked = labels.outputs_in_words
        if goes_on and asked != (had := self._labels().outputs_in_words):
            raise InputError(
                f"y asks for {asked}, but this network has {had}: fit a new estimator."
            )
        self.classes_, self._sparse_labels = labels.classes, labels.sparse
        self.n_outputs_ = labels.n_outputs
        binary = labels.multilabel or labels.n_outputs == 1
        self.out_activation_ = "logistic" if binary else "softmax"

    def _encoded(self, y: Any) -> Targets:
        return self._labels().encode(_one_column(y))

    def _loss(self) -> Loss:
        return self._labels().loss

    def _row_weights(self, y: Any, sample_weight: Any) -> Floats | None:
        weight = super()._row_weights(y, sample_weight)
        if self.class_weight is None:
            return weight
        by_class = weights_by_class(self.class_weight, _one_column(y), self.classes_)
        return by_class if weight is None else weight * by_class

    def _strata(self, y: Targets) -> Any:
        """The classes where there are two; of more scikit-learn too takes rows as they come."""
        return y if y.ndim == 2 and y.shape[1] == 1 else None

    def _judged(self, y: Targets, predictions: Floats, weight: Floats | None) -> float:
        """The accuracy, as `score` says it."""
        return self._labels().accuracy(y, predictions, weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _one_column(y: Any) -> Any:
    """A y of a single column as (n,), with scikit-learn's warning."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
