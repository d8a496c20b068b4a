"""The network drawn: as neurons and lines, or as one image of each layer if it is large."""

import math
from collections.abc import Sequence

import numpy as np

from chainrule.arrays import Floats
from chainrule.network import Network, Parameters
from chainrule.report.figure import WIDE, WIDTH, Numbers, figure, svg, text
from chainrule.report.markup import Markup, joined, shortened, tag
from chainrule.report.numerals import amount, numeral
from chainrule.report.pixel_image import pixel_image, summarised

MOST_NEURONS = 16
MOST_LINES = 400
MOST_WRITTEN = 24
MOST_TALL = 6
"""Layers up to so many neurons and lines are drawn one by one; with their numbers up to so many
lines, and neurons in a layer.
"""


def network_figures(
    network: Network, parameters: Parameters, inputs: Sequence[str], outputs: Sequence[str]
) -> list[Markup]:
    """The drawings of the network; `inputs` and `outputs` are their names."""
    widths = [network.n_inputs, *(layer.n_outputs for layer in network.layers)]
    n_lines = sum(W.size for W in parameters.W)
    if max(widths) <= MOST_NEURONS and n_lines <= MOST_LINES:
        return [_neurons(network, parameters, inputs, outputs, widths)]
    return [_image(network, parameters, l) for l in range(len(network.layers))]


def _neurons(
    network: Network,
    parameters: Parameters,
    inputs: Sequence[str],
    outputs: Sequence[str],
    widths: list[int],
) -> Markup:
    rows = [
        (f"{l}.{j} ← {inputs[i] if l == 0 else f'{l - 1}.{i}'}", float(W[i, j]))
        for l, W in enumerate(parameters.W)
        for j in range(W.shape[1])
        for i in range(W.shape[0])
    ]
    biases = [
        (f"{l}.{j} ← bias", float(value))
        for l, b in enumerate(parameters.b)
        for j, value in enumerate(b)
    ]
    shape = " → ".join(map(str, widths))
    return figure(
        "The network",
        f"A network of {shape} neurons; a line is a weight, the thicker the larger.",
        [_drawn(parameters, inputs, outputs, widths, width) for width in (WIDTH, WIDE)],
        Numbers(
            ("weight of", "value"),
            sorted([*rows, *biases]),
            note=" " if len(rows) + len(biases) <= MOST_LINES else "",
        ),
        subtitle=[
            "Each line is a weight: ",
            tag("span", "blue raises", class_="c0"),
            " and ",
            tag("span", "orange lowers", class_="c1"),
            " the neuron that it leads to, and its thickness is its size. ",
            "Neurons are named layer.place, from 0; b is the bias.",
        ],
        class_="broad",
    )


def _drawn(
    parameters: Parameters,
    inputs: Sequence[str],
    outputs: Sequence[str],
    widths: list[int],
    width: int,
) -> Markup:
    n_lines = sum(W.size for W in parameters.W)
    is_written = n_lines <= MOST_WRITTEN and max(widths) <= MOST_TALL
    longest = 16 if width == WIDTH else 24
    names_in = [shortened(name, longest) for name in inputs]
    names_out = [shortened(name, longest) for name in outputs]
    left = 22 + 6.6 * max(map(len, names_in))
    right = width - 24 - 6.6 * max(map(len, names_out))
    step = 84 if is_written and max(widths) <= 4 else 64 if is_written else 30
    height = max(150, step * max(widths) + 16)
    x = np.linspace(left, right, len(widths))
    y = [height / 2 + step * (np.arange(n) - (n - 1) / 2) for n in widths]
    radius = 15 if is_written else 9 if step > 30 else 7
    largest = max(float(np.abs(W).max()) for W in parameters.W) or 1.0
    lines, words, circles = [], [], []
    for l, W in enumerate(parameters.W):
        for i, j in sorted(np.ndindex(W.shape), key=lambda at: abs(W[at])):
            w = float(W[i, j])
            ends = (x[l], y[l][i], x[l + 1], y[l + 1][j])
            lines.append(
                tag(
                    "line",
                    x1=float(ends[0]),
                    y1=float(ends[1]),
                    x2=float(ends[2]),
                    y2=float(ends[3]),
                    class_="plus" if w > 0 else "minus",
                    stroke_width=f"{max(0.4, 5 * abs(w) / largest):.2f}",
                    stroke_opacity=f"{0.25 + 0.75 * math.sqrt(abs(w) / largest):.2f}",
                )
            )
            if is_written:
                along = 0.3 + (0.4 * ((i + j) % W.shape[0]) / max(1, W.shape[0] - 1))
                at_x = ends[0] + along * (ends[2] - ends[0])
                at_y = ends[1] + along * (ends[3] - ends[1])
                words.append(text(at_x, at_y + 4, numeral(w, 3), "number halo", "middle"))
    for l, places in enumerate(y):
        for j, at in enumerate(places):
            circles.append(tag("circle", cx=float(x[l]), cy=float(at), r=radius, class_="neuron"))
            if l and is_written:
                words.append(text(float(x[l]), float(at) + 4, f"{l - 1}.{j}", "tick", "middle"))
                bias = f"b {numeral(float(parameters.b[l - 1][j]), 3)}"
                words.append(
                    text(float(x[l]), float(at) + radius + 14, bias, "tick halo", "middle")
                )
    labels = [
        text(left - radius - 6, float(at) + 4, name, "label strong", "end")
        for name, at in zip(names_in, y[0], strict=True)
    ] + [
        text(right + radius + 6, float(at) + 4, name, "label strong")
        for name, at in zip(names_out, y[-1], strict=True)
    ]
    return svg(width, height, joined(lines, circles, words, labels))


def _image(network: Network, parameters: Parameters, l: int) -> Markup:
    W = parameters.W[l].astype(np.float64)
    shown, tall, broad = summarised(W)
    layer = network.layers[l]
    largest = float(np.quantile(np.abs(shown), 0.995)) or 1.0
    rows, columns = shown.shape
    height = float(np.clip(WIDTH * rows / columns, 60, 420))
    last = l == len(network.layers) - 1
    into = amount(layer.n_outputs, "output" if last else "neuron")
    of = amount(layer.n_inputs, "input" if l == 0 else "neuron")
    block = f" Each pixel is the largest of {tall} × {broad} weights." if tall * broad > 1 else ""
    drawing = svg(
        WIDTH,
        height + 22,
        text(0, 13, f"↓ {of}", "tick"),
        text(WIDTH, 13, f"{into} →", "tick", "end"),
        tag("rect", x=0.5, y=20.5, width=WIDTH - 1.0, height=height, class_="frame"),
        pixel_image(shown, largest, x=1, y=21, width=WIDTH - 2, height=height - 1),
    )
    activation = "" if last else f", {layer.activation.name}"
    return figure(
        f"Layer {l}: {layer.n_inputs:,} → {layer.n_outputs:,}{activation}",
        f"The weights of layer {l}, from {of} to {into}, as an image.{block}",
        drawing,
        Numbers(("of layer " + str(l), "weights", "biases"), _summary(W, parameters.b[l])),
        subtitle=[
            tag("span", "Blue", class_="c0"),
            " weights raise and ",
            tag("span", "orange", class_="c1"),
            f" ones lower; full colour is {numeral(largest, 3)} or more.{block}",
        ],
    )


def _summary(W: Floats, b: Floats) -> list[tuple[str, float, float]]:
    return [
        ("how many", W.size, b.size),
        ("mean", float(W.mean()), float(b.mean())),
        ("root mean square", float(np.sqrt(np.mean(W**2))), float(np.sqrt(np.mean(b**2)))),
        ("smallest", float(W.min()), float(b.min())),
        ("largest", float(W.max()), float(b.max())),
    ]
