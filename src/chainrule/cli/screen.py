"""The screen: where texts, tables and JSON documents are printed.

What comes from a table or a file is data: it is shown literally, never as markup, and a character
that could move the cursor or reverse the line is shown as its escape.
"""

import json
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

WIDEST = 100
"""Columns of the terminal that are used: longer lines are hard to read."""


class Screen(Console):
    """A console that lets the front door see a closed pipe, and takes no string for markup."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, markup=False, emoji=False, highlight=False)
        if self.width > WIDEST:
            self.width = WIDEST

    def on_broken_pipe(self) -> None:
        """Raise what Rich would exit from."""
        raise BrokenPipeError

    @property
    def has_unicode(self) -> bool:
        """Whether box and braille characters can be shown."""
        return not self.options.ascii_only


def visible(text: object) -> str:
    r"""The text with every character that does not show itself as its escape: \x1b, \u202e."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def complain(word: str, message: str) -> None:
    """One paragraph on stderr: wrapped on a terminal, one line elsewhere."""
    screen = Screen(stderr=True)
    style = "bold red" if word == "error" else "yellow"
    text = Text.assemble((f"{word}: ", style), visible(message))
    screen.print(text, soft_wrap=not screen.is_terminal)


def heading(screen: Screen, text: str, rest: str = "") -> None:
    """A line that begins a part of the report."""
    screen.print()
    screen.print(Text.assemble((visible(text), "bold"), (visible(rest), "dim")))


def indented(screen: Screen, renderable: Any) -> None:
    """A part of the report below its heading."""
    screen.print(Padding(renderable, (0, 0, 0, 2), expand=False))


def aligned() -> Table:
    """A table without lines."""
    return Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")


def sentences(screen: Screen, notes: Iterable[str], limit: int = 10) -> None:
    """Notes, each with a mark; those beyond `limit` are counted."""
    listed = list(notes)
    table = Table.grid(padding=(0, 1, 0, 0))
    for note in listed[:limit]:
        table.add_row(Text("!", style="yellow"), Text(visible(note)))
    if len(listed) > limit:
        table.add_row("", Text(f"... and {len(listed) - limit:,} more notes", style="dim"))
    if listed:
        indented(screen, table)


def figure(value: float | None) -> str:
    """A figure with four digits that count, or a dash where it is undefined."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-4:
        return f"{value:.3e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.4g}" if value else "0"


def amount(number: int, noun: str) -> str:
    """A number of things: 1 row, 12,000 rows."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time to be read by people: 0.4 s, 12 s, 3:05, 1:02:03."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def command_line(words: Sequence[str]) -> str:
    """The words as they have to be typed into the shell."""
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def file_word(path: str | os.PathLike[str]) -> str:
    """A path as a word that no command takes for an option."""
    word = os.fspath(path)
    return f"./{word}" if word.startswith("-") else word


def print_json(document: Mapping[str, Any]) -> None:
    """One JSON document on stdout, in ASCII; what JSON cannot say (NaN, infinity) is null."""
    sys.stdout.write(json.dumps(_plain(document), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
