"""The table encoder as a transformer, for a pipeline that ends in any estimator of scikit-learn."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from chainrule.arrays import Floats
from chainrule.errors import InputError
from chainrule.estimators.table_input import named_frame, with_table_tags
from chainrule.estimators.tabular_options import check_tabular_parameters
from chainrule.table import TableEncoder
from chainrule.table.categories import MAX_LEVELS


class TableTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns a table as it is into numbers, the way the networks of this library see it.

    Numbers are scaled robustly and clipped smoothly, missing ones filled and flagged; categories,
    yes and no, and dates become inputs of their own. Nothing is learnt from the target.

    Parameters
    ----------
    n_bins : int, default=0
        Most intervals of the piecewise-linear encoding of each number column; 0 for none.
    max_categories : int, default=1000
        Most categories of a column that get an input of their own; rarer ones share one.
    kinds : dict of str to str, default=None
        Columns whose kind you know better: {"zip": "category"}. Kinds are "number", "category",
        "boolean", "date" and "ignored". Columns of an array are called x0, x1, ...
    ignore : sequence of str, default=()
        Columns left out.
    missing : sequence of str, default=()
        Words and numbers (as text) that stand for a missing value in every column, such as "-999".

    Attributes
    ----------
    encoder_ : chainrule.table.TableEncoder
        What was learnt of each column; `encoder_.columns[j].describe()` says it in words.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if X was a data frame with texts as names.

    Examples
    --------
    >>> import polars as pl
    >>> from chainrule import TableTransformer
    >>> penguins = pl.read_csv("examples/penguins.csv", null_values="NA")
    >>> transformer = TableTransformer().fit(penguins[["island", "body_mass_g"]])
    >>> transformer.get_feature_names_out().tolist()
    ['island = Biscoe', 'island = Dream', 'island = Torgersen', ..., 'body_mass_g is missing']
    """

    def __init__(
        self,
        *,
        n_bins: int = 0,
        max_categories: int = MAX_LEVELS,
        kinds: Any = None,
        ignore: Any = (),
        missing: Any = (),
    ) -> None:
        self.n_bins = n_bins
        self.max_categories = max_categories
        self.kinds = kinds
        self.ignore = ignore
        self.missing = missing

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the encoding of each column.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            The table as it is; pandas, Polars or PyArrow, or an array of any type.
        y : ignored
            Only for the interface.

        Returns
        -------
        self
            The fitted transformer.
        """
        check_tabular_parameters(type(self).__name__, self.get_params(deep=False))
        frame = named_frame(self, X, reset=True)
        if len(frame) < 2:
            raise InputError(
                f"Found n_samples={len(frame)}, while at least 2 rows are needed to learn."
            )
        self.encoder_ = TableEncoder.fit(
            frame,
            kinds=self.kinds,
            ignore=self.ignore or (),
            missing=self.missing or (),
            bins=self.n_bins or 0,
            max_levels=self.max_categories,
        )
        return self

    def transform(self, X: Any) -> Floats:
        """The inputs that the columns become.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            A table with the columns that were fitted.

        Returns
        -------
        ndarray of float32, of shape (n_samples, n_inputs)
            Finite numbers; or a data frame, as `set_output` says.
        """
        check_is_fitted(self)
        return self.encoder_.encode(named_frame(self, X, reset=False))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """The names of the inputs.

        Parameters
        ----------
        input_features : array-like of str, default=None
            If given, the names that were fitted.

        Returns
        -------
        ndarray of str
            In the order of the columns that `transform` gives.
        """
        check_is_fitted(self)
        known = [column.name for column in self.encoder_.columns]
        if input_features is not None and list(input_features) != known:
            raise InputError(
                f"input_features is not equal to feature_names_in_, the fitted columns {known}."
            )
        return np.asarray(self.encoder_.input_names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = with_table_tags(super().__sklearn_tags__())
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
