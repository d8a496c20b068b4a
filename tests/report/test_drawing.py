"""Numerals, scales, markup and images."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.image import imread

from chainrule.report.figure import spread
from chainrule.report.markup import Markup, data, tag
from chainrule.report.numerals import numeral, share, significant_steps, tick_labels
from chainrule.report.pixel_image import pixel_image, summarised
from chainrule.report.scales import scale

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (-0.00001234, "−1.23 × 10⁻⁵"), (1234.5, "1,234"), (0.12345, "0.1235"),
        (-3.0, "−3"), (1e9, "10⁹"), (None, "–"), (float("nan"), "–"), (float("inf"), "∞"),
    ],
)  # fmt: skip
def test_numerals_are_written_as_people_write_them(value, text):
    assert numeral(value) == text.replace("10⁹", "1 × 10⁹")


def test_a_share_just_below_all_is_never_called_all():
    assert (share(1.0), share(0.9999), share(0.5)) == ("100 %", "over 99.9 %", "50 %")


@given(FINITE, FINITE)
def test_ticks_are_evenly_spaced_within_the_range_and_told_apart(a, b):
    low, high = sorted((a, b))
    if high - low < 1e-6 * max(1, abs(low), abs(high)):
        return
    ticks = significant_steps(low, high, 5)
    assert 2 <= len(ticks) <= 11
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0], rtol=1e-6)
    slack = 1e-6 * (high - low)
    assert low - slack <= ticks[0] <= ticks[-1] <= high + slack
    if max(abs(low), abs(high)) < 1e4 * (high - low):
        assert len(set(tick_labels(ticks))) == len(ticks)


@given(st.lists(FINITE, min_size=1, max_size=20), st.booleans())
def test_a_scale_holds_every_value_between_its_ends(values, tight):
    found = scale(values, 300, 20, is_tight=tight)
    at = found.of(np.array(values))
    assert ((at >= 20 - 1e-6) & (at <= 300 + 1e-6)).all()
    assert found.low < found.high


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=20))
def test_a_logarithmic_scale_holds_every_value_too(values):
    found = scale(values, 0, 100, is_logarithmic=True)
    assert np.isfinite(found.of(np.array(values))).all()
    assert found.low < found.high


def test_labels_are_moved_apart_and_stay_in_order():
    at = spread([50, 50, 51, 90], 14, 0, 100)
    assert np.diff(at).min() >= 14 - 1e-3
    assert at == sorted(at)


def test_text_and_attributes_are_escaped_and_markup_is_not():
    made = tag("p", "<b> & \x07", Markup("<i>x</i>"), title='"><script>', class_="a")
    assert made == '<p title="&quot;&gt;&lt;script&gt;" class="a">&lt;b&gt; &amp; \\x07<i>x</i></p>'


def test_what_is_not_text_is_refused():
    with pytest.raises(TypeError, match="object"):
        tag("p", object())


def test_a_long_name_is_cut_and_kept_as_its_title():
    assert data("x" * 90, 10) == f'<bdi title="{"x" * 90}">{"x" * 9}…</bdi>'


def test_a_pixel_image_is_the_matrix_by_opacity_and_hue():
    matrix = np.array([[1.0, 0.5, 0.0], [-1.0, -0.5, 2.0]])
    found = re.search(r"base64,([^\"]+)", pixel_image(matrix, 1.0, x=0, y=0, width=1, height=1))
    image = imread(io.BytesIO(base64.b64decode(found[1])), format="png")
    assert image[:, :, 3] == pytest.approx(np.minimum(np.abs(matrix), 1), abs=0.01)
    blue, red = image[:, :, 2], image[:, :, 0]
    assert (blue > red)[matrix > 0].all()
    assert (red > blue)[matrix < 0].all()


def test_a_summary_keeps_of_each_block_the_number_farthest_from_0():
    matrix = np.zeros((500, 3))
    matrix[7, 1], matrix[499, 2] = -5, 3
    found, tall, broad = summarised(matrix)
    assert (found.shape, tall, broad) == ((125, 3), 4, 1)
    assert found[1, 1] == -5
    assert found[124, 2] == 3
    assert np.count_nonzero(found) == 2
