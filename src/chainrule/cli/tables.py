"""Tables as the commands read them."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.cli.screen import file_word
from chainrule.table import Reading, read_table


@dataclass(frozen=True)
class Dialect:
    """How a text table is written, where the user says so."""

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None

    def read(self, path: Path) -> Reading:
        """The table at `path`; raises TableError, which names the file."""
        return read_table(
            path, delimiter=self.delimiter, encoding=self.encoding, decimal=self.decimal
        )

    def words(self) -> list[str]:
        """The options that say the same to the next command."""
        given: dict[str, Any] = {
            "--delimiter": self.delimiter,
            "--encoding": self.encoding,
            "--decimal": self.decimal,
        }
        return [word for name, value in given.items() if value for word in (name, value)]


def stem(path: Path) -> str:
    """The name of a table without what says how it is stored: adult of adult.csv.gz."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem or name


def reading_words(command: str, model: Path, table: Path, dialect: Dialect) -> list[str]:
    """The beginning of a command that applies a model to a table."""
    return [*program_words(), command, file_word(model), file_word(table), *dialect.words()]


def program_words() -> list[str]:
    """The program as it was called, so that the next command works where this one did."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" and called.parent.name == "chainrule":
        return [sys.orig_argv[0], "-m", "chainrule"]
    on_path = shutil.which("chainrule")
    elsewhere = on_path is None or Path(on_path).resolve() != called.resolve()
    return [sys.argv[0]] if called.stem == "chainrule" and elsewhere else ["chainrule"]
