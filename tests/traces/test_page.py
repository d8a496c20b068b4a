"""A page can be followed with a calculator: each equation holds to the last digit that stands."""

import re

import numpy as np
import pytest

from chainrule.activations import ACTIVATIONS
from chainrule.losses import LOSSES
from chainrule.trace import take_step
from chainrule.trace.input_page import input_lines
from chainrule.trace.latex import document, prose, trace_equations, weight_equations
from chainrule.trace.page import (
    answer_sentence,
    backward_page,
    forward_page,
    how_to_read,
    neuron_page,
    weight_page,
)
from chainrule.trace.steps import PLAIN_DESCENT
from chainrule.trace.written import (
    align,
    columns_of,
    cut,
    decimals_of,
    operand_decimals,
    term_decimals,
    written,
)
from traces.models import KINDS, untrained
from traces.reading import agrees, disagreements, last_place

PAIRS = [(loss, g) for i, loss in enumerate(LOSSES) for g in list(ACTIVATIONS)[i % 4 :: 4]]


def page(trace, rule=PLAIN_DESCENT):
    step = take_step(trace, rule)
    return [*forward_page(trace), *backward_page(trace, step)]


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_a_reader_with_a_calculator_finds_every_digit(loss, activation):
    model = untrained(loss, activation)
    for row in (0, 11):
        lines = page(model.trace(KINDS, row))
        wrong, checked = disagreements(lines)
        assert not wrong
        assert checked > 80
        assert max(map(columns_of, lines)) <= 80


def test_the_reader_notices_a_wrong_digit():
    lines = page(untrained().trace(KINDS, 0))
    changed = 0
    for place, line in enumerate(lines):
        match = re.search(r"(\d)$", line)
        if match and (" = " in line or "·" in line) and "e-" not in line and "." in line:
            digit = str((int(match[1]) + 5) % 10)
            other = [*lines[:place], line[:-1] + digit, *lines[place + 1 :]]
            if line.strip().startswith(("= ", "z =", "a =", "delta", "dJ/da", "0 ", "1 ", "bias ")):
                assert disagreements(other)[0], line
                changed += 1
    assert changed > 20


def test_a_probability_of_all_but_one_is_followed_as_far_as_float64_goes():
    model = untrained("softmax_cross_entropy", hidden=(3,))
    for certainty in (5, 20, 25, 29, 40):
        model.parameters.b[-1][:] = [certainty, 0, 0]
        for row in range(6):
            trace = model.trace(KINDS, row)
            assert not disagreements(page(trace))[0]


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_numbers_beyond_all_bounds_have_a_page_too(loss, activation):
    model = untrained(loss, activation, hidden=(3,))
    model.parameters.theta[:] *= 3e3
    trace = model.trace(KINDS, 7)
    lines = page(trace)
    assert max(map(columns_of, lines)) <= 90  # long numbers may be a little longer than the page
    assert "nan" not in answer_sentence(trace)
    trace_equations(trace, take_step(trace))


def test_the_answer_comes_from_the_output_of_its_class():
    model = untrained("softmax_cross_entropy")
    traces = [model.trace(KINDS, row) for row in range(30)]
    assert len({trace.output for trace in traces}) > 1
    for trace in traces:
        assert trace.output_names[trace.output] == trace.answer


def test_of_many_scores_that_of_the_answer_is_worked_out():
    levels = ",".join(f"0.{i}" for i in range(1, 10))
    model = untrained(f"quantile:{levels}", hidden=(2,))
    trace = model.trace(KINDS, 3)
    text = "\n".join(forward_page(trace))
    assert f"Neuron 1.{trace.output}, the score of level" in text
    assert trace.predictions[4] == trace.scores[trace.output]
    assert text.count("the score of level") == 1
    assert not disagreements(page(trace))[0]


def test_a_long_sum_is_folded_and_its_rest_is_shown():
    model = untrained(hidden=(3, 40, 2))
    trace = model.trace(KINDS, 1)
    lines = neuron_page(trace, 2, 0, take_step(trace))
    assert not disagreements(lines)[0]
    text = "\n".join(forward_page(trace))
    assert "and 30 more, together" in text
    assert "--neuron 1." in text
    shown = neuron_page(trace, 2, 0, None)
    assert not any("together" in line for line in shown)  # 40 terms can be read


@pytest.mark.parametrize("loss", LOSSES)
def test_neurons_and_weights_have_pages_that_hold(loss):
    trace = untrained(loss, "silu").trace(KINDS, 8)
    step = take_step(trace)
    for l, layer in enumerate(trace.layers):
        for j in range(len(layer.b)):
            assert not disagreements(neuron_page(trace, l, j, step))[0]
            for i in (0, None):
                lines = weight_page(trace, l, j, i, step)
                assert not disagreements(lines)[0]
                assert max(map(columns_of, lines)) <= 80


def test_every_cell_is_on_the_page_and_every_input_is_accounted_for():
    model = untrained(bins=3)
    for row in range(12):
        trace = model.trace(KINDS, row)
        lines = input_lines(trace)
        assert not disagreements(lines)[0]
        text = "\n".join(lines)
        for column in ("length", "colour", "shape", "paid", "day"):
            cell = KINDS[column][row]
            shown = "missing" if cell is None else str(cell).removesuffix(".0")
            assert f"{column} is {shown}" in text
        told = set()
        for first, last in re.findall(r"inputs? (\d+)(?: to (\d+))?:", text):
            told |= set(range(int(first), int(last or first) + 1))
        counted = sum(int(n) for n in re.findall(r"(\d+) other inputs:", text))
        assert len(told) + counted == len(trace.inputs)


def test_cycles_of_dates_are_sines_and_cosines_that_can_be_recomputed():
    for row in (1, 8, 23):
        text = "\n".join(input_lines(untrained().trace(KINDS, row)))
        found = re.findall(r": (\S+) = (sin|cos)\(2π · (\d · )?(\d+) / (\d+)\)", text)
        assert len(found) == 10
        for value, function, rounds, at, positions in found:
            angle = 2 * np.pi * int(rounds[:1] or 1) * int(at) / int(positions)
            assert agrees(getattr(np, function)(angle), value)


def test_names_from_a_table_are_shown_literally():
    names = {"length": "\x1b[31mlength\u202e", "colour": "Länge {x} & 50% of_it\\"}
    model = untrained()
    trace = model.trace(KINDS, 0)
    inputs = tuple(
        type(one)(**{**vars(one), "column": names.get(one.column, one.column)})
        for one in trace.inputs
    )
    renamed = type(trace)(**{**vars(trace), "inputs": inputs})
    text = "\n".join(forward_page(renamed))
    assert "\\x1b[31mlength\\u202e" in text
    assert "\x1b" not in text
    assert prose(names["colour"]) == r"Länge \{x\} \& 50\% of\_it\textbackslash{}"


def test_the_page_says_what_was_answered_and_what_is_true():
    sentence = answer_sentence(untrained("softmax_cross_entropy").trace(KINDS, 0))
    assert re.match(r"kind is answered with \w+, with a probability of 0\.\d+; ", sentence)
    assert sentence.endswith("the table says low.")
    assert "e-12" not in "".join(how_to_read(["z = 1"]))
    assert "e-12" in "".join(how_to_read(["z = 1.5e-07"]))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_latex_of_a_trace_is_well_formed(loss):
    converter = pytest.importorskip("latex2mathml.converter")
    trace = untrained(loss, "mish", hidden=(3, 20)).trace(KINDS, 2)
    step = take_step(trace)
    equations = [*trace_equations(trace, step), *weight_equations(trace.weight(0, 1, 2), step)]
    text = document("row 3 of a_b.csv", equations)
    assert text.isascii()
    assert text.count(r"\begin{align*}") == text.count(r"\end{align*}") > 5
    assert re.sub(r"\\[{}]", "", text).count("{") == re.sub(r"\\[{}]", "", text).count("}")
    for equation in equations:
        if equation.startswith(r"\begin"):
            assert "<math" in converter.convert(equation)
            assert not re.search(r"[·²√]|\de[+-]\d|e\^[^{]", equation)


# numbers as they are written


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.0, 4, "0"),
        (-1.0, 6, "-1"),
        (0.1234567, 4, "0.1235"),
        (0.5, 7, "0.5"),
        (-0.0000012345678, 4, "0"),
        (1.23456e-9, 13, "1.2346e-09"),
        (1e-8, 12, "1e-08"),
        (12345.6781234567, 2, "12345.68"),
        (1.234567e12, -8, "1.2346e+12"),
        (float("nan"), 3, "nan"),
    ],
)
def test_a_number_is_written_with_the_digits_that_count(value, decimals, text):
    assert written(value, decimals) == text


def test_decimals_follow_the_size():
    assert [decimals_of(v) for v in (0.0, 0.5, 5.0, 1234.0, 1e-7)] == [4, 5, 4, 2, 11]
    assert last_place("1.25e-07") == pytest.approx(1e-9)
    assert agrees(0.12344, "0.1234")
    assert not agrees(0.12346, "0.1234")


def test_operands_get_the_digits_that_their_product_needs():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 50))
    of_a, of_b = operand_decimals(np.multiply, [a, b], a * b, 5)
    products = np.round(a, of_a) * np.round(b, of_b)
    assert np.array_equal(np.round(products, 5), np.round(a * b, 5))
    terms = random.normal(size=30)
    needed = term_decimals(terms, float(terms.sum()), 4)
    assert round(float(np.round(terms, needed).sum()), 4) == round(float(terms.sum()), 4)


def test_numbers_stand_with_their_points_below_one_another():
    assert align(["1.5", "-10.25", "3", "1e-9"]) == ["  1.5 ", "-10.25", "  3   ", "  1e-9"]


def test_a_wide_character_takes_two_columns():
    assert columns_of("面积") == 4
    assert cut("面积面积", 5) == "面积…"
