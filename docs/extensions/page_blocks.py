"""The Python of a page: its blocks in order, and what they printed and drew when they ran.

A block is a fence of one of three kinds:

    ```python        a program, or a `>>>` session whose output stands on the page
    ```{measured}    a program; what it prints is placed below it when the page is built
    ```{plot} …      a program that draws with matplotlib; the words say what is to be seen

All blocks of a page share one namespace. The tests run them, and so does the build, where a page
has blocks of the last two kinds.
"""

import ast
import doctest
import io
import re
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from markdown_it import MarkdownIt

mpl.use("svg")
import matplotlib.pyplot as plt

KINDS = {"python": "python", "{measured}": "measured", "{plot}": "plot"}
_OPTION = re.compile(r":[a-z-]+:")
_MARKDOWN = MarkdownIt()


@dataclass(frozen=True)
class Block:
    """A fence of Python.

    Attributes:
        kind: a value of `KINDS`.
        line: the number of the line before its first one.
        source: its code, with the lines of a directive's options left empty.
    """

    kind: str
    line: int
    source: str

    @property
    def is_session(self) -> bool:
        """Whether it has prompts."""
        return re.search(r"^>>> ", self.source, re.M) is not None

    @property
    def code(self) -> str:
        """The code alone: without comments, prompts or outputs, in Python's own spelling."""
        source = self.source
        if self.is_session:
            source = "".join(e.source for e in doctest.DocTestParser().get_examples(source))
        return ast.unparse(ast.parse(source))


@dataclass(frozen=True)
class Outcome:
    """What a block printed, and the SVG of what it drew."""

    printed: str
    drawing: str | None


def blocks_of(text: str) -> list[Block]:
    """The Python blocks of a page, in order."""
    found = []
    for token in _MARKDOWN.parse(text):
        words = token.info.split() if token.type == "fence" else []
        if words and words[0] in KINDS and token.map:
            kind, lines = KINDS[words[0]], token.content.splitlines(keepends=True)
            for i, line in enumerate(lines):
                if kind == "python" or not _OPTION.match(line):
                    break
                lines[i] = "\n"
            found.append(Block(kind, token.map[0] + 1, "".join(lines)))
    return found


def run(name: str, blocks: list[Block], style: dict[str, object]) -> list[Outcome]:
    """The outcomes of the blocks of page `name`, drawn in `style`; outputs are not compared."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    outcomes = []
    parser = doctest.DocTestParser()
    for block in blocks:
        printed = io.StringIO()
        with (
            mpl.rc_context({**mpl.rcParamsDefault, **style}),
            np.printoptions(precision=4, suppress=True),
            redirect_stdout(printed),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("error")
            if block.is_session:
                for example in parser.get_examples(block.source):
                    exec(compile(example.source, name, "single"), namespace)
            else:
                exec(compile("\n" * block.line + block.source, name, "exec"), namespace)
            drawing = _svg() if block.kind == "plot" else None
        outcomes.append(Outcome(printed.getvalue(), drawing))
    return outcomes


def _svg() -> str:
    """The figure that was drawn last, as SVG; all figures are closed."""
    drawn = io.StringIO()
    plt.gcf().savefig(drawn, format="svg", metadata={"Date": None})
    plt.close("all")
    return drawn.getvalue()
