"""`chainrule evaluate`: how good a model is on rows whose target is known."""

import os

from chainrule.cli import arguments


def evaluate(
    model: arguments.ModelFile,
    table: arguments.Table,
    weight: arguments.Weight = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    json: arguments.Json = False,
) -> None:
    """Judge a model on rows whose target is known.

    Its figures stand beside those of the trivial answer: always the same class, or the mean.
    Take rows that the model has not seen: on those that it has, the figures flatter.
    """
    from chainrule.cli.report import say_evaluation
    from chainrule.cli.screen import Screen, amount, complain, print_json, sentences
    from chainrule.cli.tables import Dialect
    from chainrule.model import Model

    loaded = Model.load(model)
    reading = Dialect(delimiter, encoding, decimal).read(table)
    found = loaded.evaluate(reading.frame, weight)
    if json:
        document = {"model": os.fspath(model), "table": os.fspath(table), "notes": reading.notes}
        print_json({**document, **found.to_dict()})
        return
    screen = Screen()
    for note in reading.notes:
        complain("note", note)
    about = f"{amount(found.n_rows, 'row')} of {table.name}"
    say_evaluation(screen, loaded.target.name, about, found)
    sentences(screen, _doubts(loaded.training, found.n_rows, len(reading.frame)))


def _doubts(training: object, n_judged: int, n_rows: int) -> list[str]:
    """What should be known before these figures are believed."""
    doubts = []
    if n_judged < n_rows:
        doubts.append(f"{n_rows - n_judged:,} of {n_rows:,} rows lack the target: left out")
    if isinstance(training, dict):
        seen = [training.get(name) for name in ("training_rows", "validation_rows")]
        if all(isinstance(n, int) for n in seen) and sum(n for n in seen if n) == n_judged:
            doubts.append(
                "as many rows as the model was trained with: if they are the same, the figures "
                "flatter it"
            )
    return doubts
