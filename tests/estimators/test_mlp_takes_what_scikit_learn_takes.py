"""What scikit-learn's multilayer perceptrons take, ours take, and refuse what they refuse."""

import warnings
from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn.neural_network
from scipy import sparse

import chainrule

n, d = 24, 3
rng = np.random.default_rng(0)
X = np.where(rng.random((n, d)) < 0.4, 0, rng.standard_normal((n, d)))
NAMES = [f"column {j}" for j in range(d)]
FRAME = pd.DataFrame(X, columns=NAMES)
TABLES = {
    "float64": X,
    "float32": X.astype(np.float32),
    "float16": X.astype(np.float16),
    "whole numbers": (3 * X).astype(int),
    "bytes": np.abs(3 * X).astype(np.uint8),
    "yes and no": X > 0,
    "objects": X.astype(object),
    "complex numbers": X + 1j,
    "column after column": np.asfortranarray(X),
    "every second row": np.repeat(X, 2, axis=0)[::2],
    "read-only": np.frombuffer(X.tobytes()).reshape(n, d),
    "of the other byte order": X.astype(X.dtype.newbyteorder()),
    "lists": X.tolist(),
    "a matrix": np.asmatrix(X),
    "CSR": sparse.csr_array(X),
    "CSC": sparse.csc_matrix(X),
    "COO": sparse.coo_array(X),
    "DOK": sparse.dok_matrix(X),
    "LIL": sparse.lil_array(X),
    "CSR of whole numbers": sparse.csr_matrix((3 * X).astype(int)),
    "CSR with NaN": sparse.csr_array(np.where(X > 1, np.nan, X)),
    "pandas": FRAME,
    "pandas, nullable": FRAME.astype("Float64"),
    "pandas, a name that is no text": FRAME.rename(columns={NAMES[0]: 0}),
    "pandas, names that are no text": pd.DataFrame(X),
    "pandas, a text": FRAME.assign(**{NAMES[0]: "a"}),
    "Polars": pl.DataFrame(dict(zip(NAMES, X.T, strict=True))),
    "PyArrow": pa.table(dict(zip(NAMES, X.T, strict=True))),
    "NaN": np.where(X > 1, np.nan, X),
    "infinity": np.where(X > 1, np.inf, X),
    "one dimension": X[:, 0],
    "three dimensions": X[:, :, None],
    "no rows": X[:0],
    "no columns": X[:, :0],
    "a text": np.where(X > 1, "a", X.astype(object)),
}
ONES = rng.integers(0, 2, n)
LABELS = rng.integers(0, 2, (n, 3))
NUMBERS = rng.standard_normal(n)
CLASSES = {
    "0 and 1": ONES,
    "three classes": rng.integers(0, 3, n),
    "-1 and 1": 2 * ONES - 1,
    "0.0 and 1.0": ONES.astype(float),
    "texts": np.array(["a", "b"])[ONES],
    "objects": np.array(["a", "b"], dtype=object)[ONES],
    "yes and no": ONES > 0,
    "a list": ONES.tolist(),
    "a series": pd.Series(ONES),
    "a categorical": pd.Series(np.array(["a", "b"])[ONES], dtype="category"),
    "a Polars series": pl.Series(ONES),
    "a column": ONES[:, None],
    "labels": LABELS,
    "labels as booleans": LABELS > 0,
    "labels as lists": LABELS.tolist(),
    "sparse labels": sparse.csr_array(LABELS),
    "classes in two columns": rng.integers(0, 4, (n, 2)),
    "numbers": NUMBERS,
    "NaN": np.where(ONES == 1, np.nan, ONES),
    "too few": ONES[:-1],
    "nothing": None,
    "a number": np.array(1),
}
TARGETS = {
    "numbers": NUMBERS,
    "float32": NUMBERS.astype(np.float32),
    "whole numbers": ONES,
    "yes and no": ONES > 0,
    "objects": NUMBERS.astype(object),
    "a list": NUMBERS.tolist(),
    "a series": pd.Series(NUMBERS),
    "a Polars series": pl.Series(NUMBERS),
    "a column": NUMBERS[:, None],
    "two columns": np.column_stack([NUMBERS, ONES]),
    "a frame": pd.DataFrame({"a": NUMBERS, "b": ONES}),
    "a sparse column": sparse.csr_matrix(NUMBERS[:, None]),
    "objects that are texts": np.array(["a"] * n, dtype=object),
    "NaN": np.where(ONES == 1, np.nan, NUMBERS),
    "infinity": np.where(ONES == 1, np.inf, NUMBERS),
    "too few": NUMBERS[:-1],
    "three dimensions": rng.standard_normal((n, 2, 2)),
    "nothing": None,
}
WEIGHTS = {
    "numbers": rng.uniform(0, 2, n),
    "whole numbers": np.arange(n),
    "one number": 2.0,
    "a list": [1.0] * n,
    "a series": pd.Series(np.ones(n)),
    "too few": np.ones(n - 1),
    "zeros": np.zeros(n),
    "two dimensions": np.ones((n, 1)),
    "NaN": np.where(ONES == 1, np.nan, 1.0),
    "texts": ["a"] * n,
}


def outcome(call):
    """The built-in kinds of error that a call ends with; or what it warns of and gives."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            given = call()
        except Exception as error:
            kinds = (ValueError, TypeError, AttributeError)
            return {kind for kind in kinds if isinstance(error, kind)}
    form = (type(given), getattr(given, "shape", None), getattr(given, "dtype", None))
    return {one.category for one in warned} - {RuntimeWarning}, form


def knows(model):
    """What a fitted model knows of the table and the targets."""
    names = getattr(model, "feature_names_in_", np.array([])).tolist()
    return names, model.n_features_in_, model.n_outputs_, [W.dtype for W in model.coefs_]


def assert_alike(name, table, targets, *weight):
    ours, theirs = (
        getattr(package, name)(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
        for package in (chainrule, sklearn.neural_network)
    )
    for call in (
        lambda model: model.fit(table, targets, *weight) and None,
        lambda model: model.predict(table),
        lambda model: model.predict_proba(table),
        lambda model: model.score(table, targets, *weight),
    ):
        mine, other = outcome(partial(call, ours)), outcome(partial(call, theirs))
        if isinstance(other, set):
            assert isinstance(mine, set)
            assert mine & other
        else:
            assert mine == other
    if hasattr(theirs, "coefs_"):
        assert knows(ours) == knows(theirs)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_taken_or_refused_as_there(name, table):
    assert_alike(name, table, ONES)


@pytest.mark.parametrize("targets", CLASSES.values(), ids=CLASSES)
def test_classes_are_taken_or_refused_as_there(targets):
    assert_alike("MLPClassifier", X, targets)


@pytest.mark.parametrize("targets", TARGETS.values(), ids=TARGETS)
def test_targets_are_taken_or_refused_as_there(targets):
    assert_alike("MLPRegressor", X, targets)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
def test_row_weights_are_taken_or_refused_as_there(name, weight):
    assert_alike(name, X, ONES, weight)
