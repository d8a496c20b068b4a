"""The page in a browser: accessible, quiet, self-contained, and no wider than a telephone.

`tests/browser/install` gets what these tests need. Where it is not there they are skipped, or fail
if CHAINRULE_BROWSER is "required".
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chainrule.report import write_page
from report.tables import clouds, found, houses

BROWSER = Path(__file__).parents[1] / "browser"
SERIOUS = ("serious", "critical")


def lacking():
    """What these tests need and do not have."""
    programs = [name for name in ("chromium", "node") if shutil.which(name) is None]
    packages = (BROWSER / "node_modules" / "axe-core").is_dir()
    return programs + ([] if packages else ["tests/browser/node_modules"])


def look(*files):
    """What `look.mjs` saw."""
    command = ["node", BROWSER / "look.mjs", shutil.which("chromium"), *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What was seen of the report's pages, and of one with faults."""
    if missing := lacking():
        reason = f"not there: {', '.join(missing)} (tests/browser/install gets them)"
        if os.environ.get("CHAINRULE_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("pages")
    write_page(found(houses(), 'price & "more"', weight="w"), folder / "numbers.html")
    write_page(found(clouds(2), "kind", hidden=(2,)), folder / "two.html")
    write_page(found(clouds(40, n=1200), "kind", hidden=(40,)), folder / "many.html")
    (folder / "faulty.html").write_text(
        "<!DOCTYPE html><html><body><p style='width: 900px; color: #ccc; background: #fff'>pale"
        "</p><img src='http://localhost:9/a.png'><script>console.error('loud')</script></body>"
    )
    return look(*sorted(folder.iterdir()))


@pytest.fixture
def of_pages(seen):
    pages = [one for one in seen if not one["file"].endswith("faulty.html")]
    assert len(pages) == 6
    return pages


def test_axe_finds_nothing_serious(of_pages):
    serious = [
        (one["file"], one["width"], violation)
        for one in of_pages
        for violation in one["violations"]
        if violation["impact"] in SERIOUS
    ]
    assert serious == []


def test_the_console_stays_empty_and_nothing_is_asked_for(of_pages):
    assert [one["messages"] + one["requests"] for one in of_pages] == [[]] * len(of_pages)


def test_no_page_scrolls_sideways(of_pages):
    assert [one["overflow"] for one in of_pages] == [0] * len(of_pages)


def test_faults_would_be_seen(seen):
    narrow = next(one for one in seen if one["file"].endswith("faulty.html"))
    assert narrow["overflow"] > 500
    assert any("loud" in message for message in narrow["messages"])
    assert narrow["requests"] == ["http://localhost:9/a.png"]
    assert {"color-contrast", "image-alt"} <= {one["rule"] for one in narrow["violations"]}
