"""The sections on training: how loss and gradients went, and the network that came of it."""

from collections.abc import Sequence

import numpy as np

from chainrule.arrays import Floats
from chainrule.evaluation import HEADLINE
from chainrule.model import Model
from chainrule.report.figure import WIDE, WIDTH, Numbers, figure, folded_table
from chainrule.report.line_chart import Mark, Series, line_chart
from chainrule.report.markup import Markup, shortened
from chainrule.report.network_drawing import network_figures
from chainrule.report.numerals import amount, numeral
from chainrule.report.section import Section, grid

MOST_LAYERS = 8


def on_training(model: Model) -> Section | None:
    """Curves of the losses, of the rate and of the gradients of each layer."""
    history = model.history
    epochs = _column(model, "epoch")
    if len(history) < 2:
        return None
    figures = [_losses(model, epochs)]
    headline = HEADLINE[model.task]
    if np.isfinite(_column(model, headline)).sum() > 1:
        figures.append(
            _curve(
                model,
                epochs,
                headline,
                headline,
                "Of the validation rows, or of the training rows where none were held out.",
            )
        )
    gradients = _gradients(model, epochs)
    if gradients:
        figures.append(gradients)
    if np.ptp(_column(model, "rate")) > 0:
        figures.append(_curve(model, epochs, "rate", "Rate", "The length of a step, by epoch."))
    options = model.training.get("options", {})
    optimizer = options.get("optimizer", "") if isinstance(options, dict) else ""
    lead = f"{amount(len(history), 'epoch')} of {optimizer}.{_first_of(model)}" if optimizer else ""
    return Section("training", "How it learnt", lead, grid(*figures))


def on_network(model: Model) -> Section:
    """The network with its weights."""
    classes = [str(name) for name in model.target.classes]
    if model.task == "regression":
        k = model.network.n_outputs
        levels = [f"{model.target.name} at {level:g}" for level in model.levels]
        outputs = levels or [model.target.name] * k
    else:
        outputs = classes if model.network.n_outputs > 1 else classes[1:]
    figures = network_figures(model.network, model.parameters, model.encoder.input_names, outputs)
    widths = [model.network.n_inputs, *(layer.n_outputs for layer in model.network.layers)]
    activations = list(dict.fromkeys(layer.activation.name for layer in model.network.layers[:-1]))
    lead = (
        f"{' → '.join(f'{width:,}' for width in widths)} numbers, "
        f"{amount(model.network.n_parameters, 'parameter')}"
        + (f", {', '.join(activations)} in between" if activations else ", no hidden layer")
        + f"; loss: {model.network.loss.name}.{_first_of(model)}"
    )
    return Section("network", "The network", lead, grid(*figures))


def _first_of(model: Model) -> str:
    n_members = len(model.members)
    return f" Shown is the first of {n_members} members." if n_members > 1 else ""


def _losses(model: Model, epochs: Floats) -> Markup:
    names = [
        name for name in ("loss", "validation loss") if np.isfinite(_column(model, name)).sum() > 1
    ]
    shown = {"loss": "training", "validation loss": "validation"}
    series = [
        Series(shown[name], epochs, _column(model, name), colour=1 - (name != "loss"))
        for name in names
    ]
    monitored = series[-1].y
    best = int(np.nanargmin(monitored))
    mark = Mark(float(epochs[best]), float(monitored[best]), f"kept: epoch {epochs[best]:.0f}")
    drawings = [
        line_chart(
            series,
            width=width,
            height=height,
            x_label="epoch",
            y_label="loss",
            mark=mark,
            is_logarithmic=None,
        )
        for width, height in ((WIDTH, 280), (WIDE, 340))
    ]
    return figure(
        "Loss by epoch",
        f"The {shown[names[-1]]} loss falls from {numeral(float(monitored[0]), 3)} to "
        f"{numeral(float(monitored[best]), 3)} in epoch {epochs[best]:.0f}.",
        drawings,
        Numbers(
            ("epoch", *(shown[name] for name in names)),
            [
                (f"{epoch:.0f}", *(_known(one.y[at]) for one in series))
                for at, epoch in enumerate(epochs.tolist())
            ],
        ),
        subtitle="Of the rows that were learnt from, while they were, and of the rows that choose "
        "the best epoch."
        if len(names) > 1
        else None,
        class_="broad",
    )


def _curve(model: Model, epochs: Floats, name: str, title: str, subtitle: str) -> Markup:
    values = _column(model, name)
    known = np.isfinite(values)
    return figure(
        title[:1].upper() + title[1:],
        f"{title} from {numeral(float(values[known][0]), 3)} to "
        f"{numeral(float(values[known][-1]), 3)}.",
        line_chart(
            [Series("", epochs[known], values[known])],
            width=WIDTH,
            height=260,
            x_label="epoch",
            y_label=title,
        ),
        Numbers(
            ("epoch", title),
            [(f"{e:.0f}", float(v)) for e, v in zip(epochs[known], values[known], strict=True)],
        ),
        subtitle=subtitle,
    )


def _gradients(model: Model, epochs: Floats) -> Markup | None:
    """The size of each layer's gradient over time, where the history has it."""
    layers = [
        l
        for l in range(len(model.network.layers))
        if np.isfinite(_column(model, f"gradient.{l}")).sum() > 1
    ]
    step = -(-len(layers) // MOST_LAYERS) if layers else 1
    layers = layers[::step]
    series = []
    for place, l in enumerate(layers):
        values = _column(model, f"gradient.{l}")
        series.append(
            Series(f"layer {l}", epochs, np.where(values > 0, values, np.nan), colour=place)
        )
    series = [one for one in series if np.isfinite(one.y).sum() > 1 and np.isfinite(one.y[-1])]
    if not series:
        return None
    return figure(
        "Gradients by layer",
        "Root mean square of the gradient: "
        + "; ".join(
            f"{one.name} from {numeral(float(one.y[np.isfinite(one.y)][0]), 2)} to "
            f"{numeral(float(one.y[-1]), 2)}"
            for one in series
        ),
        line_chart(
            series,
            width=WIDTH,
            height=260,
            x_label="epoch",
            y_label="root mean square of dJ/dW",
            is_logarithmic=True,
        ),
        Numbers(
            ("epoch", *(one.name for one in series)),
            [
                (f"{epoch:.0f}", *(_known(one.y[at]) for one in series))
                for at, epoch in enumerate(epochs.tolist())
            ],
        ),
        subtitle="Where the first layers lie far below the last, they hardly learn.",
    )


def settings_table(model: Model) -> Markup:
    """Every option of the training, as it was decided."""
    options = model.training.get("options", {})
    rows = [
        (name.replace("_", " "), shortened(_written(value), 80))
        for name, value in (options.items() if isinstance(options, dict) else ())
        if value not in (None, [], {}, ())
    ]
    return folded_table(Numbers(("option", "value"), rows, note=" "), "settings of the training")


def _written(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _column(model: Model, name: str) -> Floats:
    """A figure of every epoch (e,), NaN where an epoch lacks it."""
    values = [figures.get(name) for figures in model.history]
    return np.array(
        [float(v) if isinstance(v, int | float) else np.nan for v in values], dtype=np.float64
    )


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
