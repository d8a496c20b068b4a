"""The section on health: what the doctor found."""

import shlex

from chainrule.doctor import Examination, Finding
from chainrule.report.figure import Numbers, folded_table
from chainrule.report.markup import Markup, data, tag
from chainrule.report.numerals import amount, numeral
from chainrule.report.section import Section


def on_health(found: Examination, model_name: str, table_name: str) -> Section:
    """Every finding with its evidence and the next command to try."""
    warnings = sum(one.severity == "warning" for one in found.findings)
    if not found.findings:
        lead = "Nothing that would be worth a word."
    else:
        lead = f"{amount(len(found.findings), 'finding')}, {amount(warnings, 'warning')}."
    if found.not_checked:
        lead += f" {amount(len(found.not_checked), 'check')} could not be made on this table."
    return Section(
        "health",
        "What could be wrong",
        lead,
        [
            tag(
                "div",
                [_card(one, model_name, table_name) for one in found.findings],
                class_="findings",
            ),
            folded_table(
                Numbers(("check", "why not"), sorted(found.not_checked.items()), note=" "),
                "checks that were not made",
            )
            if found.not_checked
            else None,
        ],
    )


def _card(one: Finding, model_name: str, table_name: str) -> Markup:
    command = shlex.join(["chainrule", *one.next_step.words(model_name, table_name)])
    return tag(
        "article",
        tag("h3", tag("span", one.severity, class_=f"severity {one.severity}"), " ", one.name),
        tag("p", one.sentence),
        tag(
            "dl",
            [
                tag("div", tag("dt", data(name, 60)), tag("dd", _shown(value)))
                for name, value in one.evidence.items()
            ],
        ),
        tag("p", "Try: ", tag("code", command)),
        class_=f"finding {one.severity}",
    )


def _shown(value: float | str) -> object:
    return numeral(float(value)) if isinstance(value, int | float) else data(value, 60)
