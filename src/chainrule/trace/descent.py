"""The end of the backward page: the derivative of each weight, and the weight after one step."""

from collections.abc import Sequence

import numpy as np

from chainrule.trace.formula import Formula
from chainrule.trace.neurons import Neuron, WeightTrace
from chainrule.trace.steps import PLAIN_DESCENT, Step
from chainrule.trace.sums import MOST_TERMS, columns, evaluated, fewest_decimals, fold
from chainrule.trace.written import (
    align,
    bracketed,
    cut,
    decimals_of,
    operand_decimals,
    visible,
    written,
)

WIDTH = 76
_WIDEST_LABEL = 20
ALONG = Formula("{x} · {w}", lambda n: n["x"] * n["w"])
THREE_FACTORS = Formula("{f} · {s} · {x}", lambda n: n["f"] * n["s"] * n["x"])


def gradient_lines(
    neuron: Neuron, labels: Sequence[str], step: Step, most: int = MOST_TERMS
) -> list[str]:
    """A table of the weights of a neuron: dJ/dw = delta · x, the old weight and the new one."""
    if neuron.delta is None or neuron.weight_gradients is None:
        return []
    j, l = neuron.index, neuron.layer
    new = step.new.W[l][:, j]
    folded = fold(neuron.weight_gradients, most)
    at = list(folded.shown)
    x = np.array([*neuron.inputs[at], 1.0])
    g = np.array([*neuron.weight_gradients[at], neuron.delta])
    old = np.array([*neuron.weights[at], neuron.bias])
    after = np.array([*new[at], step.new.b[l][j]])
    is_plain = step.optimizer == PLAIN_DESCENT

    of_new = decimals_of(float(np.abs(after).max()))
    of_g = decimals_of(float(np.abs(g).max()))
    of_old = of_new
    if is_plain:
        of_new, of_old, for_step = fewest_decimals(
            lambda w, g: w - step.rate * g, [old, g], after, of_new
        )
        of_g = max(of_g, for_step)
    of_g, of_delta, of_x = fewest_decimals(np.multiply, [neuron.delta, x], g, of_g)

    names = [*(cut(labels[i], _WIDEST_LABEL) for i in at), "bias"]
    texts = [
        align([written(v, d) for v in values])
        for values, d in ((x, of_x), (g, of_g), (old, of_old), (after, of_new))
    ]
    rows = [["weight of", "x", "dJ/dw", "old w", "new w"]]
    rows += [list(row) for row in zip(names, *texts, strict=True)]
    rule = f"old w - {step.rate:.12g} · dJ/dw" if is_plain else f"a step of {step.optimizer.name}"
    lines = [
        f"dJ/dw = delta · x = {bracketed(written(neuron.delta, of_delta))} · x;  new w = {rule}"
    ]
    lines += columns(rows, (False, True, True, True, True))
    if folded.n_more:
        lines.append(f"and {folded.n_more:,} more weights, with smaller derivatives")
    return lines


def weight_lines(weight: WeightTrace, delta: Sequence[str], step: Step | None) -> list[str]:
    """One weight: what comes along it, its derivative as a product of factors, its new value.

    `delta` are the lines that say how the delta of its neuron came about.
    """
    bias = weight.source is None
    name = f"W[{weight.layer}][{weight.source}, {weight.neuron}]"
    name = f"b[{weight.layer}][{weight.neuron}]" if bias else name
    decimals = decimals_of(weight.product)
    forward = {"x": weight.input, "w": weight.value}
    came = "the bias" if bias else f"the weight of {visible(weight.source_name)}"
    lines = [f"{name}, {came} in neuron {weight.layer}.{weight.neuron}"]
    if bias:
        lines += [f"b = {written(weight.value, decimals)}, added to the sum z"]
    else:
        lines += evaluated("x · w", "", ALONG, forward, weight.product, WIDTH)
    if weight.gradient is None or weight.fed_back is None or weight.delta is None or step is None:
        return lines
    g = weight.gradient
    steps = step.lines(weight.value, g)
    of_new = decimals_of(steps[-1].value)
    of_g = max(decimals_of(g), of_new)
    numbers = {"f": weight.fed_back, "s": weight.slope, "x": weight.input}
    needed = operand_decimals(lambda f, s, x: f * s * x, list(numbers.values()), g, of_g)
    decimals_by_name = dict(zip(numbers, needed, strict=True))
    rule = THREE_FACTORS.with_numbers(numbers, decimals_by_name)
    w = "b" if bias else "w"
    if delta:
        lines += ["", f"What comes back to neuron {weight.layer}.{weight.neuron}", *delta]
    lines += ["", f"The chain rule: dJ/d{w} = dJ/da · da/dz · dz/d{w}"]
    for symbol, factor in (
        ("dJ/da", "f"),
        ("da/dz", "s"),
        ("dz/db" if bias else "dz/dw = x", "x"),
    ):
        lines.append(f"  {symbol} = {written(numbers[factor], decimals_by_name[factor])}")
    lines += [
        f"  dJ/d{w} = {rule} = {written(g, of_g)}",
        "",
        f"One step of {step.optimizer.name} with g = dJ/d{w}, rate {step.rate:.12g}, from zeros",
    ]
    for line in steps:
        lines += [
            f"  {text}"
            for text in evaluated(
                line.symbol, line.symbols, line.formula, line.numbers, line.value, WIDTH
            )
        ]
    return lines
