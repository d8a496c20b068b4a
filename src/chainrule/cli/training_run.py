"""A training run: files read, a network trained before the user's eyes, a model written, a report.

The model is written before anything is reported, so that no closed pipe can lose it.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import typer
from rich.text import Text

from chainrule.atomic_write import check_writable
from chainrule.budget import fitted_to
from chainrule.calibration import answering
from chainrule.cli.doctor_page import say_doctor_line
from chainrule.cli.front_door import DIVERGED, STOPPED
from chainrule.cli.interruption import first_signal_waits, number_of
from chainrule.cli.progress import Clock, progress
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
from chainrule.cores import cores
from chainrule.doctor import Examination, examine_training
from chainrule.engines.choice import Choice, choose_engine
from chainrule.ensemble import Course, Ensemble
from chainrule.errors import DivergedError, InputError
from chainrule.evaluation import Evaluation
from chainrule.experiment import Experiment, prepare
from chainrule.model import Model
from chainrule.monitored_loss import ROBUST
from chainrule.options import Options
from chainrule.table import Reading
from chainrule.training import Epoch

AFTERWARDS = 1.0
"""Seconds of a time budget that starting the program and what follows the training may take."""


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
        ensemble: how far each member has come.
        seconds: it took.
        stopped_by: the number of the signal that stopped it, if one did.
        diverged: why it could not go on, if it could not.
    """

    ensemble: Ensemble
    seconds: float
    stopped_by: int | None = None
    diverged: DivergedError | None = None

    @property
    def courses(self) -> list[Course]:
        """Those of the members that the model is made of."""
        return [self.ensemble.courses[k] for k in self.ensemble.finished]

    @property
    def lasts(self) -> list[Epoch]:
        """The last epochs of these."""
        return [course.last for course in self.courses if course.last is not None]


def run(
    files: Files,
    target: str,
    options: Options,
    engine: str,
    *,
    until: float | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train on the tables of `files` with the engine of that name, write the model, and report.

    Training ends at the latest at `until`, by `time.monotonic`, if it is given.

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
    if choice.warm_up is not None:
        choice.warm_up(experiment.read_by(choice.engine, 0)[0].X)
    if until is not None:
        experiment = fitted_to(experiment, choice.engine, until - monotonic(), cores())
    screen = Screen(stderr=as_json)
    if not (as_json and quiet):
        _say_beginning(screen, files, table, experiment, choice)

    training = _trained(experiment, choice, until, quiet=quiet)
    if not training.lasts:
        raise training.diverged or _nothing_learnt(training)
    model = answering(training.ensemble)
    stopped_by = _save(model, files.model, training.stopped_by)

    judged, held_out = experiment.judge(model, training.ensemble.finished)
    tested = None if test is None else model.evaluate(test.frame, options.weight)
    health = examine_training(experiment, model, training.ensemble.finished[0])
    if as_json:
        found = _document(files, table, experiment, training, judged, held_out, tested)
        print_json({**found, "doctor": health.to_dict(), "engine": choice.name})
    else:
        _say_end(screen, files, experiment, training, judged, held_out, tested, health)
    if training.diverged is not None:
        complain("error", f"{training.diverged} {_kept(training, files)}")
        raise typer.Exit(DIVERGED)
    if stopped_by is not None:
        complain("stopped", f"{_where(training)}. {_kept(training, files)}")
        raise typer.Exit(STOPPED + stopped_by)


def _trained(
    experiment: Experiment, choice: Choice, until: float | None, *, quiet: bool
) -> Training:
    """Train to the end, or to a signal, or until numbers grow beyond all bounds."""
    ensemble = Ensemble(experiment)
    stopped_by, diverged = None, None
    start = monotonic()
    try:
        clock = Clock(ensemble.courses, experiment.settings.epochs, until)
        with progress(clock, quiet=quiet) as display:
            for record in ensemble.train(
                choice.engine, at_once=cores(), until=until, tell=display.tell
            ):
                display.show(record)
    except KeyboardInterrupt as interruption:
        stopped_by = number_of(interruption)
    except DivergedError as error:
        diverged = error
    return Training(ensemble, monotonic() - start, stopped_by, diverged)


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


def _where(training: Training) -> str:
    courses = training.ensemble.courses
    if len(courses) == 1:
        return f"in epoch {len(courses[0].history) + 1}"
    return f"with {sum(course.ended for course in courses)} of {len(courses)} networks trained"


def _kept(training: Training, files: Files) -> str:
    if len(training.lasts) == 1:
        best = training.lasts[0].best_number
        return f"The best model before that, of epoch {best}, is in '{files.model}'."
    return f"The model of {len(training.lasts)} networks, each at its best, is in '{files.model}'."


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
    if experiment.starts:
        indented(screen, Text("begins as the linear model that is best for the rows that choose"))
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
    health: Examination,
) -> None:
    """What was learnt, how good it is, and what to do with it."""
    which = "validation loss" if held_out else "training loss"
    if training.lasts[0].metrics.get(ROBUST) is not None:
        which = f"{ROBUST} of its validation rows"
    indented(screen, Text(_summary(training, which)))
    rows = amount(judged.n_rows, "row")
    if held_out:
        about = f"{rows} not learnt from, but they chose the epoch"
        if len(training.lasts) > 1 and experiment.judges is None:
            about = f"{rows}, each answered by the networks that have not learnt from it"
        say_evaluation(screen, "Validation", about, judged)
    else:
        about = f"{rows} that it has learnt from: no sign of how it does on others"
        say_evaluation(screen, "On the training rows", about, judged)
    if tested is not None:
        about = f"{amount(tested.n_rows, 'row')} of {files.test}, never seen"
        say_evaluation(screen, "Test", about, tested)
    say_doctor_line(screen, health, files.model, files.table, files.dialect)
    heading(screen, "Model", f"   {files.model}")
    heading(screen, "Next")
    for words in _next(files):
        screen.print(Text(f"  {visible(command_line(words))}"), soft_wrap=True)


def _summary(training: Training, which: str) -> str:
    """How many epochs there were, and which were kept."""
    lasts, took = training.lasts, duration(training.seconds)
    if len(lasts) == 1:
        return (
            f"{amount(lasts[0].number, 'epoch')} in {took}; kept: epoch {lasts[0].best_number}, "
            f"with the lowest {which} ({figure(lasts[0].best_loss)})"
        )
    numbers = [last.number for last in lasts]
    span = f"{min(numbers)} to {max(numbers)} epochs each"
    mean = sum(last.best_loss for last in lasts) / len(lasts)
    return (
        f"{len(lasts)} networks, {span}, in {took}; of each is kept the epoch with the lowest "
        f"{which} (mean {figure(mean)})"
    )


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
    lasts = training.lasts
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
        "networks": len(lasts),
        "epochs": lasts[0].number,
        "best_epoch": lasts[0].best_number,
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
