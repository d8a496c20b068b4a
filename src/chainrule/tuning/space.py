"""The search space: which options are searched, and between which limits.

The defaults are a point of it, so that a search can begin there. An option that the user has
decided is left alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)

from chainrule.optimizers import DECAYING
from chainrule.options import BINS_BY, Options

T = TypeVar("T", int, float, str)

Space = Mapping[str, BaseDistribution]
"""The distribution that each searched option is drawn from, by the option's name."""

WIDTHS = (64, 128, 256, 512)
DEPTHS = (1, 2, 3)
ACTIVATIONS = ("relu", "silu", "mish", "selu")
MOST_DROPOUT = 0.5
RATE_FACTOR = 10.0
"""The rate is searched up to so many times the default, and down to that part of it."""

BATCHES = (32, 64, 128, 256, 512)
BINS = (0, 8, 16, 32, 48, 96)
DECAYS = (0.0, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1)
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)


def space_of(asked: Options, settled: Options) -> Space:
    """What is searched of the options that were `asked` for, around what `settled` made of them."""
    space: dict[str, BaseDistribution] = {
        "hidden": _one_of(
            [_words([width] * depth) for depth in DEPTHS for width in WIDTHS],
            _words(settled.hidden or ()),
        ),
        "activation": _one_of(ACTIVATIONS, _words(settled.activation or ())),
        "bins": _one_of(BINS, settled.bins or 0),
        "bins_by": _one_of(BINS_BY, settled.bins_by or BINS_BY[0]),
    }
    if settled.optimizer in DECAYING:
        space["decay"] = _one_of(DECAYS, settled.decay or 0.0)
    else:
        space["l2"] = _one_of(PENALTIES, settled.l2 or 0.0)
    if settled.optimizer != "lbfgs":
        rate, dropout = settled.rate or 1e-3, settled.dropout or 0.0
        space["rate"] = FloatDistribution(rate / RATE_FACTOR, rate * RATE_FACTOR, log=True)
        space["dropout"] = FloatDistribution(0.0, max(MOST_DROPOUT, dropout))
        space["batch_size"] = _one_of(BATCHES, settled.batch_size or BATCHES[0])
    return {name: what for name, what in space.items() if getattr(asked, name) is None}


def values_of(options: Options, space: Space) -> dict[str, Any]:
    """The options as a point of the space."""
    return {
        name: _words(value) if isinstance(value := getattr(options, name), tuple) else value
        for name in space
    }


def options_with(asked: Options, values: Mapping[str, Any]) -> Options:
    """The options with the values of a point of the space."""
    found = dict(values)
    if "hidden" in found:
        found["hidden"] = tuple(int(width) for width in found["hidden"].split(",") if width)
    if "activation" in found:
        found["activation"] = tuple(found["activation"].split(","))
    return replace(asked, **found)


def _words(values: Any) -> str:
    return ",".join(map(str, values))


def _one_of(choices: Any, default: T) -> CategoricalDistribution:
    """One of the choices or the default, in order if they are numbers."""
    found = list(dict.fromkeys([*choices, default]))
    return CategoricalDistribution(found if isinstance(default, str) else sorted(found))
