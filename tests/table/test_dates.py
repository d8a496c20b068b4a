"""Dates read as Python's datetime reads them, and their place on the circles."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.errors import TableError
from chainrule.table.calendar import read_instants
from chainrule.table.cells import read_cells
from chainrule.table.dates import DateColumn, position
from chainrule.table.encoder import TableEncoder

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
zones = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
moments = st.datetimes(
    min_value=dt.datetime(2, 1, 1), max_value=dt.datetime(9998, 1, 1), timezones=zones
)


@given(st.lists(moments, min_size=1, max_size=5))
def test_iso_moments_are_what_python_says_they_are(times):
    for separator in (" ", "T"):
        texts = pl.Series([t.isoformat(separator) for t in times])
        micros, known = read_instants(texts, "year first")
        assert known.all()
        assert micros.tolist() == [(t - EPOCH) // MICROSECOND for t in times]


@given(st.dates(), st.sampled_from([
    ("%Y-%m-%d", "year first"), ("%Y/%m/%d", "year first"), ("%d.%m.%Y", "year first"),
    ("%m/%d/%Y", "month/day/year"), ("%d/%m/%Y", "day/month/year"), ("%Y%m%d", "yyyymmdd"),
]))  # fmt: skip
def test_every_written_form_gives_the_same_day(day, form):
    pattern, order = form
    text = day.strftime(pattern.replace("%Y", f"{day.year:04d}"))
    micros, known = read_instants(pl.Series([text]), order)
    assert known.all()
    assert micros[0] // 86_400_000_000 == (day - EPOCH.date()).days


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2024-13-01", "2024-00-01", "2024-01-01 24:00", "2024-01-01T10:61", "0000-01-01",
     "2024-01", "24-01-01", "1/2/2024", "2024-01-01x", "", "2024-01-01 10:00 +1"],
)  # fmt: skip
def test_what_is_not_in_the_calendar_is_no_date(text):
    assert not read_instants(pl.Series([text, None]), "year first")[1].any()


@given(st.lists(st.dates(), min_size=1, max_size=20))
def test_positions_on_the_circles_are_what_python_says(days):
    micros = np.array([(day - EPOCH.date()).days for day in days]) * 86_400_000_000 + 61_000_000
    assert position(micros, "weekday").tolist() == [day.weekday() for day in days]
    assert position(micros, "day of month").tolist() == [day.day - 1 for day in days]
    assert position(micros, "day of year").tolist() == [d.timetuple().tm_yday - 1 for d in days]
    assert (position(micros, "time of day") == 1).all()


def column(values):
    return DateColumn.fit(read_cells(pl.Series("day", values)))


def test_the_whole_column_decides_between_month_and_day_first():
    assert column(["01/02/2024", "12/31/2024"]).order == "month/day/year"
    assert column(["01/02/2024", "31/12/2024"]).order == "day/month/year"
    ambiguous = column(["01/02/2024", "03/04/2024"])
    assert ambiguous.order == "month/day/year"
    assert "month/day/year was taken" in ambiguous.note
    assert column(["31/12/2024", "01/02/2024"]).note == ""


def test_only_the_cycles_that_vary_become_inputs():
    names = column(["2024-01-01", "2024-01-08", "2024-01-15"]).inputs
    assert not any("weekday" in name or "time of day" in name for name in names)
    assert "day, trend" in names
    assert "day, day of month (sine)" in names
    assert any(
        "time of day" in name for name in column(["2024-01-01 10:00", "2024-01-01 11:00"]).inputs
    )


def test_every_function_of_the_weekday_is_linear_in_its_inputs():
    days = [f"2024-01-{day:02}" for day in range(1, 29)]
    fitted = column(days)
    X = fitted.encode(read_cells(pl.Series(days)))
    waves = [j for j, name in enumerate(fitted.inputs) if "weekday" in name]
    effects = np.random.default_rng(0).normal(size=7)[np.arange(28) % 7]
    A = np.column_stack([X[:, waves], np.ones(28)])
    np.testing.assert_allclose(A @ np.linalg.lstsq(A, effects)[0], effects, atol=1e-5)


def test_a_file_from_before_goes_round_the_week_once():
    days = pl.DataFrame({"day": [f"2024-01-{day:02}" for day in range(1, 29)]})
    encoder = TableEncoder.fit(days)
    state = encoder.to_dict()
    del state["columns"][0]["weekday_rounds"]
    old = TableEncoder.from_dict(state)
    assert [name for name in encoder.input_names if " x " not in name] == list(old.input_names)
    assert old.encode(days).shape == (28, len(old.input_names))


def test_the_trend_hardly_bends_after_the_last_day_learnt_from():
    days = [f"{year}-06-30" for year in range(2000, 2041)]
    trend = column(days[:20]).encode(read_cells(pl.Series(days)))[:, 0]
    steps = np.diff(trend)
    assert steps[-1] > 0.98 * steps[0]
    assert column(days).encode(read_cells(pl.Series(["9999-12-31"])))[0, 0] <= 30


def test_a_missing_date_is_the_centre_of_every_circle_and_flagged():
    fitted = column(["2024-01-01", None, "2024-02-05", "NA"])
    X = fitted.encode(read_cells(pl.Series(["2024-01-01", None])))
    assert fitted.inputs[-1] == "day is missing"
    assert X[1, :-1].tolist() == [0.0] * (X.shape[1] - 1)
    assert X[:, -1].tolist() == [0.0, 1.0]
    np.testing.assert_allclose(X[0, 1:3] @ X[0, 1:3], 1.0, rtol=1e-6)


def test_zones_are_compared_in_utc():
    texts = pl.Series(["2024-01-01T00:30+02:00", "2023-12-31 22:30", "2023-12-31T22:30Z"])
    assert len(set(read_instants(texts, "year first")[0])) == 1


def test_what_is_no_date_is_refused_with_its_row():
    fitted = column(["2024-01-01", "2024-02-05"])
    with pytest.raises(TableError, match="column 'day', row 2: 'soon' is not a date"):
        fitted.encode(read_cells(pl.Series("day", ["2024-01-01", "soon"])))
    with pytest.raises(TableError, match="row 1: '5' is not a date"):
        fitted.encode(read_cells(pl.Series("day", [5])))
