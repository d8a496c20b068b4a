"""The sections on answers that are classes: which mistakes are made, and whether what is called
likely is.
"""

import numpy as np

from chainrule.arrays import Floats
from chainrule.evaluation import Evaluation
from chainrule.model import Model
from chainrule.reliability import Reliability, judged_probability, reliability, wilson_interval
from chainrule.report.bar_charts import Bar, bars
from chainrule.report.figure import WIDTH, Numbers, figure, svg, text
from chainrule.report.judged_rows import JudgedRows
from chainrule.report.line_chart import Series, line_chart
from chainrule.report.markup import Markup, data, shortened, tag
from chainrule.report.numerals import amount, numeral, share
from chainrule.report.pixel_image import pixel_image
from chainrule.report.point_charts import reliability_chart
from chainrule.report.section import Section, grid

MOST_CLASSES_AS_TABLE = 8
MOST_MISTAKES = 8
MOST_CLASSES_AS_BARS = 12


def on_classes(model: Model, judged: JudgedRows) -> list[Section]:
    """Confusion and calibration."""
    return [_on_mistakes(judged.evaluation), _on_calibration(model, judged)]


def _on_mistakes(found: Evaluation) -> Section:
    confusion = np.array(found.confusion)
    names = [str(name) for name in found.classes]
    own = confusion.sum(axis=1)
    recall = np.divide(confusion.diagonal(), own, out=np.full(len(own), np.nan), where=own > 0)
    pairs = sorted(
        ((-confusion[i, j], i, j) for i, j in zip(*np.nonzero(confusion), strict=True) if i != j),
    )[:MOST_MISTAKES]
    mistakes = [
        Bar(f"{shortened(names[i], 15)} as {shortened(names[j], 15)}", -n, numeral(-n))
        for n, i, j in pairs
    ]
    figures: list[object] = [
        _confusion_table(confusion, names)
        if len(names) <= MOST_CLASSES_AS_TABLE
        else _confusion_image(confusion, names)
    ]
    by_class = sorted((i for i in range(len(names)) if own[i] > 0), key=lambda i: float(recall[i]))
    shown = by_class[:MOST_CLASSES_AS_BARS]
    fewer = len(shown) < len(by_class)
    figures.append(
        figure(
            "The classes found least often" if fewer else "How often each class is found",
            "; ".join(f"{names[i]}: {share(float(recall[i]))}" for i in shown),
            bars(
                [Bar(names[i], float(recall[i]), share(float(recall[i]))) for i in shown],
                highest=1.0,
            ),
            Numbers(
                ("class", "rows", "found"),
                [(data(names[i]), float(own[i]), share(float(recall[i]))) for i in by_class],
                note=" ",
            ),
            subtitle="The share of a class's own rows that get its name.",
        )
    )
    if mistakes and len(names) > 2:
        figures.append(
            figure(
                "The most frequent mistakes",
                "; ".join(f"{bar.name}: {bar.words} rows" for bar in mistakes),
                bars(mistakes),
                Numbers(
                    ("true class", "taken for", "rows"),
                    [(data(names[i]), data(names[j]), float(-n)) for n, i, j in pairs],
                ),
                subtitle="True class, and what it is taken for.",
            )
        )
    wrong = confusion.sum() - confusion.trace()
    lead = (
        f"Of {numeral(float(confusion.sum()))} rows, {numeral(float(wrong))} get a wrong name."
        if wrong
        else "Every row gets its right name."
    )
    return Section("mistakes", "Which mistakes it makes", lead, grid(*figures))


def _confusion_table(confusion: Floats, names: list[str]) -> Markup:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1e-12)
    rows = [
        tag(
            "tr",
            tag("th", data(name, 18), scope="row"),
            [
                tag(
                    "td",
                    numeral(float(confusion[i, j])),
                    class_=f"{'hit' if i == j else 'miss'} s{round(10 * float(shares[i, j]))}",
                )
                for j in range(len(names))
            ],
        )
        for i, name in enumerate(names)
    ]
    head = tag("tr", tag("td", ""), [tag("th", data(name, 18), scope="col") for name in names])
    return tag(
        "figure",
        tag(
            "figcaption",
            tag("h3", "True class and answer"),
            tag("p", "Rows: the true class. Columns: what the model says.", class_="subtitle"),
        ),
        tag(
            "div",
            tag("table", tag("thead", head), tag("tbody", rows), class_="confusion"),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label="Table: confusion matrix",
        ),
    )


def _confusion_image(confusion: Floats, names: list[str]) -> Markup:
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1e-12)
    signed = -shares
    np.fill_diagonal(signed, shares.diagonal())
    side = WIDTH - 2.0
    drawing = svg(
        WIDTH,
        WIDTH + 42,
        text(0, 13, "↓ true class", "tick"),
        text(WIDTH, 13, "answer →", "tick", "end"),
        tag("rect", x=0.5, y=20.5, width=side + 1, height=side + 1, class_="frame"),
        pixel_image(
            np.sign(signed) * np.sqrt(np.abs(signed)), 1.0, x=1, y=21, width=side, height=side
        ),
        text(0, WIDTH + 38, f"from {shortened(names[0], 16)}", "tick"),
        text(WIDTH, WIDTH + 38, f"to {shortened(names[-1], 16)}", "tick", "end"),
    )
    off = [(i, j) for i, j in zip(*np.nonzero(confusion), strict=True) if i != j]
    off.sort(key=lambda at: -confusion[at])
    return figure(
        "True class and answer",
        f"A matrix of {len(names)} classes. On its diagonal are right answers, beside it mistakes.",
        drawing,
        Numbers(
            ("true class", "taken for", "rows"),
            [(data(names[i]), data(names[j]), float(confusion[i, j])) for i, j in off[:60]],
            note=f"the most frequent of {amount(len(off), 'kind')} of mistakes",
        ),
        subtitle=[
            tag("span", "Blue", class_="c0"),
            ": right. ",
            tag("span", "Orange", class_="c1"),
            ": mistakes. The stronger, the larger the share of the true class.",
        ],
    )


def _on_calibration(model: Model, judged: JudgedRows) -> Section:
    p, came_true = judged_probability(judged.truth, judged.predictions)
    found = reliability(p, came_true, judged.weight)
    ends = [wilson_interval(o, n) for o, n in zip(found.observed, found.n_rows, strict=True)]
    two = len(model.target.classes) == 2
    what = f"of {shortened(model.target.classes[1], 16)}" if two else "of the answer"
    error, interval = judged.evaluation.figures["ECE"], judged.evaluation.intervals["ECE"]
    said = (
        f" (95 % interval {numeral(interval[0], 3)} to {numeral(interval[1], 3)})"
        if interval
        else ""
    )
    noise = " As much would come from chance alone." if interval and interval[0] == 0 else ""
    chart = figure(
        "Said and seen",
        f"Reliability diagram with {amount(len(ends), 'group')} of rows: mean probability against "
        "the share that came true.",
        reliability_chart(
            found.predicted,
            found.observed,
            ends,
            found.n_rows.astype(float),
            x_label=f"probability {what}",
            y_label="share that came true",
            above="less sure than right",
            below="more sure than right",
        ),
        _reliability_numbers(found, ends),
        subtitle="Ten groups with as many rows each. On the line, what is called 80 % sure is "
        "right in 80 of 100 rows. Vertical lines: 95 % intervals.",
    )
    figures = [chart, _histogram(p, judged.weight, what)]
    return Section(
        "calibration",
        "Whether its probabilities can be believed",
        f"On average they are {share(error)} away from what happens: the expected calibration "
        f"error is {numeral(error, 3)}{said}.{noise}",
        grid(*figures),
    )


def _reliability_numbers(found: Reliability, ends: list[tuple[float, float]]) -> Numbers:
    rows = [
        (
            f"{share(float(found.low[b]))} to {share(float(found.high[b]))}",
            share(float(found.predicted[b])),
            share(float(found.observed[b])),
            f"{share(ends[b][0])} to {share(ends[b][1])}",
            int(found.n_rows[b]),
        )
        for b in range(len(ends))
    ]
    return Numbers(("probabilities", "mean", "came true", "95 % interval", "rows"), rows)


def _histogram(p: Floats, weight: Floats, what: str) -> Markup:
    edges = np.linspace(0, 1, 21)
    counts, _ = np.histogram(p, edges, weights=weight)
    x, y = np.repeat(edges, 2)[1:-1], np.repeat(counts, 2)
    return figure(
        "How sure it is",
        f"Histogram of the probability {what}: most rows lie between "
        f"{share(edges[int(counts.argmax())])} and {share(edges[int(counts.argmax()) + 1])}.",
        line_chart(
            [Series("", x, y)],
            width=WIDTH,
            height=260,
            x_label=f"probability {what}",
            y_label="rows",
            holds=(0.0,),
        ),
        Numbers(
            ("probability", "rows"),
            [
                (f"{share(a)} to {share(b)}", float(n))
                for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
            ],
        ),
        subtitle=f"How many rows get which probability {what}.",
    )
