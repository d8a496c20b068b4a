"""The documentation is true: its Python runs, shows what it says, and its links lead somewhere."""

import doctest
import importlib
import re
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "_build" not in page.parts
)
MARKDOWN = MarkdownIt().enable("table")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def tokens(page: Path) -> list[Token]:
    return MARKDOWN.parse(page.read_text(encoding="utf-8"))


# Python


def python_blocks(page: Path) -> list[tuple[int, str]]:
    """Each ```python block of a page, with the number of the line before its first one."""
    return [
        (token.map[0] + 1, token.content)
        for token in tokens(page)
        if token.type == "fence" and token.info.split()[:1] == ["python"] and token.map
    ]


def failures(name: str, blocks: list[tuple[int, str]]) -> str:
    """What is wrong with the blocks, run in order in one namespace; "" if nothing is.

    A block with prompts is a session, whose outputs are compared (`...` stands for anything); a
    block without is a program.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    report: list[str] = []
    for line, source in blocks:
        if re.search(r"^>>> ", source, re.M):
            session = parser.get_doctest(source, {}, name, name, line)
            session.globs = namespace
            runner.run(session, out=report.append, clear_globs=False)
        else:
            exec(compile("\n" * line + source, name, "exec"), namespace)
    return "".join(report)


PAGES_WITH_PYTHON = [page for page in PAGES if python_blocks(page)]


@pytest.mark.parametrize("page", PAGES_WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    if (ROOT / "examples").is_dir():
        (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)  # whatever a page writes is thrown away
    with np.printoptions(precision=4, suppress=True):
        if found := failures(name_of(page), python_blocks(page)):
            pytest.fail(found, pytrace=False)


def test_examples_in_docstrings_print_what_they_show():
    package = ROOT / "src" / "chainrule"
    with np.printoptions(precision=4, suppress=True):
        for path in sorted(package.rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(package.parent).with_suffix("").parts
                module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
                assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0, path


def test_a_wrong_number_on_a_page_is_found():
    assert failures("page", [(1, ">>> 1 + 1\n2\n"), (5, "x = 3\n"), (7, ">>> x\n3\n")]) == ""
    assert "Got:\n    2" in failures("page", [(1, ">>> 1 + 1\n3\n")])


def test_every_number_written_out_by_hand_is_also_computed():
    page = ROOT / "docs" / "mathematics" / "by_hand.md"
    six_decimals = re.compile(r"\d+\.\d{6}\b")
    parser = doctest.DocTestParser()
    computed = "".join(
        example.want for _, source in python_blocks(page) for example in parser.get_examples(source)
    )
    text = page.read_text(encoding="utf-8")
    written = set(six_decimals.findall(text))
    assert len(written) > 25
    assert written - set(six_decimals.findall(computed)) == set()


# Links

TEXT = ("text", "code_inline")


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub and MyST make them."""
    found: set[str] = set()
    parsed = tokens(page)
    for heading, inline in pairwise(parsed):
        if heading.type == "heading_open":
            title = "".join(child.content for child in inline.children or [] if child.type in TEXT)
            kept = (c for c in title.lower() if c in " -_" or unicodedata.category(c)[0] in "LNM")
            slug = "".join(kept).strip().replace(" ", "-")
            found.add(slug)
    return found


def links(page: Path) -> list[str]:
    return [
        unquote(str(child.attrs.get("href") or child.attrs.get("src")))
        for token in tokens(page)
        for child in token.children or []
        if child.type in ("link_open", "image")
    ]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_links_of_a_page_lead_to_files_and_headings_that_exist(page):
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue  # another site's address
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no {target.name}"
        if anchor:
            assert anchor in anchors(target), f"{link}: {target.name} has no such heading"


def test_sphinx_builds_the_documentation_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    built = subprocess.run(
        [*command, "-d", tmp_path / "doctrees", ROOT / "docs", tmp_path / "html"],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode or built.stderr:
        pytest.fail(built.stderr, pytrace=False)
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "html").rglob("*.html")]
    assert any("<math" in page for page in pages)
    fetched = re.compile(r'<(?:script|img|iframe)[^>]* src="https?://|<link[^>]* href="https?://')
    assert [match[0] for page in pages for match in fetched.finditer(page)] == []
