"""What `explain --latex` writes can be compiled, and says what the numbers say.

No TeX is needed: the rules that its compilers check here are balance and escapes, and a small
evaluator reads the formulas back.
"""

import math
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.activations import ACTIVATIONS
from chainrule.experiment import prepare
from chainrule.losses import LOSSES
from chainrule.network import Parameters
from chainrule.optimizers import Adam, RMSProp
from chainrule.options import Options
from chainrule.trace import take_step
from chainrule.trace.latex import (
    document,
    mathematics,
    prose,
    trace_equations,
    weight_equations,
)
from traces.models import KINDS, untrained
from traces.reading import FUNCTIONS, last_place, value_of

PAIRS = [(loss, g) for i, loss in enumerate(LOSSES) for g in list(ACTIVATIONS)[i % 4 :: 4]]


def latex_value(text):
    """What an expression of LaTeX with numbers comes to; None if it has symbols in it."""
    text = re.sub(r"10\^\{(-?\d+)\}", r"10.0**(\1)", text)
    text = re.sub(r"\be\^\{([^{}]*)\}", r"exp(\1)", text)
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", text)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = text.replace(r"\quad", " ").replace(r"\ln", "log").replace(r"\tanh", "tanh")
    text = text.replace(r"\cdot", "*").replace("^", "**").strip()
    try:
        return float(eval(text, dict(FUNCTIONS)))
    except (NameError, SyntaxError, TypeError):
        return None


def chains(equations):
    """The expressions of each equation, which say the same number, the last one as a number."""
    for align in equations:
        if not align.startswith(r"\begin{align*}"):
            continue
        body = align.removeprefix("\\begin{align*}\n").removesuffix("\n\\end{align*}")
        chain = []
        for row in body.split(" \\\\\n"):
            formula = row.split(" && ")[0]
            symbol, _, right = formula.partition("&")
            if symbol:
                if chain:
                    yield chain
                chain = []
            if right.startswith("="):
                chain += right[1:].split("=")
            else:
                chain[-1] += right
        yield chain


def equations_of(loss, activation, rule):
    trace = untrained(loss, activation, hidden=(3, 9)).trace(KINDS, 2)
    step = take_step(trace, rule, 0.001)
    return [*trace_equations(trace, step), *weight_equations(trace.weight(0, 1, 2), step)]


@pytest.mark.parametrize(("loss", "activation"), PAIRS)
def test_every_equation_of_the_latex_holds(loss, activation):
    checked = 0
    for number, chain in enumerate(chains(equations_of(loss, activation, Adam()))):
        last = chain[-1].strip()
        written = re.sub(r" \\cdot 10\^\{(-?\d+)\}", r"e\1", last)
        for expression in chain[:-1]:
            found = latex_value(expression)
            assert found is not None, expression
            terms = expression.count(r"\cdot") if r"\quad" in expression else 0
            off = abs(found - latex_value(last))
            assert off <= (0.5001 + terms) * last_place(written), (number, chain)
            checked += 1
    assert checked > 50


@pytest.mark.parametrize(
    "text",
    [
        "1.4e-06²",
        "(-1.4e-06)² / 2",
        "0.001 · 0.5 / 1.25e-07",
        "√1.9639e-15",
        "0.1 / (√1.9639e-15 + 1e-08)",
        "1 / (1 + e^-2.5e-05)",
        "e^1.5 - 2 · 1.5",
        "2e-05 · ln(1 + e^0.5)",
        "|-3e-05 - 2e-05|",
        "1 - (-0.5)²",
        "-1.5e+20 + 2.25e+19",
    ],
)
def test_numbers_with_powers_of_ten_keep_their_place_in_a_formula(text):
    assert math.isclose(latex_value(mathematics(text)), value_of(text), rel_tol=1e-12)


@given(st.text())
def test_no_title_breaks_a_document(title):
    escaped = prose(title)
    rest = re.sub(
        r"\\(text(backslash|asciitilde|asciicircum|less|greater)\{\}|[&%$#_{}])", "", escaped
    )
    assert not set(rest) & set("\\&%$#_{}~^<>")
    text = document(title, [])
    declared = re.findall(r"DeclareUnicodeCharacter\{(\w+)\}", text)
    assert {chr(int(code, 16)) for code in declared} == {c for c in escaped if c > "\u017f"}


def test_a_document_in_ascii_declares_nothing():
    assert "ifPDFTeX" not in document("row 1 of desk.csv", [r"\begin{align*}a &= 1\end{align*}"])


def trace_of(names, theta):
    """The trace of a row of a table with four columns of numbers, for a network of two neurons."""
    values = np.random.default_rng(0).normal(size=(20, 4))
    columns = {name: values[:, i] for i, name in enumerate(names)}
    table = pl.DataFrame({**columns, "y": values @ [1, 2, 3, 4]})
    options = Options(hidden=(2,), activation=("sigmoid",), bins=0, valid_fraction=0.0)
    experiment = prepare(table, "y", options)
    return experiment.model(Parameters(experiment.network, theta), ()).trace(table, 3)


def test_the_columns_of_a_table_stand_beside_their_products():
    trace = trace_of(["a_b%", "c & d", "größe $#", "长度"], np.linspace(-1, 1, 13))
    equations = trace_equations(trace, take_step(trace, RMSProp(), 0.01))
    for escaped in (r"\text{a\_b\%}", r"\text{c \& d}", r"\text{größe \$\#}", r"\text{长度}"):
        rows = [row for row in "\n".join(equations).splitlines() if f"&& {escaped}" in row]
        assert len(rows) == 4  # a product and a derivative, in each of two neurons
    text = document("row 4", equations)
    assert r"\DeclareUnicodeCharacter{957F}" in text
    for opening, closing in ((r"\begin{align*}", r"\end{align*}"), ("{", "}")):
        plain = re.sub(r"\\[{}]", "", text)
        assert plain.count(opening) == plain.count(closing)


def test_numbers_beyond_all_bounds_are_written():
    trace = trace_of("abcd", np.linspace(-1e200, 1e200, 13))
    text = "\n".join(trace_equations(trace, take_step(trace)))
    assert r"\infty" in text
    assert r"\cdot 10^{200}" in text
    assert not re.search(r"\binf\b|\bnan\b", text)
