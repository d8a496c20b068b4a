"""The report: the parts of what a command tells about columns, network, training and figures."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from chainrule.bootstrap import Interval
from chainrule.cli.curve import Series, draw
from chainrule.cli.screen import (
    Screen,
    aligned,
    amount,
    figure,
    heading,
    indented,
    sentences,
    visible,
)
from chainrule.evaluation import HEADLINE, HIGHER_IS_BETTER, Evaluation
from chainrule.model import EpochFigures
from chainrule.network import Network
from chainrule.table import TableEncoder
from chainrule.table.encoder import Column

MOST_COLUMNS = 24
MOST_CLASSES = 8
LONGEST_NAME = 28


def say_columns(screen: Screen, encoder: TableEncoder) -> None:
    """Every column with its kind and how it becomes inputs; of a wide table the first ones."""
    used = [column for column in encoder.columns if column.inputs]
    ignored = [column for column in encoder.columns if not column.inputs]
    n_inputs = len(encoder.input_names)
    rest = f"   {amount(len(used), 'column')} become {amount(n_inputs, 'input')}"
    heading(screen, "Columns", rest)
    table = aligned()
    for title in ("column", "kind", "inputs", "how"):
        table.add_column(title, justify="right" if title == "inputs" else "left")
    folded: list[Column] = []
    for part, style in ((used, ""), (ignored, "dim")):
        shown = part if len(part) <= MOST_COLUMNS else part[: MOST_COLUMNS - 4]
        for column in shown:
            table.add_row(
                _name(column.name),
                column.kind,
                f"{len(column.inputs):,}" if column.inputs else "",
                Text(visible(column.describe())),
                style=style,
            )
        folded += part[len(shown) :]
    indented(screen, table)
    if folded:
        kinds = Counter(column.kind for column in folded)
        counted = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items())
        more = f"... and {amount(len(folded), 'more column')}: {counted}"
        indented(screen, Text(f"{more}; 'chainrule show MODEL --json' has all", style="dim"))
    sentences(screen, [f"{c.name}: {c.note}" for c in encoder.columns if c.note])


def say_network(screen: Screen, network: Network) -> None:
    """The layers from the inputs to the outputs."""
    heading(screen, "Network", f"   {amount(network.n_parameters, 'parameter')}")
    arrow = " → " if screen.has_unicode else " -> "
    *hidden, last = network.layers
    parts = [amount(network.n_inputs, "input")]
    parts += [f"{layer.n_outputs:,} {layer.activation.name}" for layer in hidden]
    parts.append(amount(last.n_outputs, "output"))
    indented(screen, Text(f"{arrow.join(parts)}   loss: {network.loss.name}"))


def say_evaluation(screen: Screen, title: str, about: str, found: Evaluation) -> None:
    """The figures beside those of the trivial answer, and what to make of them."""
    heading(screen, title, f"   {about}" if about else "")
    table = aligned()
    table.add_column("")
    table.add_column("model", justify="right")
    table.add_column("95 % interval")
    table.add_column(_name(found.trivial_answer, 34), justify="right")
    for name, value in found.figures.items():
        own = Text(figure(value), style="bold")
        table.add_row(name, own, _ends(found.intervals[name]), figure(found.baseline[name]))
    indented(screen, table)
    sentences(screen, verdict(found))
    if found.classes:
        _say_confusion(screen, found)


def verdict(found: Evaluation) -> list[str]:
    """What has to be said plainly where a model is no better than the trivial answer."""
    headline = HEADLINE[found.task]
    if _is_better(found, headline):
        return []
    answer = f"the trivial answer ({found.trivial_answer})"
    better = [name for name in found.figures if _is_better(found, name)]
    if not better:
        return [
            f"the model is no better than {answer}: it has learnt nothing that holds for these rows"
        ]
    return [f"the {headline} is no better than that of {answer}; better: {', '.join(better)}"]


def say_history(screen: Screen, history: Sequence[EpochFigures]) -> None:
    """The loss of every epoch as a curve, with the best epoch marked."""
    losses, judged = _numbers(history, "loss"), _numbers(history, "validation loss")
    monitored = judged or losses
    heading(screen, "Training history", f"   {amount(len(history), 'epoch')}")
    if len(monitored) < 2:
        indented(screen, Text("too short to be drawn", style="dim"))
        return
    series = [Series(losses, faint=bool(judged))] if losses else []
    series += [Series(judged)] if judged else []
    if any(len(one.values) != len(monitored) for one in series):
        series = [Series(monitored)]
    margin = max(len(figure(y)) for one in series for y in (min(one.values), max(one.values)))
    width = max(10, min(screen.width, 80) - margin - 6)
    drawing = draw(series, width, 10, unicode=screen.has_unicode)
    corner, side, bottom, mark = "└│─▲" if screen.has_unicode else "+|-^"
    picture = Text()
    for number, line in enumerate(drawing.lines):
        label = {0: figure(drawing.high), len(drawing.lines) - 1: figure(drawing.low)}
        picture.append(label.get(number, "").rjust(margin), "dim").append(f" {side}", "dim")
        picture.append(f"{line}\n", "cyan")
    picture.append(" " * margin + f" {corner}{bottom * width}\n", "dim")
    best = min(range(len(monitored)), key=monitored.__getitem__)
    said = f"best: epoch {best + 1}, {figure(monitored[best])}"
    place = round(best / (len(monitored) - 1) * (width - 1))
    line = f"{mark} {said}" if place + len(said) + 2 <= width else f"{said} {mark}"
    start = place if line.startswith(mark) else max(0, place + 1 - len(line))
    picture.append(" " * (margin + 2 + start) + line + "\n", "green")
    solid, dotted = ("⠒⠒", "⠂⠐") if screen.has_unicode else ("**", "..")
    legend = f"{solid} validation loss   {dotted} loss" if len(series) == 2 else f"{solid} loss"
    scale = "   (logarithmic)" if drawing.is_logarithmic else ""
    picture.append(" " * (margin + 2) + legend + scale, "dim")
    indented(screen, picture)


def columns_document(encoder: TableEncoder) -> list[dict[str, Any]]:
    """The columns as plain data."""
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "inputs": list(column.inputs),
            "how": column.describe(),
            "note": column.note,
        }
        for column in encoder.columns
    ]


def network_document(network: Network) -> dict[str, Any]:
    """The network as plain data."""
    return {
        "inputs": network.n_inputs,
        "layers": [
            {"width": layer.n_outputs, "activation": layer.activation.name}
            for layer in network.layers
        ],
        "loss": network.loss.to_dict(),
        "parameters": network.n_parameters,
    }


def _say_confusion(screen: Screen, found: Evaluation) -> None:
    k = len(found.classes)
    if k > MOST_CLASSES:
        pairs = sorted((-found.confusion[i][j], i, j) for i in range(k) for j in range(k) if i != j)
        mistakes = [(-n, found.classes[i], found.classes[j]) for n, i, j in pairs[:5] if n < 0]
        if mistakes:
            heading(screen, "Most frequent mistakes")
            table = aligned()
            for title in ("rows", "are", "taken for"):
                table.add_column(title, justify="right" if title == "rows" else "left")
            for n, true, taken in mistakes:
                table.add_row(f"{n:,.6g}", _name(true), _name(taken))
            indented(screen, table)
        return
    heading(screen, "Confusion", "   rows: the true class; columns: the predicted one")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", style="dim")
    for name in found.classes:
        table.add_column(_name(name, 14), justify="right")
    for i, (name, row) in enumerate(zip(found.classes, found.confusion, strict=True)):
        cells = [
            Text(f"{n:,.6g}", style="bold" if i == j else "" if n else "dim")
            for j, n in enumerate(row)
        ]
        table.add_row(_name(name, 14), *cells)
    indented(screen, table)


def _ends(interval: Interval | None) -> str:
    """The ends of a confidence interval, or a dash where there is none."""
    return f"[{figure(interval[0])}, {figure(interval[1])}]" if interval else "-"


def _is_better(found: Evaluation, name: str) -> bool:
    own, trivial = found.figures[name], found.baseline[name]
    if own is None or trivial is None:
        return False
    return own > trivial if HIGHER_IS_BETTER[name] else own < trivial


def _numbers(history: Sequence[EpochFigures], name: str) -> list[float]:
    """The figure of every epoch that has one."""
    values = [figures.get(name) for figures in history]
    return [float(value) for value in values if isinstance(value, int | float)]


def _name(name: object, longest: int = LONGEST_NAME) -> Text:
    """A name that is data, cut to a width."""
    text = Text(visible(name))
    text.truncate(longest, overflow="ellipsis")
    return text
