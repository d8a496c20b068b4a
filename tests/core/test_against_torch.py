"""Losses, gradients, optimisers and schedules against PyTorch: its recorded answers, and live.

The recorded answers are made by `tests/recorded/make_torch_answers.py` and need no PyTorch.
"""

from pathlib import Path

import numpy as np
import pytest

from chainrule.engines import reference
from chainrule.optimizers import SGD, Adam, AdamW, RMSProp
from chainrule.schedules import Cosine, OneCycle
from core.cases import torch_cases
from recorded.optimizer_walks import SCHEDULE_BASE, SCHEDULE_STEPS, START, STEPS, THIN, slope

OUR_OPTIMIZERS = {
    "sgd": SGD(momentum=0.0, nesterov=False),
    "sgd_momentum": SGD(nesterov=False),
    "sgd_nesterov": SGD(),
    "rmsprop": RMSProp(),
    "rmsprop_slow": RMSProp(decay=0.9, epsilon=1e-3),
    "adam": Adam(),
    "adam_other": Adam(beta1=0.8, beta2=0.95, epsilon=1e-4),
    "adamw": AdamW(),
    "adamw_strong": AdamW(decay=0.3),
}
OUR_SCHEDULES = {
    "cosine": Cosine(),
    "cosine_floor": Cosine(floor=0.1),
    "one_cycle": OneCycle(),
    "one_cycle_early": OneCycle(peak=0.1, start=10, end=50),
}
CASES = torch_cases()


@pytest.fixture(scope="module")
def recorded():
    path = Path(__file__).parents[1] / "recorded" / "torch_answers.npz"
    with np.load(path, allow_pickle=False) as file:
        ends = np.cumsum(file["sizes"])
        parts = np.split(file["numbers"], ends[:-1])
        return dict(zip(file["names"].tolist(), parts, strict=True))


@pytest.fixture(scope="module")
def twins():
    pytest.importorskip("torch")
    from recorded import torch_twins

    return torch_twins


def our_answer(case):
    J, gradient = reference.loss_and_gradient(case.network, case.parameters, case.rows, case.l2)
    return np.concatenate([[J], gradient.theta])


def our_walk(name):
    optimizer, theta, path = OUR_OPTIMIZERS[name], START, np.empty((STEPS, len(START)))
    state = optimizer.init(theta)
    for t in range(STEPS):
        gradient, rate = slope(theta, t)
        state, theta = optimizer.step(state, gradient, theta, rate)
        path[t] = theta
    return path


def our_rates(name):
    schedule = OUR_SCHEDULES[name]
    return [schedule.rate(SCHEDULE_BASE, t, SCHEDULE_STEPS) for t in range(SCHEDULE_STEPS)]


def largest_error(found, expected):
    return np.max(np.abs(found - expected)) / np.max(np.abs(expected))


@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_are_those_that_pytorch_gave(recorded, name):
    found, expected = our_answer(CASES[name]), recorded[f"case/{name}"]
    assert found[0] == pytest.approx(expected[0], rel=1e-12)
    assert largest_error(found[1:], expected[1:]) < 1e-12


@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_are_those_that_pytorch_gives(twins, name):
    found = our_answer(CASES[name])
    J, gradient = twins.loss_and_gradient(CASES[name])
    assert found[0] == pytest.approx(J, rel=1e-12)
    assert largest_error(found[1:], gradient) < 1e-12


@pytest.mark.parametrize("name", OUR_OPTIMIZERS)
def test_a_thousand_steps_are_those_that_pytorch_took(recorded, name):
    found = our_walk(name)[THIN - 1 :: THIN].ravel()
    assert largest_error(found, recorded[f"walk/{name}"]) < 1e-13


@pytest.mark.parametrize("name", OUR_OPTIMIZERS)
def test_a_thousand_steps_are_those_that_pytorch_takes(twins, name):
    assert largest_error(our_walk(name), twins.walk(name)) < 1e-13


@pytest.mark.parametrize("name", OUR_SCHEDULES)
def test_rates_are_those_that_pytorch_gave(recorded, name):
    np.testing.assert_allclose(our_rates(name), recorded[f"rates/{name}"], rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", OUR_SCHEDULES)
def test_rates_are_those_that_pytorch_gives(twins, name):
    np.testing.assert_allclose(our_rates(name), twins.rates(name), rtol=1e-11, atol=1e-15)


def test_nothing_is_recorded_in_vain(recorded):
    expected = {f"case/{name}" for name in CASES}
    expected |= {f"walk/{name}" for name in OUR_OPTIMIZERS}
    expected |= {f"rates/{name}" for name in OUR_SCHEDULES}
    assert set(recorded) == expected
