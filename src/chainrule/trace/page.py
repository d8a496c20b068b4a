"""The page: a trace written out like a worked example in a textbook, at most 80 columns wide."""

import re

import numpy as np

from chainrule.trace.activation_formulas import ACTIVATION_FORMULAS, numbers_of
from chainrule.trace.answer import answer_lines, truth_lines
from chainrule.trace.descent import gradient_lines, weight_lines
from chainrule.trace.formula import Formula
from chainrule.trace.input_page import input_lines
from chainrule.trace.layout import WIDTH, amount, inset, paragraph
from chainrule.trace.loss_formulas import LOSS_FORMULAS
from chainrule.trace.neurons import LayerTrace, Neuron
from chainrule.trace.records import Trace
from chainrule.trace.steps import Step
from chainrule.trace.sums import columns, evaluated, weighted_sum
from chainrule.trace.written import align, decimals_of, visible, written

MOST_NEURONS = 4
"""A layer of more neurons is listed; one of at most so many is worked out."""

_LISTED = 8

PRODUCT = Formula("{f} · {g}", lambda n: n["f"] * n["g"])

HOW_TO_READ = (
    "Rows are counted from 1; layers, neurons and inputs from 0, as in the formulas: neuron 0.2 "
    "is neuron 2 of layer 0. Every number is the model's own and is rounded only where it is "
    "written. What goes into a sum, a product or a function has as many digits as it takes: with a "
    "calculator, and nothing but the digits that stand here, you get the same last digit."
)


def how_to_read(lines: list[str]) -> list[str]:
    """What has to be known to read these lines."""
    text = HOW_TO_READ
    if any(re.search(r"\de-\d", line) for line in lines):
        text += " 4.9e-12 is 4.9 · 10^-12."
    return paragraph(text)


def answer_sentence(trace: Trace) -> str:
    """The answer, beside the truth where it is known."""
    name, answer = visible(trace.target.name), trace.answer
    text = written(answer, decimals_of(answer)) if isinstance(answer, float) else str(answer)
    sentence = f"{name} is answered with {visible(text)}"
    if trace.target.task == "classification" and not trace.has_several:
        sentence += f", with a probability of {written(max(trace.answers), 4)}"
    if trace.truth is not None:
        sentence += f"; the table says {visible(trace.truth_text)}"
    return f"{sentence}."


def forward_page(trace: Trace) -> list[str]:
    """From the cells to the answer, and what was wrong with it where the target is known."""
    lines = input_lines(trace)
    for layer in trace.layers:
        lines += ["", *layer_lines(trace, layer)]
    lines += ["", "The answer", *inset(answer_lines(trace))]
    if trace.truth is not None:
        lines += ["", "The truth, and the loss", *inset(truth_lines(trace))]
    return lines


def backward_page(trace: Trace, step: Step) -> list[str]:
    """From the loss back to every weight, and one step of the optimiser."""
    lines = ["Backward: the chain rule, from the last layer to the first"]
    lines += paragraph(
        "J is the loss of this one row, n = 1, without a penalty. delta is dJ/dz, of a neuron's "
        "sum; the derivative by a weight is delta times what comes in along it, that by the bias "
        "is delta itself."
    )
    lines += paragraph(step_words(step))
    for layer in reversed(trace.layers):
        h = len(layer.b)
        lines += ["", f"Layer {layer.index}, backward: {amount(h, 'neuron')}"]
        if h > MOST_NEURONS:
            assert layer.delta is not None
            lines += inset(listed(layer, {"delta": layer.delta}))
            continue
        for j in range(h):
            neuron = layer.neuron(j)
            lines += ["", *inset([f"Neuron {neuron.name}"])]
            lines += inset(delta_lines(trace, neuron), 2)
            lines += inset(gradient_lines(neuron, labels_of(trace, neuron), step), 2)
    return lines


def step_words(step: Step) -> str:
    """What the new weights are, and what they are not."""
    rule = {"sgd": "gradient descent"}.get(step.optimizer.name, step.optimizer.name)
    return (
        f"The new weights show one step of {rule} with rate {step.rate:.12g} on this row alone, "
        "from a state of zeros. They are an illustration: the model stays as it is."
    )


def neuron_page(trace: Trace, l: int, j: int, step: Step | None) -> list[str]:
    """One neuron in full: forward, and backward if a step is given."""
    neuron = trace.neuron(l, j)
    lines = [_title(trace, neuron), *inset(sum_lines(trace, neuron, most=40), 1)]
    if step is not None:
        lines += ["", f"Neuron {neuron.name}, backward", *paragraph(step_words(step)), ""]
        lines += inset(delta_lines(trace, neuron, most=40))
        lines += inset(gradient_lines(neuron, labels_of(trace, neuron), step, most=40))
    return lines


def weight_page(trace: Trace, l: int, j: int, i: int | None, step: Step | None) -> list[str]:
    """One weight (a source of None: the bias): forward, and backward if a step is given."""
    back = [] if step is None else inset(delta_lines(trace, trace.neuron(l, j)))
    return weight_lines(trace.weight(l, j, i), back, step)


def layer_lines(trace: Trace, layer: LayerTrace) -> list[str]:
    """The neurons of a layer, worked out, or listed where they are many."""
    is_last = layer is trace.layers[-1]
    h, d = len(layer.b), len(layer.x)
    formula = ACTIVATION_FORMULAS[layer.activation]
    scores = "the score" if h == 1 else "the scores"
    what = scores if is_last else layer.activation
    lines = [f"Layer {layer.index}: {amount(h, 'neuron')} of {amount(d, 'input')}, {what}"]
    if not is_last:
        lines += paragraph(f"z = sum of input · weight, plus bias;  a = {formula.symbols}")
    if h > MOST_NEURONS:
        numbers = {"z": layer.z} if is_last else {"z": layer.z, "a": layer.a}
        lines += inset(listed(layer, numbers))
    shown = range(h) if h <= MOST_NEURONS else [trace.output] if is_last else []
    for j in shown:
        neuron = layer.neuron(j)
        lines += ["", *inset([_title(trace, neuron)]), *inset(sum_lines(trace, neuron), 2)]
    return lines


def listed(layer: LayerTrace, numbers: dict[str, np.ndarray]) -> list[str]:
    """Neurons of a wide layer with their numbers, those with the largest last one first."""
    last = list(numbers.values())[-1]
    order = np.argsort(-np.abs(last), kind="stable")[:_LISTED]
    rows = [["neuron", *numbers]]
    texts = [
        align([written(v, decimals_of(float(np.abs(values[order]).max()))) for v in values[order]])
        for values in numbers.values()
    ]
    for place, j in enumerate(order):
        rows.append([layer.names[j], *(column[place] for column in texts)])
    lines = columns(rows, [False, *[True] * len(numbers)])
    more = len(last) - len(order)
    if more:
        lines.append(f"and {more:,} more, smaller ones")
    return [*lines, f"--neuron {layer.names[order[0]]} works the first one out"]


def sum_lines(trace: Trace, neuron: Neuron, most: int = 12) -> list[str]:
    """z as the sum of its products, and a as its activation."""
    table, z = weighted_sum(
        labels_of(trace, neuron),
        (neuron.inputs, neuron.weights),
        ("input", "x", "weight", "x · weight"),
        neuron.z,
        ("bias", neuron.bias),
        most,
    )
    lines = [*table, f"z = their sum = {z}"]
    if neuron.layer == len(trace.layers) - 1:
        return lines
    formula = ACTIVATION_FORMULAS[neuron.activation].value[neuron.z <= 0]
    numbers = numbers_of(neuron.z, neuron.a)
    return lines + evaluated("a", "", formula, numbers, neuron.a, WIDTH - 4)


def delta_lines(trace: Trace, neuron: Neuron, most: int = 12) -> list[str]:
    """The delta of a neuron: of the last layer from the loss, else fed back by those it feeds."""
    if neuron.delta is None or neuron.fed_back is None:
        return []
    if neuron.weights_out is None or neuron.deltas is None:
        symbols = LOSS_FORMULAS[trace.network.loss.name].slope
        term = trace.loss_terms[neuron.index]
        return evaluated(
            "delta = dJ/dz", symbols, term.slope_formula, term.numbers, neuron.delta, WIDTH - 4
        )
    table, fed_back = weighted_sum(
        [f"neuron {name}" for name in neuron.output_names],
        (neuron.deltas, neuron.weights_out),
        ("feeds", "delta", "weight", "delta · weight"),
        neuron.fed_back,
        most=most,
    )
    lines = [*table, f"dJ/da = their sum = {fed_back}"]
    slope = ACTIVATION_FORMULAS[neuron.activation]
    numbers = numbers_of(neuron.z, neuron.a)
    lines += evaluated(
        "da/dz",
        slope.slope_symbols,
        slope.slope[neuron.z <= 0],
        numbers,
        neuron.slope,
        WIDTH - 4,
    )
    factors = {"f": neuron.fed_back, "g": neuron.slope}
    return lines + evaluated("delta", "dJ/da · da/dz", PRODUCT, factors, neuron.delta, WIDTH - 4)


def labels_of(trace: Trace, neuron: Neuron) -> list[str]:
    """What the inputs of a neuron are called in a table."""
    if neuron.layer == 0:
        return [f"{i} {visible(name)}" for i, name in enumerate(neuron.input_names)]
    return [f"a of {name}" for name in neuron.input_names]


def _title(trace: Trace, neuron: Neuron) -> str:
    if neuron.layer < len(trace.layers) - 1:
        return f"Neuron {neuron.name}"
    return f"Neuron {neuron.name}, the score of {visible(trace.output_names[neuron.index])}"
