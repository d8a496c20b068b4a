"""Schedules by their definitions; cosine and one-cycle also in `test_against_torch.py`."""

import numpy as np
import pytest

from chainrule.errors import InputError
from chainrule.schedules import (
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    InverseScaling,
    OneCycle,
    WarmUp,
)


def rates(schedule, T=100, base=0.5):
    return np.array([schedule.rate(base, t, T) for t in range(T)])


def test_constant_is_the_base_rate_throughout():
    assert (rates(Constant()) == 0.5).all()


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_inverse_scaling_falls_with_the_power_of_the_step(power):
    expected = 0.5 / np.arange(1, 101) ** power
    np.testing.assert_allclose(rates(InverseScaling(power)), expected, rtol=1e-14)


def test_cosine_goes_from_the_base_rate_over_its_middle_to_the_floor():
    schedule = Cosine(floor=0.2)
    assert schedule.rate(1.0, 0, 100) == 1.0
    assert schedule.rate(1.0, 50, 100) == pytest.approx(0.6)
    assert schedule.rate(1.0, 100, 100) == pytest.approx(0.2)
    assert schedule.rate(1.0, 150, 100) == pytest.approx(0.2)
    assert (np.diff(rates(schedule)) < 0).all()


def test_one_cycle_rises_to_the_base_rate_and_falls_far_below_its_start():
    found = rates(OneCycle())
    assert found[0] == pytest.approx(0.5 / 25)
    assert found[29] == found.max() == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0.5 / 25 / 1e4)
    assert (np.diff(found[:30]) > 0).all()
    assert (np.diff(found[29:]) < 0).all()


@pytest.mark.parametrize("T", [1, 2, 3, 4, 10])
@pytest.mark.parametrize("kind", SCHEDULES.values(), ids=SCHEDULES)
def test_even_the_shortest_training_has_positive_rates_up_to_the_base(kind, T):
    found = rates(kind(), T=T)
    assert (found > 0).all()
    assert (found <= 0.5 + 1e-15).all()


def test_warm_up_rises_in_a_straight_line_and_then_hands_over():
    found = rates(WarmUp(share=0.1))
    np.testing.assert_allclose(found[:10], 0.5 * np.arange(1, 11) / 10, rtol=1e-14)
    assert (found[10:] == 0.5).all()
    handed = rates(WarmUp(share=0.1, then=Cosine()))
    np.testing.assert_array_equal(handed[10:], rates(Cosine())[10:])
    np.testing.assert_allclose(handed[4], rates(Cosine())[4] / 2, rtol=1e-14)


def test_warm_up_of_no_share_changes_nothing():
    np.testing.assert_array_equal(rates(WarmUp(share=0.0)), rates(Constant()))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: InverseScaling(power=-1.0), "inverse_scaling: power is -1.0.* at least 0"),
        (lambda: Adaptive(patience=0), "adaptive: patience is 0.* at least 1"),
        (lambda: Adaptive(divisor=0.0), "adaptive: divisor is 0.0.* at least 1"),
        (lambda: Adaptive(tolerance=-1.0), "adaptive: tolerance is -1.0.* at least 0"),
        (lambda: Cosine(floor=1.5), "cosine: floor is 1.5.* between 0 and 1"),
        (lambda: OneCycle(peak=-0.1), "one_cycle: peak is -0.1.* between 0 and 1"),
        (lambda: OneCycle(start=0.0), "one_cycle: start is 0.0.* at least 1"),
        (lambda: OneCycle(end=0.5), "one_cycle: end is 0.5.* at least 1"),
        (lambda: WarmUp(share=-0.1), "warm_up: share is -0.1.* between 0 and 1"),
        (lambda: WarmUp(share=float("nan")), "warm_up: share is nan"),
    ],
)
def test_numbers_that_mean_nothing_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_adaptive_divides_after_each_plateau_of_a_staged_story():
    schedule = Adaptive(patience=2, divisor=5.0, tolerance=0.1)
    story = [
        # the loss that an epoch ended with, and the rate of the epoch after it
        (4.0, 1.0),  # the first is always the best so far
        (3.0, 1.0),  # better
        (2.95, 1.0),  # not better by more than the tolerance: waited once
        (2.80, 1.0),  # better than 2.95 by more: the wait begins again
        (2.90, 1.0),  # waited once
        (2.75, 0.2),  # waited twice: divided
        (2.74, 0.2),  # waited once
        (2.50, 0.2),  # better
        (2.60, 0.2),  # waited once
        (2.60, 0.04),  # waited twice: divided again
        (1.00, 0.04),  # better, and the rate stays where it is
    ]
    losses = []
    assert schedule.rate(1.0, 0, 100, losses) == 1.0
    for t, (loss, rate) in enumerate(story, start=1):
        losses.append(loss)
        assert schedule.rate(1.0, t, 100, losses) == pytest.approx(rate), f"after epoch {t}"
