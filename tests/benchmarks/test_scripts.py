"""Every benchmark runs, prints its table and writes what it found, and where.

How long anything took is nobody's business here, and no peer has to be installed.
"""

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="the benchmarks time the compiled engine")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

TINY = {
    "training": ("S256", "--rounds", "1", "--no-peers"),
    "prediction": ("1", "3", "--rounds", "1", "--no-peers"),
    "memory": ("chainrule", "--rows", "2000"),
    "scaling": (
        "--rounds", "1", "--rows", "256", "512", "--widths", "4", "8", "--members", "1", "2",
    ),
    "startup": ("import", "--rounds", "1", "--no-peers"),
}  # fmt: skip


def ran(script, folder, *words):
    return subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), *words],
        cwd=folder,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", TINY)
def test_a_benchmark_prints_its_table_and_writes_where_it_was_measured(script, tmp_path):
    done = ran(script, tmp_path, *TINY[script], "--json", "found.json")
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["benchmark"] == script
    assert found["machine"]["cpus"] >= 1
    assert {"numpy", "numba", "chainrule"} <= set(found["machine"]["versions"])
    assert "thread" in found["machine"]["threads and products"]
    assert found["machine"]["cpu"] in done.stdout
    lines = done.stdout.splitlines()
    for measurement in found.get("measurements", ()):
        assert math.isfinite(measurement["value"])
        assert any(line.startswith(measurement["case"]) for line in lines)
    for case in found.get("cases", ()):
        assert any(case in line for line in lines)
    assert found.get("measurements") or found.get("cases")


@pytest.mark.parametrize(
    ("script", "word"), [("training", "S33"), ("memory", "chainrul"), ("startup", "exports")]
)
def test_a_case_that_there_is_not_is_refused_before_anything_is_measured(script, word, tmp_path):
    done = ran(script, tmp_path, word)
    assert done.returncode == 2
    assert word in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture
def training(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # which the script sets, and this takes back
    return importlib.import_module("training")


def test_peers_that_cannot_be_compiled_are_left_out_with_a_sentence(training, capsys):
    def broken(number):
        raise RuntimeError("InvalidCxxCompiler: none was found\nmore")

    running = {"chainrule": lambda number: 0.5, "PyTorch compiled, 1 threads": broken}
    assert training.learnt_losses("S32", running, 3) == {"chainrule": 0.5}
    assert list(running) == ["chainrule"]
    assert "PyTorch compiled, 1 threads is left out" in capsys.readouterr().out
    with pytest.raises(RuntimeError):
        training.learnt_losses("S32", {"chainrule": broken}, 3)


def test_without_a_compiler_torch_is_not_compiled(training, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    assert training.cxx_compiler() is None
