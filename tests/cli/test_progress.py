"""A long epoch is seen to move, on a terminal and in a log."""

import pytest

from chainrule.cli import progress as module
from chainrule.cli.progress import Clock, progress
from chainrule.ensemble import Course


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(module, "monotonic", time)
    return time


def test_a_share_of_an_epoch_counts_as_done(time):
    clock = Clock([Course() for _ in range(1)], epochs=4, until=None)
    clock.tell(0, 0.5)
    assert clock.done == 0.5 / 4
    time.now += 10
    assert clock.left == "at most 1:10 left"


def test_shares_of_members_side_by_side_add_up(time):
    clock = Clock([Course() for _ in range(4)], epochs=2, until=None)
    clock.tell(0, 0.5)
    clock.tell(1, 0.25)
    assert clock.done == pytest.approx(0.75 / 8)


def test_only_of_a_long_epoch_it_is_said_how_far_it_is(time):
    clock = Clock([Course() for _ in range(1)], epochs=4, until=None)
    clock.tell(0, 0.37)
    assert clock.within() is None
    time.now += 2
    assert clock.within() == "epoch 1 of 4, 37%"


def test_of_an_ensemble_it_is_said_which_network_is_meant(time):
    clock = Clock([Course() for _ in range(3)], epochs=4, until=None)
    clock.tell(0, 0.9)
    clock.tell(1, 0.5)
    time.now += 2
    assert clock.within() == "network 2 of 3, epoch 1 of 4, 50%"


def test_a_log_has_a_line_every_five_seconds_of_a_long_epoch(time, capsys):
    with progress(Clock([Course() for _ in range(1)], epochs=4, until=None)) as display:
        for tenth in range(1, 10):
            time.now += 1.2
            display.tell(0, tenth / 10)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1 of 4, 50%"]


def test_quiet_is_quiet(capsys):
    with progress(Clock([Course() for _ in range(1)], epochs=4, until=None), quiet=True) as display:
        display.tell(0, 0.5)
    assert capsys.readouterr().err == ""
