"""The help page of a command: its options in groups, as plain text.

Typer's own page draws the groups with Rich, which takes longer to import than the page may take to
appear, and leaves half of the line for the text.
"""

from collections.abc import Sequence
from typing import Any

from typer.core import TyperCommand


class Command(TyperCommand):
    """A command whose help page groups the options by what they are about."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a list of options for each group, in the order in which they are declared."""
        for title, parameters in groups(self.get_params(ctx)).items():
            with formatter.section(title):
                formatter.write_dl([(words(one), explanation(one)) for one in parameters])


def groups(parameters: Sequence[Any]) -> dict[str, list[Any]]:
    """The parameters of a command by the title that they are listed under."""
    found: dict[str, list[Any]] = {}
    for parameter in parameters:
        usual = "Arguments" if parameter.param_type_name == "argument" else "Help"
        title = getattr(parameter, "rich_help_panel", None) or usual
        found.setdefault(title, []).append(parameter)
    return found


def words(parameter: Any) -> str:
    """What is typed: TABLE, --hidden WIDTHS, --json."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar)
    names = ", ".join(parameter.opts)
    return names if parameter.is_flag else f"{names} {parameter.metavar}"


def explanation(parameter: Any) -> str:
    """What it does, and what happens without it."""
    text = str(parameter.help)
    default = getattr(parameter, "show_default", None)
    if parameter.required and parameter.param_type_name == "option":
        return f"{text} (required)"
    return f"{text} (default: {default})" if isinstance(default, str) else text
