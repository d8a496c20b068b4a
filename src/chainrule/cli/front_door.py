"""The front door: every way in which a command can end, as an exit status and at most one message.

0    done
1    training diverged; the best model before that is kept if there is one; or a check failed
2    the command line, a file or a table cannot be used as it is
70   a bug in chainrule
130  stopped by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP; 141 where the reader of a pipe left
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from chainrule.choices import did_you_mean
from chainrule.cli.interruption import number_of, signals_raise
from chainrule.errors import ChainruleError, DivergedError

DIVERGED = 1
UNUSABLE = 2
BUG = 70
PIPE_CLOSED = 141
STOPPED = 128
"""Plus the number of the signal, as a shell reports it."""

SHOW_TRACEBACK = "CHAINRULE_TRACEBACK"


class FrontDoor(TyperGroup):
    """The group of commands, which answers every exception in one place."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **__: Any) -> Any:
        """Run the command line `args`, by default that of the process; always exits."""
        given = sys.argv[1:] if args is None else list(args)
        with _every_ending(), signals_raise(), self._context(given or ["--help"]) as context:
            self.invoke(context)
            sys.stdout.flush()

    def _context(self, args: list[str]) -> Any:
        return self.make_context("chainrule", args)


@contextmanager
def _every_ending() -> Iterator[None]:
    """Turn whatever a command raises into one message and SystemExit."""
    _ready_streams()
    try:
        yield
    except typer.Exit as ending:
        sys.exit(ending.exit_code)
    except typer.TyperException as error:
        _say(_usage_message(error))
        sys.exit(UNUSABLE)
    except ChainruleError as error:
        _say(str(error))
        sys.exit(DIVERGED if isinstance(error, DivergedError) else UNUSABLE)
    except KeyboardInterrupt as interruption:
        _say("stopped before the end; no file was left half written.")
        sys.exit(STOPPED + number_of(interruption))
    except BrokenPipeError:
        _forget_stdout()
        sys.exit(PIPE_CLOSED)
    except MemoryError:
        _say("there is not enough memory for this: use fewer columns or a smaller network.")
        sys.exit(UNUSABLE)
    except OSError as error:
        if error.filename is not None:
            _say_bug(error)
            sys.exit(BUG)
        # of no file we know the name of, such as a full disk behind stdout
        _forget_stdout()
        _say(f"cannot write the output: {error.strerror or error}.")
        sys.exit(UNUSABLE)
    except Exception as error:
        _say_bug(error)
        sys.exit(BUG)
    sys.exit(0)


def _say(message: str) -> None:
    from chainrule.cli.screen import complain

    with suppress(OSError):
        complain("error", message)


def _say_bug(error: Exception) -> None:
    if os.environ.get(SHOW_TRACEBACK):
        raise error
    _say(
        f"this is a bug in chainrule, not in your input: {type(error).__name__}: {error}. "
        f"Please report it, with what is printed if {SHOW_TRACEBACK}=1 is set."
    )


def _usage_message(error: typer.TyperException) -> str:
    """What is wrong with the command line, naming the option and the command that explains it."""
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    command = context.command_path if context else "chainrule"
    explained = f"'{command} --help' explains it."
    message = error.message.strip().rstrip(".")
    unknown = getattr(error, "option_name", None)
    if message.startswith("No such option") and context is not None:
        known = [name for option in context.command.params for name in option.opts]
        return f"there is no option '{unknown}'{did_you_mean(str(unknown), known)}; {explained}"
    if parameter is None:
        joint = " " if message.endswith("?") else "; "
        return f"{message[:1].lower()}{message[1:]}{joint}{explained}"
    name = max(parameter.opts, key=len)
    if not name.startswith("-"):
        name = parameter.metavar or name
    if not message:
        return f"{name} is missing: {str(parameter.help).rstrip('.')}. {explained}"
    return f"{name}: {message[:1].lower()}{message[1:]}; {explained}"


def _ready_streams() -> None:
    """Let both streams exist, and show as `?` what the terminal's encoding lacks."""
    if sys.stdout is None or sys.stderr is None:
        nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - for as long as the process lives
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _forget_stdout() -> None:
    """Keep the interpreter from complaining, on its way out, that nobody takes the rest."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
