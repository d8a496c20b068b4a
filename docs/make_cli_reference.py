"""Write docs/cli.md from what the help pages show: python docs/make_cli_reference.py"""

import inspect
from pathlib import Path

import typer.main

from chainrule.cli.app import app
from chainrule.cli.help_page import explanation, groups, words

BEGINNING = """\
# The command line

Written by `python docs/make_cli_reference.py` from what `--help` shows; a test compares the two.
`python -m chainrule` is the same as `chainrule`.

Every message goes to stderr and every result to stdout. The exit status is

| status | when |
|---|---|
| 0 | done |
| 1 | training diverged; the best model before that was kept if there was one; or a check failed |
| 2 | the command line, a file or a table cannot be used as it is; nothing was written |
| 70 | a bug in chainrule; with `CHAINRULE_TRACEBACK=1` it shows where |
| 130 | stopped by Ctrl-C (143 by SIGTERM, 129 by SIGHUP); a training keeps its best model so far |
| 141 | the program that read the output left before its end |
"""


def reference() -> str:
    """The text of docs/cli.md."""
    parts = [BEGINNING]
    for name, command in typer.main.get_command(app).commands.items():
        arguments = [p.metavar for p in command.params if p.param_type_name == "argument"]
        parts.append(f"## chainrule {name}\n\n{inspect.cleandoc(command.help)}\n")
        parts.append(f"    chainrule {name} [OPTIONS] {' '.join(arguments)}\n")
        for title, parameters in groups(command.params).items():
            rows = [
                f"| `{words(p)}` | {explanation(p)} |".replace(r"\t", r"\\t") for p in parameters
            ]
            parts.append("\n".join([f"| {title} | |", "|---|---|", *map(piped, rows)]) + "\n")
        parts.append(f"{command.epilog.replace('Example: ', 'Example: `')}`\n")
    return "\n".join(parts)


def piped(row: str) -> str:
    """The row of a table with the vertical bar of its text escaped."""
    return row.replace("or | or", r"or \| or")


if __name__ == "__main__":
    Path(__file__).with_name("cli.md").write_text(reference(), encoding="utf-8")
