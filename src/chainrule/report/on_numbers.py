"""The sections on answers that are numbers: how far they are off, and what quantiles are worth."""

import numpy as np

from chainrule.model import Model
from chainrule.reliability import wilson_interval
from chainrule.report.figure import WIDTH, Numbers, figure
from chainrule.report.judged_rows import JudgedRows, central
from chainrule.report.line_chart import Series, line_chart
from chainrule.report.markup import shortened, tag
from chainrule.report.numerals import amount, numeral, share
from chainrule.report.point_charts import point_chart, reliability_chart, running_median
from chainrule.report.section import Section, grid


def on_numbers(model: Model, judged: JudgedRows) -> list[Section]:
    """Answers against truth and residuals; of a model of quantiles, how many rows each holds."""
    sections = [_on_residuals(model, judged)]
    return [*sections, _on_quantiles(model, judged)] if model.levels else sections


def _on_residuals(model: Model, judged: JudgedRows) -> Section:
    name = shortened(model.target.name, 22)
    predicted, truth = central(model, judged), judged.truth
    counted = judged.weight > 0
    predicted, truth = predicted[counted], truth[counted]
    residual = truth - predicted
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    at = np.quantile(residual, quantiles)
    low, high = (float(q) for q in np.quantile(residual, (0.002, 0.998)))
    edges = np.linspace(low, high, 41)
    if edges[-1] <= edges[0]:
        edges = np.linspace(residual.min() - 0.5, residual.max() + 0.5, 41)
    counts, _ = np.histogram(residual, edges)
    few = truth[np.linspace(0, len(truth) - 1, min(len(truth), 50)).astype(int)]
    few_predicted = predicted[np.linspace(0, len(truth) - 1, min(len(truth), 50)).astype(int)]
    dark = "" if len(truth) <= 1_200 else " The stronger the colour, the more rows."
    figures = [
        figure(
            "Answer and truth",
            f"Predicted against true {name}; on the diagonal the answer is right.",
            point_chart(
                predicted, truth, x_label=f"answer, {name}", y_label=f"true {name}", diagonal=True
            ),
            Numbers(
                ("answer", "truth"),
                list(zip(few_predicted.tolist(), few.tolist(), strict=True)),
                note=f"{len(few):,} of {len(truth):,} rows",
            ),
            subtitle="On the dashed line the answer is right." + dark,
        ),
        figure(
            "What is left",
            f"Residuals over answers; half of them lie between {numeral(float(at[1]), 3)} and "
            f"{numeral(float(at[3]), 3)}.",
            point_chart(
                predicted,
                residual,
                x_label=f"answer, {name}",
                y_label="truth − answer",
                level=0.0,
                middle=running_median(predicted, residual),
            ),
            Numbers(
                ("quantile", "truth − answer"),
                [(share(q), float(v)) for q, v in zip(quantiles, at, strict=True)],
            ),
            subtitle=[
                "The ",
                tag("span", "running median", class_="c1"),
                " should stay at 0: where it leaves it, answers are too high or too low.",
            ],
        ),
        figure(
            "How large the errors are",
            f"Histogram of the residuals, which are between {numeral(float(at[0]), 3)} and "
            f"{numeral(float(at[4]), 3)} in nine of ten rows.",
            line_chart(
                [Series("", np.repeat(edges, 2)[1:-1], np.repeat(counts, 2).astype(float))],
                width=WIDTH,
                height=WIDTH,
                x_label="truth − answer",
                y_label="rows",
                holds=(0.0,),
            ),
            Numbers(
                ("truth − answer", "rows"),
                [
                    (f"{numeral(float(a), 3)} to {numeral(float(b), 3)}", int(n))
                    for a, b, n in zip(edges[:-1], edges[1:], counts, strict=True)
                ],
            ),
            subtitle="The outermost 0.2 % at each end are left out.",
        ),
    ]
    half, most = (numeral(float(q)) for q in np.quantile(np.abs(residual), (0.5, 0.9)))
    lead = (
        f"In half of the rows the answer is less than {half} away from the truth, in nine of ten "
        f"less than {most}."
    )
    return Section("mistakes", "How far it is off", lead, grid(*figures))


def _on_quantiles(model: Model, judged: JudgedRows) -> Section:
    levels = np.array(model.levels)
    below = np.average(judged.truth[:, None] <= judged.predictions, axis=0, weights=judged.weight)
    n = int(np.count_nonzero(judged.weight))
    ends = [wilson_interval(float(b), n) for b in below]
    chart = figure(
        "Promised and kept",
        "; ".join(
            f"{share(float(b))} of the rows lie below the quantile at {share(float(q))}"
            for q, b in zip(levels, below, strict=True)
        ),
        reliability_chart(
            levels,
            below,
            ends,
            None,
            x_label="level of the quantile",
            y_label="share of rows below it",
            above="quantiles are too high",
            below="quantiles are too low",
        ),
        Numbers(
            ("level", "rows below", "95 % interval"),
            [
                (share(float(q)), share(float(b)), f"{share(e[0])} to {share(e[1])}")
                for q, b, e in zip(levels, below, ends, strict=True)
            ],
        ),
        subtitle="On the line, a level holds as many rows as it promises.",
    )
    lead = f"The model answers with {amount(len(levels), 'quantile')}."
    if len(levels) > 1:
        inside = np.average(
            (judged.truth >= judged.predictions[:, 0])
            & (judged.truth <= judged.predictions[:, -1]),
            weights=judged.weight,
        )
        lead += (
            f" Between the outermost, which promise {share(float(levels[-1] - levels[0]))}, lie "
            f"{share(float(inside))} of the rows."
        )
    return Section("calibration", "Whether its quantiles can be believed", lead, grid(chart))
