import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule import strict_json

plain_text = st.text(st.characters(exclude_categories=["Cs"]))
plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**128, 2**128 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain_text,
    lambda inner: st.lists(inner) | st.dictionaries(plain_text, inner),
    max_leaves=20,
)


@given(plain_data)
def test_what_is_encoded_is_decoded_to_the_same(value):
    text = strict_json.encode(value)
    # The standard library's text tells 1 from 1.0 and True, 0.0 from -0.0, and orders of keys.
    assert json.dumps(strict_json.decode(text)) == json.dumps(json.loads(text)) == json.dumps(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        '{"a": 1}',
        '{"a":1,"a":1}',
        '{"a":{"b":1,"c":2,"b":3}}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "1e999",
        "-1e999",
        "1.50",
        "1e2",
        "-0",
        "01",
        "[1,]",
        "[1",
        "[1]]",
        '"\\u0041"',
        '"\\ud800"',
        '"\\/"',
        "\ufeff1",
        '"\ud800"',
        "'a'",
        "// 1",
        "9" * 39,
        "9" * 5000,
    ],
)
def test_a_text_that_could_be_understood_in_two_ways_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        strict_json.decode(text)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        ({"a": [1, {"b": math.nan}]}, ValueError, r"settings\['a'\]\[1\]\['b'\] is nan"),
        ([math.inf], ValueError, r"settings\[0\] is inf"),
        ({"a": (1, 2)}, TypeError, r"settings\['a'\] is of type tuple"),
        ({"a": {1: 2}}, TypeError, r"settings\['a'\] has the key 1, which is not a string"),
        ({"a": b"x"}, TypeError, "of type bytes"),
        ({"a": {"x\ud800": 1}}, ValueError, "not valid Unicode"),
        (["\udcff"], ValueError, r"settings\[0\] holds '\\udcff', which is not valid Unicode"),
        ([2**128], ValueError, "more than 128 bits"),
    ],
)
def test_a_value_that_json_cannot_hold_is_refused_with_its_place(value, error, said):
    with pytest.raises(error, match=said):
        strict_json.encode(value, "settings")


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_is_bounded_on_both_sides_at_the_same_depth():
    deepest = nested(strict_json.MAX_DEPTH)
    assert strict_json.decode(strict_json.encode(deepest)) == deepest
    with pytest.raises(ValueError, match="64 levels"):
        strict_json.encode([deepest])
    with pytest.raises(ValueError, match="64 levels"):
        strict_json.decode("[" * 65 + "0" + "]" * 65)
    with pytest.raises(ValueError, match="64 levels"):
        strict_json.decode('{"a\\\\\\"[":' * 1_000_000)


def test_a_list_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(ValueError, match="64 levels"):
        strict_json.encode(value)


def test_the_text_is_for_people_too():
    assert strict_json.encode({"größe": [1.5, None]}) == '{"größe":[1.5,null]}'


@pytest.mark.parametrize("before", ["", "\\", "\\\\", '"', '\\"', '"\\', '\\\\"', '""'])
def test_brackets_and_commas_inside_texts_do_not_count(monkeypatch, before):
    monkeypatch.setattr(strict_json, "MAX_VALUES", 100)
    value = [before, "[{," * 1000, before + "[" * 1000]
    assert strict_json.decode(strict_json.encode(value)) == value


@pytest.mark.parametrize("value", ['"",', "0,", "[],", "{},", '{"a":0},', '"' * 9])
def test_a_text_of_too_many_values_is_refused_before_it_is_read(value, monkeypatch):
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(ValueError, match="more than 1,000,000 values"):
        strict_json.decode("[" + value * 1_000_001 + "0]")
