"""A trace in LaTeX: the same equations as on the page, with numbers in place of symbols.

The documents need amsmath, geometry and iftex, which every TeX has. pdfLaTeX has no Chinese letters
and the like: it writes them as [U+684C], while XeLaTeX and LuaLaTeX, with ctex, show them.
"""

import re

import numpy as np

from chainrule.trace.activation_formulas import ACTIVATION_FORMULAS, numbers_of
from chainrule.trace.formula import Formula, Numbers
from chainrule.trace.neurons import Neuron, WeightTrace
from chainrule.trace.page import PRODUCT
from chainrule.trace.records import Trace
from chainrule.trace.steps import Step
from chainrule.trace.sums import decimals_of_sum, fewest_decimals, fold
from chainrule.trace.written import bracketed, cut, decimals_of, term_decimals, visible, written

MOST_TERMS = 6
MOST_NEURONS = 4

_BEGIN = r"""\documentclass{article}
\usepackage{amsmath,iftex}
\usepackage[margin=2cm]{geometry}
\allowdisplaybreaks"""
_OTHER_LETTERS = r"""\ifPDFTeX
  \usepackage[utf8]{inputenc}
%s
\else
  \IfFileExists{ctex.sty}{\usepackage[scheme=plain]{ctex}}{\usepackage{fontspec}}
\fi"""
_LAST_OF_PDFTEX = "\u017f"

_LONGEST_NAME = 40
_LONGEST = 70
"""Signs of an expression before what comes next has a line of its own."""

_NUMBER = re.compile(r"(√|e\^-?|/ -?)?(\d+(?:\.\d+)?)(?:e([+-]\d+))?(²?)")

_SIGNS = {
    "·": r"\cdot",
    "²": "^2",
    "Φ": r"\Phi",
    "φ": r"\varphi",
    "√": r"\surd",
}
_SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def document(title: str, equations: list[str]) -> str:
    """A document that can be compiled, of these equations."""
    body = [rf"\section*{{{prose(title)}}}", *equations]
    others = sorted({c for text in body for c in text if c > _LAST_OF_PDFTEX})
    declared = [rf"  \DeclareUnicodeCharacter{{{ord(c):04X}}}{{[U+{ord(c):04X}]}}" for c in others]
    letters = [_OTHER_LETTERS % "\n".join(declared)] if not all(map(str.isascii, body)) else []
    return "\n".join([_BEGIN, *letters, r"\begin{document}", *body, r"\end{document}"])


def trace_equations(trace: Trace, step: Step | None) -> list[str]:
    """Forward, and backward where a step is given; of a wide layer the largest neurons."""
    found: list[str] = []
    for layer in trace.layers:
        order = np.argsort(-np.abs(layer.a), kind="stable")[:MOST_NEURONS]
        found.append(rf"\subsection*{{Layer {layer.index}, forward}}")
        for j in sorted(order.tolist()):
            found += forward_equations(trace, layer.neuron(j))
    if trace.truth is not None:
        found.append(r"\subsection*{Loss}")
        found.append(_align([_loss_line(trace, k) for k in range(min(len(trace.scores), 8))]))
    if step is None:
        return found
    for layer in reversed(trace.layers):
        found.append(rf"\subsection*{{Layer {layer.index}, backward}}")
        assert layer.delta is not None
        order = np.argsort(-np.abs(layer.delta), kind="stable")[:MOST_NEURONS]
        for j in sorted(order.tolist()):
            found += backward_equations(trace, layer.neuron(j), step)
    return found


def forward_equations(trace: Trace, neuron: Neuron) -> list[str]:
    """z as a sum of products, and a."""
    index = _index(neuron)
    names = [_source_name(neuron, i) for i in range(len(neuron.inputs))]
    lines = _sum(f"z_{index}", neuron.inputs, neuron.weights, names, neuron.z, neuron.bias)
    if neuron.layer < len(trace.layers) - 1:
        formula = ACTIVATION_FORMULAS[neuron.activation].value[neuron.z <= 0]
        lines.append(_equation(f"a_{index}", formula, numbers_of(neuron.z, neuron.a), neuron.a))
    return [_align(lines)]


def backward_equations(trace: Trace, neuron: Neuron, step: Step | None) -> list[str]:
    """delta as fed back, and the derivative of each weight."""
    if neuron.delta is None or neuron.fed_back is None or neuron.weight_gradients is None:
        return []
    index = _index(neuron)
    delta, a, z = rf"\delta_{index}", f"a_{index}", f"z_{index}"
    if neuron.deltas is None or neuron.weights_out is None:
        term = trace.loss_terms[neuron.index]
        symbol = rf"{delta} = \frac{{\partial J}}{{\partial {z}}}"
        lines = [_equation(symbol, term.slope_formula, term.numbers, neuron.delta)]
    else:
        symbol = rf"\frac{{\partial J}}{{\partial {a}}}"
        names = [rf"\delta_{{{neuron.layer + 1},{j}}}" for j in range(len(neuron.deltas))]
        lines = _sum(symbol, neuron.deltas, neuron.weights_out, names, neuron.fed_back, None)
        slope = ACTIVATION_FORMULAS[neuron.activation].slope[neuron.z <= 0]
        symbol = rf"\frac{{\mathrm{{d}} {a}}}{{\mathrm{{d}} {z}}}"
        lines.append(_equation(symbol, slope, numbers_of(neuron.z, neuron.a), neuron.slope))
        factors = {"f": neuron.fed_back, "g": neuron.slope}
        lines.append(_equation(delta, PRODUCT, factors, neuron.delta))
    for i in fold(neuron.weight_gradients, MOST_TERMS).shown:
        weight = trace.weight(neuron.layer, neuron.index, i)
        lines.append(f"{_gradient_line(weight)} && {_source_name(neuron, i)}")
    if step is not None:
        for i in fold(neuron.weight_gradients, MOST_TERMS).shown:
            lines += _step_lines(trace.weight(neuron.layer, neuron.index, i), step)
    return [_align(lines)]


def weight_equations(weight: WeightTrace, step: Step | None) -> list[str]:
    """The derivative of one weight as a product of its factors, and its step."""
    lines = []
    if weight.gradient is not None and weight.fed_back is not None:
        l, j = weight.layer, weight.neuron
        a, z = f"a_{{{l},{j}}}", f"z_{{{l},{j}}}"
        symbol = (
            rf"{_derivative(weight)} = \frac{{\partial J}}{{\partial {a}}} \cdot "
            rf"\frac{{\mathrm{{d}} {a}}}{{\mathrm{{d}} {z}}} \cdot "
            rf"\frac{{\partial {z}}}{{\partial {_symbol(weight)}}}"
        )
        formula = Formula("{f} · {s} · {x}", lambda n: n["f"] * n["s"] * n["x"])
        numbers = {"f": weight.fed_back, "s": weight.slope, "x": weight.input}
        lines.append(_equation(symbol, formula, numbers, weight.gradient))
        if step is not None:
            lines += _step_lines(weight, step)
    else:
        formula = Formula("{x} · {w}", lambda n: n["x"] * n["w"])
        numbers = {"x": weight.input, "w": weight.value}
        symbol = f"{_symbol(weight)} \\cdot x"
        lines.append(_equation(symbol, formula, numbers, weight.product))
    return [_align(lines)]


def mathematics(text: str) -> str:
    r"""A formula of the page as LaTeX: e^-0.5 -> e^{-0.5}, · -> \cdot, 1e-9 -> 1 \cdot 10^{-9}.

    A number with a power of ten is a product, so it stands in brackets where it is squared or
    divided by.
    """
    text = _NUMBER.sub(_number, text)
    for sign, command in _SIGNS.items():
        text = text.replace(sign, command)
    text = re.sub(r"\binf\b", r"\\infty", text)
    text = re.sub(r"\bnan\b", r"\\text{NaN}", text)
    return re.sub(r"\b(tanh|ln)\b", r"\\\1", text)


def _number(match: re.Match[str]) -> str:
    """A number with the sign before it and the square after it."""
    before, digits, power, squared = match[1] or "", match[2], match[3], match[4]
    number = rf"{digits} \cdot 10^{{{int(power)}}}" if power else digits
    if before == "√":
        number = rf"\sqrt{{{number}}}"
    elif before.startswith("e^"):
        number = rf"e^{{{before[2:]}{number}}}"
    elif power and (before or squared):
        number = f"{before}({number})"
    else:
        number = before + number
    return number + squared


def prose(text: str) -> str:
    """A text with what LaTeX would take for commands as it is."""
    return "".join(_SPECIAL.get(c, c) for c in visible(text))


def _equation(symbol: str, formula: Formula, numbers: Numbers, result: float) -> str:
    decimals = decimals_of(result)
    worked, value = formula.worked(numbers, result, decimals), written(result, decimals)
    middle = [] if worked == value else [mathematics(worked)]
    joint = " \\\\\n&= " if len(worked) > _LONGEST else " = "
    return f"{symbol} &= " + joint.join([*middle, mathematics(value)])


@np.errstate(over="ignore", invalid="ignore")
def _sum(
    symbol: str,
    first: np.ndarray,
    second: np.ndarray,
    names: list[str],
    total: float,
    bias: float | None,
) -> list[str]:
    """The sum of products, each on a line of its own with its name, the smaller ones together."""
    products = first * second
    folded = fold(products, MOST_TERMS)
    at = list(folded.shown)
    extra = [folded.rest] * bool(folded.n_more) + ([] if bias is None else [bias])
    terms = np.array([*products[at], *extra])
    decimals = decimals_of_sum(total, terms)
    of_terms = term_decimals(terms, total, decimals)
    of_terms, of_first, of_second = fewest_decimals(
        np.multiply, [first[at], second[at]], products[at], of_terms
    )
    if len(terms) == 1:
        decimals = of_terms  # a term alone is its own sum, and rounded once
    parts = [
        f"{written(first[i], of_first)} · {bracketed(written(second[i], of_second))}" for i in at
    ]
    others = [bracketed(written(v, of_terms)) for v in extra]
    shown = [names[i] for i in at] + [rf"\text{{{folded.n_more} more}}"] * bool(folded.n_more)
    shown += [] if bias is None else [r"\text{bias}"]
    parts[1:] = [f"({part})" if part.startswith("-") else part for part in parts[1:]]
    pieces = [mathematics(part) for part in parts] + [mathematics(other) for other in others]
    lines = [f"{symbol} &= {pieces[0]} && {shown[0]}"]
    lines += [
        f"&\\quad + {piece} && {name}" for piece, name in zip(pieces[1:], shown[1:], strict=True)
    ]
    texts = [written(t, of_terms) for t in terms]
    texts[1:] = [f"+ {bracketed(text)}" for text in texts[1:]]
    if len(texts) > 1:
        rows = [texts] if len(" ".join(texts)) <= _LONGEST else [texts[:4], texts[4:]]
        lines += [
            f"{start} {mathematics(' '.join(row))}"
            for start, row in zip(("&=", "&\\quad"), rows, strict=False)
        ]
    return [*lines, f"&= {mathematics(written(total, decimals))}"]


def _loss_line(trace: Trace, k: int) -> str:
    term = trace.loss_terms[k]
    return _equation(rf"\text{{loss}}_{{{k}}}", term.value_formula, term.numbers, term.loss)


def _gradient_line(weight: WeightTrace) -> str:
    formula = Formula("{d} · {x}", lambda n: n["d"] * n["x"])
    numbers = {"d": weight.delta or 0.0, "x": weight.input}
    return _equation(_derivative(weight), formula, numbers, weight.gradient or 0.0)


def _step_lines(weight: WeightTrace, step: Step) -> list[str]:
    lines = []
    names = {"m_hat": r"\hat m", "v_hat": r"\hat v", "new w": f"{_symbol(weight)}'"}
    for line in step.lines(weight.value, weight.gradient or 0.0):
        symbol = names.get(line.symbol, line.symbol)
        lines.append(_equation(symbol, line.formula, line.numbers, line.value))
    return lines


def _source_name(neuron: Neuron, i: int) -> str:
    """What input i of a neuron is: a column's input by name, or a neuron's activation."""
    if neuron.layer:
        return f"a_{{{neuron.layer - 1},{i}}}"
    name = neuron.input_names[i]
    return rf"\text{{{prose(cut(visible(name), _LONGEST_NAME))}}}"


def _symbol(weight: WeightTrace) -> str:
    if weight.source is None:
        return f"b_{{{weight.layer},{weight.neuron}}}"
    return f"w_{{{weight.layer},{weight.neuron} \\leftarrow {weight.source}}}"


def _derivative(weight: WeightTrace) -> str:
    return rf"\frac{{\partial J}}{{\partial {_symbol(weight)}}}"


def _index(neuron: Neuron) -> str:
    return f"{{{neuron.layer},{neuron.index}}}"


def _align(lines: list[str]) -> str:
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"
