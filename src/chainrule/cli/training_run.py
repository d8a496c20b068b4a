"""A training run: files read, a network trained before the user's eyes, a model written, a report.

The model is written before anything is reported, so that no closed pipe can lose it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from time import monotonic
from typing import Any

import typer
from rich.text import Text

from chainrule.atomic_write import check_writable
from chainrule.cli.front_door import DIVERGED, STOPPED
from chainrule.cli.interruption import first_signal_waits, number_of
from chainrule.cli.progress import progress
from chainrule.cli.report import (
    columns_document,
    network_document,
    say_columns,
    say_evaluation,
    say_network,
)
from chainrule.cli.screen import (
    Screen,
    amount,
    command_line,
    complain,
    duration,
    figure,
    file_word,
    heading,
    indented,
    print_json,
    sentences,
    visible,
)
from chainrule.cli.tables import Dialect, program_words, reading_words
from chainrule.engines.choice import Choice, choose_engine
from chainrule.errors import DivergedError, InputError
from chainrule.evaluation import Evaluation
from chainrule.experiment import Experiment, prepare
from chainrule.model import EpochFigures, Model
from chainrule.options import Options
from chainrule.table import Reading
from chainrule.training import Epoch


@dataclass(frozen=True)
class Files:
    """The files of a run: tables that are read, and the model that is written."""

    table: Path
    valid: Path | None
    test: Path | None
    model: Path
    dialect: Dialect

    def check(self) -> None:
        """Refuse a model file that cannot be written, or that would replace a table."""
        for table in (self.table, self.valid, self.test):
            if table is not None and _is_same(table, self.model):
                raise InputError(
                    f"the model would replace the table '{table}'; name another file with --model."
                )
        check_writable(self.model)


@dataclass(frozen=True)
class Training:
    """What became of the epochs.

    Attributes:
        last: the last record, None if not even one epoch ended.
        history: the figures of every epoch.
        seconds: it took.
        stopped_by: the number of the signal that stopped it, if one did.
        diverged: why it could not go on, if it could not.
    """

    last: Epoch | None
    history: tuple[EpochFigures, ...]
    seconds: float
    stopped_by: int | None = None
    diverged: DivergedError | None = None


def run(
    files: Files, target: str, options: Options, engine: str, *, as_json: bool, quiet: bool
) -> None:
    """Train on the tables of `files` with the engine of that name, write the model, and report.

    Raises:
        InputError: a file, a table or an option that cannot be used; no file was written.
        DivergedError: training diverged in its first epoch; no file was written.
        typer.Exit: with the status of a training that ended early, after its model was written.
    """
    files.check()
    readings = {
        name: files.dialect.read(path)
        for name, path in (("table", files.table), ("valid", files.valid), ("test", files.test))
        if path is not None
    }
    table, valid, test = (readings.get(name) for name in ("table", "valid", "test"))
    assert table is not None
    experiment = prepare(
        table.frame, target, options, validation=None if valid is None else valid.frame
    )
    settings = experiment.settings
    choice = choose_engine(engine, experiment.network, settings.optimizer, settings.dtype)
    screen = Screen(stderr=as_json)
    if not (as_json and quiet):
        _say_beginning(screen, files, table, experiment, choice)

    training = _trained(experiment, choice, quiet=quiet)
    if training.last is None:
        raise training.diverged or _nothing_learnt(training)
    model = experiment.model(training.last.best, training.history)
    stopped_by = _save(model, files.model, training.stopped_by)

    judged, held_out = experiment.judge(model)
    tested = None if test is None else model.evaluate(test.frame, options.weight)
    if as_json:
        found = _document(files, table, experiment, training, judged, held_out, tested)
        print_json({**found, "engine": choice.name})
    else:
        _say_end(screen, files, experiment, training, judged, held_out, tested)
    if training.diverged is not None:
        complain("error", f"{training.diverged} {_kept(training.last, files)}")
        raise typer.Exit(DIVERGED)
    if stopped_by is not None:
        complain("stopped", f"in epoch {len(training.history) + 1}. {_kept(training.last, files)}")
        raise typer.Exit(STOPPED + stopped_by)


def _trained(experiment: Experiment, choice: Choice, *, quiet: bool) -> Training:
    """Train to the end, or to a signal, or until numbers grow beyond all bounds."""
    history: list[EpochFigures] = []
    last: Epoch | None = None
    stopped_by, diverged = None, None
    start = monotonic()
    try:
        if choice.warm_up is not None:
            with _said_if_long("compiling the engine for this machine, once: some ten seconds"):
                choice.warm_up()
        start = monotonic()
        with progress(experiment.settings.epochs, quiet=quiet) as show:
            for epoch in experiment.train(choice.engine):
                last = epoch
                history.append(epoch.figures())
                show(epoch)
    except KeyboardInterrupt as interruption:
        stopped_by = number_of(interruption)
    except DivergedError as error:
        diverged = error
    return Training(last, tuple(history), monotonic() - start, stopped_by, diverged)


@contextmanager
def _said_if_long(sentence: str) -> Iterator[None]:
    """Say the sentence on stderr if the block takes more than a second."""
    timer = Timer(1.0, complain, ("note", sentence))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _save(model: Model, path: Path, stopped_by: int | None) -> int | None:
    """Write the model; the first signal waits for it, the second does not. Gives the first."""
    if stopped_by is not None:
        model.save(path)
        return stopped_by
    with first_signal_waits() as waited:
        model.save(path)
    return waited[0] if waited else None


def _nothing_learnt(training: Training) -> typer.Exit:
    complain("stopped", "before the first epoch ended, so that there is no model; nothing written.")
    return typer.Exit(STOPPED + (training.stopped_by or 0))


def _kept(last: Epoch, files: Files) -> str:
    return f"The best model before that, of epoch {last.best_number}, is in '{files.model}'."


def _say_beginning(
    screen: Screen, files: Files, table: Reading, experiment: Experiment, choice: Choice
) -> None:
    """What was found in the table, before the user waits for it."""
    rows, columns = table.frame.shape
    heading(
        screen,
        files.table.name,
        f"   {amount(rows, 'row')}, {amount(columns, 'column')}",
    )
    indented(
        screen, Text(f"{visible(experiment.target.name)}: {visible(experiment.target.reason)}")
    )
    sentences(screen, [*table.notes, *experiment.decisions])
    say_columns(screen, experiment.encoder)
    say_network(screen, experiment.network)
    options = experiment.options
    n_judges = 0 if experiment.validation is None else len(experiment.validation)
    heading(
        screen,
        "Training",
        f"   on {amount(len(experiment.rows), 'row')}"
        + (f", {n_judges:,} more choose the best epoch" if n_judges else ""),
    )
    how = f"{options.optimizer}"
    if options.optimizer != "lbfgs":
        how += f", rate {options.rate:g} ({options.schedule}), batches of {options.batch_size}"
    indented(screen, Text(f"{how}, at most {amount(experiment.settings.epochs, 'epoch')}"))
    indented(screen, Text(choice.sentence))
    screen.file.flush()


def _say_end(
    screen: Screen,
    files: Files,
    experiment: Experiment,
    training: Training,
    judged: Evaluation,
    held_out: bool,
    tested: Evaluation | None,
) -> None:
    """What was learnt, how good it is, and what to do with it."""
    last = training.last
    assert last is not None
    which = "validation loss" if held_out else "training loss"
    indented(
        screen,
        Text(
            f"{amount(last.number, 'epoch')} in {duration(training.seconds)}; kept: epoch "
            f"{last.best_number}, with the lowest {which} ({figure(last.best_loss)})"
        ),
    )
    rows = amount(judged.n_rows, "row")
    if held_out:
        about = f"{rows} not learnt from, but they chose the epoch"
        say_evaluation(screen, "Validation", about, judged)
    else:
        about = f"{rows} that it has learnt from: no sign of how it does on others"
        say_evaluation(screen, "On the training rows", about, judged)
    if tested is not None:
        about = f"{amount(tested.n_rows, 'row')} of {files.test}, never seen"
        say_evaluation(screen, "Test", about, tested)
    heading(screen, "Model", f"   {files.model}")
    heading(screen, "Next")
    for words in _next(files):
        screen.print(Text(f"  {visible(command_line(words))}"), soft_wrap=True)


def _next(files: Files) -> list[list[str]]:
    """Commands that go on from here."""
    predict = reading_words("predict", files.model, files.table, files.dialect)
    return [
        [*predict, "--output", "predictions.csv"],
        [*program_words(), "show", file_word(files.model)],
    ]


def _document(
    files: Files,
    table: Reading,
    experiment: Experiment,
    training: Training,
    judged: Evaluation,
    held_out: bool,
    tested: Evaluation | None,
) -> dict[str, Any]:
    """The report as plain data."""
    last = training.last
    assert last is not None
    ended = (
        "diverged" if training.diverged else "interrupted" if training.stopped_by else "finished"
    )
    return {
        "model": os.fspath(files.model),
        "ended": ended,
        "target": experiment.target.name,
        "task": experiment.target.task,
        "reason": experiment.target.reason,
        "notes": [*table.notes, *experiment.decisions],
        "training_rows": len(experiment.rows),
        "columns": columns_document(experiment.encoder),
        "network": network_document(experiment.network),
        "options": experiment.options.to_dict(),
        "epochs": last.number,
        "best_epoch": last.best_number,
        "seconds": round(training.seconds, 3),
        "validation" if held_out else "training": judged.to_dict(),
        "test": None if tested is None else tested.to_dict(),
        "next": [command_line(words) for words in _next(files)],
    }


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except (OSError, ValueError):
        return False
