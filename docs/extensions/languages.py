"""Pages in Chinese say so to browsers and search engines, and so does the frame around them.

A page under `zh/` has the language zh-CN; a page and its translation name each other. Its own link
to the other language stands in its text, where GitHub shows it too.
"""

import gettext
from pathlib import Path
from typing import Any

import sphinx
from docutils import nodes
from sphinx.application import Sphinx

CHINESE = "zh-CN"
FOLDER = "zh/"
# Words of the theme's frame that Sphinx's own catalogue lacks.
FRAME = {
    "Back to top": "回到顶部",
    "Home": "首页",
    "Next": "下一页",
    "On this page": "本页内容",
    "Previous": "上一页",
}


def translated(message: str) -> str:
    """A word of the frame in Chinese."""
    return FRAME.get(message.strip()) or _CATALOGUE.gettext(message)


_CATALOGUE = gettext.translation(
    "sphinx", Path(sphinx.__file__).parent / "locale", languages=["zh_CN"], fallback=True
)


def _frame(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    is_chinese = page.startswith(FOLDER)
    english = page.removeprefix(FOLDER)
    chinese = FOLDER + english
    if is_chinese:
        context["language"] = CHINESE
        context["_"] = context["gettext"] = translated
    if {english, chinese} <= app.env.found_docs:
        for language, other in (("en", english), (CHINESE, chinese)):
            address = app.builder.get_relative_uri(page, other) or Path(page).name + ".html"
            link = f'<link rel="alternate" hreflang="{language}" href="{address}">'
            context["metatags"] = context.get("metatags", "") + link


def setup(app: Sphinx) -> dict[str, bool]:
    """Prepare each page just before it is written."""
    app.connect("html-page-context", _frame)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
