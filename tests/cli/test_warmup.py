"""`chainrule warmup`, through the front door."""

import sys


def test_a_second_warm_up_has_nothing_to_compile(chainrule):
    assert chainrule("warmup").exit_code == 0
    again = chainrule("warmup")
    assert again.exit_code == 0
    assert "0 kernels compiled" in again.stdout


def test_without_numba_there_is_nothing_to_warm_up_and_it_says_so(chainrule, monkeypatch):
    monkeypatch.setitem(sys.modules, "chainrule.engines.compiled", None)
    monkeypatch.delattr("chainrule.engines.compiled", raising=False)
    refused = chainrule("warmup")
    assert refused.exit_code == 2
    assert "chainrule[fast]" in refused.stderr
