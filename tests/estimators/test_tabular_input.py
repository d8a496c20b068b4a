"""Tables and targets in every form that users have them in."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_iris

from chainrule import TableTransformer, TabularClassifier, TabularRegressor
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


RICH = TABLE.with_columns(
    at=pl.col("sold")
    .cast(pl.Datetime("us"))
    .dt.offset_by("90m")
    .dt.replace_time_zone("Asia/Kolkata"),
    cost=pl.col("size").cast(pl.Decimal(10, 3)),
    old=pl.when(pl.col("rooms") == 1).then(None).otherwise(pl.col("new")),
    grade=pl.Series(rng.choice(["low", "high"], N), dtype=pl.Enum(["low", "high"])),
    count=pl.Series(rng.integers(0, 200, N), dtype=pl.UInt8),
    short=pl.col("size").cast(pl.Float32),
)
RICH_POLARS = classifier().fit(RICH, CLASSES).predict_proba(RICH)


@pytest.mark.parametrize(
    "form",
    [
        lambda table: table.to_pandas(),
        lambda table: table.to_pandas().convert_dtypes(),
        lambda table: table.to_pandas(use_pyarrow_extension_array=True),
        lambda table: table.to_arrow(),
        lambda table: table.to_arrow().combine_chunks().slice(0),
        lambda table: table.with_columns(pl.col("grade").cast(pl.Categorical)),
    ],
    ids=["pandas", "pandas, nullable", "pandas on PyArrow", "PyArrow", "in one chunk", "Polars"],
)
def test_zones_decimals_gaps_and_categories_are_the_same_in_every_library(form):
    X = form(RICH)
    assert np.array_equal(classifier().fit(X, CLASSES).predict_proba(X), RICH_POLARS)


def test_pandas_keeps_a_zone_and_answers_the_same_in_another():
    here = RICH.to_pandas()
    there = here.assign(at=here["at"].dt.tz_convert("America/Lima"))
    fitted = classifier().fit(here, CLASSES)
    assert np.array_equal(fitted.predict_proba(there), fitted.predict_proba(here))


# Sparse matrices

ZEROS = np.where(rng.random((N, 5)) < 0.7, 0, rng.normal(size=(N, 5))).round(2)


@pytest.mark.parametrize(
    "form",
    [sparse.csr_matrix, sparse.csc_matrix, sparse.coo_array, sparse.csr_array, sparse.dok_array],
)  # fmt: skip
@pytest.mark.parametrize("cells", [ZEROS, ZEROS.astype(np.float32), ZEROS.astype(int), ZEROS > 0])
def test_a_sparse_matrix_is_learnt_from_like_the_array_it_stands_for(form, cells):
    dense, X = classifier().fit(cells, CLASSES), form(cells)
    found = classifier().fit(X, CLASSES)
    assert np.array_equal(found.predict_proba(X), dense.predict_proba(cells))
    assert np.array_equal(found.predict_proba(cells), dense.predict_proba(cells))
    assert found.n_features_in_ == 5


def test_entries_that_stand_in_one_place_are_added_and_nan_is_missing():
    X = sparse.coo_matrix(([1.0, 2.0, np.nan], ([0, 0, 1], [0, 0, 2])), shape=(N, 3))
    found = classifier().fit(X, CLASSES)
    assert np.array_equal(
        found.predict_proba(X), classifier().fit(X.toarray(), CLASSES).predict_proba(X)
    )
    assert "x2 is missing" in found.get_feature_names_out()


def test_a_sparse_matrix_where_a_frame_was_fitted_is_taken_by_place_with_a_warning():
    frame = pd.DataFrame(ZEROS, columns=list("abcde"))
    fitted = classifier().fit(frame, CLASSES)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = fitted.predict_proba(sparse.csr_matrix(ZEROS))
    assert np.array_equal(found, fitted.predict_proba(frame))
    same = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(ZEROS), columns=list("abcde"))
    assert np.array_equal(found, fitted.predict_proba(same))


def test_the_transformer_takes_a_sparse_matrix():
    found = TableTransformer(n_bins=3).fit_transform(sparse.csr_matrix(ZEROS))
    assert np.array_equal(found, TableTransformer(n_bins=3).fit_transform(ZEROS))


# Arrays


def test_a_header_of_two_rows_is_taken_by_place():
    X, y = load_iris(return_X_y=True)
    header = pd.MultiIndex.from_product([["sepal", "petal"], ["length", "width"]])
    fitted = classifier().fit(pd.DataFrame(X, columns=header), y)
    assert not hasattr(fitted, "feature_names_in_")
    assert np.array_equal(fitted.predict_proba(X), classifier().fit(X, y).predict_proba(X))


@pytest.mark.parametrize("unit", ["h", "m", "s", "ms", "us", "ns"])
def test_points_in_time_are_the_same_in_every_unit_of_numpy(unit):
    hours = np.arange(N).astype("M8[h]")[:, None]
    found = classifier().fit(hours.astype(f"M8[{unit}]"), CLASSES).predict_proba(hours)
    assert np.array_equal(found, classifier().fit(hours, CLASSES).predict_proba(hours))


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


def test_a_class_that_validation_rows_lack_may_have_a_weight():
    y = np.where(np.arange(N) % 3 == 0, "rare", CLASSES)
    some = y != "rare"
    fitted = classifier(class_weight={"rare": 2.0}).fit(
        TABLE, y, validation_data=(TABLE.filter(some), y[some])
    )
    assert fitted.model_.training["validation_rows"] == some.sum()


@pytest.mark.parametrize(
    ("class_weight", "said"),
    [
        ({"z": 1.0}, r"\['z'\], of class_weight are not in y"),
        ({"dear": -1.0}, "finite numbers from 0 on"),
        ({"dear": "many"}, "no number"),
        ([{"dear": 1.0}], "'class_weight' parameter .* must be 'balanced' or a dict"),
        ("even", "'class_weight' parameter"),
    ],
)
def test_class_weights_that_mean_nothing_are_refused(class_weight, said):
    with pytest.raises(InputError, match=said):
        classifier(class_weight=class_weight).fit(TABLE, CLASSES)


@pytest.mark.parametrize("parameters", [{"ignore": None}, {"missing": None}, {"n_bins": None}])
def test_none_leaves_open_what_may_be_open(parameters):
    plain = classifier().fit(TABLE, CLASSES)
    found = classifier(**parameters).fit(TABLE, CLASSES)
    assert np.array_equal(found.predict_proba(TABLE), plain.predict_proba(TABLE))
    assert TableTransformer(**parameters).fit_transform(TABLE).shape[0] == N


@pytest.mark.parametrize(
    ("name", "value"), [("n_jobs", 0), ("n_jobs", "all"), ("engine", None), ("random_state", -1),
                        ("random_state", "a"), ("batch_size", "auto")]
)  # fmt: skip
def test_a_parameter_that_cannot_be_is_named(name, value):
    with pytest.raises(InputError, match=name):
        classifier().set_params(**{name: value}).fit(TABLE, CLASSES)


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
        (sparse.csr_matrix((60, 10**6)), CLASSES, "0.22 GiB as float32.*MLPClassifier"),
        (sparse.coo_array(np.ones(N)), CLASSES, "sparse array of"),
        (sparse.csr_matrix(np.ones((N, 2)) * 1j), CLASSES, "Complex data not supported"),
        (sparse.csr_matrix((0, 3)), CLASSES[:0], "0 sample"),
        (TABLE.to_dict(as_series=False), CLASSES, "pandas.DataFrame"),
        (TABLE.to_dicts(), CLASSES, "pandas.DataFrame"),
        (TABLE.to_pandas().to_records(), CLASSES, "pandas.DataFrame"),
        (TABLE["size"], CLASSES, "got a series"),
        (TABLE.to_pandas()["size"], CLASSES, "got a series"),
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


@pytest.mark.parametrize(
    "weight", [np.zeros(N), -np.ones(N), np.ones(3), np.full(N, np.inf), ["a"] * N]
)
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
