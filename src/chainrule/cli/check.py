"""`chainrule check`: whether a model's derivatives and answers are what they should be."""

import os

import typer

from chainrule.cli import arguments
from chainrule.errors import InputError

FAILED = 1


def check(
    model: arguments.ModelFile,
    table: arguments.CheckedTable = None,
    member: arguments.MemberNumber = 1,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    json: arguments.Json = False,
) -> None:
    """Prove a model's derivatives and answers.

    Every layer's derivatives are compared with differences of the loss, the answers with a second
    way that shares no code with the first, and the engines with one another. Of an ensemble, the
    answers are those of all networks and the rest is of one. The exit status is 0 if all of it
    holds, and 1 if not.
    """
    from rich.text import Text

    from chainrule.cli.screen import (
        Screen,
        aligned,
        amount,
        complain,
        heading,
        indented,
        print_json,
        visible,
    )
    from chainrule.cli.tables import Dialect
    from chainrule.proof import prove

    reading = None if table is None else Dialect(delimiter, encoding, decimal).read(table)
    if member < 1:
        raise InputError(f"there is no network {member}: networks are counted from 1.")
    proof = prove(model, None if reading is None else reading.frame, member=member - 1)
    notes = () if reading is None else reading.notes
    if json:
        named = {"model": os.fspath(model), "table": None if table is None else os.fspath(table)}
        print_json({**named, "notes": notes, **proof.to_dict()})
    else:
        for note in notes:
            complain("note", note)
        screen = Screen()
        rows = amount(proof.n_rows, "row")
        where = rows if table is None else f"{rows} of {table.name}"
        where += f", {proof.drawn}" if proof.drawn else ""
        heading(screen, model.name, f"   checked on {where}")
        marks = ("✓", "✗", "-") if screen.has_unicode else ("ok", "WRONG", "-")
        grid = aligned()
        grid.add_column("")
        grid.add_column("checked")
        grid.add_column("worst", justify="right")
        grid.add_column("limit", justify="right")
        grid.add_column("how")
        for one in proof.findings:
            mark, style = (marks[2], "dim") if one.passed is None else (marks[0], "green")
            if one.passed is False:
                mark, style = marks[1], "bold red"
            numbers = ("" if v is None else f"{v:.0e}" for v in (one.worst, one.tolerance))
            grid.add_row(Text(mark, style=style), one.what, *numbers, Text(visible(one.evidence)))
        indented(screen, grid)
        failed = [one for one in proof.findings if one.passed is False]
        if failed:
            said = f"{amount(len(failed), 'check')} failed: do not trust this model's numbers here."
        else:
            said = "All of it holds."
        indented(screen, Text(f"\n{said}", style="bold"))
    if not proof.holds:
        raise typer.Exit(FAILED)
