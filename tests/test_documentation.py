"""The documentation is true: its Python runs, shows what it says, and its links lead somewhere."""

import doctest
import importlib
import re
import subprocess
import sys
import unicodedata
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import matplotlib.pyplot as plt
import numpy as np
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from chainrule.options import Options

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "extensions"))

from measured import in_page  # noqa: E402
from page_blocks import KINDS, Block, blocks_of  # noqa: E402

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


def blocks(page: Path) -> list[Block]:
    """The Python blocks of a page."""
    return blocks_of(page.read_text(encoding="utf-8"))


def failures(name: str, found: list[Block]) -> str:
    """What is wrong with the blocks, run in order in one namespace; "" if nothing is.

    A block with prompts is a session, whose outputs are compared (`...` stands for anything); a
    block without is a program.
    """
    namespace: dict[str, object] = {"__name__": "__main__"}
    parser = doctest.DocTestParser()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    report: list[str] = []
    for block in found:
        if block.is_session:
            session = parser.get_doctest(block.source, {}, name, name, block.line)
            session.globs = namespace
            runner.run(session, out=report.append, clear_globs=False)
        else:
            exec(compile("\n" * block.line + block.source, name, "exec"), namespace)
    plt.close("all")
    return "".join(report)


# The Python of the Chinese pages, with what it prints, is compared with that of the English ones.
PAGES_WITH_PYTHON = [page for page in PAGES if blocks(page) and "zh" not in page.parts]


@pytest.mark.parametrize("page", PAGES_WITH_PYTHON, ids=name_of)
def test_the_python_of_a_page_runs_and_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    if (ROOT / "examples").is_dir():
        (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)  # whatever a page writes is thrown away
    with np.printoptions(precision=4, suppress=True):
        if found := failures(name_of(page), blocks(page)):
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
    def of(*sources: str) -> str:
        return failures("page", [Block("python", 0, source) for source in sources])

    assert of(">>> 1 + 1\n2\n", "x = 3\n", ">>> x\n3\n") == ""
    assert "Got:\n    2" in of(">>> 1 + 1\n3\n")


def test_every_number_written_out_by_hand_is_also_computed():
    page = ROOT / "docs" / "mathematics" / "by_hand.md"
    six_decimals = re.compile(r"\d+\.\d{6}\b")
    parser = doctest.DocTestParser()
    computed = "".join(
        example.want for block in blocks(page) for example in parser.get_examples(block.source)
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


# Two languages

DOCS = ROOT / "docs"
TRANSLATED = sorted(
    page.relative_to(DOCS / "zh") for page in (DOCS / "zh").rglob("*.md") if page.name[0] != "_"
)
FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<!\$)\$([^$\n]+)\$", re.S)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def skeleton(page: Path) -> list[tuple[str, object]]:
    """What does not depend on the language of a page, in order.

    Levels of headings; the code that is run and what it prints; code that is shown or included; and
    for each section its formulas, the numbers of its sentences, and the sizes of its tables.
    """
    parser = doctest.DocTestParser()
    python = iter(blocks(page))
    found: list[tuple[str, object]] = []
    formulas: list[str] = []
    numbers: list[str] = []
    sizes: list[int] = []

    def end_of_section() -> None:
        found.append(("formulas", sorted(formulas)))
        found.append(("numbers", sorted(numbers)))
        found.append(("cells in each row of the tables", list(sizes)))
        for collected in (formulas, numbers, sizes):
            collected.clear()

    for token in tokens(page):
        if token.type == "heading_open":
            end_of_section()
            found.append(("heading", token.tag))
        elif token.type == "fence" and token.info.split()[:1][0] in KINDS:
            block = next(python)
            wants = [e.want for e in parser.get_examples(block.source)] if block.is_session else []
            found += [(block.kind, block.code), ("prints", wants)]
        elif token.type in ("fence", "code_block"):
            info = token.info.replace("../", "")
            found.append((info, token.content))
        elif token.type == "tr_open":
            sizes.append(0)
        elif token.type in ("td_open", "th_open"):
            sizes[-1] += 1
        elif token.type == "inline":
            text = FORMULA.sub(" ", token.content)
            for match in FORMULA.finditer(token.content):
                formula = re.sub(r"\\text\{[^}]*\}", "", match[1] or match[2])
                formulas.append(" ".join(formula.split()))
            numbers += NUMBER.findall(re.sub(r"\]\([^)]*\)|`[^`]*`", " ", text))
    end_of_section()
    return found


@pytest.mark.parametrize("page", TRANSLATED, ids=str)
def test_both_languages_have_the_same_sections_formulas_code_and_numbers(page):
    if page.name == "glossary.md":
        pytest.skip("its tables have other columns; see the next test")
    pairs = zip(skeleton(DOCS / page), skeleton(DOCS / "zh" / page), strict=True)
    for (kind, english), (other_kind, chinese) in pairs:
        assert (kind, english) == (other_kind, chinese)


def test_both_glossaries_explain_the_same_words():
    def words(page: Path) -> list[str]:
        rows = re.findall(r"^\| ([^|]+) \|", page.read_text(encoding="utf-8"), re.M)
        return [row for row in rows if row not in ("word", "letter", "英文", "字母")]

    english = words(DOCS / "glossary.md")
    assert len(english) > 100
    assert len(set(english)) == len(english)
    assert words(DOCS / "zh" / "glossary.md") == english


def test_the_glossary_explains_every_option():
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    named = {"kinds": "kind", "missing": "missing value"}
    for option in fields(Options):
        assert named.get(option.name, option.name) in text, option.name


@pytest.mark.parametrize("page", TRANSLATED, ids=str)
def test_a_page_and_its_translation_link_to_each_other(page):
    up = "../" * len(page.parts)
    above = "../" * (len(page.parts) - 1)
    assert links(DOCS / page)[0] == f"{above}zh/{page.as_posix()}"
    assert links(DOCS / "zh" / page)[0] == up + page.as_posix()


@pytest.mark.parametrize("page", TRANSLATED, ids=str)
def test_a_chinese_paragraph_is_one_line(page):
    """Browsers show the end of a line as a space, which Chinese text must not have."""
    for token in tokens(DOCS / "zh" / page):
        if token.type == "inline" and not token.content.startswith("$$"):
            assert "\n" not in token.content


# The build


def test_a_figure_takes_its_words_from_the_page():
    text = '<text x="1">layer</text>'
    svg = f'<?xml?><svg viewBox="0 0 9 9"><g id="a" style="stroke: #030303"/>{text}</svg>'
    drawn = in_page(svg, 'a "line"', "plot-7", {"layer": "层"})
    assert 'role="img" aria-label="a &quot;line&quot;"' in drawn
    assert '<g id="plot-7-a" style="stroke: var(--plot-1)"/>' in drawn
    assert '<text x="1">层</text>' in drawn
    with pytest.raises(ValueError, match="no text 'row'"):
        in_page(svg, "a line", "plot-7", {"row": "行"})


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
    html = tmp_path / "html"
    for path in html.rglob("*.html"):
        language = "zh-CN" if (html / "zh") in path.parents else "en"
        assert f'lang="{language}"' in path.read_text(encoding="utf-8")[:200], path
    pages = [page.read_text(encoding="utf-8") for page in html.rglob("*.html")]
    assert sum(page.count('<svg xmlns="http') for page in pages) > 20  # figures, drawn anew
    assert any("<math" in page for page in pages)
    fetched = re.compile(r'<(?:script|img|iframe)[^>]* src="https?://|<link[^>]* href="https?://')
    assert [match[0] for page in pages for match in fetched.finditer(page)] == []
