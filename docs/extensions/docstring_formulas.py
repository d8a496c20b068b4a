"""Docstrings of the code as reStructuredText: their formulas keep lines, columns and signs.

Our docstrings write equations as plain text, in the letters of the code. Sphinx would join their
lines and read `|r|` and `*` as markup. So indented passages, and passages with an equation in them,
become literal blocks; signs elsewhere are escaped. In signatures, the types of arrays get the short
names back that the code gives them.
"""

import re
from itertools import groupby

from numpy.typing import DTypeLike
from sphinx.application import Sphinx
from sphinx.util.typing import stringify_annotation

from chainrule import arrays

UNDERLINE = re.compile(r"-{3,}$")  # of a section in the estimators' docstrings, as scikit-learn's
SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Yields|Example|Examples):$")
ALIASES = {
    stringify_annotation(alias, mode): name
    for name, alias in {
        "Floats": arrays.Floats,
        "Integers": arrays.Integers,
        "Targets": arrays.Targets,
        "DTypeLike": DTypeLike,
    }.items()
    for mode in ("fully-qualified-except-typing", "smart")
}
EQUATION = re.compile(r"[\w\[\]./^, -]+(\(.*\))? +(=|<-) ")


def literal_formulas(lines: list[str]) -> list[str]:
    """The lines of one docstring, its formulas as literal blocks."""
    found: list[str] = []
    in_section = False
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        if not blank:
            indented = paragraph[0].startswith(" ")
            in_section = bool(SECTION.match(paragraph[0])) or (in_section and indented)
            if not in_section:
                paragraph = _with_literal(paragraph, indented)
        found += [
            _letter_kept(line) if line[:4].isspace() else _escaped(line) for line in paragraph
        ]
    return found


def in_estimator_form(lines: list[str]) -> list[str]:
    """The lines of a docstring with sections like scikit-learn's, which napoleon understands.

    Names of attributes end in `_`, which would be a link. Several names in a line, without a type,
    are written together, since Sphinx takes what stands before a space for a type.
    """
    found: list[str] = []
    section = ""
    for line in lines:
        if UNDERLINE.match(line):
            section = found[-1]
        if section == "Attributes" and ", " in line and not line[0].isspace() and " : " not in line:
            line = line.replace(", ", ",")
        is_text = line.strip() and section not in ("Examples", "See Also")
        found.append(_escaped(line) if is_text else line)
    return found


def _with_literal(paragraph: list[str], indented: bool) -> list[str]:
    """A paragraph, from its first equation on as a literal block."""
    starts = [i for i, line in enumerate(paragraph) if indented or EQUATION.match(line)]
    if not starts:
        return paragraph
    text, formulas = paragraph[: starts[0]], paragraph[starts[0] :]
    return [*text, "", "::", "", *(f"    {line}" for line in formulas), ""]


def _escaped(line: str) -> str:
    """`line` without markup, save for what stands in backticks."""
    parts = line.split("`")
    parts[::2] = [re.sub(r"([|*]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _letter_kept(line: str) -> str:
    """A line of `Attributes:` such as `k: d.`, in which Sphinx would see the item d of a list."""
    return re.sub(r"^(\s+\w+: )(\w\.)$", r"\1\\\2", line)


def _docstring(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    if any(map(UNDERLINE.match, lines)):
        lines[:] = in_estimator_form(lines)
        return
    lines[:] = literal_formulas(lines)
    if what not in ("module", "class", "exception", "function", "method"):
        lines.insert(0, "\\")  # nothing, or napoleon takes what stands before a colon for a type


def _signature(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    return _shortened(signature), _shortened(returned)


def _shortened(text: str | None) -> str | None:
    """`text` with the names of array types in place of what they stand for."""
    for spelled, name in ALIASES.items():
        text = text.replace(spelled, name) if text else text
    return text


def setup(app: Sphinx) -> dict[str, bool]:
    """Come before napoleon, which has the usual priority of 500."""
    app.connect("autodoc-process-docstring", _docstring, priority=400)
    app.connect("autodoc-process-signature", _signature)
    return {"parallel_read_safe": True}
