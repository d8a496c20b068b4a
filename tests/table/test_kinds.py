"""What a column is taken for, decided by its whole length."""

import datetime
from fractions import Fraction

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from chainrule import TabularRegressor
from chainrule.errors import TableError
from chainrule.table.cells import read_cells
from chainrule.table.encoder import TableEncoder
from chainrule.table.kinds import counts_rows, find_kind
from chainrule.trace.encoding import encoded_inputs


def kind(values, name="x"):
    series = values if isinstance(values, pd.Series) else pl.Series(name, values)
    return find_kind(read_cells(series, name))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", None, "-3e4", "+.5"], "number"),
        ([1, 2, 5], "number"),
        (["1", "NA", "n/a", "?", "-", ".", "NULL"], "number"),
        (["NA", "DE", "FR"], "category"),
        (["00123", "00456"], "category"),
        (["0", "0.5", "-0.5"], "number"),
        (["0", "1"], "number"),
        (["yes", "No", None], "boolean"),
        (["T", "F"], "boolean"),
        ([True, False], "boolean"),
        (["yes", "no", "maybe"], "category"),
        (["yes", "false"], "category"),
        (["2024-01-31", "2024-02-01 10:30", "2024-02-01T10:30:15.5+01:00"], "date"),
        (["31.01.2024", "1.2.2024", "NA"], "date"),
        (["2024-02-30", "2024-01-01"], "category"),
        (["12/31/2024", "13/01/2024"], "category"),
        ([datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)], "date"),
        (["1_000", "2_000"], "category"),
        (["１", "２"], "category"),
        ([None, None], "ignored"),
        (["a", "a"], "ignored"),
        ([[1], [2]], "ignored"),
        (pd.Series(pd.Categorical([1, 2, 1])), "category"),
        (pd.Series([1, "2", 3.5, None], dtype=object), "number"),
        (pd.Series([1, "x", None], dtype=object), "category"),
        (pd.Series([datetime.date(2024, 1, 1), None, datetime.date(2024, 1, 2)]), "date"),
    ],
)
def test_a_column_is_what_all_its_values_say(values, expected):
    assert kind(values).kind == expected


def test_one_value_and_missing_ones_are_not_constant():
    assert kind(["a", None]).kind == "category"
    assert kind([3.0, None]).kind == "number"


def test_texts_that_nearly_all_differ_are_an_identifier_and_price_tags_are_not():
    names = [f"customer {i}" for i in range(100)]
    assert "identifier" in kind(names).reason
    assert kind(names[:90] + names[:10]).kind == "category"
    assert kind(names[:19]).kind == "category"


@pytest.mark.parametrize(
    "values",
    [
        range(100),
        range(1, 101),
        range(0, 1000, 10),
        np.random.default_rng(0).permutation(100),
        np.random.default_rng(0).permutation(1000)[:800],
    ],
)
def test_running_numbers_are_an_identifier_in_any_order_and_in_a_random_part(values):
    assert kind(np.asarray(values, dtype=np.int64)).counts_rows
    assert kind([str(v) for v in values]).counts_rows


def test_measured_whole_numbers_stay_numbers():
    rng = np.random.default_rng(1)
    prices = rng.choice(1_000_000, 500, replace=False)
    assert kind(prices).kind == "number"
    assert kind(np.sort(prices)).kind == "number"
    assert kind(rng.integers(0, 100, 100)).kind == "number"
    assert kind(np.arange(19)).kind == "number"
    assert kind(np.arange(1950, 2020)).kind == "number"
    assert kind(np.arange(100) / 4).kind == "number"
    assert not counts_rows(np.r_[np.arange(99.0), np.nan])


def test_whole_numbers_that_all_differ_are_an_identifier_under_an_identifiers_name():
    numbers = np.random.default_rng(1).choice(1_000_000, 500, replace=False)
    for name in ("id", "customer_id", "PassengerId", "Id", "row-index"):
        assert kind(numbers, name).kind == "ignored"
    for name in ("paid", "grid", "valid", "humid"):
        assert kind(numbers, name).kind == "number"


def test_a_running_number_is_learnt_from_where_nothing_else_is_left():
    encoder = TableEncoder.fit(pl.DataFrame({"x": range(50), "name": ["a"] * 50}))
    assert encoder.input_names == ("x",)


def test_a_number_column_with_a_few_words_says_which_and_how_to_mark_them():
    values = [str(i % 7) for i in range(97)] + ["abc"] * 2 + ["x y"]
    finding = kind(values)
    assert finding.kind == "category"
    assert "97 %" in finding.note
    assert "'abc' (row 98)" in finding.note
    assert "--missing abc --missing 'x y'" in finding.note
    assert kind(["1", "abc"]).note == ""
    frame = pl.DataFrame({"x": values})
    assert TableEncoder.fit(frame, missing=["abc", "x y"]).columns[0].kind == "number"


def test_the_user_overrides_what_was_found():
    frame = pl.DataFrame(
        {"zip": [101, 102, 103] * 5, "flag": [0, 1, 1] * 5, "day": ["20240131"] * 15}
    )
    frame = frame.with_columns(day=pl.Series(["20240131", "20240201", "20240301"] * 5))
    kinds = {"zip": "category", "flag": "boolean", "day": "date"}
    encoder = TableEncoder.fit(frame, kinds=kinds)
    assert {column.name: column.kind for column in encoder.columns} == kinds
    assert encoder.columns[0].inputs == ("zip = 101", "zip = 102", "zip = 103")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"x": "colour"}}, "the kinds are number, category, boolean, date, ignored"),
        ({"kinds": {"agee": "number"}}, "did you mean 'age'"),
        ({"ignore": ["Agee"]}, "did you mean 'age'"),
        ({"kinds": {"x": "number"}}, "column 'x', row 2: 'b' is not a number"),
        ({"kinds": {"x": "date"}}, "column 'x', row 1: '1' is not a date"),
        ({"kinds": {"x": "boolean"}}, "column 'x', row 2: 'b' is neither true nor false"),
        ({"ignore": ["x", "age"]}, "no column is left to learn from"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(options, message):
    frame = pl.DataFrame({"x": ["1", "b", "1", "b"], "age": [3, 4, 6, 9]})
    with pytest.raises(TableError, match="(?s)" + message):
        TableEncoder.fit(frame, **options)


@pytest.mark.parametrize("frame", [np.zeros((2, 2)), {"a": [1]}, pl.DataFrame({"a": [1]}).lazy()])
def test_what_is_no_table_is_refused(frame):
    with pytest.raises(TableError, match="expected a table"):
        TableEncoder.fit(frame)


def test_tables_without_rows_or_with_twin_columns_are_refused():
    with pytest.raises(TableError, match="no rows"):
        TableEncoder.fit(pl.DataFrame({"a": []}))
    with pytest.raises(TableError, match="'a'"):
        TableEncoder.fit(pd.DataFrame([[1, 2]], columns=["a", "a"]))


DURATIONS = [datetime.timedelta(hours=3), None, datetime.timedelta(days=-2, seconds=1.5)]
TIMES = [datetime.time(1, 2, 3), None, datetime.time(23, 59, 59, 500_000)]


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        (pl.Series(DURATIONS), [10_800, None, -172_798.5]),
        (pl.Series(DURATIONS, dtype=pl.Duration("ns")), [10_800, None, -172_798.5]),
        (pd.Series(DURATIONS), [10_800, None, -172_798.5]),
        (pd.Series(DURATIONS[:2], dtype="timedelta64[s]"), [10_800, None]),
        (pd.Series(DURATIONS, dtype=object), [10_800, None, -172_798.5]),
        (pd.Series([pd.Timedelta(1, "ns"), pd.NaT], dtype=object), [1e-9, None]),
        (pd.Series(DURATIONS, dtype=pd.ArrowDtype(pa.duration("ms"))), [10_800, None, -172_798.5]),
        (pa.chunked_array([DURATIONS[:1], DURATIONS[1:]]), [10_800, None, -172_798.5]),
        (pl.Series(TIMES), [3_723, None, 86_399.5]),
        (pl.Series(TIMES, dtype=pl.Object), [3_723, None, 86_399.5]),
        (pd.Series(TIMES), [3_723, None, 86_399.5]),
        (pd.Series(TIMES, dtype=pd.ArrowDtype(pa.time32("ms"))), [3_723, None, 86_399.5]),
        (pd.Series(TIMES, dtype=pd.ArrowDtype(pa.time64("us"))), [3_723, None, 86_399.5]),
        (pa.chunked_array([pa.array(TIMES, pa.time64("ns"))]), [3_723, None, 86_399.5]),
    ],
)
def test_durations_and_times_of_day_are_numbers_of_seconds(column, seconds):
    cells = read_cells(column, "x")
    found = find_kind(cells)
    assert (found.kind, found.note) == ("number", "read as seconds")
    np.testing.assert_array_equal(cells.numbers.values, np.array(seconds, dtype=float))


@pytest.mark.parametrize(("unit", "ticks"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_a_duration_is_the_float_nearest_to_its_seconds_in_every_library(unit, ticks):
    rng = np.random.default_rng(0)
    spans = np.r_[[rng.integers(-(2**k), 2**k - 1, 100) for k in (20, 40, 53, 55, 63)]].ravel()
    nearest = [float(Fraction(int(span), ticks)) for span in spans]
    in_numpy = np.append(spans, -(2**63)).astype(f"timedelta64[{unit}]")  # the last is NaT
    in_arrow = pa.chunked_array([pa.array(in_numpy)])
    columns = [pd.Series(in_numpy), in_arrow, in_arrow.to_pandas(types_mapper=pd.ArrowDtype)]
    if unit != "s":
        columns.append(pl.Series([*spans, None], dtype=pl.Int64).cast(pl.Duration(unit)))
    for column in columns:
        assert read_cells(column, "x").values.to_list() == [*nearest, None]


def test_durations_between_other_objects_and_times_with_a_zone_are_text():
    for cells in ([*DURATIONS, "3 days"], [*DURATIONS, *TIMES]):
        assert read_cells(pd.Series(cells, dtype=object), "x").form == "text"
    zoned = [time.replace(tzinfo=datetime.UTC) for time in TIMES if time]
    assert read_cells(pd.Series(zoned), "x").form == "text"


def test_a_time_of_day_is_called_a_number_of_seconds_where_a_date_was_expected():
    frame = pl.DataFrame({"t": [datetime.time(15), datetime.time(16)] * 5})
    with pytest.raises(TableError, match="row 1: '54000 seconds' is not a date"):
        TableEncoder.fit(frame, kinds={"t": "date"})
    encoder = TableEncoder.fit(frame)
    assert encoded_inputs(encoder, nw.from_native(frame), 0)[0].cell == "54000 seconds"


def spans_and_times(n=40):
    rows = range(n)
    spans = [None if i % 9 == 4 else datetime.timedelta(hours=i * i % 23, days=i) for i in rows]
    times = [None if i % 7 == 3 else datetime.time(i % 24, i, i % 11) for i in rows]
    return {"span": spans, "time": times, "y": [float(i * i % 17) for i in rows]}


def test_one_model_answers_durations_and_times_alike_from_every_library():
    table = spans_and_times()
    in_polars = pl.DataFrame(table)
    in_arrow = in_polars.to_arrow()
    frames = [
        in_arrow,
        pd.DataFrame(table),
        pd.DataFrame(table, dtype=object).astype({"y": float}),
        in_arrow.to_pandas(),
        in_arrow.to_pandas(types_mapper=pd.ArrowDtype),
        in_polars.with_columns(pl.col("span").cast(pl.Duration("ns"))),
    ]
    learner = TabularRegressor(hidden_layer_sizes=4, max_iter=3, n_members=1, random_state=0)
    model = learner.fit(in_polars.select("span", "time"), table["y"]).model_
    expected = model.predict(in_polars)
    assert len(np.unique(expected)) > 30
    for frame in frames:
        np.testing.assert_array_equal(model.predict(frame), expected)
