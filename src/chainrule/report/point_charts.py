"""Point charts: pairs of numbers as points, or by their density where there are many."""

from collections.abc import Sequence

import numpy as np

from chainrule.arrays import Floats
from chainrule.report.figure import WIDTH, axes, left_of, polyline, svg, text
from chainrule.report.markup import Markup, joined, tag
from chainrule.report.scales import Scale, scale

MOST_POINTS = 1_200
CELL = 7
"""The side of a square of the density, in pixels."""

SHADES = 6


def point_chart(
    x: Floats,
    y: Floats,
    *,
    x_label: str,
    y_label: str,
    diagonal: bool = False,
    level: float | None = None,
    middle: tuple[Floats, Floats] | None = None,
    height: int = WIDTH,
) -> Markup:
    """Pairs (x, y) in one plot; the outermost thousandth at each end lies on its edge.

    Args:
        x: shape (n,).
        y: shape (n,).
        x_label: what the horizontal axis measures.
        y_label: what the vertical one does.
        diagonal: whether both axes are the same, with the line of equal values drawn.
        level: a value of y to draw a line at.
        middle: a line through the middle of the points.
        height: in pixels.
    """
    inner_x, inner_y = _within(x), _within(y)
    if diagonal:
        inner_x = inner_y = np.concatenate([inner_x, inner_y])
    down = scale(inner_y, height - 40, 26, holds=() if level is None else (level,))
    start = left_of([label for _, label in down.ticks])
    along = scale(inner_x, start, WIDTH - 8, about=4)
    parts: list[Markup] = [axes(along, down, x_label, y_label)]
    parts += _points(x, y, along, down) if len(x) <= MOST_POINTS else _density(x, y, along, down)
    if diagonal:
        low, high = max(along.low, down.low), min(along.high, down.high)
        parts.append(polyline(map(along, (low, high)), map(down, (low, high)), "reference"))
        parts.append(text(along(high) - 8, down(high) + 22, "right", "label halo", "end"))
    if level is not None:
        parts.append(polyline((along.start, along.end), (down(level),) * 2, "reference"))
    if middle is not None:
        parts.append(polyline(along.of(middle[0]), down.of(middle[1]), "line c1"))
    return svg(WIDTH, height, joined(parts))


def running_median(x: Floats, y: Floats, n_groups: int = 20) -> tuple[Floats, Floats]:
    """Medians of x and y over groups of equal size, ordered by x."""
    order = np.argsort(x, kind="stable")
    groups = [g for g in np.array_split(order, min(n_groups, max(1, len(x) // 10))) if len(g)]
    return (
        np.array([np.median(x[rows]) for rows in groups]),
        np.array([np.median(y[rows]) for rows in groups]),
    )


def reliability_chart(
    predicted: Floats,
    observed: Floats,
    ends: Sequence[tuple[float, float]],
    amounts: Floats | None,
    *,
    above: str,
    below: str,
    x_label: str,
    y_label: str,
) -> Markup:
    """What was observed over what was predicted, with intervals, and below how many rows there are.

    Args:
        predicted: probabilities, shape (b,).
        observed: shares, shape (b,).
        ends: of the interval of each observed share.
        amounts: of rows, shape (b,); None where there is nothing to show.
        above: what a point above the line means.
        below: what one below it means.
        x_label: what the horizontal axis measures.
        y_label: what the vertical one does.
    """
    height = WIDTH + 44
    along = scale((0.0, 1.0), 38, WIDTH - 8)
    down = scale((0.0, 1.0), height - 84, 26)
    parts: list[Markup] = [axes(along, down, "", y_label)]
    parts.append(polyline((along.start, along.end), (down.start, down.end), "reference"))
    parts.append(text(along(0.04), down(0.9), above, "label"))
    parts.append(text(along(0.97), down(0.06), below, "label", "end"))
    for p, (low, high) in zip(predicted.tolist(), ends, strict=True):
        at = along(p)
        parts.append(tag("line", x1=at, x2=at, y1=down(low), y2=down(high), class_="whisker"))
    parts.append(polyline(along.of(predicted), down.of(observed), "line c0 faint"))
    for p, o in zip(predicted.tolist(), observed.tolist(), strict=True):
        parts.append(tag("circle", cx=along(p), cy=down(o), r=4.5, class_="dot c0"))
    if amounts is not None:
        parts.append(text(0, height - 34, "rows", "tick"))
        tall = 26 * amounts / amounts.max()
        for p, high in zip(predicted.tolist(), tall.tolist(), strict=True):
            place = {"x": along(p) - 3, "y": height - 30 - high}
            parts.append(tag("rect", **place, width=6, height=high, class_="bar pale"))
    parts.append(text(along.end, height - 8, x_label, "label", "end"))
    return svg(WIDTH, height, joined(parts))


def _within(values: Floats) -> Floats:
    """The values but for a thousandth at each end."""
    low, high = np.quantile(values, (0.001, 0.999))
    return values[(values >= low) & (values <= high)]


def _points(x: Floats, y: Floats, along: Scale, down: Scale) -> list[Markup]:
    return [
        tag("circle", cx=a, cy=b, r=2.6, class_="point")
        for a, b in zip(along.of(x).tolist(), down.of(y).tolist(), strict=True)
    ]


def _density(x: Floats, y: Floats, along: Scale, down: Scale) -> list[Markup]:
    """Squares, the darker the more points they hold; each shade holds twice as many."""
    column = ((along.of(x) - along.start) // CELL).astype(np.int64)
    row = ((down.of(y) - down.end) // CELL).astype(np.int64)
    places, counts = np.unique(column * 10_000 + row, return_counts=True)
    shade = np.log2(counts) / max(1.0, float(np.log2(counts.max())))
    return [
        tag(
            "rect",
            x=along.start + CELL * (place // 10_000),
            y=down.end + CELL * (place % 10_000),
            width=CELL - 0.5,
            height=CELL - 0.5,
            class_=f"density d{round(1 + (SHADES - 1) * s)}",
        )
        for place, s in zip(places.tolist(), shade.tolist(), strict=True)
    ]
