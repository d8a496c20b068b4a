"""The target: which task it suggests, how it is scaled, and that labels come back as they were."""

import datetime
import json

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder, RobustScaler, StandardScaler

from chainrule.errors import ModelFileError, TableError
from chainrule.table.frames import row_weights
from chainrule.table.target import TargetEncoder, missing_rows


def target(values, **options):
    return TargetEncoder.fit(pl.Series("y", values), **options)


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["no", "yes"] * 3, "classification", ("no", "yes")),
        (["true", "False"] * 3, "classification", ("False", "true")),
        ([True, False] * 3, "classification", (False, True)),
        (["0", "1"] * 3, "classification", (0, 1)),
        (["01", "02"] * 3, "classification", ("01", "02")),
        ([0.0, 1.0] * 3, "classification", (0.0, 1.0)),
        (["0.0", "1.0"] * 3, "classification", (0.0, 1.0)),
        ([3, 1, 2] * 10, "classification", (1, 2, 3)),
        ([3, 1, 2] * 9, "regression", ()),
        (list(range(11)) * 100, "regression", ()),
        ([1.5, 2.0] * 100, "regression", ()),
        (["1", "2", "1e0"] * 100, "classification", (1.0, 2.0)),
        ([9007199254740993, 9007199254740992] * 3, "classification",
         (9007199254740992, 9007199254740993)),
    ],
)  # fmt: skip
def test_the_values_suggest_the_task_and_the_type_of_the_labels(values, task, classes):
    fitted = target(values)
    assert (fitted.task, fitted.classes) == (task, classes)
    assert [type(label) for label in fitted.classes] == [type(label) for label in classes]
    assert fitted.reason.startswith(task)


def test_whole_numbers_in_text_too_long_for_float64_stay_text():
    codes = ["9007199254740992", "9007199254740993"]
    assert target(codes * 3, task="classification").classes == tuple(codes)


def test_few_whole_numbers_say_how_to_override_the_task():
    assert "--task regression" in target([1, 2, 3] * 10).reason
    assert "--task classification" in target(list(range(20)) * 9).reason
    assert target([1, 2, 3] * 10, task="regression").task == "regression"


@given(st.lists(st.sampled_from(["a", "b", "ö", "x y"]), min_size=2, max_size=30))
def test_classes_are_numbered_as_label_encoder_does_and_come_back(words):
    values = words * 2
    assume(len(set(values)) > 1 and len(values) > 2)
    fitted = target(values)
    np.testing.assert_array_equal(
        fitted.encode(pl.Series(values)), LabelEncoder().fit_transform(values)
    )
    assert fitted.decode(fitted.encode(pl.Series(values))).tolist() == values


@pytest.mark.parametrize("values", [[True, False] * 3, [2, 1] * 3, [2.0, 1.0] * 3, ["b", "a"] * 3])
def test_labels_keep_their_type_in_every_library(values):
    table = pl.DataFrame({"y": values})
    for series in (table["y"], table.to_arrow()["y"], table.to_pandas()["y"]):
        fitted = TargetEncoder.fit(series)
        assert fitted.encode(series).tolist() == [1, 0] * 3
        decoded = fitted.decode(fitted.encode(series)).tolist()
        assert decoded == values
        assert type(decoded[0]) is type(values[0])


def test_classes_are_recognised_however_they_are_written():
    fitted = target(["0", "1"] * 5)
    for values in ([0, 1], [0.0, 1.0], [False, True], ["0", "1.0"]):
        assert fitted.encode(pl.Series(values)).tolist() == [0, 1]
    assert target([True, False] * 3).encode(pl.Series(["false", "TRUE", "1"])).tolist() == [0, 1, 1]


@given(st.lists(st.floats(-1e30, 1e30), min_size=2, max_size=50))
def test_standard_scaling_is_what_standard_scaler_gives(values):
    y = np.array(values)
    assume(np.ptp(y) > 1e-6 * np.abs(y).max() and np.ptp(y) > 1e-100)
    fitted = target(values, task="regression")
    scaled = fitted.encode(pl.Series(values))
    assert scaled.shape == (len(y), 1)
    assert scaled.dtype == np.float64
    np.testing.assert_allclose(scaled, StandardScaler().fit_transform(y[:, None]), atol=1e-6)
    np.testing.assert_allclose(fitted.decode(scaled)[:, 0], y, rtol=1e-9, atol=1e-9 * np.ptp(y))
    assert (fitted.low, fitted.high) == (y.min(), y.max())


@given(
    st.lists(st.floats(0, 1e38), min_size=2, max_size=30),
    st.sampled_from(["standard", "robust", "positive", "none"]),
)
def test_every_scaling_is_finite_and_undone_by_decode(values, scaling):
    y = np.array(values)
    assume(y.min() < y.max())
    fitted = target(values, task="regression", scaling=scaling)
    scaled = fitted.encode(pl.Series(values))
    assert np.isfinite(scaled).all()
    limit = 4 * np.finfo(float).eps * max(1.0, np.abs(scaled).max()) * fitted.scale
    np.testing.assert_allclose(
        fitted.decode(scaled)[:, 0], y, rtol=1e-14, atol=limit + 1e-14 * y.max()
    )
    if scaling == "positive":
        assert fitted.center == 0
        np.testing.assert_allclose(scaled.mean(), 1)


def test_robust_scaling_is_robust_scaler_at_unit_variance():
    y = np.random.default_rng(0).lognormal(size=101)
    scaled = target(y, scaling="robust").encode(pl.Series(y))
    oracle = RobustScaler(unit_variance=True).fit_transform(y[:, None])
    np.testing.assert_allclose(scaled, oracle, rtol=1e-4)


def test_several_predictions_a_row_are_decoded_in_their_shape():
    fitted = target([1.5, 2.5, 9.0])
    assert fitted.decode(np.zeros((4, 3))).shape == (4, 3)
    assert fitted.decode(np.zeros((4, 3)))[0, 0] == pytest.approx(13 / 3)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.5, 1.5], {}, "'1.5' in every row"),
        (["a", "a"], {}, "'a' in every row"),
        (["1", "1.0"], {}, "in every row"),
        (["a", "a", "b"], {}, "only one row of the class 'b'"),
        (["a", None, "b", None], {}, "missing in 2 rows, the first of them row 2"),
        ([None, None], {}, "missing in every row"),
        (["1.5", "NA", "2.5"], {}, "missing in row 2"),
        (["1.5", "-9", "2.5"], {"missing": ["-9"]}, "missing in row 2"),
        ([1.5, float("inf")], {}, "row 2: 'inf' is infinite"),
        (
            [0.0, 1.0, 1.0, 0.0, float("inf")],
            {"task": "classification"},
            "row 5: 'inf' is infinite",
        ),
        ([1.5, 1e39], {}, "larger than 1e38"),
        (["a", "b"], {"task": "regression"}, "row 1: 'a' is not a number"),
        ([f"id {i}" for i in range(100)], {}, "100 classes in 100 rows"),
        ([str(i) for i in range(99)] + ["abc"], {}, "'abc' .row 100. is not; --missing abc"),
        (list(range(50)), {"task": "classification"}, "train a regression"),
        ([1.5, -2.0, 3.0], {"scaling": "positive"}, "row 2: '-2' is negative"),
        ([1, 2], {"task": "guess"}, "choose one of regression, classification"),
        ([1, 2], {"scaling": "guess"}, "choose one of standard"),
        (pl.Series(["2024-01-01", "2024-01-02"]).str.to_date(), {}, "type Date"),
        ([], {}, "no rows"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(values, options, message):
    with pytest.raises(TableError, match=message):
        target(values, **options)


@pytest.mark.parametrize("value", ["c", None, "1"])
def test_a_class_that_was_not_learnt_is_named_with_its_row(value):
    fitted = target(["a", "b"] * 3)
    with pytest.raises(TableError, match="row 2"):
        fitted.encode(pl.Series("y", ["a", value]))


@pytest.mark.parametrize("value", [2.0, 0.5, 1e300, float("inf")])
def test_a_number_that_is_no_class_is_named_with_its_row(value):
    with pytest.raises(TableError, match=r"row 2.*classes learnt .0, 1"):
        target([0, 1] * 3).encode(pl.Series("y", [1.0, value]))


def test_missing_rows_are_found_so_that_they_can_be_left_out():
    assert missing_rows(pl.Series(["1", "NA", "", "3"])).tolist() == [1, 2]
    assert missing_rows(pl.Series(["x", "NA", None])).tolist() == [2]
    assert missing_rows(pd.Series([1.0, np.nan])).tolist() == [1]
    assert missing_rows(pl.Series([1, -9]), missing=["-9"]).tolist() == [1]


@pytest.mark.parametrize("values", [["a", "b"] * 2, [True, False] * 2, [0, 1] * 2, [0.5, 1.5, 3.0]])
def test_the_state_survives_json(values):
    fitted = target(values)
    again = TargetEncoder.from_dict(json.loads(json.dumps(fitted.to_dict(), allow_nan=False)))
    assert again == fitted
    assert [type(label) for label in again.classes] == [type(label) for label in fitted.classes]


@pytest.mark.parametrize(
    "change",
    [
        {"extra": 1},
        {"task": "guess"},
        {"classes": ["a"]},
        {"classes": ["b", "a"]},
        {"classes": [0, 1]},
        {"classes": ["a", "a"]},
        {"classes": [["a"], "b"]},
        {"scale": 0.0},
        {"scale": float("nan")},
        {"label_type": "object"},
        {"name": None},
    ],
)
def test_a_damaged_state_is_refused(change):
    with pytest.raises(ModelFileError, match="target encoding"):
        TargetEncoder.from_dict({**target(["a", "b"] * 2).to_dict(), **change})


SPANS = [datetime.timedelta(hours=i % 3) for i in range(30)]
TIMES = [datetime.time(i % 3) for i in range(30)]


@pytest.mark.parametrize("column", [pl.Series("y", SPANS), pd.Series(SPANS, name="y"),
                                    pl.Series("y", TIMES), pd.Series(TIMES, name="y")])  # fmt: skip
@pytest.mark.parametrize("task", [None, "classification", "regression"])
def test_a_target_of_durations_or_times_of_day_is_refused_with_the_way_out(column, task):
    what = "(?s)'y' holds values of type (Duration|Time).*turn it into a number of seconds"
    with pytest.raises(TableError, match=what):
        TargetEncoder.fit(column, task=task)
    for learnt in (target([0.5, 1.5, 3.0]), target(["a", "b"] * 2)):
        with pytest.raises(TableError, match=r"holds values of type (Duration|Time)"):
            learnt.encode(column)


@pytest.mark.parametrize("cells", [SPANS, TIMES])
def test_weights_that_are_durations_or_times_of_day_are_refused_with_the_way_out(cells):
    frame = nw.from_native(pl.DataFrame({"w": cells}))
    with pytest.raises(TableError, match=r"(?s)'w' holds values of type (Duration|Time).*seconds"):
        row_weights(frame, "w")
