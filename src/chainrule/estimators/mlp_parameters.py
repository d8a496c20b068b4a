"""The parameters of the multilayer perceptrons: what each may be.

They are checked when `fit` begins, as everywhere in scikit-learn: until then they are only stored.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from chainrule.activations import ACTIVATIONS, SIGMOID, Activation
from chainrule.engines.choice import ENGINES
from chainrule.errors import InputError
from chainrule.schedules import Schedule

SOLVERS = ("lbfgs", "sgd", "adam", "adamw", "scaled_adamw", "rmsprop")
STOCHASTIC_SOLVERS = SOLVERS[1:]
POLICIES = ("constant", "invscaling", "adaptive")
"""What scikit-learn calls schedules; with its own solvers, only sgd heeds them."""

SCHEDULE_NAMES = ("cosine", "one_cycle", "warm_up")
ACTIVATION_NAMES: dict[str, Activation] = {"logistic": SIGMOID, **ACTIVATIONS}
FILLINGS = ("median", "indicator")
PRECISIONS = ("float32", "float64", "bfloat16")
LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "poisson")


class ParameterError(InputError, TypeError):
    """A parameter of an estimator that cannot be; like scikit-learn's, of both built-in kinds."""


@dataclass(frozen=True)
class Rule:
    """What a parameter may be, as a test and in words."""

    holds: Callable[[Any], bool]
    expected: str


def _is_yes_or_no(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_real(value: Any) -> bool:
    return isinstance(value, Real) and not _is_yes_or_no(value) and not math.isnan(value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, Integral) and not _is_yes_or_no(value) and int(value) >= least


def _whole_from_1(*, word: str | None = None) -> Rule:
    also = "" if word is None else f", or {word!r}"
    return Rule(
        lambda value: _is_whole(value, 1) or (isinstance(value, str) and value == word),
        f"a whole number from 1{also}",
    )


def _one_of(names: Iterable[str]) -> Rule:
    names = tuple(names)
    return Rule(
        lambda value: isinstance(value, str) and value in names, f"one of: {', '.join(names)}"
    )


def _optional(rule: Rule) -> Rule:
    return Rule(lambda value: value is None or rule.holds(value), f"{rule.expected}, or None")


def _is_activation(value: Any) -> bool:
    if isinstance(value, str):
        return value in ACTIVATION_NAMES
    return isinstance(value, list | tuple) and all(
        isinstance(name, str) and name in ACTIVATION_NAMES for name in value
    )


def _are_levels(value: Any) -> bool:
    levels = value if isinstance(value, list | tuple | np.ndarray) else [value]
    return len(levels) > 0 and all(_is_real(level) and 0 < level < 1 for level in levels)


def _is_class_weight(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping) or (isinstance(value, str) and value == "balanced")


_POSITIVE = Rule(lambda value: _is_real(value) and 0 < value < math.inf, "a positive number")
_NOT_NEGATIVE = Rule(
    lambda value: _is_real(value) and 0 <= value < math.inf, "0 or a positive number"
)
_SHARE = Rule(lambda value: _is_real(value) and 0 <= value < 1, "a number from 0 to below 1")
_YES_OR_NO = Rule(_is_yes_or_no, "True or False")

RULES: dict[str, Rule] = {
    "activation": Rule(
        _is_activation,
        f"one of: {', '.join(ACTIVATION_NAMES)}; or a tuple of them, one for each hidden layer",
    ),
    "solver": _one_of(SOLVERS),
    "alpha": _NOT_NEGATIVE,
    "batch_size": _whole_from_1(word="auto"),
    "learning_rate": Rule(
        lambda value: isinstance(value, Schedule)
        or (isinstance(value, str) and value in (*POLICIES, *SCHEDULE_NAMES)),
        f"one of: {', '.join((*POLICIES, *SCHEDULE_NAMES))}; or a schedule of chainrule.schedules",
    ),
    "learning_rate_init": _POSITIVE,
    "power_t": _NOT_NEGATIVE,
    "max_iter": _whole_from_1(),
    "shuffle": _YES_OR_NO,
    "tol": _NOT_NEGATIVE,
    "verbose": Rule(
        lambda value: _is_yes_or_no(value) or _is_whole(value, 0),
        "True, False, or a whole number from 0",
    ),
    "warm_start": _YES_OR_NO,
    "momentum": _SHARE,
    "nesterovs_momentum": _YES_OR_NO,
    "early_stopping": _YES_OR_NO,
    "validation_fraction": _SHARE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "epsilon": _POSITIVE,
    "n_iter_no_change": Rule(
        lambda value: _is_whole(value, 1) or value == math.inf,
        "a whole number from 1, or infinity",
    ),
    "max_fun": _whole_from_1(),
    "random_state": Rule(
        lambda value: value is None
        or isinstance(value, np.random.RandomState)
        or (_is_whole(value, 0) and int(value) < 2**32),
        "a whole number from 0 to 2**32 - 1, a numpy.random.RandomState, or None",
    ),
    "dropout": _SHARE,
    "weight_decay": _NOT_NEGATIVE,
    "clip": _optional(_POSITIVE),
    "averaging": _optional(_SHARE),
    "monitor": _one_of(("score", "loss")),
    "missing": _optional(_one_of(FILLINGS)),
    "precision": _optional(_one_of(PRECISIONS)),
    "engine": _one_of(ENGINES),
    "loss": _one_of(LOSSES),
    "huber_delta": _POSITIVE,
    "quantile_levels": Rule(
        _are_levels, "a number between 0 and 1, or a tuple of such numbers in ascending order"
    ),
    "class_weight": _optional(
        Rule(_is_class_weight, "'balanced', a dict from class to weight, or for several labels a "
             "list of such dicts")
    ),
}  # fmt: skip


def check_parameters(estimator: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that mean nothing.

    Raises:
        ParameterError: names the parameter, what came, and what it must be.
    """
    hidden_widths(parameters["hidden_layer_sizes"])
    for name, value in parameters.items():
        if name in RULES and not RULES[name].holds(value):
            raise ParameterError(
                f"The '{name}' parameter of {estimator} must be {RULES[name].expected}; "
                f"got {value!r}."
            )


def hidden_widths(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """The width of each hidden layer, from one number or several.

    Raises:
        ParameterError: a width that is not a whole number from 1.
    """
    several = np.iterable(hidden_layer_sizes) and not isinstance(hidden_layer_sizes, str)
    widths = list(hidden_layer_sizes) if several else [hidden_layer_sizes]
    if not all(isinstance(width, Integral) for width in widths):
        raise ParameterError(
            f"hidden_layer_sizes must be a whole number or several of them, got {widths}."
        )
    if not all(_is_whole(width, 1) for width in widths):
        raise ParameterError(f"hidden_layer_sizes must be > 0, got {widths}.")
    return tuple(int(width) for width in widths)
