"""A curve drawn in characters shows the values it was given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.cli.curve import Series, draw

finite = st.floats(-1e300, 1e300, allow_nan=False)


def test_a_straight_line_is_drawn_from_corner_to_corner():
    drawing = draw([Series([1.0, 2.0, 3.0])], 3, 3, unicode=False)
    assert drawing.lines == ("  *", " * ", "*  ")
    assert (drawing.low, drawing.high) == (1.0, 3.0)


def test_a_braille_cell_has_two_by_four_dots():
    assert draw([Series([1.0, 1.5])], 1, 1).lines == ("⡸",)


def test_a_jump_is_joined():
    columns = zip(*draw([Series([0.0, 9.0, 9.0])], 3, 4, unicode=False).lines, strict=True)
    assert ["".join(column) for column in columns] == ["   *", "*** ", "*   "]


def test_orders_of_magnitude_are_equally_high():
    drawing = draw([Series([100.0, 10.0, 1.0])], 3, 3, unicode=False)
    assert drawing.is_logarithmic
    assert drawing.lines == ("*  ", " * ", "  *")


def test_the_last_series_is_on_top():
    flat = Series([1.0, 1.0])
    assert draw([Series([1.0, 1.0], faint=True), flat], 2, 1, unicode=False).lines == ("**",)


@given(st.lists(finite, min_size=2, max_size=99), st.integers(2, 70), st.booleans())
def test_any_values_fill_exactly_the_picture(values, width, unicode):
    lines = draw([Series(values)], width, 5, unicode=unicode).lines
    assert [len(line) for line in lines] == [width] * 5
    assert all(any(line[x] != " " for line in lines) for x in range(width))


@pytest.mark.parametrize("n", [2, 3, 1000])
def test_a_constant_is_a_level_line(n):
    lines = draw([Series([5.0] * n)], 10, 3, unicode=False).lines
    assert sum(line == "*" * 10 for line in lines) == 1
