"""Trials: what became of each point of the search space, and the study file that they are kept in.

A study file holds one JSON document a line: first what the study is about, then every trial that
has come to its end, written at once. So a search that is killed loses what was on its way only, and
a line that was cut off is as if it had not been begun. The file holds numbers and names; nothing in
it is executed.
"""

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chainrule.errors import InputError

FORMAT = "chainrule study 1"

BEGINNING = b'{"format": "chainrule study'
"""Of every study file; of another file not a byte is touched."""

FINISHED = "finished"
PRUNED = "pruned"
DIVERGED = "diverged"


@dataclass(frozen=True)
class Trial:
    """A training with one point of the search space.

    Attributes:
        number: from 0, the defaults.
        values: of the searched options.
        ended: "finished"; "pruned", when it was not worth its end; or "diverged".
        loss: the best validation loss; None if it diverged before there was one.
        curve: the best validation loss at each stage that was reached (see `search.STAGES`).
        seconds: it took.
    """

    number: int
    values: Mapping[str, Any]
    ended: str
    loss: float | None
    curve: tuple[float, ...]
    seconds: float


class StudyFile:
    """The trials of a study, on disk."""

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        """Take up the file at `path`, or begin it where there is none.

        Args:
            path: of the file.
            about: what the study is of; a file that is of something else is refused.

        Raises:
            InputError: the file cannot be read or written, is no study, or one of something else.
        """
        self.path = path
        self.trials: list[Trial] = []
        head = {"format": FORMAT, **json.loads(json.dumps(about))}
        try:
            whole = self._cut_to_whole_lines()
            if whole:
                self._take_up(whole, head)
            else:
                self._append(head)
        except OSError as error:
            raise InputError(f"cannot use '{path}': {error.strerror or error}.") from None

    def add(self, trial: Trial) -> None:
        """Keep a trial that has come to its end."""
        self.trials.append(trial)
        self._append(asdict(trial))

    def _cut_to_whole_lines(self) -> list[bytes]:
        """The lines; what follows the last line's end was cut off by a kill, and is removed."""
        if not self.path.exists():
            return []
        content = self.path.read_bytes()
        if content and not content.startswith(BEGINNING):
            raise self._foreign()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            os.truncate(self.path, end)
        return content[:end].splitlines()

    def _take_up(self, lines: list[bytes], head: Mapping[str, Any]) -> None:
        try:
            found, *records = map(json.loads, lines)
            if found.get("format") != FORMAT:
                raise self._foreign()
            self.trials = [_trial(record) for record in records]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._foreign() from None
        other = [name for name in head if found.get(name) != head[name]]
        if other:
            raise InputError(
                f"'{self.path}' is a study with {' and '.join(f'another {name}' for name in other)}"
                ": go on with the same table and options, or name another file with --study."
            )

    def _foreign(self) -> InputError:
        return InputError(
            f"'{self.path}' is no study of chainrule tune, or a damaged one; name another file "
            "with --study."
        )

    def _append(self, document: Mapping[str, Any]) -> None:
        line = json.dumps(document, allow_nan=False) + "\n"
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            with suppress(OSError):  # not every file system can
                os.fsync(file.fileno())


def _trial(record: Mapping[str, Any]) -> Trial:
    """The trial that a line describes.

    Raises:
        KeyError, TypeError, ValueError: it describes none.
    """
    trial = Trial(**{**record, "curve": tuple(map(float, record["curve"]))})
    numbers = [*trial.curve, trial.seconds, *([] if trial.loss is None else [trial.loss])]
    known = trial.ended in (FINISHED, PRUNED, DIVERGED) and isinstance(trial.number, int)
    if not known or not all(map(math.isfinite, numbers)):
        raise ValueError("it is no trial")
    return trial
