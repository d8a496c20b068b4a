"""Tables and targets in every form that users have them in."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris

from chainrule import TabularClassifier, TabularRegressor
from chainrule.errors import InputError, TableError

rng = np.random.default_rng(0)
N = 60
TABLE = pl.DataFrame(
    {
        "size": rng.normal(size=N).round(3),
        "town": rng.choice(["Rome", "Oslo", None], N),
        "sold": [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(d)) for d in range(N)],
        "new": rng.random(N) < 0.5,
        "rooms": rng.choice([1, 2, 3, None], N).tolist(),
    }
)
PRICE = np.where(TABLE["new"], 3.0, 0.0) + TABLE["size"].to_numpy()
CLASSES = np.where(PRICE - np.median(PRICE) > 0, "dear", "cheap")


def classifier(**parameters):
    return TabularClassifier((4,), max_iter=4, random_state=0, **parameters)


def regressor(**parameters):
    return TabularRegressor((4,), max_iter=4, random_state=0, **parameters)


POLARS = classifier().fit(TABLE, CLASSES).predict_proba(TABLE)


@pytest.mark.parametrize(
    "form",
    [
        lambda table: table.to_pandas(),
        lambda table: table.to_arrow(),
        lambda table: table.to_pandas().set_index(np.arange(N)[::-1]),
        lambda table: table.to_pandas().astype({"town": "category"}),
    ],
    ids=["pandas", "PyArrow", "pandas with an index of its own", "pandas with categories"],
)
def test_every_library_gives_the_same_probabilities(form):
    X = form(TABLE)
    assert np.array_equal(classifier().fit(X, CLASSES).predict_proba(X), POLARS)


def test_an_array_of_objects_is_read_like_the_table_it_came_from():
    table = TABLE.with_columns(pl.col("sold").cast(pl.String))
    X = table.to_pandas().to_numpy()
    assert X.dtype == object
    of_array = classifier(kinds={"x4": "number"}).fit(X, CLASSES).predict_proba(X)
    of_frame = classifier().fit(table, CLASSES).predict_proba(table)
    assert np.array_equal(of_array, of_frame)


def test_a_memory_mapped_array_learns_like_the_array(tmp_path):
    X, y = load_iris(return_X_y=True)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    found = classifier().fit(mapped, y).predict_proba(mapped)
    assert np.array_equal(found, classifier().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("dtype", ["float16", "float32", "int8", "bool", "U3"])
def test_arrays_of_every_type_are_learnt_from(dtype):
    X = np.column_stack([CLASSES == "dear", rng.random(N) < 0.5]).astype(int).astype(dtype)
    assert classifier().fit(X, CLASSES).predict_proba(X).shape == (N, 2)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array(["1", "2"]),
        np.array([3, -7], dtype=np.int8),
        np.array([False, True]),
        np.array([1.0, 2.0], dtype=np.float32),
        np.array([2**62, 2**62 + 1]),
    ],
    ids=["texts", "objects", "texts of digits", "int8", "booleans", "floats", "large integers"],
)
def test_classes_keep_their_names_and_types(labels):
    y = labels[(CLASSES == "dear").astype(int)]
    fitted = classifier().fit(TABLE, y)
    assert fitted.classes_.dtype == y.dtype
    assert np.array_equal(fitted.classes_, np.unique(y))
    assert fitted.model_.target.classes == tuple(fitted.classes_.tolist())
    predicted = fitted.predict(TABLE)
    assert predicted.dtype == y.dtype
    assert set(predicted.tolist()) <= set(y.tolist())


@pytest.mark.parametrize(
    "form", [list, pl.Series, pd.Series, lambda y: pa.array(y.tolist()),
             lambda y: pd.Series(y, dtype="category", index=np.arange(N)[::-1])]
)  # fmt: skip
def test_targets_of_every_library_are_taken_in_order(form):
    assert np.array_equal(classifier().fit(TABLE, form(CLASSES)).predict_proba(TABLE), POLARS)


def test_a_target_with_the_name_of_a_column_is_not_that_column():
    y = pd.Series(PRICE, name="size")
    fitted = regressor().fit(TABLE.to_pandas(), y)
    assert fitted.model_.target.name == "size_"
    same = regressor().fit(TABLE.to_pandas(), pd.Series(PRICE, name="price"))
    assert np.array_equal(fitted.predict(TABLE.to_pandas()), same.predict(TABLE.to_pandas()))


def test_pandas_columns_with_numbers_as_names_are_taken_by_their_place():
    X, y = load_iris(return_X_y=True)
    fitted = classifier().fit(pd.DataFrame(X), y)
    assert not hasattr(fitted, "feature_names_in_")
    assert np.array_equal(fitted.predict_proba(X), classifier().fit(X, y).predict_proba(X))


def test_a_frame_where_an_array_was_fitted_is_taken_by_place_with_a_warning():
    X, y = load_iris(return_X_y=True)
    fitted = classifier().fit(X, y)
    with pytest.warns(UserWarning, match="X has feature names"):
        assert np.array_equal(fitted.predict(pd.DataFrame(X, columns=list("abcd"))),
                              fitted.predict(X))  # fmt: skip


def test_rows_of_weight_zero_are_not_there():
    weight = (np.arange(N) % 3 > 0).astype(float)
    kept = np.flatnonzero(weight)
    of_all = regressor().fit(TABLE, PRICE, sample_weight=weight)
    of_some = regressor().fit(TABLE[kept], PRICE[kept], sample_weight=np.ones(len(kept)))
    assert np.array_equal(of_all.predict(TABLE), of_some.predict(TABLE))


def test_class_weights_are_row_weights():
    factor = {"dear": 5.0, "cheap": 0.5}
    by_class = classifier(class_weight=factor).fit(TABLE, CLASSES)
    by_row = classifier().fit(TABLE, CLASSES, sample_weight=[factor[c] for c in CLASSES])
    assert np.array_equal(by_class.predict_proba(TABLE), by_row.predict_proba(TABLE))
    assert not np.allclose(by_class.predict_proba(TABLE), POLARS)
    weight = rng.random(N)
    both = classifier(class_weight=factor).fit(TABLE, CLASSES, sample_weight=weight)
    product = classifier().fit(TABLE, CLASSES, weight * [factor[c] for c in CLASSES])
    assert np.array_equal(both.predict_proba(TABLE), product.predict_proba(TABLE))


def test_validation_data_choose_the_epoch_and_are_not_learnt_from():
    other = (TABLE[:20], CLASSES[:20])
    fitted = classifier().fit(TABLE[20:], CLASSES[20:], validation_data=other)
    assert fitted.model_.training["training_rows"] == N - 20
    assert fitted.model_.training["validation_rows"] == 20
    assert len(fitted.validation_loss_curve_) == len(fitted.loss_curve_) == fitted.n_iter_
    weighted = classifier().fit(TABLE[20:], CLASSES[20:], validation_data=(*other, np.arange(20)))
    assert weighted.loss_curve_ == fitted.loss_curve_
    assert weighted.validation_loss_curve_ != fitted.validation_loss_curve_


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (csr_matrix(np.eye(N)), CLASSES, "X is sparse"),
        (TABLE.lazy(), CLASSES, "Expected a table"),
        (TABLE["size"].to_numpy(), CLASSES, "Reshape your data"),
        (pd.DataFrame(np.ones((N, 2)), columns=["a", "a"]), CLASSES, "cannot be told apart"),
        (TABLE[:0], CLASSES[:0], "X has no row"),
        (TABLE, CLASSES[1:], "inconsistent numbers of samples"),
        (TABLE, None, "the target y is None"),
        (TABLE, np.where(CLASSES == "dear", "", "x"), "reads like a missing value"),
        (TABLE, np.where(CLASSES == "dear", " x", "x"), "blanks around it"),
        (TABLE, np.full(N, "x"), "only one class"),
        (TABLE, [None, *CLASSES[1:]], "missing in 1 of 60 rows, the first of them row 1"),
        (TABLE, pd.Series([*CLASSES[:-1], pd.NA], dtype="string"), "of them row 60"),
        (TABLE, pl.Series([None, None, *CLASSES[2:]]), "missing in 2 of 60 rows"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused_in_words(X, y, said):
    with pytest.raises(ValueError, match=said):
        classifier().fit(X, y)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (CLASSES, "a number is needed"),
        (np.full(N, 3.0), "3.0 in every row"),
        (np.where(PRICE > 1, np.nan, PRICE), "NaN"),
        (np.array(["x", *PRICE[1:]], dtype=object), "no number"),
    ],
)
def test_numbers_that_cannot_be_learnt_are_refused_in_words(y, said):
    with pytest.raises(ValueError, match=said):
        regressor().fit(TABLE, y)


def test_a_cell_that_is_no_number_is_named_when_predicting():
    fitted = classifier().fit(TABLE, CLASSES)
    with pytest.raises(TableError, match=r"'size', row 3: 'large' is not a number"):
        fitted.predict(TABLE.with_columns(size=pl.Series(["1"] * 2 + ["large"] + ["1"] * (N - 3))))


@pytest.mark.parametrize("weight", [np.zeros(N), -np.ones(N), np.ones(3), np.full(N, np.inf)])
def test_weights_that_mean_nothing_are_refused(weight):
    with pytest.raises(InputError, match="sample_weight"):
        classifier().fit(TABLE, CLASSES, sample_weight=weight)


def test_a_class_with_one_row_is_learnt_as_parts_of_a_table_have_it():
    y = np.where(np.arange(N) == 7, "rare", CLASSES)
    fitted = classifier().fit(TABLE, y)
    assert fitted.classes_.tolist() == ["cheap", "dear", "rare"]
    assert fitted.predict_proba(TABLE).shape == (N, 3)


def test_masked_cells_are_missing_cells():
    X, y = load_iris(return_X_y=True)
    mask = rng.random(X.shape) < 0.1
    masked = classifier().fit(np.ma.masked_array(X, mask), y)
    gaps = classifier().fit(np.where(mask, np.nan, X), y)
    assert np.array_equal(masked.predict_proba(X), gaps.predict_proba(X))
