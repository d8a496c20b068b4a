"""What users of scikit-learn pass as X and as weights, as data frames with named columns."""

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data

from chainrule.arrays import Floats
from chainrule.errors import InputError, TableError
from chainrule.estimators.sparse_table import checked_sparse, columns_of
from chainrule.table import frame_of

_TIMES = ("M8[D]", "M8[ms]", "M8[us]", "M8[ns]", "m8[ms]", "m8[us]", "m8[ns]")
"""NumPy's points and spans of time as Polars takes them."""

_KINDS_OF_TIME = {
    datetime.timedelta: "durations",
    datetime.time: "times of day",
    datetime.date: "points in time",
}
"""Python's objects of time; a datetime is a date."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows of a table with their targets, and what each counts; None is 1 for all."""

    frame: nw.DataFrame[Any]
    y: NDArray[Any]
    weight: Floats | None

    def take(self, which: NDArray[np.int64]) -> "LabelledRows":
        """The rows of these numbers (from 0)."""
        weight = None if self.weight is None else self.weight[which]
        return LabelledRows(self.frame[which], self.y[which], weight)


def named_frame(estimator: Any, X: Any, *, reset: bool) -> nw.DataFrame[Any]:
    """X as a frame with the names of the columns that were fitted; x0, x1, ... if it had none.

    With `reset` these names are learnt.

    Raises:
        ValueError: X is no table, or has other columns than the one fitted.
    """
    if _is_frame(X):
        X = _with_one_level(X)
        _check_columns(X)
    else:
        X = _as_array(X)
    validate_data(estimator, X, skip_check_array=True, reset=reset)
    numbered = [f"x{j}" for j in range(estimator.n_features_in_)]
    return _as_frame(X, list(getattr(estimator, "feature_names_in_", numbered)))


def with_table_tags(tags: Any) -> Any:
    """The tags of an estimator that takes tables as they are."""
    tags.input_tags.sparse = True
    tags.input_tags.allow_nan = True
    tags.input_tags.string = True
    tags.input_tags.categorical = True
    return tags


def _is_frame(X: Any) -> bool:
    """Whether X is a data frame in memory (pandas, Polars, PyArrow, ...)."""
    return bool(nw.dependencies.is_into_dataframe(X))


def _with_one_level(X: Any) -> Any:
    """X, of pandas with a header of several rows as scikit-learn sees it: without names of texts.

    Two names that are tuples would be told apart, but not be read as names of columns.
    """
    if nw.dependencies.is_pandas_dataframe(X) and X.columns.nlevels > 1:
        return X.set_axis(range(X.shape[1]), axis=1)
    return X


def _as_array(X: Any) -> Any:
    """X as a two-dimensional array of any dtype, without a copy where it is one; or as CSC.

    Raises:
        InputError: X is complex, empty, not two-dimensional, or sparse and too large to write out.
    """
    if nw.dependencies.is_into_series(X):
        raise InputError(
            f"Expected a table, got a series ({type(X).__name__}): give a data frame of one column "
            "(X.to_frame()), or a slice of one row (X.iloc[[i]] of pandas, X[i:i+1] of Polars)."
        )
    if np.ma.isMaskedArray(X):
        X = np.ma.filled(X.astype(object), None)
    array = checked_sparse(X) if issparse(X) else np.asarray(X)
    if array.dtype.kind == "c":
        raise InputError(f"Complex data not supported: X holds numbers of type {array.dtype}.")
    named = isinstance(X, Mapping) and not issparse(X)
    if named or array.dtype.kind == "V" or _holds_mappings(array):
        raise InputError(
            f"Expected a table, got {type(X).__name__} with named fields: make it a data frame, as "
            "by pandas.DataFrame(X)."
        )
    if array.ndim != 2:
        raise InputError(
            f"Expected a table: a data frame, or a 2D array of rows and columns; got "
            f"{type(X).__name__} with {array.ndim} dimension{'s' if array.ndim != 1 else ''}. "
            "Reshape your data with X.reshape(-1, 1) if it is one column, with X.reshape(1, -1) "
            "if it is one row."
        )
    n, d = array.shape
    if n == 0 or d == 0:
        what = "sample" if n == 0 else "feature"
        raise InputError(
            f"Found array with 0 {what}(s) (shape=({n}, {d})) while a minimum of 1 is required."
        )
    return array


def _holds_mappings(array: Any) -> bool:
    return (
        array.dtype.kind == "O" and array.ndim == 1 and any(isinstance(x, Mapping) for x in array)
    )


def _as_frame(X: Any, names: Collection[str]) -> nw.DataFrame[Any]:
    """A data frame or what `_as_array` gave as a frame whose columns have these names, in order.

    Raises:
        TableError: two columns have one name.
    """
    if not _is_frame(X):
        columns = columns_of(X, names) if issparse(X) else zip(names, X.T, strict=True)
        return nw.from_native(pl.DataFrame([_column(*column) for column in columns]))
    frame = frame_of(X)
    if frame.columns == list(names):
        return frame
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _column(name: str, values: NDArray[Any]) -> pl.Series:
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    if values.dtype.kind in "Mm" and values.dtype.str[1:] not in _TIMES:
        values = values.astype(f"{values.dtype.kind}8[us]")
    if values.dtype.kind in "SU":
        return pl.Series(name, values.astype(str).tolist(), dtype=pl.String)
    if values.dtype.kind == "O":  # texts, numbers and None, as they come
        return pl.Series(name, values.tolist(), dtype=pl.Object)
    return pl.Series(name, np.ascontiguousarray(values))


def target_array(y: Any) -> NDArray[Any]:
    """Targets of any library as an array.

    Raises:
        InputError: one that is no number is missing; they are a sparse matrix; or they are points
            in time, durations or times of day.
    """
    if issparse(y):
        raise InputError("y is a sparse matrix: give an array, y.toarray().")
    if nw.dependencies.is_into_series(y):
        series = nw.from_native(y, series_only=True)
        missing = series.is_null().to_numpy().astype(bool)
        array = series.to_numpy()
    else:
        array = np.asarray(y)
        objects = array.ravel() if array.dtype.kind == "O" else ()
        missing = np.array([cell is None or cell != cell for cell in objects], dtype=bool)
    if array.dtype.kind == "O" and missing.any():
        raise InputError(
            f"y is missing in {missing.sum():,} of {len(missing):,} rows, the first of them row "
            f"{np.argmax(missing) + 1}: leave such rows out, or fill them in."
        )
    _refuse_times(array, "y")
    return array


def _refuse_times(array: NDArray[Any], name: str) -> None:
    """NumPy would make numbers of them, in whatever unit they have."""
    what = {"m": "durations", "M": "points in time"}.get(array.dtype.kind)
    if array.dtype.kind == "O":
        cells = (cell for cell in array.flat if isinstance(cell, tuple(_KINDS_OF_TIME)))
        cell = next(cells, None)
        what = next((word for kind, word in _KINDS_OF_TIME.items() if isinstance(cell, kind)), None)
    if what is not None:
        unit = "days from today" if what == "points in time" else "seconds"
        raise InputError(
            f"{name} holds {what}, which are no numbers: turn them into a number of {unit} first."
        )


def with_column(
    frame: nw.DataFrame[Any], name: str, values: NDArray[Any], dtype: Any
) -> nw.DataFrame[Any]:
    """The frame with one more column."""
    content = values.tolist() if values.dtype.kind in "OU" else values
    return frame.with_columns(nw.new_series(name, content, dtype, backend=frame.implementation))


def free_name(wanted: Any, taken: Collection[str]) -> str:
    """`wanted` if it is a name that no column has yet, or one made of it."""
    name = wanted if isinstance(wanted, str) and wanted else "target"
    while name in taken:
        name += "_"
    return name


def checked_weights(sample_weight: Any, n: int) -> Floats | None:
    """How much each row counts, shape (n,); None if all count 1.

    Raises:
        InputError: they are not n finite numbers of 0 or more, of which one is positive; durations
            and the like are no numbers.
    """
    if sample_weight is None:
        return None
    try:
        given = np.asarray(sample_weight)
        weight = given.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"sample_weight holds something else than numbers: {error}.") from error
    _refuse_times(given, "sample_weight")
    weight = np.full(n, weight) if weight.ndim == 0 else weight
    if weight.shape != (n,):
        raise InputError(f"sample_weight has shape {weight.shape}, but X has {n} rows.")
    if not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise InputError("sample_weight must be finite, not negative, and not zero for all rows.")
    return weight


def _check_columns(X: Any) -> None:
    """Refuse a frame whose columns cannot be told apart, or that is empty.

    Raises:
        TableError: says which.
    """
    try:
        n, d = frame_of(X).shape
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise TableError(f"the columns of X cannot be told apart: {error}") from error
    if n == 0 or d == 0:
        what = "row" if n == 0 else "column"
        raise TableError(f"X has no {what}: its shape is ({n}, {d}).")
