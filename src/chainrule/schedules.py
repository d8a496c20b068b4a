"""Schedules: the learning rate of each step.

A schedule is a value with one pure function of what is known before a step: the base rate, the
number t of steps taken so far, the number T of steps there will be at most, and the loss of each
finished epoch: of the validation rows, or of the training rows where there are none. The last only
`Adaptive` looks at.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chainrule.errors import InputError


@dataclass(frozen=True)
class Schedule(ABC):
    """Base of all schedules."""

    name: ClassVar[str]

    @abstractmethod
    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """The rate of step t (0, 1, ..., T - 1), after epochs that ended with `losses`."""


@dataclass(frozen=True)
class Constant(Schedule):
    """The base rate throughout."""

    name = "constant"

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """The base rate."""
        return base


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """rate = base / (t + 1)^power (Robbins & Monro 1951 need a power in (1/2, 1])."""

    name = "inverse_scaling"
    power: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a power below 0, under which the rate would grow without bounds."""
        _check("inverse_scaling", "power", self.power, 0, math.inf)

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Falling with the number of steps."""
        return base / float(t + 1) ** self.power


@dataclass(frozen=True)
class Adaptive(Schedule):
    """The base rate, divided by `divisor` whenever `patience` epochs in a row have not helped.

    An epoch helps if it ends with a loss below the best so far by more than `tolerance`.
    """

    name = "adaptive"
    patience: int = 5
    divisor: float = 5.0
    tolerance: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse a patience below one epoch, a divisor below 1 and a negative tolerance."""
        _check("adaptive", "patience", self.patience, 1, math.inf)
        _check("adaptive", "divisor", self.divisor, 1, math.inf)
        _check("adaptive", "tolerance", self.tolerance, 0, math.inf)

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Falling at each plateau of `losses`."""
        best, waited, plateaus = math.inf, 0, 0
        for loss in losses:
            waited = 0 if loss < best - self.tolerance else waited + 1
            best = min(best, loss)
            if waited == self.patience:
                waited, plateaus = 0, plateaus + 1
        return float(base / self.divisor**plateaus)


@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine wave from the base rate down to `floor` times it (Loshchilov & Hutter 2017).

    rate = base (floor + (1 - floor) (1 + cos(pi t / T)) / 2)
    """

    name = "cosine"
    floor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a floor that is no share."""
        _check("cosine", "floor", self.floor, 0, 1)

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Falling slowly, fast, then slowly again."""
        wave = (1 + math.cos(math.pi * min(t / T, 1))) / 2
        return base * (self.floor + (1 - self.floor) * wave)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from base / `start` to the base rate, then down to base / (`start` `end`) (Smith 2018).

    Both ways are halves of a cosine wave; the way up takes the share `peak` of all steps. These are
    PyTorch's defaults.
    """

    name = "one_cycle"
    peak: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        """Refuse a peak that is no share, and ways that go in the wrong direction."""
        _check("one_cycle", "peak", self.peak, 0, 1)
        _check("one_cycle", "start", self.start, 1, math.inf)
        _check("one_cycle", "end", self.end, 1, math.inf)

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Rising, then falling."""
        low, lowest = base / self.start, base / (self.start * self.end)
        top, last = self.peak * T - 1, T - 1  # PyTorch's convention: steps that end either way
        if t <= top:
            return _half_wave(low, base, t / top if top else 1.0)
        return _half_wave(base, lowest, min((t - top) / (last - top), 1.0) if last > top else 1.0)


@dataclass(frozen=True)
class WarmUp(Schedule):
    """The rate of another schedule, growing from almost 0 in the first steps (Goyal et al. 2017).

    rate = then.rate(...) min(1, (t + 1) / steps),   with steps = share T
    """

    name = "warm_up"
    share: float = 0.05
    then: Schedule = Constant()

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1]."""
        _check("warm_up", "share", self.share, 0, 1)

    def rate(self, base: float, t: int, T: int, losses: Sequence[float] = ()) -> float:
        """Rising in a straight line, then as the other schedule says."""
        steps = max(self.share * T, 1)
        return self.then.rate(base, t, T, losses) * min(1.0, (t + 1) / steps)


def _half_wave(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def _check(schedule: str, field: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        expected = f"at least {least}" if most == math.inf else f"between {least} and {most}"
        raise InputError(f"{schedule}: {field} is {value}, but must be {expected}.")


SCHEDULES: dict[str, type[Schedule]] = {
    schedule.name: schedule
    for schedule in (Constant, InverseScaling, Adaptive, Cosine, OneCycle, WarmUp)
}
