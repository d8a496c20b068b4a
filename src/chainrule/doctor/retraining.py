"""The command that trains a model again, with something changed."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from chainrule.doctor.finding import NextStep
from chainrule.model import Model
from chainrule.options import USUAL_OPTIMIZER, Options, settled


def options_of(model: Model) -> Options:
    """The options that a model was trained with; open ones where its file does not say."""
    known = {option.name for option in fields(Options)}
    recorded = model.training.get("options") or {}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in recorded.items()
        if name in known
    }
    return Options(**values)


def retrain(model: Model, **changes: Any) -> NextStep:
    """Train as before, but with these options; only what no default decides is written out."""
    options = replace(options_of(model), **changes)
    usual = usual_options(model, options.optimizer)
    words = ["--target", model.target.name]
    if model.target.reason.endswith("as asked for") and options.loss == usual.loss:
        words += ["--task", model.task]
    for option in fields(Options):
        value = getattr(options, option.name)
        given = value is not None and value != getattr(usual, option.name)
        if given or (option.name == "optimizer" and value not in (None, USUAL_OPTIMIZER)):
            words += _words(option.name, value)
    return NextStep("train", tuple(words))


def usual_options(model: Model, optimizer: str | None) -> Options:
    """What this optimiser would be used with, had nothing been decided."""
    n = sum(int(model.training.get(f"{part}_rows") or 0) for part in ("training", "validation"))
    return settled(
        Options(optimizer=optimizer),
        n=max(1, n),
        task=model.task,
        n_classes=len(model.target.classes),
    )


def _words(name: str, value: Any) -> list[str]:
    """An option as it is typed."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, Mapping):
        return [
            word
            for column, kind in value.items()
            for word in _pair("--ignore" if kind == "ignored" else f"--{kind}", column)
        ]
    if name in ("ignore", "missing"):
        return [word for item in value for word in _pair(flag, item)]
    if isinstance(value, tuple):
        return _pair(flag, ",".join(map(str, value)) or "none")
    return _pair(flag, f"{value:g}" if isinstance(value, float) else str(value))


def _pair(flag: str, value: str) -> list[str]:
    return [f"{flag}={value}"] if value.startswith("-") else [flag, value]
