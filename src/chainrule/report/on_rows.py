"""The section on the worst rows, each with what its answer rested on."""

from collections.abc import Sequence

from chainrule.report.bar_charts import Bar, parts_chart
from chainrule.report.figure import Numbers, figure
from chainrule.report.markup import Markup, data, shortened, tag
from chainrule.report.numerals import amount, numeral, share
from chainrule.report.section import Section, grid
from chainrule.report.worst_rows import WorstRow


def on_rows(worst: Sequence[WorstRow], model_name: str, table_name: str) -> Section | None:
    """A card for each of the worst rows."""
    if not worst:
        return None
    lead = [
        "The rows with the largest losses, and what mattered for them: integrated gradients, from "
        "a typical row to this one, so that the parts add up. ",
        tag("span", "Blue raises", class_="c0"),
        ", ",
        tag("span", "orange lowers", class_="c1"),
        ".",
    ]
    return Section(
        "rows",
        "Where it is most wrong",
        lead,
        grid(*(_card(one, model_name, table_name) for one in worst)),
    )


def _card(one: WorstRow, model_name: str, table_name: str) -> Markup:
    if one.probability is not None and one.truth == one.answer:
        subtitle: list[object] = [
            "Is ",
            tag("strong", data(one.truth, 24)),
            f" and called so, but only with {share(one.probability[0])}.",
        ]
    elif one.probability is not None:
        said, true = one.probability
        subtitle = [
            "Is ",
            tag("strong", data(one.truth, 24)),
            f" ({share(true)}), called ",
            tag("strong", data(one.answer, 24)),
            f" ({share(said)}).",
        ]
    else:
        subtitle = [
            "Is ",
            tag("strong", _shown(one.truth)),
            ", answered ",
            tag("strong", _shown(one.answer)),
            ".",
        ]
    listed = [
        Bar(
            f"{shortened(part.column, 20)}: {shortened(part.cell, 14)}",
            part.value,
            _signed(part.value),
        )
        for part in one.parts
    ]
    if one.n_rest:
        listed.append(Bar(f"{amount(one.n_rest, 'more column')}", one.rest, _signed(one.rest)))
    return figure(
        f"Row {one.number:,}",
        f"Parts in {shortened(one.what, 40)}: "
        + "; ".join(f"{bar.name} {bar.words}" for bar in listed),
        parts_chart(listed),
        Numbers(
            ("column", "cell", "part"),
            [
                ("a typical row", "", one.typical),
                *((data(part.column, 30), data(part.cell, 30), part.value) for part in one.parts),
                *([("the others", "", one.rest)] if one.n_rest else []),
                ("this row, their sum", "", one.own),
            ],
        ),
        subtitle=subtitle,
        note=[
            f"From {numeral(one.typical, 3)} to {numeral(one.own, 3)}: {shortened(one.what, 40)}.",
            tag("br"),
            tag(
                "code",
                f"chainrule explain {shortened(model_name, 40)} "
                f"{shortened(table_name, 40)} --row {one.number}",
            ),
        ],
    )


def _shown(value: object) -> str:
    return numeral(value) if isinstance(value, float) else str(value)


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + numeral(value, 3)
