"""What `chainrule tune` shows: the search as it goes on, and the report at its end."""

import math
import os
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from rich.text import Text

from chainrule.cli.report import say_evaluation
from chainrule.cli.screen import (
    Screen,
    aligned,
    amount,
    command_line,
    duration,
    figure,
    file_word,
    heading,
    indented,
    sentences,
    visible,
)
from chainrule.cli.tables import program_words, reading_words
from chainrule.cli.training_run import Files
from chainrule.evaluation import Evaluation
from chainrule.table import Reading
from chainrule.tuning.trials import FINISHED, StudyFile, Trial
from chainrule.tuning.tuning import Found, Tuning, in_words

SECONDS_BETWEEN_LINES = 5.0


class Lines:
    """A line on stderr for each trial that is the best so far, and for others now and then."""

    def __init__(self, tuning: Tuning) -> None:
        self.tuning = tuning
        self.screen, self.last = Screen(stderr=True), -math.inf

    def show(self, step: Trial | str) -> None:
        """Show a step of the tuning."""
        if isinstance(step, str):
            self.screen.print(Text(step), soft_wrap=True)
            return
        best = self.tuning.search.best
        if best is not step and monotonic() - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = monotonic()
        ended = "" if step.ended == FINISHED else f" ({step.ended})"
        line = f"trial {step.number}{ended}  loss {figure(step.loss)}"
        if best is not None and best is not step:
            line += f"  best {figure(best.loss)} in trial {best.number}"
        left = self.tuning.seconds_to_search
        if math.isfinite(left):
            line += f"  {duration(max(0.0, left))} left to search"
        how = "defaults" if step.number == 0 else in_words(step.values)
        self.screen.print(Text(f"{line}  {how}"), soft_wrap=True)


def say_beginning(
    screen: Screen, files: Files, table: Reading, tuning: Tuning, study: StudyFile | None
) -> None:
    """What was found in the table, and what is searched."""
    rows, columns = table.frame.shape
    shape = f"   {amount(rows, 'row')}, {amount(columns, 'column')}"
    heading(screen, files.table.name, shape)
    target = tuning.experiment.target
    indented(screen, Text(f"{visible(target.name)}: {visible(target.reason)}"))
    sentences(screen, [*table.notes, *tuning.experiment.decisions])
    heading(screen, "Search", f"   on {amount(len(tuning.parts.learnt), 'row')}")
    if tuning.parts.apart is None:
        indented(screen, Text("no rows apart: what is gained cannot be told"))
    else:
        indented(screen, Text(f"{amount(len(tuning.parts.apart), 'row')} apart tell the gain"))
    indented(screen, Text(f"from the defaults: {in_words(tuning.defaults)}"))
    if study is not None and study.trials:
        count = amount(len(study.trials), "trial")
        indented(screen, Text(f"going on after {count} in {visible(study.path)}"))
    screen.file.flush()


def say_end(
    screen: Screen, files: Files, configuration: Path, tuning: Tuning, tested: Evaluation | None
) -> None:
    """What was found and gained, and what to do with it."""
    found, known = tuning.found, tuning.search.known
    counts = {word: sum(t.ended == word for t in known) for word in ("pruned", "diverged")}
    also = "".join(f", {count} {word}" for word, count in counts.items() if count)
    heading(screen, "Found", f"   {amount(len(known), 'trial')}{also}")
    if found.values == tuning.defaults:
        indented(screen, Text("nothing better than the defaults: the model has them"))
    else:
        table = aligned()
        table.add_column("")
        table.add_column("defaults", justify="right")
        table.add_column("best", justify="right")
        for name, value in (found.values or {}).items():
            words = [
                f"{v:.4g}" if isinstance(v, float) else str(v)
                for v in (tuning.defaults[name], value)
            ]
            table.add_row(name.replace("_", " "), words[0], Text(words[1], style="bold"))
        indented(screen, table)
    if found.gained and tuning.parts.apart is not None:
        _say_gain(screen, found, len(tuning.parts.apart))
    if tested is not None:
        about = f"{amount(tested.n_rows, 'row')} of {files.test}, never seen"
        say_evaluation(screen, "Test", about, tested)
    if found.model is not None:
        heading(screen, "Model", f"   {files.model}")
        rows = "all rows" if found.on_all_rows else "the rows of the search"
        networks = amount(len(found.model.members), "network")
        indented(screen, Text(f"{networks}, learnt from {rows}"))
    heading(screen, "Options", f"   {configuration}")
    heading(screen, "Next")
    for words in _next(files, configuration, found):
        screen.print(Text(f"  {visible(command_line(words))}"), soft_wrap=True)


def _say_gain(screen: Screen, found: Found, n: int) -> None:
    heading(screen, "Gain", f"   on {amount(n, 'row')} that nothing was chosen by")
    table = aligned()
    table.add_column("")
    for name in ("defaults", "best", "gained"):
        table.add_column(name, justify="right")
    table.add_column("95 % interval")
    for gain in found.gained:
        ends = "" if gain.interval is None else " to ".join(f"{e:.1%}" for e in gain.interval)
        share = "-" if gain.share is None else f"{gain.share:.1%}"
        before, after = figure(gain.before), figure(gain.after)
        table.add_row(gain.figure, before, after, Text(share, style="bold"), ends)
    indented(screen, table)
    if not any(gain.is_sure for gain in found.gained):
        sentences(screen, ["the intervals reach below 0: these rows do not show a gain for sure"])


def _next(files: Files, configuration: Path, found: Found) -> list[list[str]]:
    """Commands that go on from here."""
    train = [
        *program_words(),
        "train",
        file_word(files.table),
        "--config",
        os.fspath(configuration),
    ]
    if found.model is None:
        return [train]
    predict = reading_words("predict", files.model, files.table, files.dialect)
    return [[*predict, "--output", "predictions.csv"], train]


def document(
    files: Files, configuration: Path, tuning: Tuning, tested: Evaluation | None
) -> dict[str, Any]:
    """The report as plain data."""
    found = tuning.found
    return {
        "model": None if found.model is None else os.fspath(files.model),
        "configuration": os.fspath(configuration),
        "target": tuning.wanted.target,
        "defaults": dict(tuning.defaults),
        "best": dict(found.values or {}),
        "trials": [asdict(trial) for trial in tuning.search.known],
        "finalists": [{"values": dict(f.values), "loss": f.loss} for f in found.finalists],
        "rows_apart": 0 if tuning.parts.apart is None else len(tuning.parts.apart),
        "gain": [asdict(gain) for gain in found.gained],
        "networks": 0 if found.model is None else len(found.model.members),
        "on_all_rows": found.on_all_rows,
        "test": None if tested is None else tested.to_dict(),
        "next": [command_line(words) for words in _next(files, configuration, found)],
    }
