"""The sections on columns: which the answers rest on, and how the answers change with them."""

from collections.abc import Sequence

from chainrule.importance import Importance
from chainrule.model import Model
from chainrule.report.bar_charts import Bar, bars, parts_chart
from chainrule.report.dependence import Dependence
from chainrule.report.figure import WIDTH, Numbers, figure, table
from chainrule.report.line_chart import Series, line_chart
from chainrule.report.markup import Markup, data, shortened, tag
from chainrule.report.numerals import amount, listed, numeral, share
from chainrule.report.section import Section, grid

MOST_BARS = 12
N_COLOURS = 8
"""Of the palette in `style.css`."""


def on_columns(model: Model, importance: Importance, found: Sequence[Dependence]) -> Section:
    """How much the answers rest on each column, and how they change with the most important."""
    first = importance.columns[0] if importance.columns else None
    beginning: list[object] = ["No column makes a difference that can be seen. "]
    if first is not None and first.mean > 0:
        beginning = ["Most on ", data(first.column, 40), ". "]
    return Section(
        "columns",
        "What it rests on",
        beginning + (_explained(model) if found else []),
        grid(_importance(importance), *(_chart(model, one) for one in found)),
    )


def _explained(model: Model) -> list[object]:
    classes = model.target.classes
    if len(classes) > 2:
        what = "the probabilities of the classes that change most are"
    elif classes:
        what = f"the probability of {shortened(classes[1], 30)} is"
    else:
        what = f"the answer, {shortened(model.target.name, 40)}, is"
    single = (
        ""
        if len(classes) > 2
        else (
            " Thin lines are single rows; where they are not parallel, it depends on other columns."
        )
    )
    return [
        "In the smaller charts one column is set to the same value in every row, and "
        f"{what} averaged: partial dependence.{single}"
    ]


def _importance(found: Importance) -> Markup:
    shown = found.columns[:MOST_BARS]
    repeats = len(shown[0].increases) if shown else 0
    listed_bars = [
        Bar(
            one.column,
            one.mean,
            numeral(one.mean, 3),
            (one.mean - one.spread, one.mean + one.spread),
        )
        for one in shown
    ]
    drawn = (
        f", on {found.n_rows:,} of the {found.of_rows:,} rows, drawn at random"
        if found.n_rows < found.of_rows
        else ""
    )
    more = len(found.columns) - len(shown)
    chosen = (
        f"; of {found.of_columns:,} columns those that it is most sensitive to"
        if (found.of_columns > len(found.columns))
        else ""
    )
    return figure(
        f"How much the {found.figure} rises without a column",
        f"{found.figure} rises by: "
        + "; ".join(f"{shortened(bar.name, 40)} {bar.words}" for bar in listed_bars),
        bars(listed_bars),
        Numbers(
            ("column", "rise", "standard deviation"),
            [(data(one.column, 40), one.mean, one.spread) for one in found.columns[:200]],
            note="the 200 most important" if len(found.columns) > 200 else " ",
        ),
        subtitle=f"From {numeral(found.value, 3)}, when the column is shuffled among the rows "
        f"({amount(repeats, 'time')}{drawn}{chosen}). Thin lines: one standard deviation.",
        note=[
            f"And {amount(more, 'column')} more. " if more > 0 else "",
            "Columns that say the same share their importance: each looks small.",
        ],
        class_="tall" if len(shown) > 5 else "",
    )


def _chart(model: Model, one: Dependence) -> Markup:
    low, high = float(one.means.min()), float(one.means.max())
    is_classes = model.task == "classification"
    written = share if is_classes else numeral
    name = shortened(one.column, 40)
    y_label = (
        "probability"
        if len(model.target.classes) > 2
        else f"probability of {shortened(model.target.classes[1], 20)}"
        if is_classes
        else shortened(model.target.name, 30)
    )
    outputs = [
        str(model.target.classes[output]) if is_classes else "answer" for output in one.outputs
    ]
    missing = ""
    if one.missing is not None:
        missing = f"Where it is missing: {listed([written(float(v)) for v in one.missing])}."
    if one.names:
        if is_classes:
            listed_bars = [
                Bar(level, float(v), share(float(v)))
                for level, v in zip(one.names, one.means[:, 0], strict=True)
            ]
            drawing = bars(listed_bars, highest=1.0)
        else:
            middle = float(one.means[:, 0].mean())
            drawing = parts_chart(
                [
                    Bar(level, float(v) - middle, numeral(float(v)))
                    for level, v in zip(one.names, one.means[:, 0], strict=True)
                ]
            )
            y_label = f"{y_label}, and how far it is from the mean of these, {numeral(middle)}"
        if len(outputs) > 1:
            y_label = f"probability of {shortened(outputs[0], 20)}"
        subtitle: str | None = y_label
    else:
        several = len(outputs) > 1
        # a class has the same colour in every chart where there are colours enough
        few = len(model.target.classes) <= N_COLOURS
        colours = [output if few and several else i for i, output in enumerate(one.outputs)]
        series = [
            Series(output if several else "", one.values, one.means[:, place], colours[place])
            for place, output in enumerate(outputs)
        ]
        background = (
            []
            if several
            else [Series("", one.values, one.single[:, i]) for i in range(one.single.shape[1])]
        )
        drawing = line_chart(
            series,
            width=WIDTH,
            height=260,
            x_label="year" if one.kind == "date" else shortened(one.column, 30),
            y_label=y_label,
            background=background,
            rug=one.rug if len(one.rug) else None,
            is_years=one.kind == "date",
        )
        subtitle = None
    return figure(
        name,
        f"Over {name}, the mean {y_label} lies between {written(low)} and {written(high)}.",
        drawing,
        Numbers(
            (name if len(name) < 30 else "value", *outputs),
            [
                (
                    data(one.names[place], 30) if one.names else numeral(float(value), 6),
                    *(written(float(v)) for v in means),
                )
                for place, (value, means) in enumerate(zip(one.values, one.means, strict=True))
            ],
        ),
        subtitle=subtitle,
        note=missing or None,
    )


def on_table(model: Model) -> Section:
    """Every column with its kind, and how it becomes inputs."""
    columns = model.encoder.columns
    most = 60
    used = [column for column in columns if column.inputs]
    rows = [
        (
            data(column.name, 40),
            column.kind,
            len(column.inputs) or "none",
            data(column.describe() + (f" ({column.note})" if column.note else ""), 120),
        )
        for column in columns[:most]
    ]
    more = len(columns) - most
    note = f"the first {most} of {len(columns):,} columns" if more > 0 else " "
    return Section(
        "table",
        "What it was given",
        f"{amount(len(used), 'column')} became {amount(len(model.encoder.input_names), 'input')} "
        "of the network.",
        tag(
            "details",
            tag("summary", "Columns, and how they became inputs"),
            table(Numbers(("column", "kind", "inputs", "how"), rows, note=note), "columns"),
            open="open" if len(columns) <= 12 else None,
        ),
    )
