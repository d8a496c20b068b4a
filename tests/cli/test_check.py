"""`chainrule check` shows a proof, and its exit status says whether it holds."""

from dataclasses import replace

import pytest

from chainrule import proof
from chainrule.cli.screen import Screen


@pytest.fixture(autouse=True)
def no_compiled(monkeypatch):
    monkeypatch.setattr(proof, "_COMPILED", "chainrule.engines.nowhere")


@pytest.fixture
def files(trained):
    return trained / "flowers.safetensors", trained / "flowers.csv"


def test_a_good_model_is_proven_on_its_table(chainrule, files):
    result = chainrule("check", *files)
    assert result.exit_code == 0
    assert "checked on 60 rows of flowers.csv" in result.stdout
    assert result.stdout.count("✓") == 8
    assert "✗" not in result.stdout
    for part in ("dJ/dW[0]", "dJ/db[1]", "worst W[0][", "SHA-256", "All of it holds"):
        assert part in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_model_is_proven_without_a_table(chainrule, files):
    result = chainrule("check", files[0])
    assert result.exit_code == 0
    assert "drawn at random" in result.stdout


def test_a_proof_as_json(chainrule, files):
    found = chainrule.json("check", *files)
    assert found["holds"] is True
    assert found["rows"] == 60
    worst = {one["what"]: one["worst"] for one in found["findings"]}
    assert 0 < worst["dJ/dW[0]"] < 1e-6


@pytest.mark.parametrize("mode", [[], ["--json"]])
def test_a_proof_that_fails_is_shown_and_exits_with_one(chainrule, files, monkeypatch, mode):
    prove = proof.prove

    def failing(*args, **more):
        found = prove(*args, **more)
        first, *rest = found.findings
        return replace(found, findings=(replace(first, passed=False), *rest))

    monkeypatch.setattr(proof, "prove", failing)
    result = chainrule("check", *files, *mode)
    assert result.exit_code == 1
    assert ("✗" in result.stdout) == (not mode)
    assert ("1 check failed" in result.stdout) == (not mode)


def test_a_damaged_model_is_refused(chainrule, files):
    content = bytearray(files[0].read_bytes())
    content[-1] ^= 128
    (chainrule.folder / "m.safetensors").write_bytes(content)
    result = chainrule("check", "m.safetensors")
    assert result.exit_code == 2
    assert "damaged" in result.stderr


def test_a_terminal_without_unicode_gets_words(chainrule, files, monkeypatch):
    monkeypatch.setattr(Screen, "has_unicode", False)
    said = chainrule("check", *files).stdout
    assert " ok " in said
    assert "✓" not in said
