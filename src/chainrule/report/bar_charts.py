"""Bar charts: amounts beside their names, and parts that add up to an answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.report.figure import WIDTH, svg, text
from chainrule.report.markup import Markup, joined, shortened, tag
from chainrule.report.scales import Scale, scale

ROW = 38
"""The height of a bar with its name above it, in pixels."""


@dataclass(frozen=True)
class Bar:
    """An amount with its name, what it says in words, and its interval if it has one."""

    name: str
    value: float
    words: str
    interval: tuple[float, float] | None = None


def bars(listed: Sequence[Bar], *, highest: float | None = None, width: int = WIDTH) -> Markup:
    """Bars from 0 to the right, each under its name; those below 0 to the left."""
    ends = [end for bar in listed for end in (bar.value, *(bar.interval or ()))]
    along = scale(ends, 0, width, holds=(0.0,), is_tight=True)
    if highest is not None:
        along = Scale(min(0.0, *ends), highest, 0, width, ())
    zero = along(0)
    parts: list[Markup] = []
    for place, bar in enumerate(listed):
        top = place * ROW
        parts.append(text(0, top + 13, shortened(bar.name, 34), "label strong"))
        parts.append(text(width, top + 13, bar.words, "number", "end"))
        if highest is not None:
            parts.append(_rect(0, width, top + 20, 8, "track"))
        parts.append(_rect(zero, along(bar.value), top + 20, 8, "bar"))
        if bar.interval is not None:
            low, high = along(bar.interval[0]), along(bar.interval[1])
            middle = top + 24.0
            parts.append(tag("line", x1=low, x2=high, y1=middle, y2=middle, class_="whisker"))
            parts += [
                tag("line", x1=end, x2=end, y1=middle - 4, y2=middle + 4, class_="whisker")
                for end in (low, high)
            ]
        parts.append(tag("line", x1=zero, x2=zero, y1=top + 17, y2=top + 31, class_="axis"))
    return svg(width, len(listed) * ROW, joined(parts))


def parts_chart(listed: Sequence[Bar], *, width: int = WIDTH) -> Markup:
    """Parts that raise or lower an answer: to the right of a middle line, or to the left."""
    reach = max((abs(bar.value) for bar in listed), default=0.0) or 1.0
    along = Scale(-reach, reach, 2, width - 2, ())
    middle = along(0)
    parts: list[Markup] = []
    for place, bar in enumerate(listed):
        top = place * ROW
        parts.append(text(0, top + 13, shortened(bar.name, 38), "label"))
        parts.append(text(width, top + 13, bar.words, "number", "end"))
        sign = "plus" if bar.value > 0 else "minus"
        parts.append(_rect(middle, along(bar.value), top + 20, 8, f"bar {sign}"))
        parts.append(tag("line", x1=middle, x2=middle, y1=top + 17, y2=top + 31, class_="axis"))
    return svg(width, len(listed) * ROW, joined(parts))


def _rect(start: float, end: float, top: float, height: float, class_: str) -> Markup:
    """A bar between two places, never too thin to be seen."""
    left, length = min(start, end), max(abs(end - start), 1.0)
    return tag("rect", x=left, y=top, width=length, height=height, class_=class_)
