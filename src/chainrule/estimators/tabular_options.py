"""The parameters of the tabular estimators, in scikit-learn's words, turned into options."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.estimators.mlp_parameters import RULES, ParameterError, Rule, hidden_widths
from chainrule.optimizers import OPTIMIZERS
from chainrule.options import Options
from chainrule.schedules import SCHEDULES

_OWN_RULES = {
    "batch_size": Rule(lambda value: _is_whole(value, 1), "a whole number from 1"),
    "solver": Rule(lambda value: value in OPTIMIZERS, f"one of: {', '.join(OPTIMIZERS)}"),
    "learning_rate": Rule(lambda value: value in SCHEDULES, f"one of: {', '.join(SCHEDULES)}"),
    "label_smoothing": RULES["dropout"],
    "n_bins": Rule(lambda value: _is_whole(value, 0), "a whole number from 0"),
    "calibration_fraction": RULES["dropout"],
    "calibrate": RULES["shuffle"],
    "time_budget": Rule(lambda value: _is_positive(value), "a positive number of seconds"),
    "n_members": Rule(lambda value: _is_whole(value, 1), "a whole number from 1"),
    "class_weight": Rule(
        lambda value: (
            isinstance(value, Mapping) or (isinstance(value, str) and value == "balanced")
        ),
        "'balanced' or a dict from class to weight",
    ),
    "n_jobs": Rule(
        lambda value: _is_whole(abs(value) if isinstance(value, int | np.integer) else value, 1),
        "a whole number other than 0; -1 is one for each core",
    ),
    "kinds": Rule(lambda value: isinstance(value, Mapping), "a dict from column to kind"),
    "ignore": Rule(lambda value: _are_texts(value), "a list of column names"),
    "missing": Rule(lambda value: _are_texts(value), "a list of words, written as text"),
}

_NEVER_OPEN = ("engine", "huber_delta", "quantile_levels")

_LOSSES = {"squared_error": "squared", "absolute_error": "absolute", "poisson": "poisson"}


def check_tabular_parameters(estimator: str, parameters: Mapping[str, Any]) -> None:
    """Refuse parameters that mean nothing; None leaves all but a few of them open.

    Raises:
        ParameterError: names the parameter, what came, and what it must be.
    """
    rules = {**RULES, **_OWN_RULES}
    for name, value in parameters.items():
        may_be_open = name not in _NEVER_OPEN
        if name not in rules or (value is None and may_be_open) or rules[name].holds(value):
            continue
        raise ParameterError(
            f"The '{name}' parameter of {estimator} must be {rules[name].expected}"
            f"{', or None to leave it open' if may_be_open else ''}; got {value!r}."
        )


def options_of(parameters: Mapping[str, Any], task: str, seed: int, weight: str | None) -> Options:
    """The options that the checked parameters describe; those left open are settled later."""
    widths = parameters["hidden_layer_sizes"]
    names = parameters["activation"]
    names = (names,) if isinstance(names, str) else names
    patience = parameters["n_iter_no_change"]
    return Options(
        task=task,
        loss=_loss(parameters),
        label_smoothing=parameters.get("label_smoothing"),
        hidden=None if widths is None else hidden_widths(widths),
        activation=(
            None
            if names is None
            else tuple("sigmoid" if name == "logistic" else name for name in names)
        ),
        dropout=parameters["dropout"],
        optimizer=parameters["solver"],
        rate=parameters["learning_rate_init"],
        schedule=parameters["learning_rate"],
        decay=parameters["weight_decay"],
        l2=parameters["alpha"],
        batch_size=parameters["batch_size"],
        epochs=parameters["max_iter"],
        patience=0 if patience == np.inf else patience,
        bins=parameters["n_bins"],
        kinds=dict(parameters["kinds"] or {}),
        ignore=tuple(parameters["ignore"] or ()),
        missing=tuple(parameters["missing"] or ()),
        weight=weight,
        valid_fraction=parameters["validation_fraction"],
        members=parameters["n_members"],
        seed=seed,
    )


def _loss(parameters: Mapping[str, Any]) -> str | None:
    loss = parameters.get("loss")
    if loss == "huber":
        return f"huber:{float(parameters['huber_delta'])!r}"
    if loss == "quantile":
        levels = np.atleast_1d(parameters["quantile_levels"])
        return "quantile:" + ",".join(repr(float(level)) for level in levels)
    return None if loss is None else _LOSSES[loss]


def _is_whole(value: Any, least: int) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= least)


def _is_positive(value: Any) -> bool:
    return isinstance(value, float | int | np.number) and bool(0 < value < np.inf)


def _are_texts(value: Any) -> bool:
    several = isinstance(value, list | tuple | set | frozenset)
    return several and all(isinstance(text, str) for text in value)
