"""What can be asked of a multilayer perceptron once it has coefficients.

Everything follows from `coefs_` and `intercepts_` as they are, whoever set them.
"""

import math
import os
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from chainrule.arrays import Floats, Targets
from chainrule.engines import Rows, reference
from chainrule.errors import InputError
from chainrule.estimators.engine_choice import engine_for
from chainrule.estimators.fit_callbacks import CallbackSupportMixin
from chainrule.estimators.mlp_file import read_estimator, write_estimator
from chainrule.estimators.mlp_missing import Filling
from chainrule.estimators.mlp_settings import network_of
from chainrule.losses import Loss, n_targets
from chainrule.network import Network, Parameters

if TYPE_CHECKING:
    from chainrule.trace import Trace

LITTLE = 300_000
"""Rows times parameters, up to which the compiled engine is not worth setting up."""

_DTYPES: dict[str | None, tuple[type[np.floating[Any]], ...]] = {
    None: (np.float64, np.float32),
    "float32": (np.float32,),
    "float64": (np.float64,),
    "bfloat16": (np.float32,),
}
"""What X may be, for each `precision`."""


class FittedPerceptron(CallbackSupportMixin, BaseEstimator):  # type: ignore[misc]
    """Base of the multilayer perceptrons: parameters, predictions, derivatives, files."""

    _y_is_numeric: bool
    n_outputs_: int
    out_activation_: str

    def _store(self, parameters: Mapping[str, Any]) -> None:
        """Keep the arguments of `__init__`, given as its `locals()`, under their names."""
        for name, value in parameters.items():
            if name != "self":
                setattr(self, name, value)

    # What a classifier and a regressor do in ways of their own

    @abstractmethod
    def _encoded(self, y: Any) -> Targets:
        """Targets in the form that the loss takes."""

    @abstractmethod
    def _loss(self) -> Loss:
        """What the network learns."""

    def _row_weights(self, y: Any, sample_weight: Any) -> Floats | None:
        """How much each row counts, shape (n,); None if all count 1."""
        if sample_weight is None:
            return None
        n = y.shape[0]
        try:
            weight = np.asarray(sample_weight, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"sample_weight holds something else than numbers: {error}."
            ) from error
        weight = np.full(n, weight) if weight.ndim == 0 else weight
        if weight.shape != (n,):
            raise InputError(
                f"sample_weight has shape {weight.shape}, but X has {n} rows: expected ({n},)."
            )
        if not np.isfinite(weight).all() or (weight < 0).any():
            raise InputError("sample_weight must be finite and not negative.")
        if not weight.any():
            raise InputError("sample_weight must not be zero for all rows.")
        return weight

    # Arrays from outside

    def _dtypes(self) -> tuple[type[np.floating[Any]], ...]:
        """The dtypes that X may keep; any other becomes the first of them."""
        return _DTYPES[self.precision]

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        """X and y after scikit-learn's checks of them: X of floats, an array or a CSR matrix."""
        fills = self.missing is not None or (not reset and self._filling() is not None)
        checked: tuple[Any, Any] = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=self._y_is_numeric,
            dtype=self._dtypes(),
            ensure_all_finite="allow-nan" if fills else True,
            reset=reset,
        )
        return checked

    def _rows(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        return Rows(X, self._encoded(y), self._row_weights(y, sample_weight))

    def _filling(self) -> Filling | None:
        """What stands in for missing values; None if `fit` was not told."""
        medians = getattr(self, "medians_", None)
        return None if medians is None else Filling(medians, self.flagged_)

    # The network

    def _network(self, n_inputs: int, widths: Sequence[int], n_outputs: int) -> Network:
        """A network of that shape, else as the parameters say."""
        return network_of(
            n_inputs,
            widths,
            n_outputs,
            activation=self.activation,
            dropout=self.dropout,
            loss=self._loss(),
        )

    def _fitted_network(self) -> Network:
        """The network that `coefs_` are of, whoever set them."""
        shapes = [np.shape(W) for W in self.coefs_]
        return self._network(shapes[0][0], [h for _, h in shapes[:-1]], shapes[-1][1])

    def _parameters(self, network: Network, dtype: Any = None) -> Parameters:
        """`coefs_` and `intercepts_` in one vector.

        Raises:
            InputError: they are not of that network.
        """
        self._check_shapes(network)
        pairs = zip(self.coefs_, self.intercepts_, strict=True)
        theta = np.concatenate([np.ravel(part) for pair in pairs for part in pair])
        return Parameters(network, theta if dtype is None else theta.astype(dtype, copy=False))

    def _check_shapes(self, network: Network) -> None:
        shapes = [np.shape(W) for W in self.coefs_], [np.shape(b) for b in self.intercepts_]
        expected = (
            [(layer.n_inputs, layer.n_outputs) for layer in network.layers],
            [(layer.n_outputs,) for layer in network.layers],
        )
        if shapes != expected:
            raise InputError(
                f"coefs_ and intercepts_ have shapes {shapes}, but the network that the parameters "
                f"and the data describe has {expected}: fit a new estimator."
            )

    def _asked(self, X: Any) -> Any:
        """X after scikit-learn's checks of it, for a fitted network; what it lacks is filled."""
        if self._passes_as_it_is(X):
            return X
        check_is_fitted(self)
        filling = self._filling()
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype=self._dtypes(),
            ensure_all_finite=True if filling is None else "allow-nan",
            reset=False,
        )
        return X if filling is None else filling.apply(X)

    def _passes_as_it_is(self, X: Any) -> bool:
        """Whether X is what the checks would give back; of one row they take longer than the rest.

        Its sum is finite only where every number is; whatever else, the checks have the words for.
        """
        if (
            type(X) is not np.ndarray
            or X.dtype not in self._dtypes()
            or X.ndim != 2
            or X.shape[0] == 0
            or X.shape[1] != getattr(self, "n_features_in_", None)
            or hasattr(self, "feature_names_in_")
            or not hasattr(self, "coefs_")
        ):
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(X.sum())

    def _together(self, X: Any) -> tuple[Any, Network, Parameters]:
        """X with the network and its parameters, in the more precise of their dtypes."""
        dtype = np.result_type(X.dtype, *self.coefs_)
        network = self._fitted_network()
        return X.astype(dtype, copy=False), network, self._parameters(network, dtype)

    def _scores(self, X: Any) -> Floats:
        """The sums of the last layer, shape (n, k)."""
        X = self._asked(X)
        network = self._fitted_network()
        if self.engine == "auto" and X.shape[0] * network.n_parameters <= LITTLE:
            return self._scores_of_few(network, X)
        X, network, parameters = self._together(X)
        engine = engine_for(self.engine, network, parameters.theta.dtype)
        return engine.scores(network, parameters, X)

    def _scores_of_few(self, network: Network, X: Any) -> Floats:
        """What `reference.scores` gives, without first laying all parameters into one vector."""
        self._check_shapes(network)
        A = X
        for layer, W, b in zip(network.layers, self.coefs_, self.intercepts_, strict=True):
            A = layer.activation.function(A @ W + b)
        return A

    def _predictions(self, X: Any) -> Floats:
        """Predictions of the network, shape (n, k)."""
        scores = self._scores(X)
        return self._loss().link(scores)

    def activations(self, X: Any) -> list[Floats]:
        """What every layer gives for the rows of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        list of ndarray, of n_layers
            X itself, filled if the estimator fills it; the activations of each hidden layer; and at
            last the predictions: the probabilities of a classifier, as the network's outputs.
        """
        X, network, parameters = self._together(self._asked(X))
        passed = reference.forward(network, parameters, X)
        return [*passed.A[:-1], network.loss.link(passed.A[-1])]

    def gradients(
        self, X: Any, y: Any, sample_weight: Any = None
    ) -> tuple[list[Floats], list[Floats]]:
        """The derivatives of J, the mean loss of the rows with the penalty, by all parameters.

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
        tuple of two lists of ndarray
            dJ/dcoefs and dJ/dintercepts, of the shapes of `coefs_` and `intercepts_`.
        """
        check_is_fitted(self)
        X, y = self._checked(X, y, reset=False)
        rows = self._rows(X, y, sample_weight)
        filling = self._filling()
        X, network, parameters = self._together(X if filling is None else filling.apply(X))
        rows = Rows(X, network.loss.checked(rows.y, network.n_outputs), rows.weight)
        total = len(rows) if rows.weight is None else rows.weight.sum()
        _, gradient = reference.loss_and_gradient(network, parameters, rows, self.alpha / total)
        return list(gradient.W), list(gradient.b)

    def trace(self, x: Any, y: Any = None) -> "Trace":
        """One row on its way through the network, with every number: the glass box.

        Parameters
        ----------
        x : array-like of shape (n_features,) or (1, n_features)
            The row, such as `X[i]`.
        y : scalar or array-like of shape (n_outputs,), default=None
            Its target, or targets, such as `y[i]`. With it the trace goes backward too.

        Returns
        -------
        Trace
            Inputs, layers, neurons and weights; see `chainrule.trace`. Inputs are named as the
            columns of the data frame that was fitted, or else x0, x1, ..., and outputs y, or of
            several y[0], y[1], ... All is computed in float64, for the loss of this row without the
            penalty.
        """
        # here: they read tables, and so bring Polars, which nothing else of an estimator needs
        from chainrule.estimators.mlp_trace import inputs_of, target_of
        from chainrule.trace import trace_inputs

        check_is_fitted(self)
        network = self._fitted_network()
        names = getattr(self, "feature_names_in_", None)
        if names is None:
            names = [f"x{i}" for i in range(self.n_features_in_)]
        truth = None if y is None else self._one_target(network, y)
        return trace_inputs(
            target_of(getattr(self, "classes_", None)),
            network,
            self._parameters(network),
            inputs_of(self._one_row(x), list(names), self._filling()),
            value=None if truth is None else truth.tolist()[0],
            y=None if truth is None else self._encoded(truth),
        )

    def _one_target(self, network: Network, y: Any) -> NDArray[Any]:
        """The target of one row as `y` of one row has it, (1,), or (1, k) of several.

        Raises:
            InputError: not as many numbers or labels as a row has.
        """
        y = np.asarray(y.toarray() if issparse(y) else y)
        k = n_targets(network.loss, network.n_outputs)
        if y.size != k:
            raise InputError(f"y has shape {y.shape}, but a row of this estimator has {k} targets.")
        return y.reshape((1,) if k == 1 else (1, k))

    def _one_row(self, x: Any) -> Floats:
        """The numbers of one row, (d,).

        Raises:
            InputError: x is no row of this estimator's.
        """
        x = x.toarray() if issparse(x) else x
        shape = np.shape(x)
        if shape not in ((self.n_features_in_,), (1, self.n_features_in_)):
            raise InputError(
                f"x has shape {shape}, but a trace is of one row of {self.n_features_in_} "
                "features: give X[i] or X[[i]]."
            )
        finite: Any = True if self._filling() is None else "allow-nan"
        if len(shape) == 2:  # a data frame has names to be checked
            checked = validate_data(
                self, x, dtype=np.float64, ensure_all_finite=finite, reset=False
            )
        else:
            checked = check_array(
                np.reshape(x, (1, -1)), dtype=np.float64, ensure_all_finite=finite, estimator=self
            )
        row: Floats = checked[0]
        return row

    # As a file

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a model file, which holds no code (see `load`).

        Kept is what predicts and what tells of the training; not the optimiser's memory, so that
        `partial_fit` begins with a new one after `load`.

        Parameters
        ----------
        path : str or path
            Where to.
        """
        check_is_fitted(self)
        write_estimator(path, self)

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
            If the file is damaged, foreign, or of another kind of estimator.
        """
        return read_estimator(path, cls)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = self.missing is not None
        return tags
