"""The page: one HTML file that asks for nothing else."""

import base64
import hashlib
import os
from importlib.resources import files

from chainrule import __version__
from chainrule.atomic_write import write_atomically
from chainrule.evaluation import HEADLINE
from chainrule.model import Model
from chainrule.report.contents import Contents
from chainrule.report.markup import Markup, data, shortened, tag
from chainrule.report.numerals import amount
from chainrule.report.on_classes import on_classes
from chainrule.report.on_columns import on_columns, on_table
from chainrule.report.on_figures import interval, on_figures, shown
from chainrule.report.on_health import on_health
from chainrule.report.on_numbers import on_numbers
from chainrule.report.on_origin import on_origin
from chainrule.report.on_rows import on_rows
from chainrule.report.on_training import on_network, on_training
from chainrule.report.section import Section


def write_page(found: Contents, path: str | os.PathLike[str]) -> int:
    """Write the page, whole or not at all, and give its size in bytes.

    Raises:
        InputError: the file cannot be written there; says why.
    """
    content = page(found).encode()
    write_atomically(path, [content])
    return len(content)


def page(found: Contents) -> str:
    """The page as HTML."""
    style = (files("chainrule.report") / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    sections = _sections(found)
    name = shortened(found.model.target.name, 60)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content=f"chainrule {__version__}"),
        tag("title", f"{name}: a chainrule report"),
        Markup(f"<style>{style}</style>"),
    )
    body = tag(
        "body",
        _beginning(found),
        tag(
            "nav",
            tag("ul", [tag("li", tag("a", s.title, href=f"#{s.anchor}")) for s in sections]),
            aria_label="Sections",
        ),
        tag("main", [section.html() for section in sections]),
        tag("footer", tag("p", f"Written by chainrule {__version__}. This file loads nothing.")),
    )
    return "<!DOCTYPE html>\n" + tag("html", head, body, lang="en") + "\n"


def _sections(found: Contents) -> list[Section]:
    model, judged, origin = found.model, found.judged, found.origin
    every = [
        on_figures(judged.evaluation),
        *(on_classes if judged.is_classification else on_numbers)(model, judged),
        on_columns(model, found.importance, found.dependences),
        on_rows(found.worst, origin.model, origin.table),
        on_training(model),
        on_network(model),
        on_health(found.examination, origin.model, origin.table),
        on_table(model),
        on_origin(model, judged, origin),
    ]
    return [section for section in every if section is not None]


def _beginning(found: Contents) -> Markup:
    """What was learnt, from what, and the figure that says how well."""
    model, judged = found.model, found.judged
    evaluation = judged.evaluation
    headline = HEADLINE[model.task]
    ends = evaluation.intervals[headline]
    classes = len(model.target.classes)
    learnt = model.training.get("training_rows")
    task = (
        ["to tell ", amount(classes, "class", "classes"), " apart"]
        if model.task == "classification"
        else ["to predict a number"]
    )
    rows = f" from {amount(learnt, 'row')}" if isinstance(learnt, int) else ""
    used = sum(bool(column.inputs) for column in model.encoder.columns)
    return tag(
        "header",
        tag("p", "chainrule report", class_="kicker"),
        tag("h1", data(model.target.name, 60)),
        tag(
            "p",
            f"{_networks(model)} learnt{rows} and ",
            amount(used, "column"),
            " ",
            task,
            ". Here it is judged on ",
            amount(len(judged), "row"),
            " of ",
            data(found.origin.table, 60),
            ".",
            class_="standfirst",
        ),
        tag(
            "p",
            tag("strong", shown(headline, evaluation, evaluation.figures[headline]), class_="big"),
            tag(
                "span",
                tag("b", headline),
                tag("span", f"95 % interval {interval(headline, evaluation)}") if ends else None,
                tag(
                    "span",
                    [
                        data(evaluation.trivial_answer, 40),
                        ": ",
                        shown(headline, evaluation, evaluation.baseline[headline]),
                    ],
                ),
                class_="beside",
            ),
            class_="headline",
        ),
        _doubts(found),
    )


def _networks(model: Model) -> str:
    """How many networks of which size."""
    size = amount(model.network.n_parameters, "parameter")
    n = len(model.members)
    return f"A network of {size}" if n == 1 else f"{n} networks of {size} each"


def _doubts(found: Contents) -> Markup | None:
    """What has to be known before the figures are believed."""
    model, judged = found.model, found.judged
    said: list[str] = list(found.origin.notes)
    if judged.n_known < len(judged.frame):
        lacking = len(judged.frame) - judged.n_known
        said.append(f"{amount(lacking, 'row')} of the table lack the target and are left out.")
    if len(judged) < judged.n_known:
        said.append(f"Of {judged.n_known:,} rows, {len(judged):,} were judged, drawn at random.")
    seen = [model.training.get(name) for name in ("training_rows", "validation_rows")]
    if all(isinstance(n, int) for n in seen) and sum(n or 0 for n in seen) == judged.n_known:
        said.append(
            "These are as many rows as the model was trained with. If they are the same, every "
            "figure here flatters it: judge it on rows that it has not seen."
        )
    return tag("ul", [tag("li", one) for one in said], class_="doubts") if said else None
