"""`chainrule tune`: a search for options that suit a table better than the defaults."""

from pathlib import Path

from chainrule.cli import arguments


def tune(
    table: arguments.Table,
    target: arguments.Target,
    time: arguments.SearchTime = None,
    trials: arguments.Trials = None,
    study: arguments.Study = None,
    task: arguments.Task = None,
    valid: arguments.Valid = None,
    valid_fraction: arguments.ValidFraction = None,
    test: arguments.Test = None,
    test_fraction: arguments.TestFraction = 0.2,
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
    seed: arguments.Seed = 0,
    engine: arguments.Engine = "auto",
    model: arguments.Model = None,
    config: arguments.Config = None,
    json: arguments.Json = False,
    quiet: arguments.Quiet = False,
) -> None:
    """Search for options that suit a table better than the defaults, and train with the best.

    Options that you give are kept; the others are searched, from the defaults on. What was gained
    is told on rows that chose nothing. Beside the model its options are written, for 'chainrule
    train --config'. Ctrl-C keeps the best so far (exit status 130).
    """
    from importlib.util import find_spec
    from time import monotonic

    from chainrule.errors import InputError

    if find_spec("optuna") is None:
        raise InputError(
            "chainrule tune needs Optuna; install it with: pip install 'chainrule[tune]'."
        )
    from chainrule.choices import choose
    from chainrule.cli.decisions import check, kinds_of, names, widths
    from chainrule.cli.tables import Dialect, stem
    from chainrule.cli.training_run import AFTERWARDS, Files
    from chainrule.cli.tuning_run import DEFAULT_TIME, run
    from chainrule.engines.choice import ENGINES
    from chainrule.options import Options
    from chainrule.tuning.tuning import Wanted

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
        members=members,
        seed=seed,
    )
    check(options)
    choose("engine", engine, dict.fromkeys(ENGINES))
    if trials is not None and trials < 1:
        raise InputError(f"--trials is {trials}, but must be at least 1.")
    if not 0 <= test_fraction < 1:
        raise InputError(f"--test-fraction is {test_fraction}, but must be from 0 to below 1.")
    files = Files(
        table=table,
        valid=valid,
        test=test,
        model=model or Path(f"{stem(table)}.safetensors"),
        dialect=Dialect(delimiter, encoding, decimal),
    )
    seconds = time if time is not None or trials is not None else DEFAULT_TIME
    wanted = Wanted(
        target=target,
        options=options,
        engine=engine,
        seconds=seconds,
        until=None if seconds is None else monotonic() + max(0.0, seconds - AFTERWARDS),
        trials=trials,
        share_apart=0.0 if test is not None else test_fraction,
    )
    run(files, wanted, study, as_json=json, quiet=quiet)
