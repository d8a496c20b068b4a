"""The doctor's page: findings with their evidence, and the commands that go on from them."""

from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from chainrule.cli.screen import (
    Screen,
    amount,
    command_line,
    figure,
    file_word,
    heading,
    indented,
    visible,
)
from chainrule.cli.tables import Dialect, program_words, reading_words
from chainrule.doctor import Examination, Finding, NextStep

MOST_AFTER_TRAINING = 2

_STYLES = {"warning": "yellow", "note": "dim"}


def say_examination(
    screen: Screen, found: Examination, model: Path, table: Path, dialect: Dialect
) -> None:
    """All findings of an examination."""
    rows = (
        f"{amount(found.n_learnt, 'training row')} and {found.n_unseen:,} others"
        if found.n_learnt
        else f"{amount(found.n_unseen, 'row')} that it was not trained on"
    )
    heading(screen, model.name, f"   examined on {rows}")
    for finding in found.findings:
        screen.print()
        _say_finding(screen, finding)
        command = typed(finding.next_step, model, table, dialect)
        screen.print(Text(f"    try: {visible(command)}", style="cyan"), soft_wrap=True)
    screen.print()
    indented(screen, Text(summary(found), style="bold"))
    for name, why in found.not_checked.items():
        indented(screen, Text(f"not checked: {name}, as {why}", style="dim"))


def say_doctor_line(
    screen: Screen, found: Examination, model: Path, table: Path, dialect: Dialect
) -> None:
    """One line after a training; of warnings the most important ones, and how to see the rest."""
    if not found.warnings:
        heading(screen, f"Doctor: {summary(found)}")
        return
    heading(screen, "Doctor", f"   {summary(found)}")
    for finding in found.warnings[:MOST_AFTER_TRAINING]:
        screen.print(_title(finding))
        screen.print(Padding(Text(visible(finding.sentence)), (0, 0, 0, 4), expand=False))
    command = command_line(reading_words("doctor", model, table, dialect))
    screen.print(Text(f"  {visible(command)}"), soft_wrap=True)


def summary(found: Examination) -> str:
    """How many warnings, notes and checks there were."""
    checks = amount(len(found.checked), "check")
    notes = f", {amount(len(found.notes), 'note')}" if found.notes else ""
    if not found.warnings:
        return f"nothing to worry about ({checks}{notes})."
    return f"{amount(len(found.warnings), 'warning')}{notes} ({checks})."


def typed(step: NextStep, model: Path, table: Path, dialect: Dialect) -> str:
    """The next step as it has to be typed into the shell."""
    words = step.words(file_word(model), file_word(table))
    n_files = len(words) - len(step.options)
    return command_line([*program_words(), *words[:n_files], *dialect.words(), *words[n_files:]])


def _title(finding: Finding) -> Text:
    mark = "!" if finding.severity == "warning" else "-"
    name = finding.name[:1].upper() + finding.name[1:]
    return Text.assemble(
        (f"  {mark} ", _STYLES[finding.severity]),
        (visible(name), "bold"),
        ("" if finding.severity == "warning" else "   a note", "dim"),
    )


def _say_finding(screen: Screen, finding: Finding) -> None:
    screen.print(_title(finding))
    screen.print(Padding(Text(visible(finding.sentence)), (0, 0, 0, 4), expand=False))
    shown = {
        name: value if isinstance(value, str) else _number(value)
        for name, value in finding.evidence.items()
        if value != ""
    }
    width = max((len(value) for value in shown.values() if len(value) <= 12), default=0)
    for name, value in shown.items():
        line = Text(f"{visible(value).rjust(width)}  {visible(name)}", style="dim")
        screen.print(Padding(line, (0, 0, 0, 6), expand=False))


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else figure(value)
