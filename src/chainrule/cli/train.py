"""`chainrule train`: a table in, a model out."""

from pathlib import Path

from chainrule.cli import arguments


def train(
    table: arguments.Table,
    target: arguments.Target,
    task: arguments.Task = None,
    valid: arguments.Valid = None,
    valid_fraction: arguments.ValidFraction = None,
    test: arguments.Test = None,
    weight: arguments.Weight = None,
    ignore: arguments.Ignore = None,
    number: arguments.Number = None,
    category: arguments.Category = None,
    boolean: arguments.Boolean = None,
    date: arguments.Date = None,
    missing: arguments.Missing = None,
    delimiter: arguments.Delimiter = None,
    encoding: arguments.Encoding = None,
    decimal: arguments.Decimal = None,
    hidden: arguments.Hidden = None,
    activation: arguments.Activation = None,
    dropout: arguments.Dropout = None,
    initializer: arguments.Initializer = None,
    bins: arguments.Bins = None,
    bins_by: arguments.BinsBy = None,
    loss: arguments.Loss = None,
    label_smoothing: arguments.LabelSmoothing = None,
    optimizer: arguments.Optimizer = None,
    rate: arguments.Rate = None,
    schedule: arguments.Schedule = None,
    decay: arguments.Decay = None,
    l2: arguments.L2 = None,
    batch_size: arguments.BatchSize = None,
    epochs: arguments.Epochs = None,
    patience: arguments.Patience = None,
    members: arguments.Members = None,
    time: arguments.Time = None,
    seed: arguments.Seed = 0,
    engine: arguments.Engine = "auto",
    model: arguments.Model = None,
    config: arguments.Config = None,
    json: arguments.Json = False,
    quiet: arguments.Quiet = False,
) -> None:
    """Learn a column of a table from its other columns.

    What no option decides follows the table, and is said. Ctrl-C stops training and keeps the best
    model so far (exit status 130).
    """
    from time import monotonic

    from chainrule.budget import MOST_MEMBERS
    from chainrule.choices import choose
    from chainrule.cli.decisions import check, kinds_of, names, widths
    from chainrule.cli.tables import Dialect, stem
    from chainrule.cli.training_run import AFTERWARDS, Files, run
    from chainrule.engines.choice import ENGINES
    from chainrule.options import Options

    options = Options(
        task=task,
        loss=loss,
        label_smoothing=label_smoothing,
        hidden=widths(hidden),
        activation=names(activation),
        dropout=dropout,
        initializer=initializer,
        optimizer=optimizer,
        rate=rate,
        schedule=schedule,
        decay=decay,
        l2=l2,
        batch_size=batch_size,
        epochs=epochs,
        patience=patience,
        bins=bins,
        bins_by=bins_by,
        kinds=kinds_of(
            {
                "number": number or (),
                "category": category or (),
                "boolean": boolean or (),
                "date": date or (),
            }
        ),
        ignore=tuple(ignore or ()),
        missing=tuple(missing or ()),
        weight=weight,
        valid_fraction=valid_fraction,
        members=MOST_MEMBERS if time is not None and members is None else members,
        seed=seed,
    )
    check(options)
    choose("engine", engine, dict.fromkeys(ENGINES))
    files = Files(
        table=table,
        valid=valid,
        test=test,
        model=model or Path(f"{stem(table)}.safetensors"),
        dialect=Dialect(delimiter, encoding, decimal),
    )
    until = None if time is None else monotonic() + max(0.0, time - AFTERWARDS)
    run(files, target, options, engine, until=until, as_json=json, quiet=quiet)
