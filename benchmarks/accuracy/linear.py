"""A linear model on columns as somebody careful prepares them: what no network may be worse than.

Numbers get medians for gaps, a column that says where these were, and one scale; categories one
column for each level of five rows or more; dates their days, and columns for weekday and month. How
strongly weights are held down is chosen by cross-validation.
"""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from accuracy.methods import Method
from accuracy.plain_columns import PlainColumns

FEWEST_ROWS = 5
FOLDS = 4
PENALTIES = 10.0 ** np.arange(-2, 6)
"""Of the ridge regression; of the logistic one an inverse, C = 1 / penalty."""


class _Calendar(TransformerMixin, BaseEstimator):
    """PlainColumns, with weekday and month of each date as categories."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        self.columns_ = PlainColumns().fit(X)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        plain = self.columns_.transform(X)
        for name in self.columns_.dates_:
            date = pd.to_datetime(X[name])
            for part in ("weekday", "month"):
                plain[f"{name} {part}"] = pd.Categorical(getattr(date.dt, part))
        return plain


def _linear(task: str, seed: int, threads: int) -> BaseEstimator:
    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=FEWEST_ROWS)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (levels, make_column_selector(dtype_include="category")),
    )
    if task == "classification":
        logistic = LogisticRegression(max_iter=300)
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        found = {"C": 1 / PENALTIES}
        search = GridSearchCV(logistic, found, scoring="neg_log_loss", cv=folds, n_jobs=threads)
        return make_pipeline(_Calendar(), columns, search)
    folds = KFold(FOLDS, shuffle=True, random_state=seed)
    search = GridSearchCV(
        Ridge(), {"alpha": PENALTIES}, scoring="neg_mean_squared_error", cv=folds, n_jobs=threads
    )
    return TransformedTargetRegressor(
        make_pipeline(_Calendar(), columns, search), transformer=StandardScaler()
    )


LINEAR = Method("linear", "linear model", "scikit-learn", _linear)
"""Ridge, or logistic regression."""
