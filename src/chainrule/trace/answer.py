"""The end of the forward page: from scores to the answer, and from the truth to the loss."""

import numpy as np
from numpy import exp

from chainrule.losses import SoftmaxCrossEntropy
from chainrule.trace.activation_formulas import ACTIVATION_FORMULAS
from chainrule.trace.formula import Formula
from chainrule.trace.loss_formulas import LOSS_FORMULAS
from chainrule.trace.records import Trace
from chainrule.trace.sums import columns, evaluated, fold
from chainrule.trace.written import (
    align,
    cut,
    decimals_of,
    known_decimals,
    operand_decimals,
    term_decimals,
    visible,
    written,
)

_WIDTH = 76
_MOST_CLASSES = 10
_POWER = Formula("e^{s}", lambda n: exp(n["s"]))
_UNSCALED = Formula("{c} + {k} · {p}", lambda n: n["c"] + n["k"] * n["p"])
_SCALED = Formula("({v} - {c}) / {k}", lambda n: (n["v"] - n["c"]) / n["k"])


def answer_lines(trace: Trace) -> list[str]:
    """Scores, link, and the answer in classes or in the target's unit."""
    formula = LOSS_FORMULAS[trace.network.loss.name].link
    link = f"s is the z of the last layer; the link makes {formula}"
    if trace.target.task == "regression":
        return [link, *_number_lines(trace)]
    if isinstance(trace.network.loss, SoftmaxCrossEntropy):
        return [link, *_softmax_lines(trace)]
    if trace.has_several:
        return [link, *_label_lines(trace)]
    return [link, *_binary_lines(trace)]


def truth_lines(trace: Trace) -> list[str]:
    """What the target is, as the network is to learn it, and the loss of each output."""
    truth, loss = trace.truth, trace.network.loss
    if truth is None:
        return []
    name = visible(trace.target.name)
    lines = [f"{name} is {visible(trace.truth_text)}"]
    if trace.target.task == "regression":
        lines += _scaled_target(trace, float(truth.y[0]))
    else:
        names = [visible(one) for one in trace.output_names]
        shares = [f"{written(y, 5)} for {cut(n, 24)}" for y, n in zip(truth.y, names, strict=True)]
        if len(shares) <= _MOST_CLASSES:
            lines.append(f"y = {', '.join(shares)}")
    formula = LOSS_FORMULAS[loss.name]
    terms = trace.loss_terms
    decimals = decimals_of(truth.loss)
    if len(terms) == 1:
        term = terms[0]
        return lines + evaluated(
            "loss", formula.value, term.value_formula, term.numbers, term.loss, _WIDTH
        )
    lines.append(f"loss of each output: {formula.value}")
    losses = np.array([term.loss for term in terms])
    decimals = known_decimals(float(losses.sum()), truth.loss, decimals)
    folded = fold(losses, _MOST_CLASSES)
    rest = [folded.rest] * bool(folded.n_more)
    of_terms = term_decimals(np.array([*losses[list(folded.shown)], *rest]), truth.loss, decimals)
    for k in folded.shown:
        term, name = terms[k], cut(visible(trace.output_names[k]), 24)
        symbol = f"{name}: loss"
        lines += evaluated(
            symbol, "", term.value_formula, term.numbers, term.loss, _WIDTH, of_terms
        )
    if rest:
        lines.append(f"and {folded.n_more:,} more, together {written(folded.rest, of_terms)}")
    lines.append(f"J = their sum = {written(truth.loss, decimals)}")
    return lines


def _number_lines(trace: Trace) -> list[str]:
    target = trace.target
    name = visible(target.name)
    lines = []
    for k, (s, p, answer) in enumerate(
        zip(trace.scores.tolist(), trace.predictions.tolist(), trace.answers.tolist(), strict=True)
    ):
        prime = "y'" if len(trace.answers) == 1 else f"y'{k}"
        if trace.network.loss.name == "poisson":
            lines += evaluated(prime, "e^s", _POWER, {"s": s}, p, _WIDTH)
        elif len(trace.answers) > 1:
            lines.append(f"{prime} = {written(p, decimals_of(p))}")
        of = name if len(trace.answers) == 1 else f"{name}, {trace.output_names[k]}"
        if target.scaling == "none":
            continue
        numbers = {"c": target.center, "k": target.scale, "p": p}
        lines += evaluated(of, f"center + scale · {prime}", _UNSCALED, numbers, answer, _WIDTH)
    lines.append(_scale_words(trace))
    if len(trace.answers) > 1 and not trace.has_several:
        lines.append(f"The answer is that of the level nearest to 1/2: {written(trace.answer, 5)}")
    return lines


_SCALES = {
    "standard": "center and scale: mean and standard deviation of the training rows",
    "robust": "center and scale: median and robust spread of the training rows",
    "positive": "center is 0; scale: the mean of the training rows",
    "none": "the network learnt the target as it is",
}


def _scale_words(trace: Trace) -> str:
    return f"({_SCALES[trace.target.scaling]})"


def _scaled_target(trace: Trace, y: float) -> list[str]:
    target = trace.target
    if target.scaling == "none":
        return []
    value = float(trace.truth.value) if trace.truth else 0.0
    numbers = {"v": value, "c": target.center, "k": target.scale}
    return evaluated("y", "(target - center) / scale", _SCALED, numbers, y, _WIDTH)


def _binary_lines(trace: Trace) -> list[str]:
    s, p = float(trace.scores[0]), float(trace.predictions[0])
    sigmoid = ACTIVATION_FORMULAS["sigmoid"].value[0]
    lines = evaluated("p", "", sigmoid, {"m": -s}, p, _WIDTH)
    no, yes = (visible(name) for name in trace.target.classes)
    decimals = decimals_of(float(p))
    lines.append(
        f"p is the probability of {yes}; that of {no} is 1 - p = {written(1 - p, decimals)}"
    )
    return [*lines, f"The more probable class is the answer: {visible(trace.answer)}"]


def _label_lines(trace: Trace) -> list[str]:
    """The probability of each label, and which of them are more likely than not."""
    sigmoid = ACTIVATION_FORMULAS["sigmoid"].value[0]
    lines = []
    for k, (s, p) in enumerate(zip(trace.scores.tolist(), trace.predictions.tolist(), strict=True)):
        if k == _MOST_CLASSES:
            lines.append(f"and {len(trace.scores) - k:,} more")
            break
        lines += evaluated(f"p of {trace.output_names[k]}", "", sigmoid, {"m": -s}, p, _WIDTH)
    return [*lines, "Each label is answered by itself: yes where p is above 1/2"]


def _softmax_lines(trace: Trace) -> list[str]:
    s, p = trace.scores, trace.predictions
    shift = float(s.max()) if np.abs(s).max() > 10 else 0.0
    order = np.argsort(-p, kind="stable")
    e, p = np.exp(s - shift)[order], p[order]
    total = float(e.sum())
    shown = slice(0, _MOST_CLASSES)
    columns_of_numbers = []
    of_total = decimals_of(total)
    for s_k, e_k, p_k in zip(s[order][shown], e[shown], p[shown], strict=True):
        of_p = decimals_of(float(p_k))
        of_e, of_sum = operand_decimals(np.divide, [e_k, total], p_k, of_p)
        of_s, _ = operand_decimals(lambda s, m: np.exp(s - m), [s_k, shift], e_k, of_e)
        of_total = max(of_total, of_sum)
        columns_of_numbers.append((written(s_k, of_s), written(e_k, of_e), written(p_k, of_p)))
    texts = [align(column) for column in zip(*columns_of_numbers, strict=True)]
    rows = [["class", "s", "e^(s - largest s)" if shift else "e^s", "p"]]
    for place, k in enumerate(order[shown]):
        name = cut(visible(trace.output_names[k]), 24)
        rows.append([name, *(text[place] for text in texts)])
    if rest := len(p) - len(rows) + 1:
        e_rest, p_rest = float(e[_MOST_CLASSES:].sum()), float(p[_MOST_CLASSES:].sum())
        more = f"and {rest:,} more, together"
        rows.append([more, "", *(written(v, decimals_of(v)) for v in (e_rest, p_rest))])
    rows.append(["sum", "", written(total, of_total), "1"])
    lines = columns(rows, (False, True, True, True))
    if shift:
        lines.append("(taking the largest s from all of them changes no p, but keeps e^s small)")
    return [*lines, f"The most probable class is the answer: {visible(trace.answer)}"]
