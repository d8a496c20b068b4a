"""`chainrule doctor`: what went wrong in a training, or could, and what to try next."""

import os

from chainrule.cli import arguments


def doctor(
    model: arguments.ModelFile,
    table: arguments.Table,
    valid: arguments.JudgedBy = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    json: arguments.Json = False,
) -> None:
    """Say what went wrong in a training, or could.

    Each finding comes with its evidence and a command to try. Give the table that the model was
    trained on: it is recognised, and the rows held out are found again. Of another table the rows
    count as never seen, and fewer checks can be made.
    """
    from chainrule.cli.doctor_page import say_examination
    from chainrule.cli.screen import Screen, complain, print_json
    from chainrule.cli.tables import Dialect
    from chainrule.doctor import examine
    from chainrule.model import Model

    loaded = Model.load(model)
    dialect = Dialect(delimiter, encoding, decimal)
    reading = dialect.read(table)
    other = None if valid is None else dialect.read(valid)
    found = examine(loaded, reading.frame, None if other is None else other.frame)
    notes = (*reading.notes, *(() if other is None else other.notes))
    if json:
        named = {"model": os.fspath(model), "table": os.fspath(table), "notes": notes}
        print_json({**named, **found.to_dict()})
        return
    for note in notes:
        complain("note", note)
    say_examination(Screen(), found, model, table, dialect)
