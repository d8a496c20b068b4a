"""A finding: something that went wrong, or could, with its evidence and the next command to try."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["warning", "note"]
"""A warning wants something done; a note is true and good to know."""

Evidence = Mapping[str, float | str]
"""Numbers, and names of columns, classes and rows, by what they are."""


@dataclass(frozen=True)
class NextStep:
    """A command to try.

    Attributes:
        command: its name; `train` takes the table, every other command the model and the table.
        options: its words behind them.
    """

    command: str
    options: tuple[str, ...] = ()

    def words(self, model: str = "MODEL", table: str = "TABLE") -> list[str]:
        """What has to be typed after the program's name, with these files."""
        files = [table] if self.command == "train" else [model, table]
        return [self.command, *files, *self.options]

    def __str__(self) -> str:
        return shlex.join(["chainrule", *self.words()])


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        name: in a few words.
        severity: "warning" or "note".
        sentence: what it means, and what could be done, in plain words.
        evidence: what it was concluded from.
        next_step: the command to try.
    """

    name: str
    severity: Severity
    sentence: str
    evidence: Evidence
    next_step: NextStep

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        return {**vars(self), "evidence": dict(self.evidence), "next_step": str(self.next_step)}
