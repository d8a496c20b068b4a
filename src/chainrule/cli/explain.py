"""`chainrule explain`: how the answer for one row came about, every number of it."""

import re
from typing import TYPE_CHECKING, Any

import typer

from chainrule.cli import arguments
from chainrule.errors import InputError

if TYPE_CHECKING:
    from chainrule.trace import Step, Trace

Place = tuple[int, int]
"""Layer and neuron, both from 0."""


def explain(
    model: arguments.ModelFile,
    table: arguments.Table,
    row: arguments.Row = 1,
    member: arguments.MemberNumber = 1,
    neuron: arguments.NeuronName = None,
    weight: arguments.WeightName = None,
    backward: arguments.Backward = False,
    optimizer: arguments.StepOptimizer = None,
    rate: arguments.StepRate = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    latex: arguments.Latex = False,
    json: arguments.Json = False,
) -> None:
    """Show how the answer for one row came about, with every number.

    From the cells of the row to the answer, and with --backward from the loss back to every weight.
    Then which columns mattered for this row; 'chainrule importance' tells it for a whole table. A
    model of several networks answers with the mean of theirs, and the page is of one of them.
    """
    from chainrule.cli.mattered import mattered
    from chainrule.cli.networks import Together, check_member
    from chainrule.cli.screen import complain, print_json
    from chainrule.cli.tables import Dialect
    from chainrule.model import Model
    from chainrule.trace import take_step

    _check(neuron, weight, latex, json)
    if row < 1:
        raise InputError(f"there is no row {row}: rows are counted from 1.")
    loaded = Model.load(model)
    reading = Dialect(delimiter, encoding, decimal).read(table)
    for note in reading.notes:
        complain("note", note)
    check_member(loaded, member)
    trace = loaded.trace(reading.frame, row=row - 1, member=member - 1)
    names = f"row {row} of {table.name}, by {model.name}"
    together = Together.of(loaded, reading.frame, row - 1)
    if together is not None:
        names += f", network {member}"

    asked_for = backward or optimizer is not None or rate is not None
    step = None
    if asked_for or (weight is not None and trace.truth is not None):
        step = take_step(trace, *_rule(optimizer, rate))
    if weight is not None:
        _show_weight(trace, parse_weight(weight, trace), step, names, latex, json)
    elif neuron is not None:
        _show_neuron(trace, parse_place(neuron), step, names, latex, json)
    elif latex:
        from chainrule.trace.latex import document, trace_equations

        typer.echo(document(names, trace_equations(trace, step)))
    else:
        matter = mattered(loaded, trace)
        if json:
            extra = {} if step is None else {"step": step.to_dict()}
            of_all = {} if together is None else {"networks": together.to_dict()}
            found = {**_row_from_one(trace.to_dict()), **of_all, **extra}
            print_json({**found, "mattered": matter.to_dict()})
            return
        from chainrule.trace.page import backward_page, forward_page

        lines = forward_page(trace)
        if step is not None:
            lines += ["", *backward_page(trace, step)]
        if together is not None:
            lines += ["", *together.lines()]
        _print_page(names, trace, [*lines, "", *matter.lines()])


def parse_place(text: str) -> Place:
    """Layer and neuron of "1.3"; raises InputError for what is none."""
    found = re.fullmatch(r"\s*(\d{1,6})\.(\d{1,9})\s*", text)
    if found is None:
        raise InputError(
            f"'{text}' is no neuron: write its layer and its place in it, both counted from 0, "
            "such as 1.3."
        )
    return int(found[1]), int(found[2])


def parse_weight(text: str, trace: "Trace") -> tuple[Place, int | None]:
    """The neuron and the input of "1.3<-0.2"; None stands for the bias.

    Raises:
        InputError: it is no weight, or none of this network.
    """
    into, arrow, source = text.partition("<-")
    if not arrow:
        raise InputError(
            f"'{text}' is no weight: write the neuron that it goes into and what it comes from, "
            "such as '1.3<-0.2', '0.3<-4', '0.3<-length' or '1.3<-bias'."
        )
    l, j = parse_place(into)
    trace.neuron(l, j)
    source = source.strip()
    names = trace.layer(l).input_names
    if source in names:
        return (l, j), names.index(source)
    if source == "bias":
        return (l, j), None
    if l == 0 and source.isdecimal() and len(source) < 9:
        return (l, j), int(source)
    if l == 0:
        from chainrule.choices import did_you_mean

        raise InputError(
            f"neuron {l}.{j} has no input '{source}'{did_you_mean(source, names)}; its inputs are "
            f"0 to {len(names) - 1}, by number or by name, and bias."
        )
    raise InputError(
        f"neuron {l}.{j} has no input '{source}': its inputs are the neurons {names[0]} to "
        f"{names[-1]} of the layer below, and bias."
    )


def _check(neuron: str | None, weight: str | None, latex: bool, json: bool) -> None:
    if latex and json:
        raise InputError("--latex and --json are two forms of the output; choose one.")
    if neuron is not None and weight is not None:
        raise InputError("--neuron and --weight are two things to show; choose one.")


def _rule(name: str | None, rate: float | None) -> tuple[Any, float]:
    """The optimiser of the step and its rate."""
    from chainrule.choices import choose
    from chainrule.optimizers import OPTIMIZERS, Optimizer
    from chainrule.trace.steps import PLAIN_DESCENT, WORKED

    rules: dict[str, Optimizer] = {"sgd": PLAIN_DESCENT}
    for known, kind in OPTIMIZERS.items():
        if issubclass(kind, Optimizer) and known in WORKED and known not in rules:
            rules[known] = kind()
    rule = choose("optimizer", name or "sgd", rules)
    rate = (0.1 if rule is PLAIN_DESCENT else 0.001) if rate is None else rate
    if not 0 < rate < float("inf"):
        raise InputError(f"rate is {rate}, but must be a positive number.")
    return rule, rate


def _show_neuron(
    trace: "Trace", place: Place, step: "Step | None", names: str, latex: bool, json: bool
) -> None:
    from chainrule.cli.screen import print_json
    from chainrule.trace.latex import backward_equations, document, forward_equations
    from chainrule.trace.page import neuron_page

    neuron = trace.neuron(*place)
    if json:
        print_json(_row_from_one({"row": trace.row, **neuron.to_dict()}))
    elif latex:
        back = [] if step is None else backward_equations(trace, neuron, step)
        title = f"Neuron {neuron.name}, {names}"
        typer.echo(document(title, [*forward_equations(trace, neuron), *back]))
    else:
        _print_page(names, trace, neuron_page(trace, *place, step))


def _show_weight(
    trace: "Trace",
    weight: tuple[Place, int | None],
    step: "Step | None",
    names: str,
    latex: bool,
    json: bool,
) -> None:
    from chainrule.cli.screen import print_json
    from chainrule.trace.latex import document, weight_equations
    from chainrule.trace.page import weight_page

    (l, j), i = weight
    found = trace.weight(l, j, i)
    if json:
        worked: dict[str, Any] = {}
        if step is not None and found.gradient is not None:
            lines = {line.symbol: line.value for line in step.lines(found.value, found.gradient)}
            worked = {"step": {"optimizer": step.optimizer.name, "rate": step.rate, **lines}}
        print_json(_row_from_one({"row": trace.row, **found.to_dict(), **worked}))
    elif latex:
        typer.echo(document(f"A weight, {names}", weight_equations(found, step)))
    else:
        _print_page(names, trace, weight_page(trace, l, j, i, step))


def _print_page(names: str, trace: "Trace", lines: list[str]) -> None:
    from chainrule.cli.screen import Screen, visible
    from chainrule.trace.layout import paragraph
    from chainrule.trace.page import answer_sentence, how_to_read

    head = [visible(names[:1].upper() + names[1:]), *paragraph(answer_sentence(trace)), ""]
    page = "\n".join([*head, "How to read this page", *how_to_read(lines), "", *lines])
    if not Screen().has_unicode:
        page = page.translate(_ASCII)
    typer.echo(page)


_ASCII = {ord(sign): text for sign, text in {
    "·": "*", "²": "^2", "¹": "^1", "√": "sqrt", "Φ": "Phi", "φ": "phi", "π": " pi", "…": "~",
}.items()}  # fmt: skip


def _row_from_one(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its row counted as on the command line."""
    return {**document, "row": document["row"] + 1}
