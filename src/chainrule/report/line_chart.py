"""A line chart: series over a common axis, each named at its end instead of in a legend."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Floats
from chainrule.report.figure import axes, left_of, polyline, spread, svg, text
from chainrule.report.markup import Markup, joined, shortened, tag
from chainrule.report.scales import Scale, scale

LONGEST_LABEL = 15
MOST_POINTS = 400
"""Of a drawn line: a longer one is thinned, as there are no more pixels."""


@dataclass(frozen=True, eq=False)
class Series:
    """A line through (x, y); `colour` is a number of the palette, `is_faint` draws it thin."""

    name: str
    x: Floats
    y: Floats
    colour: int = 0
    is_faint: bool = False


@dataclass(frozen=True)
class Mark:
    """A point worth a word."""

    x: float
    y: float
    words: str


def line_chart(
    series: Sequence[Series],
    *,
    width: int,
    height: int,
    x_label: str,
    y_label: str,
    background: Sequence[Series] = (),
    mark: Mark | None = None,
    rug: Floats | None = None,
    holds: Sequence[float] = (),
    is_logarithmic: bool | None = False,
    is_years: bool = False,
) -> Markup:
    """The lines in one plot, `background` behind them without a name.

    Args:
        series: to draw and to name.
        width: in pixels.
        height: in pixels.
        x_label: what the horizontal axis measures.
        y_label: what the vertical one does.
        background: many lines to be seen as a whole.
        mark: a point to point at.
        rug: places along the bottom, where values lie.
        holds: values that the vertical axis has to show.
        is_logarithmic: of the vertical axis; None to find out.
        is_years: of the horizontal axis.
    """
    values = np.concatenate([one.y for one in (*series, *background)])
    down = scale(values, height - 40, 26, holds=holds, is_logarithmic=is_logarithmic)
    names = [shortened(one.name, LONGEST_LABEL) for one in series]
    gutter = 10 + 7.4 * max(map(len, names), default=0) if any(names) else 8
    along = scale(
        np.concatenate([one.x for one in series]),
        left_of([label for _, label in down.ticks]),
        width - gutter,
        about=max(3, width // 90),
        is_tight=True,
        is_years=is_years,
    )
    parts: list[Markup] = [axes(along, down, x_label, y_label)]
    for one in background:
        parts.append(_line(one, along, down, "line backdrop"))
    for one in series:
        kind = f"line c{one.colour}" + (" faint" if one.is_faint else "")
        parts.append(_line(one, along, down, kind))
    if mark is not None:
        parts.append(_marked(mark, along(mark.x), down(mark.y), along.start, along.end))
    if rug is not None:
        parts += [
            tag("line", x1=at, x2=at, y1=down.start - 6, y2=down.start, class_="rug")
            for at in along.of(rug).tolist()
        ]
    ends = spread([down(float(one.y[-1])) for one in series], 14, down.end, down.start)
    for one, name, at in zip(series, names, ends, strict=True):
        if name:
            parts.append(text(along.end + 6, at + 4, name, f"name c{one.colour}"))
    return svg(width, height, joined(parts))


def _line(one: Series, along: Scale, down: Scale, class_: str) -> Markup:
    step = -(-len(one.x) // MOST_POINTS)
    keep = np.unique(np.append(np.arange(0, len(one.x), step), len(one.x) - 1))
    known = keep[np.isfinite(one.y[keep])]
    return polyline(along.of(one.x[known]), down.of(one.y[known]), class_)


def _marked(mark: Mark, x: float, y: float, left: float, right: float) -> Markup:
    anchor = "middle" if left + 60 < x < right - 60 else "start" if x <= left + 60 else "end"
    return joined(
        tag("circle", cx=x, cy=y, r=4, class_="mark"),
        text(x, y - 11, mark.words, "name halo", anchor),
    )
