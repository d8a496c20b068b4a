"""Lets the modules beside the tests be imported as `core.cases` and `recorded.weyl`."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="the compiled engine needs numba")

TESTS = str(Path(__file__).parents[1])
if TESTS not in sys.path:
    sys.path.insert(0, TESTS)
