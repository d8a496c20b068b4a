"""`chainrule show`: what is in a model file."""

import os
from collections.abc import Mapping
from typing import Any

from chainrule.cli import arguments

_SETTINGS = ("optimizer", "rate", "schedule", "decay", "l2", "dropout", "batch_size", "epochs")


def show(model: arguments.ModelFile, json: arguments.Json = False) -> None:
    """Show the columns, the network and the training of a model."""
    from rich.text import Text

    from chainrule.cli.report import (
        columns_document,
        network_document,
        say_columns,
        say_history,
        say_network,
    )
    from chainrule.cli.screen import Screen, heading, indented, print_json, visible
    from chainrule.model import Model

    loaded = Model.load(model)
    if json:
        print_json(
            {
                "model": os.fspath(model),
                "target": loaded.target.name,
                "task": loaded.task,
                "classes": loaded.target.classes,
                "columns": columns_document(loaded.encoder),
                "network": network_document(loaded.network),
                "training": loaded.training,
                "networks": len(loaded.members),
                "histories": [member.history for member in loaded.members],
            }
        )
        return
    screen = Screen()
    target = loaded.target
    heading(screen, model.name, f"   predicts {target.name}")
    indented(screen, Text(visible(target.reason)))
    if target.classes:
        some = ", ".join(str(label) for label in target.classes[:12])
        more = f", ... ({len(target.classes):,} in all)" if len(target.classes) > 12 else ""
        indented(screen, Text(f"classes: {visible(some)}{more}"))
    say_columns(screen, loaded.encoder)
    say_network(screen, loaded.network)
    heading(screen, "Training")
    if len(loaded.members) > 1:
        indented(screen, Text(f"{len(loaded.members)} networks, whose predictions are averaged"))
    for line in _training_lines(loaded.training):
        indented(screen, Text(visible(line)))
    say_history(screen, loaded.history)


def _training_lines(training: Mapping[str, Any]) -> list[str]:
    """How the model was trained, from the plain data that its file holds."""
    lines = []
    rows, judges = training.get("training_rows"), training.get("validation_rows")
    if isinstance(rows, int) and isinstance(judges, int):
        lines.append(f"{rows:,} rows learnt from, {judges:,} validation rows")
    options = training.get("options")
    if isinstance(options, Mapping):
        given = [(name, options.get(name)) for name in (*_SETTINGS, "patience", "seed")]
        lines.append(
            ", ".join(
                f"{name.replace('_', ' ')} {value}" for name, value in given if value is not None
            )
        )
    versions = training.get("versions")
    if isinstance(versions, Mapping):
        lines.append(", ".join(f"{name} {version}" for name, version in versions.items()))
    return lines
