"""The command line: tables and files in, figures and files out.

Everything heavy is imported inside the commands, so that `--help` answers at once.
"""


def main() -> None:
    """Answer the command line, and exit with its status (see `front_door.py`)."""
    from chainrule.cli.app import app

    app()
