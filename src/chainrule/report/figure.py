"""A figure: a drawing with its title, what it says in words, and its numbers as a folded table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chainrule.report.markup import Markup, joined, tag
from chainrule.report.numerals import numeral
from chainrule.report.scales import Scale

WIDTH = 352
"""Of a drawing, in pixels: what a telephone shows without scrolling, and a third of a page."""

WIDE = 736
"""Of the same drawing for wider screens, where it has much to show."""

MOST_TABLE_ROWS = 60


@dataclass(frozen=True)
class Numbers:
    """A table: the numbers of a figure. Cells are texts, markup or numbers."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""


def figure(
    title: str,
    alternative: str,
    drawings: Sequence[Markup] | Markup,
    numbers: Numbers,
    *,
    subtitle: object = None,
    note: object = None,
    class_: str = "",
) -> Markup:
    """A drawing, or one for narrow and one for wide screens, as an image with a text alternative.

    Args:
        title: what it shows.
        alternative: what is to be seen on it, for those who do not see it.
        drawings: what `svg` made.
        numbers: what is drawn.
        subtitle: said above the drawing.
        note: said below it.
        class_: of the figure.
    """
    several = [drawings] if isinstance(drawings, Markup) else list(drawings)
    shown = [
        tag("div", drawing, class_=kind, role="img", aria_label=alternative)
        for drawing, kind in zip(
            several,
            ["drawing"] if len(several) == 1 else ["drawing narrow", "drawing wide"],
            strict=True,
        )
    ]
    return tag(
        "figure",
        tag("figcaption", tag("h3", title), subtitle and tag("p", subtitle, class_="subtitle")),
        shown,
        note and tag("p", note, class_="note"),
        folded_table(numbers, title),
        class_=class_ or None,
    )


def folded_table(numbers: Numbers, title: str) -> Markup:
    """The numbers, shown when asked for."""
    return tag(
        "details",
        tag("summary", "Numbers", tag("span", f" of: {title}", class_="unseen")),
        table(numbers, title),
    )


def table(numbers: Numbers, title: str) -> Markup:
    """A table in a frame that scrolls if it is wider than the page."""
    rows, step = list(numbers.rows), 1
    note = numbers.note
    if len(rows) > MOST_TABLE_ROWS and not note:
        step = -(-len(rows) // MOST_TABLE_ROWS)
        note = f"every {step}th of {len(rows):,} rows, and the last one"
        rows = rows[:-1:step] + rows[-1:]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", note) if note else None,
            tag("thead", tag("tr", [tag("th", word, scope="col") for word in numbers.head])),
            tag("tbody", [_row(row) for row in rows]),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"Table: {title}",
    )


def _row(cells: Sequence[object]) -> Markup:
    first, *rest = cells
    shown = numeral(first) if isinstance(first, float) else first
    return tag(
        "tr",
        tag("th", shown, scope="row"),
        [
            tag("td", numeral(float(cell)), class_="number")
            if isinstance(cell, int | float)
            else tag("td", "–" if cell is None else cell)
            for cell in rest
        ],
    )


def svg(width: float, height: float, *children: object) -> Markup:
    """A drawing; the figure around it says what it shows."""
    return tag(
        "svg",
        *children,
        viewBox=f"0 0 {width:g} {height:g}",
        aria_hidden="true",
        focusable="false",
    )


def text(x: float, y: float, words: object, class_: str = "", anchor: str = "") -> Markup:
    """Words at a place; `anchor` is middle or end where they do not start there."""
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=anchor or None)


def polyline(x: Iterable[float], y: Iterable[float], class_: str) -> Markup:
    """A line through points."""
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return tag("polyline", points=points, class_=class_)


def axes(x: Scale, y: Scale, x_label: str, y_label: str) -> Markup:
    """Ticks of both scales with fine lines across, and what they measure.

    The vertical axis is named above it, where it can be read without turning the head.
    """
    left, right, bottom = x.start, x.end, y.start
    parts: list[Markup] = []
    for value, label in y.ticks:
        at = y(value)
        parts.append(tag("line", x1=left, x2=right, y1=at, y2=at, class_="grid"))
        parts.append(text(left - 6, at + 4, label, "tick", "end"))
    shown_to = -1e9
    for value, label in x.ticks:
        at = x(value)
        half = 3.4 * len(label)
        parts.append(tag("line", x1=at, x2=at, y1=bottom, y2=bottom + 4, class_="axis"))
        if at - half > shown_to:
            parts.append(text(at, bottom + 17, label, "tick", "middle"))
            shown_to = at + half + 4
    parts.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
    parts.append(text(right, bottom + 33, x_label, "label", "end"))
    parts.append(text(0, 12, y_label, "label"))
    return joined(parts)


def left_of(labels: Iterable[str]) -> float:
    """Where a plot begins to the right of these labels."""
    return 12 + 6.6 * max((len(label) for label in labels), default=1)


def spread(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The places moved apart until neighbours are `least` apart, within low .. high if it can be.

    For labels at the ends of lines.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    at = list(places)
    for _ in range(60):
        moved = False
        for i, j in pairwise(order):
            lacking = least - (at[j] - at[i])
            if lacking > 1e-6:
                at[i] -= lacking / 2
                at[j] += lacking / 2
                moved = True
        for i in order:
            at[i] = min(max(at[i], low), high)
        if not moved:
            break
    return at
