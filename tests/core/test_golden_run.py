"""Ten epochs of training give the numbers that they always gave, in every engine.

Compared to 1e-12 and not to the bit, because machines add up a matrix product in different orders.
"""

import json
from pathlib import Path

import pytest

from core.cases import ENGINES
from recorded.golden import golden_run

RECORDED = Path(__file__).parents[1] / "recorded" / "golden_run.json"


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_every_epoch_of_the_golden_run_is_as_recorded(engine):
    expected, found = json.loads(RECORDED.read_text()), golden_run(engine)
    assert len(found) == len(expected) == 10
    for ours, recorded in zip(found, expected, strict=True):
        for name, number in recorded.items():
            assert ours[name] == pytest.approx(number, rel=1e-12, abs=1e-12), (
                f"{name} in epoch {ours['number']}"
            )


def test_the_golden_run_learns():
    losses = [epoch["validation_loss"] for epoch in json.loads(RECORDED.read_text())]
    assert losses[-1] < losses[0] / 2
