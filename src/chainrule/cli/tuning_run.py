"""A tuning run: files read, options searched, a model and its options written, a report.

Both files are written before anything is reported, so that no closed pipe can lose them.
"""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from chainrule.atomic_write import write_atomically
from chainrule.cli.front_door import STOPPED
from chainrule.cli.interruption import first_signal_waits, number_of
from chainrule.cli.screen import Screen, complain, duration, print_json
from chainrule.cli.training_run import Files
from chainrule.cli.tuned_configuration import tuned_configuration
from chainrule.cli.tuning_page import Lines, document, say_beginning, say_end
from chainrule.errors import InputError
from chainrule.tuning.trials import StudyFile
from chainrule.tuning.tuning import Tuning, Wanted

DEFAULT_TIME = 600.0
"""Seconds, where neither a time nor a number of trials is given."""


def run(files: Files, wanted: Wanted, study: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Search, train with what was found, write the model and its options, and report.

    Raises:
        InputError: a file, a table or an option that cannot be used, or too little time; nothing
            was written but the study.
        typer.Exit: with the status of a run that was stopped, after what it had was written.
    """
    configuration = files.model.with_suffix(".toml")
    files.check()
    replace(files, model=configuration).check()
    table = files.dialect.read(files.table)
    valid, test = (
        None if path is None else files.dialect.read(path) for path in (files.valid, files.test)
    )
    tuning = Tuning(
        wanted,
        table.frame,
        valid=None if valid is None else valid.frame,
        test=None if test is None else test.frame,
    )
    kept = None
    if study is not None:
        replace(files, model=study).check()
        kept = StudyFile(study, _about(files, tuning))
        tuning.go_on(kept)
    screen = Screen(stderr=as_json)
    if not (as_json and quiet):
        say_beginning(screen, files, table, tuning, kept)

    stopped_by = _taken(tuning, kept, quiet=quiet)
    found = tuning.found
    if found.values is None:
        raise _nothing_found(tuning, stopped_by)
    text = tuned_configuration(wanted.target, tuning.options, files.dialect)
    stopped_by = _save(tuning, files.model, configuration, text) or stopped_by

    tested = None
    if test is not None and found.model is not None:
        tested = found.model.evaluate(test.frame, wanted.options.weight)
    if as_json:
        ended = "finished" if stopped_by is None else "interrupted"
        print_json({**document(files, configuration, tuning, tested), "ended": ended})
    else:
        say_end(screen, files, configuration, tuning, tested)
    if stopped_by is not None:
        what = "the best network so far and its options are" if found.model else "its options are"
        where = f"'{files.model}' and '{configuration}'" if found.model else f"'{configuration}'"
        complain("stopped", f"before the end; {what} in {where}.")
        raise typer.Exit(STOPPED + stopped_by)


def _taken(tuning: Tuning, study: StudyFile | None, *, quiet: bool) -> int | None:
    """Take all steps; gives the number of the signal that ended them early, if one did."""
    lines = Lines(tuning)
    try:
        for step in tuning.steps(study):
            if not quiet:
                lines.show(step)
    except KeyboardInterrupt as interruption:
        return number_of(interruption)
    return None


def _about(files: Files, tuning: Tuning) -> dict[str, Any]:
    """What a study is of: another table or other options make another study."""
    paths = [path for path in (files.table, files.valid) if path is not None]
    options = tuning.experiment.options.to_dict()
    del options["members"]  # trials are of one
    return {
        "table": hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest(),
        "target": tuning.wanted.target,
        "share of rows apart": tuning.wanted.share_apart,
        "set of options": options,
        "search space": {name: repr(what) for name, what in tuning.space.items()},
    }


def _save(tuning: Tuning, path: Path, configuration: Path, text: str) -> int | None:
    """Write both files; the first signal waits for them. Gives its number."""
    with first_signal_waits() as waited:
        if tuning.found.model is not None:
            tuning.found.model.save(path)
        write_atomically(configuration, [text.encode()])
    return waited[0] if waited else None


def _nothing_found(tuning: Tuning, stopped_by: int | None) -> Exception:
    if stopped_by is not None:
        complain("stopped", "before the first trial ended, so that there is nothing to keep.")
        return typer.Exit(STOPPED + stopped_by)
    if not tuning.search.known and tuning.wanted.seconds is not None:
        return InputError(
            f"not one trial ended in the {duration(tuning.wanted.seconds)} of --time; give it "
            "more, or fewer --epochs."
        )
    return InputError("no trial came to its end: all diverged. Look for extreme values.")
