"""Directives for what is measured while a page is built: `measured` and `plot`.

Both run a program in the page's namespace, after the blocks before it; `page_blocks` says how.
Below `measured` stands what it printed. In the place of `plot` stands its figure as inline SVG, in
the page's own font and colours, so that it follows the light and the dark theme; its code folds
away below. Options of `plot`:

    :caption: a line below the figure
    :words: layer = 层; rows = 行      other words in the figure, for a page in another language

Pages with the same code share one run, so that a page and its translation show the same numbers.
"""

import html
import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from page_blocks import Block, Outcome, blocks_of, run
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

# Colours that stand for a variable of `plots.css` until the SVG is in the page.
COLOURS = {
    "#010101": "currentColor",
    "#020202": "var(--plot-line)",
    "#030303": "var(--plot-1)",
    "#040404": "var(--plot-2)",
    "#050505": "var(--plot-3)",
    "#060606": "var(--plot-4)",
}
INK, LINE, *SERIES = COLOURS
STYLE: dict[str, object] = {
    "figure.figsize": (5.4, 3.0),
    "figure.constrained_layout.use": True,
    "figure.frameon": False,
    "savefig.transparent": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "chainrule",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {SERIES})",
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2,
    "lines.markersize": 4.5,
    "legend.frameon": False,
}
CODE_SUMMARY = {"en": "The code of this plot", "zh": "这张图的代码"}

_runs: dict[tuple[str, ...], list[Outcome]] = {}


def outcomes_of(name: str, blocks: list[Block]) -> list[Outcome]:
    """The outcomes of a page's blocks, run once for all pages with the same code."""
    key = tuple(block.code for block in blocks)
    if key not in _runs:
        _runs[key] = run(name, blocks, STYLE)
    return _runs[key]


class Measured(SphinxDirective):
    """A program with what it printed when the page was built."""

    has_content = True

    def outcome(self) -> Outcome:
        """What this block did."""
        path = Path(self.env.doc2path(self.env.docname))
        blocks = blocks_of(path.read_text(encoding="utf-8"))
        own = [block.line for block in blocks].index(self.lineno)
        return outcomes_of(self.env.docname, blocks)[own]

    def code(self) -> nodes.literal_block:
        """The program, highlighted."""
        source = "\n".join(self.content)
        return nodes.literal_block(source, source, language="python")

    def run(self) -> list[nodes.Node]:
        """The program and its output."""
        printed = self.outcome().printed.rstrip("\n")
        output = nodes.literal_block(printed, printed, language="text", classes=["measured"])
        return [self.code(), output]


class Plot(Measured):
    """A figure drawn when the page was built."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"caption": directives.unchanged, "words": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The figure, its caption, and its code in a fold."""
        drawing = self.outcome().drawing or ""
        words = dict(
            pair.split(" = ") for pair in self.options.get("words", "").split("; ") if pair
        )
        try:
            svg = in_page(drawing, self.arguments[0], f"plot-{self.lineno}", words)
        except ValueError as error:
            raise self.error(str(error)) from None
        figure = nodes.figure("", nodes.raw("", svg, format="html"), classes=["plot"])
        if caption := self.options.get("caption"):
            children, messages = self.parse_inline(caption)
            figure += nodes.caption("", "", *children, *messages)
        language = self.env.docname.partition("/")[0]
        summary = CODE_SUMMARY.get(language, CODE_SUMMARY["en"])
        opening = f'<details class="plot-code"><summary>{summary}</summary>'
        return [
            figure,
            nodes.raw("", opening, format="html"),
            self.code(),
            nodes.raw("", "</details>", format="html"),
        ]


def in_page(svg: str, alternative: str, prefix: str, words: dict[str, str]) -> str:
    """An SVG of matplotlib as an element of a page: named, without fonts and colours of its own.

    Ids get a prefix, since all figures of a page share one space of names.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.S)
    viewbox = re.search(r'viewBox="[^"]+"', body)
    assert viewbox
    label = html.escape(alternative)
    namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    opening = f'<svg {namespaces} {viewbox[0]} role="img" aria-label="{label}">'
    body = opening + body[body.index(">") + 1 :]
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", body)
    body = _SCIENTIFIC.sub(_plain_power, body)
    body = re.sub(r"font-family: [^;\"]+", "font-family: var(--font-stack)", body)
    for colour, variable in COLOURS.items():
        body = body.replace(colour, variable)
    for word, other in words.items():
        body, count = re.subn(rf"(<text[^>]*>){re.escape(word)}(</text>)", rf"\g<1>{other}\2", body)
        if not count:
            raise ValueError(f"the figure has no text '{word}' to replace")
    return body


_SCIENTIFIC = re.compile(r"<text>\s*((?:<tspan [^>]*>[^<]*</tspan>\s*)+)</text>")


def _plain_power(match: re.Match[str]) -> str:
    """A power such as 10⁻³, which matplotlib sets sign by sign in its own font, as one text."""
    pieces = re.findall(r"font-size: (\d+)px[^>]*>([^<]*)<", match[1])
    large = max(int(size) for size, _ in pieces)
    superscripts = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
    text = "".join(t if int(size) == large else t.translate(superscripts) for size, t in pieces)
    return f'<text style="font-size: {large}px; font-family: _; fill: {INK}">{text}</text>'


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("measured", Measured)
    app.add_directive("plot", Plot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
