"""`chainrule report`: all that there is to know of a model and a table, on one page."""

import hashlib
import os
from pathlib import Path

from chainrule.cli import arguments


def report(
    model: arguments.ModelFile,
    table: arguments.Table,
    output: arguments.Page = None,
    weight: arguments.Weight = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
) -> None:
    """Write a page on a model and a table: one HTML file that opens offline.

    It shows how good the answers are and how sure that is, which mistakes are made, what the
    answers rest on, how they were learnt, the network, the rows that are most wrong, what could be
    wrong, and how to make it again. The table needs the target; take rows that the model has not
    seen.
    """
    from rich.text import Text

    from chainrule.atomic_write import check_writable
    from chainrule.cli.screen import Screen, complain, visible
    from chainrule.cli.tables import Dialect
    from chainrule.errors import InputError
    from chainrule.model import Model
    from chainrule.report import Origin, contents, write_page

    page = Path(f"{model.stem}.html") if output is None else output
    for file in (model, table):
        if page.exists() and file.exists() and page.samefile(file):
            raise InputError(
                f"--output '{page}' is the {'model' if file is model else 'table'} itself; choose "
                "another name."
            )
    check_writable(page)
    loaded = Model.load(model)
    dialect = Dialect(delimiter, encoding, decimal)
    reading = dialect.read(table)
    for note in reading.notes:
        complain("note", note)
    options = ["--weight", weight] if weight is not None else []
    origin = Origin(
        model=os.fspath(model),
        table=os.fspath(table),
        model_sha256=_sha256(model),
        table_sha256=_sha256(table),
        words=[*options, *dialect.words(), "--output", os.fspath(page)],
        notes=reading.notes,
    )
    size = write_page(contents(loaded, reading.frame, weight, origin), page)
    Screen().print(Text(f"{visible(page)}   {size / 1e6:.1f} MB"), soft_wrap=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
