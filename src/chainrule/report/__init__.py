"""The report: one HTML file on a model and a table, which opens offline.

    write_page(contents(model, table), "report.html")

`contents` computes what is said; the modules `on_...` say it, each a section or two, with figures
drawn as SVG by pure functions.
"""

from chainrule.report.contents import Contents, Origin, contents
from chainrule.report.page import page, write_page

__all__ = ["Contents", "Origin", "contents", "page", "write_page"]
