"""Whole tables: the same numbers from every library, every row by itself, always finite."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, RobustScaler

from chainrule.errors import ModelFileError, TableError
from chainrule.table.categories import fewest_rows
from chainrule.table.cells import read_cells
from chainrule.table.encoder import TableEncoder
from chainrule.table.numbers import piecewise_linear, quantile_edges
from chainrule.table.scaling import LIMIT, RobustScaling, unclipped

finite = st.floats(-1e38, 1e38)
columns = {
    "amount": st.none() | finite,
    "count": st.none() | st.integers(-5, 5),
    "word": st.none() | st.sampled_from(["a", "b", "B", "NA", "ü", "d e"]),
    "flag": st.none() | st.booleans(),
    "number text": st.none() | finite.map(repr) | st.sampled_from(["NA", "?"]),
    "day": st.none() | st.dates(),
    "moment": st.none() | st.datetimes(),
}
DTYPES = {
    "amount": pl.Float64, "count": pl.Int64, "word": pl.String, "flag": pl.Boolean,
    "number text": pl.String, "day": pl.Date, "moment": pl.Datetime("us"),
}  # fmt: skip


@st.composite
def tables(draw, min_rows=2):
    n = draw(st.integers(min_rows, 30))
    data = {name: draw(st.lists(cell, min_size=n, max_size=n)) for name, cell in columns.items()}
    # Two columns that always vary, so that there is something to learn.
    data["running"] = [i * i for i in range(n)]
    return pl.DataFrame(data, schema_overrides=DTYPES)


def fitted(table, bins=0):
    return TableEncoder.fit(table, bins=bins)


@settings(max_examples=25, deadline=None)
@given(tables(), st.sampled_from([0, 4]), st.randoms(use_true_random=False))
def test_every_row_is_encoded_by_itself_and_finite(table, bins, random):
    encoder = fitted(table, bins)
    X = encoder.encode(table)
    assert X.dtype == np.float32
    assert X.flags.c_contiguous
    assert X.shape == (len(table), len(encoder.input_names))
    assert np.isfinite(X).all()
    rows = random.sample(range(len(table)), random.randint(1, len(table)))
    np.testing.assert_array_equal(encoder.encode(table[rows]), X[rows])


@settings(max_examples=25, deadline=None)
@given(tables(), st.sampled_from([0, 4]))
def test_the_state_survives_json_and_encodes_to_the_bit(table, bins):
    encoder = fitted(table, bins)
    again = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again == encoder
    assert again.encode(table).tobytes() == encoder.encode(table).tobytes()


@settings(max_examples=25, deadline=None)
@given(tables())
def test_pandas_polars_and_pyarrow_give_the_same_encoder_and_bits(table):
    encoder = fitted(table)
    X = encoder.encode(table)
    for other in (
        table.to_arrow(),
        table.to_pandas(),
        table.to_pandas(use_pyarrow_extension_array=True),
    ):
        assert TableEncoder.fit(other) == encoder
        assert encoder.encode(other).tobytes() == X.tobytes()


@settings(max_examples=25, deadline=None)
@given(tables())
def test_a_typed_table_and_its_csv_text_give_the_same_bits(table):
    table = table.drop("number text")
    text = table.with_columns(
        pl.Series(name, [None if v is None else str(v) for v in table[name]], dtype=pl.String)
        for name in table.columns
    )
    encoder = fitted(table)
    assert encoder.encode(text).tobytes() == encoder.encode(table).tobytes()


@settings(max_examples=25, deadline=None)
@given(tables(), st.text(max_size=5), finite)
def test_levels_never_seen_and_missing_values_never_raise(table, word, number):
    encoder = fitted(table)
    strange = pl.DataFrame(
        {"word": [word, None], "amount": [number, None], "count": [7, None], "flag": [True, None],
         "number text": [repr(number), None], "day": ["2024-02-29", None], "running": [-1, None],
         "moment": ["1999-12-31 23:59:59", None]}, strict=False,
    )  # fmt: skip
    assert np.isfinite(encoder.encode(strange)).all()
    assert encoder.encode(strange[:0]).shape == (0, len(encoder.input_names))


@pytest.mark.parametrize("limit", [5, 40])
def test_numbers_are_scaled_as_robust_scaler_does_and_then_clipped_smoothly(limit):
    x = np.random.default_rng(0).lognormal(size=200)
    encoder = TableEncoder.fit(pl.DataFrame({"x": x})).with_limits(
        {"x": limit} if limit > 5 else {}
    )
    z = RobustScaler().fit_transform(x[:, None])
    X = encoder.encode(pl.DataFrame({"x": x}))
    np.testing.assert_allclose(X, z / np.sqrt(1 + (z / limit) ** 2), rtol=1e-6)
    assert ("not clipped" in encoder.columns[0].describe()) is (limit > 5)


def test_a_number_of_a_file_without_a_limit_is_clipped_as_it_was_when_the_limit_was_three():
    x = np.random.default_rng(0).lognormal(size=200)
    state = TableEncoder.fit(pl.DataFrame({"x": x})).to_dict()
    del state["columns"][0]["scaling"]["limit"]
    z = RobustScaler().fit_transform(x[:, None])
    X = TableEncoder.from_dict(state).encode(pl.DataFrame({"x": x}))
    np.testing.assert_allclose(X, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    del state["columns"][0]["scaling"]["spread"]
    with pytest.raises(ModelFileError, match="'spread' is missing"):
        TableEncoder.from_dict(state)


@given(st.floats(-3000, 3000))
def test_the_clip_is_undone_as_far_as_a_float32_can_tell(z):
    scaled = RobustScaling(0.0, 1.0, LIMIT).apply(np.array([z])).astype(np.float32)
    assert unclipped(scaled)[0] == pytest.approx(z, rel=0.05, abs=1e-6)


def test_a_column_that_is_mostly_one_value_is_scaled_by_half_its_range():
    x = [0.0] * 90 + [7.0] * 10
    X = TableEncoder.fit(pl.DataFrame({"x": x})).encode(pl.DataFrame({"x": [0.0, 7.0]}))
    np.testing.assert_allclose(X[:, 0], [0, 2 / np.sqrt(1 + 4 / 25)], rtol=1e-6)


def test_a_missing_number_is_the_median_and_flagged_where_training_had_missing_ones():
    seen = TableEncoder.fit(pl.DataFrame({"x": [1.0, 2.0, 4.0, None]}))
    assert seen.input_names == ("x", "x is missing")
    np.testing.assert_array_equal(
        seen.encode(pl.DataFrame({"x": [2.0, None]})), np.float32([[0, 0], [0, 1]])
    )
    unseen = TableEncoder.fit(pl.DataFrame({"x": [1.0, 2.0, 4.0]}))
    assert unseen.encode(pl.DataFrame({"x": [None]}, schema={"x": pl.Float64})).tolist() == [[0.0]]


def test_categories_are_what_one_hot_encoder_gives():
    words = np.random.default_rng(0).choice(["a", "b", "c"], 100, p=[0.6, 0.3, 0.1])
    encoder = TableEncoder.fit(pl.DataFrame({"x": words}))
    oracle = OneHotEncoder(categories=[["a", "b", "c"]], sparse_output=False)
    assert encoder.input_names == ("x = a", "x = b", "x = c")
    np.testing.assert_array_equal(
        encoder.encode(pl.DataFrame({"x": words})), oracle.fit_transform(words[:, None])
    )


def test_rare_levels_are_grouped_as_infrequent_categories_are():
    words = np.random.default_rng(0).choice(
        list("abcdefghij"), 3000, p=[0.495, 0.497, *[0.001] * 8]
    )
    encoder = TableEncoder.fit(pl.DataFrame({"x": words}))
    oracle = OneHotEncoder(min_frequency=fewest_rows(3000), sparse_output=False)
    expected = oracle.fit_transform(words[:, None])
    X = encoder.encode(pl.DataFrame({"x": words}))
    assert encoder.input_names[-1] == "x = (rare)"
    assert sorted(map(tuple, X.T)) == sorted(map(tuple, expected.T.astype(np.float32)))
    unseen = encoder.encode(pl.DataFrame({"x": ["never seen"]}))
    assert unseen[0, -1] == 1
    assert unseen.sum() == 1


def test_at_most_max_levels_are_kept():
    words = [f"w{i % 50}" for i in range(1000)]
    encoder = TableEncoder.fit(pl.DataFrame({"x": words}), max_levels=7)
    assert len(encoder.input_names) == 8
    assert encoder.columns[0].describe() == "50 levels: the 7 most frequent kept, 43 rare grouped"


def test_two_places_are_one_input_and_an_unseen_level_lies_between_them():
    encoder = TableEncoder.fit(pl.DataFrame({"x": ["b", "a", "b", "a", "b"]}))
    assert encoder.input_names == ("x = a",)
    X = encoder.encode(pl.DataFrame({"x": ["a", "b", "c", None]}))
    assert X.ravel().tolist() == [1.0, -1.0, 0.0, 0.0]


def test_missing_categories_have_their_place_and_are_else_as_unseen_ones():
    encoder = TableEncoder.fit(pl.DataFrame({"x": ["a", "b", None] * 3}))
    assert encoder.input_names == ("x = a", "x = b", "x = (missing)")
    X = encoder.encode(pl.DataFrame({"x": [None, "never seen"]}))
    assert X.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_numbers_as_categories_match_however_they_are_written():
    table = pl.DataFrame({"zip": ["7", "8", "9"] * 4})
    encoder = TableEncoder.fit(table, kinds={"zip": "category"})
    expected = encoder.encode(pl.DataFrame({"zip": ["7", "9", "8"]}))
    for values in ([7, 9, 8], [7.0, 9.0, 8.0], ["7.0", "+9", "8e0"]):
        np.testing.assert_array_equal(encoder.encode(pl.DataFrame({"zip": values})), expected)
    typed = TableEncoder.fit(pd.DataFrame({"zip": [7.0, 8.0, 9.0] * 4}), kinds={"zip": "category"})
    assert typed == encoder


def test_whole_floats_are_named_without_a_fraction():
    table = pl.DataFrame({"zip": [80331.0, 101.5, 7.0] * 4})
    encoder = TableEncoder.fit(table, kinds={"zip": "category"})
    assert set(encoder.input_names) == {"zip = 80331", "zip = 101.5", "zip = 7"}


def test_nan_is_missing_in_every_library():
    for frame in (pl.DataFrame({"x": [1.0, np.nan]}), pd.DataFrame({"x": [1.0, np.nan]})):
        assert read_cells(frame["x"]).is_missing.tolist() == [False, True]


def test_booleans_are_minus_one_zero_and_one():
    encoder = TableEncoder.fit(pl.DataFrame({"x": ["Yes", "No", None, "Yes"]}))
    assert encoder.input_names == ("x = Yes", "x is missing")
    X = encoder.encode(pl.DataFrame({"x": ["yes", "NO", None]}))
    assert X.tolist() == [[1, 0], [-1, 0], [0, 1]]
    assert encoder.encode(pl.DataFrame({"x": [True, False]}))[:, 0].tolist() == [1, -1]
    assert encoder.encode(pl.DataFrame({"x": [1, 0]}))[:, 0].tolist() == [1, -1]


def test_words_for_missing_count_in_numbers_only_unless_the_user_names_them():
    table = pl.DataFrame({"n": ["1", "NA", "-999", "4"], "country": ["NA", "DE", "-999", "DE"]})
    encoder = TableEncoder.fit(table, missing=["-999"])
    number, country = encoder.columns
    assert number.n_missing == 2
    assert "written as NA" in number.describe()
    assert country.n_missing == 1
    typed = TableEncoder.fit(pl.DataFrame({"n": [1.0, -999.0, 4.0, 5.0]}), missing=["-999"])
    X = typed.encode(pl.DataFrame({"n": ["-999.0", "1"]}))
    assert X[:, 1].tolist() == [1.0, 0.0]
    X = typed.encode(pd.DataFrame({"n": [-999, 1]}))
    assert X[:, 1].tolist() == [1.0, 0.0]


@given(
    st.lists(finite, min_size=2, max_size=40),
    st.lists(finite, min_size=1, max_size=10),
    st.integers(2, 8),
)
def test_piecewise_linear_encoding_is_what_the_papers_formula_says_clipped(train, values, bins):
    edges = quantile_edges(np.array(train), bins)
    if len(set(train)) < 3:
        assert edges == ()
        return
    assert edges[0] == min(train)
    assert edges[-1] == max(train)
    assert len(edges) - 1 == min(bins, len(set(train)) - 1)
    encoded = piecewise_linear(np.array(values), edges)
    for row, x in zip(encoded, values, strict=True):
        for t in range(1, len(edges)):
            low, high = edges[t - 1], edges[t]
            expected = 0.0 if x < low else 1.0 if x >= high else (x - low) / (high - low)
            assert row[t - 1] == expected


def test_borders_of_bins_are_the_values_nearest_to_the_quantiles():
    assert quantile_edges(np.arange(11.0), 4) == (0.0, 2.0, 5.0, 8.0, 10.0)


def test_the_full_bins_count_as_scikit_learns_discretizer_does():
    x = np.random.default_rng(0).normal(size=(301, 1))
    edges = quantile_edges(x[:, 0], 10)
    oracle = KBinsDiscretizer(10, encode="ordinal", strategy="quantile", quantile_method="linear")
    oracle.fit(x)
    np.testing.assert_allclose(edges, oracle.bin_edges_[0])
    index = (piecewise_linear(x[:, 0], edges) == 1).sum(axis=1)
    np.testing.assert_array_equal(np.minimum(index, 9), oracle.transform(x)[:, 0])


def test_bins_are_named_by_their_borders():
    table = pl.DataFrame({"age": [20.0, 30.0, 40.0, None]})
    encoder = TableEncoder.fit(table, bins=2)
    assert encoder.input_names == ("age", "age in [20, 30)", "age in [30, 40)", "age is missing")
    X = encoder.encode(pl.DataFrame({"age": [25.0, 35.0, 99.0, -5.0]}))
    assert X[:, 1:3].tolist() == [[0.5, 0], [1, 0.5], [1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "abc", "3"], "column 'age', row 2: 'abc' is not a number"),
        ([1.0, 2.0, np.inf], "column 'age', row 3: 'inf' is infinite"),
        (["1", "-1e300", "3"], "column 'age', row 2: '-1e300' is larger than 1e38"),
        (
            pl.Series(["2024-01-01"]).str.to_date(),
            "column 'age', row 1: '2024-01-01' is not a number",
        ),
    ],
)
def test_a_cell_that_is_not_as_learnt_is_named(values, message):
    encoder = TableEncoder.fit(pl.DataFrame({"age": [20, 30, 45]}))
    with pytest.raises(TableError, match=message):
        encoder.encode(pl.DataFrame({"age": values}))


def test_infinities_are_refused_in_training_and_say_what_to_do():
    with pytest.raises(TableError, match=r"row 2: 'inf' is infinite.*--missing.*--ignore"):
        TableEncoder.fit(pl.DataFrame({"x": [1.0, float("inf"), 2.0]}))
    with pytest.raises(
        TableError, match=r"row 2: '1e300' is larger than 1e38.*--missing.*--ignore"
    ):
        TableEncoder.fit(pl.DataFrame({"x": ["1", "1e300", "2"]}))


def test_columns_are_matched_by_name():
    table = pl.DataFrame({"a": [1, 5, 2], "Length": [3.5, 4.5, 9.0], "c": ["k", "k", "k"]})
    encoder = TableEncoder.fit(table)
    other = table.select("Length", "a").with_columns(extra=pl.lit("x"))
    np.testing.assert_array_equal(encoder.encode(other), encoder.encode(table))
    with pytest.raises(TableError, match=r"no column 'Length'.*did you mean 'length'"):
        encoder.encode(table.rename({"Length": "length"}))


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("missing"),
        lambda d: d.update(extra=1),
        lambda d: d["columns"][0].update(extra=1),
        lambda d: d["columns"][0].pop("fill"),
        lambda d: d["columns"][0].update(kind="os.system"),
        lambda d: d["columns"][0].update(fill=float("nan")),
        lambda d: d["columns"][0].update(fill=10**400),
        lambda d: d["columns"][0].update(n_missing=True),
        lambda d: d["columns"][0].update(edges=[2.0, 1.0]),
        lambda d: d["columns"][0]["scaling"].update(spread=0.0),
        lambda d: d["columns"][1].update(levels=["a", "a"]),
        lambda d: d["columns"][1].update(levels="ab"),
        lambda d: d["columns"].append(d["columns"][0]),
        lambda d: d.update(columns={}),
        lambda d: d.update(missing=[1]),
    ],
)
def test_a_damaged_state_is_refused(damage):
    table = pl.DataFrame({"x": [1.0, 2.0, 4.0, 9.0], "w": ["a", "b"] * 2})
    data = json.loads(json.dumps(TableEncoder.fit(table, bins=2).to_dict()))
    TableEncoder.from_dict(data)
    damage(data)
    with pytest.raises(ModelFileError, match="table encoding"):
        TableEncoder.from_dict(data)


@pytest.mark.parametrize(("levels", "height"), [(3, 1.0), (10, 1.0), (11, 11**-0.5), (64, 0.125)])
def test_the_inputs_of_many_places_are_low(levels, height):
    names = [f"level {i % levels}" for i in range(levels * 20)]
    encoder = TableEncoder.fit(pl.DataFrame({"c": names}))
    X = encoder.encode(pl.DataFrame({"c": names}))
    assert X.shape[1] == levels
    assert np.allclose(np.sort(X, axis=1)[:, -1], height)
    assert np.count_nonzero(X) == len(names)


def test_the_first_bin_of_each_number_goes_on_with_nothing():
    frame = pl.DataFrame(
        {
            "a": [v * v / 3 for v in range(20)],
            "kind": ["x", "y"] * 10,
            "b": [None, *(v * v / 7 for v in range(19))],
            "c": [0.5, 1.5] * 10,  # two values have no bins
        }
    )
    encoder = TableEncoder.fit(frame, bins=4)
    names = encoder.input_names
    goes_on = {name for name, yes in zip(names, encoder.continues_bins, strict=True) if yes}
    bins = [[name for name in names if name.startswith(f"{column} in [")] for column in "abc"]
    assert [len(found) for found in bins] == [4, 4, 0]
    assert goes_on == {*bins[0][1:], *bins[1][1:]}
