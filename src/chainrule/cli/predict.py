"""`chainrule predict`: a model and a table in, the table with answers out."""

import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.cli import arguments
from chainrule.errors import InputError

if TYPE_CHECKING:
    import polars as pl

    from chainrule.model import Model


def predict(
    model: arguments.ModelFile,
    table: arguments.Table,
    output: arguments.Output = None,
    probabilities: arguments.Probabilities = False,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
) -> None:
    """Answer for every row of a table.

    The answers come as a last column, named after the target: predicted_species. A model of
    quantiles gives one column for each level.
    """
    from chainrule.atomic_write import check_writable, write_atomically
    from chainrule.cli.screen import amount, complain
    from chainrule.cli.tables import Dialect
    from chainrule.model import Model

    ending = ".csv" if output is None else _ending(output)
    if output is not None:
        if output.exists() and any(p.exists() and output.samefile(p) for p in (table, model)):
            raise InputError(f"'{output}' would replace what is read; name another --output.")
        check_writable(output)
    loaded = Model.load(model)
    if probabilities and loaded.task != "classification":
        raise InputError(
            f"--probabilities are of classes, but this model predicts the number "
            f"'{loaded.target.name}'; leave them out."
        )
    reading = Dialect(delimiter, encoding, decimal).read(table)
    for note in reading.notes:
        complain("note", note)
    frame = reading.frame.to_native()
    answers = _answers(loaded, reading.frame, probabilities)
    answered = frame.with_columns(**_with_free_names(answers, frame.columns))
    content = _written(answered, ending)
    if output is None:
        _print(content)
    else:
        write_atomically(output, [content])
        complain("done", f"{amount(len(frame), 'row')} answered in '{output}'.")


def _print(content: bytes) -> None:
    """Write bytes to stdout, which takes only a part at a time where Python does not buffer it."""
    rest = memoryview(content)
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def _answers(model: "Model", frame: Any, probabilities: bool) -> "dict[str, pl.Series]":
    """The new columns by their names."""
    import polars as pl

    name = model.target.name
    if model.levels:
        quantiles = model.predict_quantiles(frame)
        return {
            f"predicted_{name}_{level:g}": pl.Series(quantiles[:, i])
            for i, level in enumerate(model.levels)
        }
    if not probabilities:
        return {f"predicted_{name}": pl.Series(model.predict(frame).tolist())}
    shares = model.predict_probabilities(frame)
    found = {f"predicted_{name}": pl.Series(model.target.decode(shares.argmax(axis=1)).tolist())}
    for i, label in enumerate(model.target.classes):
        found[f"probability_{label}"] = pl.Series(shares[:, i])
    return found


def _with_free_names(answers: "dict[str, pl.Series]", taken: list[str]) -> "dict[str, pl.Series]":
    """The new columns, a number added to each name that the table already has."""
    from chainrule.cli.screen import complain

    found = {}
    for name, column in answers.items():
        free, number = name, 1
        while free in taken or free in found:
            number += 1
            free = f"{name}_{number}"
        if free != name:
            complain("note", f"the table already has a column '{name}': the new one is '{free}'.")
        found[free] = column
    return found


_ENDINGS = (".csv", ".tsv", ".parquet")


def _ending(output: Path) -> str:
    if output.suffix.lower() in _ENDINGS:
        return output.suffix.lower()
    raise InputError(
        f"'{output}' does not say what to write; let its name end in one of {', '.join(_ENDINGS)}."
    )


def _written(frame: "pl.DataFrame", ending: str) -> bytes:
    """The bytes of the table in the form that the ending names."""
    content = BytesIO()
    if ending == ".parquet":
        frame.write_parquet(content)
    else:
        as_text = _with_texts(frame)
        as_text.write_csv(content, separator="\t" if ending == ".tsv" else ",")
    return content.getvalue()


def _with_texts(frame: "pl.DataFrame") -> "pl.DataFrame":
    """The table as a text file can hold it: durations as numbers of seconds."""
    import polars as pl

    from chainrule.table.cells import read_cells

    spans = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Duration)]
    return frame.with_columns(read_cells(frame[name]).values.alias(name) for name in spans)
