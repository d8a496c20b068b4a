"""The section on origin: how the model and this page can be made again."""

import shlex
from collections.abc import Mapping
from typing import Any

from chainrule import __version__
from chainrule.model import Model
from chainrule.optimizers import DECAYING
from chainrule.report.contents import Origin
from chainrule.report.figure import Numbers, table
from chainrule.report.judged_rows import JudgedRows
from chainrule.report.markup import data, tag
from chainrule.report.on_training import settings_table
from chainrule.report.section import Section

_LISTS = {"hidden": ",", "activation": ","}
_REPEATED = {"ignore": "--ignore", "missing": "--missing"}


def on_origin(model: Model, judged: JudgedRows, origin: Origin) -> Section:
    """Commands, seed, versions, and what tells one table from another."""
    training = model.training
    rows: list[tuple[str, object]] = [
        ("model", data(origin.model, 60)),
        ("its SHA-256", tag("code", origin.model_sha256) if origin.model_sha256 else None),
        ("table", data(origin.table, 60)),
        ("its SHA-256", tag("code", origin.table_sha256) if origin.table_sha256 else None),
        ("its shape", f"{len(judged.frame):,} rows, {len(judged.frame.columns):,} columns"),
        ("rows judged", f"{len(judged):,} of {judged.n_known:,} whose target is known"),
        ("learnt from", _rows(training.get("training_rows"))),
        ("chose the epoch", _rows(training.get("validation_rows"))),
        ("seed", str(_options(model).get("seed", "–"))),
        ("trained with", _versions(training.get("versions"))),
        ("page written by", f"chainrule {__version__}"),
    ]
    train = shlex.join(["chainrule", "train", "TABLE", *training_words(model)])
    report = ["chainrule", "report", origin.model, origin.table, *origin.words]
    return Section(
        "origin",
        "How to make it again",
        "With the training table in place of TABLE. The same versions give the same bits.",
        [
            tag(
                "pre",
                tag("code", train),
                tabindex="0",
                role="region",
                aria_label="command that trains",
            ),
            tag(
                "pre",
                tag("code", shlex.join(report)),
                tabindex="0",
                role="region",
                aria_label="command that reports",
            ),
            table(Numbers(("what", "which"), [(a, b) for a, b in rows if b], note=" "), "origin"),
            settings_table(model),
        ],
    )


def training_words(model: Model) -> list[str]:
    """The options of `chainrule train` that decide as this model's training did."""
    words = ["--target", model.target.name]
    for name, value in _options(model).items():
        option = f"--{name.replace('_', '-')}"
        if value is None or value == [] or value == {}:
            if name == "hidden" and value == []:
                words += [option, "none"]
            continue
        if name in _LISTS:
            words += [option, _LISTS[name].join(map(str, value))]
        elif name in _REPEATED:
            words += [word for one in value for word in (_REPEATED[name], str(one))]
        elif name == "kinds":
            for column, kind in value.items():
                words += ["--ignore" if kind == "ignored" else f"--{kind}", str(column)]
        elif _belongs(name, value, model):
            words += [option, str(value)]
    return words


def _belongs(name: str, value: Any, model: Model) -> bool:
    """Whether `train` takes the option beside the others."""
    options = _options(model)
    if name == "label_smoothing":
        return bool(value)
    if name == "decay":
        return options.get("optimizer") in DECAYING
    if options.get("optimizer") == "lbfgs":
        return name not in ("rate", "schedule", "batch_size", "dropout")
    return True


def _options(model: Model) -> Mapping[str, Any]:
    options = model.training.get("options")
    return options if isinstance(options, Mapping) else {}


def _rows(number: object) -> str | None:
    return f"{number:,} rows" if isinstance(number, int) else None


def _versions(versions: object) -> str | None:
    if not isinstance(versions, Mapping):
        return None
    return ", ".join(f"{name} {version}" for name, version in versions.items())
