"""The section on figures: how good the answers are, with intervals, beside the trivial answer."""

from chainrule.evaluation import HIGHER_IS_BETTER, Evaluation
from chainrule.report.bar_charts import Bar, bars
from chainrule.report.figure import Numbers, figure, table
from chainrule.report.markup import data, shortened, tag
from chainrule.report.numerals import decimals_worth, fixed, numeral, share
from chainrule.report.section import Section, grid

_PERFECT = {"accuracy": 1.0, "balanced accuracy": 1.0, "ROC AUC": 1.0, "R2": 1.0}
"""What a model without errors reaches; losses and errors reach 0."""

_MEANING = {
    "accuracy": "share of rows answered right",
    "balanced accuracy": "the same, each class counting alike",
    "log loss": "mean of −ln of the probability given to what was true",
    "ECE": "expected calibration error: how far probabilities are from what happens",
    "ROC AUC": "chance that a row of a class is ranked above one of another",
    "RMSE": "root of the mean squared error",
    "MAE": "mean distance from the truth",
    "R2": "share of the variance that is explained",
}

_AS_SHARE = frozenset({"accuracy", "balanced accuracy"})


def on_figures(found: Evaluation) -> Section:
    """The figures as a table, and how far they are from the trivial answer to a perfect one."""
    trivial = shortened(found.trivial_answer, 30)
    rows = [
        (
            tag("span", name, tag("small", _MEANING.get(name, ""))),
            tag("strong", shown(name, found, value)),
            interval(name, found),
            shown(name, found, found.baseline[name]),
        )
        for name, value in found.figures.items()
    ]
    figures = Numbers(("figure", "model", "95 % interval", trivial), rows)
    return Section(
        "figures",
        "How good the answers are",
        [
            "Each figure stands beside that of the trivial answer (",
            data(found.trivial_answer, 60),
            "), and with the range in which 95 of 100 such tables would put it (bootstrap over "
            "the rows).",
        ],
        grid(tag("div", table(figures, "figures"), class_="broad figures"), _skill(found)),
    )


def shown(name: str, found: Evaluation, value: float | None) -> str:
    """A figure as people write it, with as many decimals as its interval is worth."""
    if value is None:
        return "–"
    factor, unit = (100, " %") if name in _AS_SHARE else (1, "")
    ends = found.intervals[name]
    if ends is None or ends[0] == ends[1]:
        return share(value) if unit else numeral(value)
    return fixed(factor * value, decimals_worth(factor * (ends[1] - ends[0]))) + unit


def interval(name: str, found: Evaluation) -> str:
    """The interval of a figure, or a dash."""
    ends = found.intervals[name]
    if ends is None:
        return "–"
    low, high = (shown(name, found, end) for end in ends)
    return f"{low.removesuffix(' %')} to {high}"


def _skill(found: Evaluation) -> object:
    """How much of the way from the trivial answer to a perfect one the model goes."""
    listed = []
    for name, value in found.figures.items():
        trivial, perfect = found.baseline[name], _PERFECT.get(name, 0.0)
        if value is None or trivial is None or name == "ECE" or abs(perfect - trivial) < 1e-12:
            continue
        span = perfect - trivial
        way = (value - trivial) / span
        ends = found.intervals[name]
        low_high = None
        if ends is not None:
            low, high = sorted((end - trivial) / span for end in ends)
            low_high = (max(low, -0.25), max(high, -0.25))
        listed.append(Bar(name, max(way, -0.25), share(way), low_high))
    if not listed:
        return None
    better = {True: "higher", False: "lower"}
    return figure(
        "From the trivial answer to a perfect one",
        "Bars: " + "; ".join(f"{bar.name} goes {bar.words} of the way" for bar in listed) + ".",
        bars(listed, highest=1.0),
        Numbers(
            ("figure", "share of the way", "from", "to", "better is"),
            [
                (
                    bar.name,
                    bar.words,
                    share(bar.interval[0]) if bar.interval else "–",
                    share(bar.interval[1]) if bar.interval else "–",
                    better[HIGHER_IS_BETTER[bar.name]],
                )
                for bar in listed
            ],
        ),
        subtitle="0 is no better than the trivial answer, the end of the bar is no error at all; "
        "thin lines are the intervals.",
    )
