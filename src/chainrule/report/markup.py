"""Markup: HTML and SVG built of elements, in which every text is escaped where it enters.

A text is data unless it is `Markup`. Characters that do not show themselves, such as one that
reverses the line, are written as their escape; what is left of a foreign script is isolated by
`data`, so that it turns no text around it.
"""

import html
from collections.abc import Iterable

from chainrule.trace.written import visible

_EMPTY = frozenset({"meta", "br", "image", "line", "circle", "rect", "path", "polyline"})


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """The element `name`; attributes that are None are left out, `class_` and `aria_label` are
    written class and aria-label.
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            shown = _number(value) if isinstance(value, float) else visible(value)
            words.append(f'{key.rstrip("_").replace("_", "-")}="{html.escape(shown)}"')
    opening = " ".join(words)
    if name in _EMPTY and not children:
        return Markup(f"<{opening}/>")
    return Markup(f"<{opening}>{joined(*children)}</{name}>")


def joined(*children: object) -> Markup:
    """Texts, numbers, markup and lists of them, one after the other; None is nothing."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child)
        elif isinstance(child, str | int | float):
            parts.append(html.escape(visible(child), quote=False))
        elif isinstance(child, Iterable):
            parts.append(joined(*child))
        else:
            raise TypeError(f"{type(child).__name__} cannot be written as HTML")
    return Markup("".join(parts))


def data(text: object, longest: int = 80) -> Markup:
    """A text of the user's, cut where it is very long, with the whole of it as its title."""
    shown = shortened(text, longest)
    whole = str(text) if len(str(text)) > longest else None
    return tag("bdi", shown, title=whole)


def shortened(text: object, longest: int) -> str:
    """The text with at most this many characters."""
    text = visible(text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _number(value: float) -> str:
    """A coordinate: a tenth of a pixel is more than enough."""
    return f"{value:.1f}".removesuffix(".0") if value != round(value) else f"{value:.0f}"
