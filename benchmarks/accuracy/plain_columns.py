"""Columns as tree libraries want them: numbers, and categories with levels seen in training."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

ISO_DATE = r"\d{4}-\d{2}-\d{2}"


class PlainColumns(TransformerMixin, BaseEstimator):
    """Dates become days, truth values 0 and 1, texts categories; numbers and gaps stay.

    Parameters
    ----------
    most_levels : int or None
        Rarer levels than the so many most frequent ones become missing.
    """

    def __init__(self, most_levels: int | None = None) -> None:
        self.most_levels = most_levels

    def fit(self, X: pd.DataFrame, y: Any = None) -> Self:
        """Find the dates, and the levels of the texts."""
        texts = [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]
        self.dates_ = [
            name for name in texts if X[name].dropna().astype(str).str.fullmatch(ISO_DATE).all()
        ]
        self.levels_ = {
            name: sorted(
                X[name].astype(str)[X[name].notna()].value_counts().index[: self.most_levels]
            )
            for name in texts
            if name not in self.dates_
        }
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The columns, texts as pandas categories."""
        columns = {}
        for name, column in X.items():
            if name in self.dates_:
                days = pd.to_datetime(column) - pd.Timestamp("1970-01-01")
                columns[name] = days / pd.Timedelta(days=1)
            elif name in self.levels_:
                texts = column.astype(str).where(column.notna(), None)
                columns[name] = pd.Categorical(texts, categories=self.levels_[name])
            elif column.dtype.kind == "b":
                columns[name] = column.astype(np.int64)
            else:
                columns[name] = column
        return pd.DataFrame(columns, index=X.index)
