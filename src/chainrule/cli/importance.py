"""`chainrule importance`: which columns a model rests on, over a whole table."""

import os

from chainrule.cli import arguments

MOST_COLUMNS = 40


def importance(
    model: arguments.ModelFile,
    table: arguments.Table,
    repeats: arguments.Repeats = 5,
    seed: arguments.ShuffleSeed = 0,
    weight: arguments.Weight = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    json: arguments.Json = False,
) -> None:
    """Show which columns the answers for a table rest on.

    Each column is shuffled among the rows, and the answers get worse by as much as the model needs
    it. Of a long table 5,000 rows drawn at random are used. Take rows that the model has not seen.
    """
    from rich.text import Text

    from chainrule.cli.screen import (
        Screen,
        aligned,
        amount,
        complain,
        figure,
        heading,
        indented,
        print_json,
        sentences,
        visible,
    )
    from chainrule.cli.tables import Dialect
    from chainrule.importance import permutation_importance
    from chainrule.model import Model

    loaded = Model.load(model)
    reading = Dialect(delimiter, encoding, decimal).read(table)
    found = permutation_importance(loaded, reading.frame, repeats=repeats, seed=seed, weight=weight)
    if json:
        document = {"model": os.fspath(model), "table": os.fspath(table), "notes": reading.notes}
        print_json({**document, "seed": seed, **found.to_dict()})
        return
    for note in reading.notes:
        complain("note", note)
    screen = Screen()
    drawn = f", drawn from {found.of_rows:,}" if found.n_rows < found.of_rows else ""
    about = f"   {amount(found.n_rows, 'row')} of {table.name}{drawn}"
    heading(screen, f"What {visible(loaded.target.name)} rests on", about)
    indented(screen, Text(f"{found.figure} {figure(found.value)}; with a column shuffled it rises"))
    grid = aligned()
    grid.add_column("column")
    grid.add_column("by", justify="right")
    grid.add_column(f"± of {repeats}", justify="right")
    grid.add_column("")
    largest = max((one.mean for one in found.columns), default=0.0)
    mark = "█" if screen.has_unicode else "#"
    for one in found.columns[:MOST_COLUMNS]:
        bar = mark * round(24 * max(0.0, one.mean) / largest) if largest > 0 else ""
        name = Text(visible(one.column))
        name.truncate(28, overflow="ellipsis")
        grid.add_row(name, figure(one.mean), figure(one.spread), Text(bar, style="cyan"))
    indented(screen, grid)
    if len(found.columns) > MOST_COLUMNS:
        more = len(found.columns) - MOST_COLUMNS
        indented(screen, Text(f"... and {amount(more, 'column')} more", style="dim"))
    sentences(screen, ["columns that say the same share their importance: each looks small"])
