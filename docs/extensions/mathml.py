"""Formulas of the pages as MathML, turned from LaTeX while the pages are built.

latex2mathml passes what it does not know through as text; such a formula is reported, so that
`-W` refuses it.
"""

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util.logging import getLogger
from sphinx.writers.html5 import HTML5Translator

logger = getLogger(__name__)

NOT_UNDERSTOOD = ("<mi>\\", "<mo>\\", "<mi>&</mi>", "<merror")


def mathml(node: nodes.Node, display: str) -> str:
    """The formula of a node; `display` is "inline" or "block"."""
    latex = node.astext()
    converted = convert(latex, display=display)
    if any(sign in converted for sign in NOT_UNDERSTOOD):
        logger.warning("latex2mathml does not understand all of: %s", latex, location=node)
    return converted


def visit_inline(translator: HTML5Translator, node: nodes.math) -> None:
    """A formula within a sentence."""
    translator.body.append(mathml(node, "inline"))
    raise nodes.SkipNode


def visit_block(translator: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own."""
    translator.body.append(f'<div class="math">{mathml(node, "block")}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer that `html_math_renderer = "mathml"` names."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
