"""The command line: a list of commands and the one error boundary."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from inspect import getdoc
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sormctl import __version__
from sormctl.errors import SormctlError
from sormctl.options import flattened

COMMANDS = (
    "problems",
    "sample",
    "grade",
    "filter",
    "label-steps",
    "import-prm800k",
    "filter-labels",
    "balance",
    "train-rm",
    "make-refine-pairs",
    "train-refiner",
    "train-student",
    "score",
    "refine",
    "rerank",
    "eval",
    "show",
    "doctor",
)
_NAME = 200  # characters of a file's name that are shown
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143


class Boundary(TyperGroup):
    """Turns what goes wrong for a user into one line and an exit code; a bug keeps its traceback.

    A reader that closes the pipe, such as `head`, ends the command without a word.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SormctlError as error:
            code = _fail(ctx, str(error), error.exit_code)
        except BrokenPipeError:
            code = BROKEN_PIPE
            _discard_output()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except OSError as error:
            code = _fail(ctx, _told(error), 1)
        raise SystemExit(code)


def _told(error: OSError) -> str:
    """What the system refused; an error that names no file is a bug, and keeps its traceback."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; make room and start again"
    if error.filename is None:
        raise error
    name = str(error.filename)
    return f"cannot open {name if len(name) < _NAME else name[:_NAME] + '…'}: {error.strerror}"


def _fail(ctx: Any, message: str, code: int) -> int:
    sys.stderr.write(f"sormctl {ctx.invoked_subcommand}: {message}\n")
    return code


def _discard_output() -> None:
    """Lets the interpreter flush what nobody will read."""
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


app = typer.Typer(
    name="sormctl",
    cls=Boundary,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sormctl {__version__}")
        raise typer.Exit


@app.callback()
def sormctl(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Let a language model check and repair its own reasoning, given only final answers."""


def _help(command: Callable[..., None]) -> str:
    """A command's docstring; its example, at the end, in one line to copy."""
    text, _, example = (getdoc(command) or "").partition("Example: ")
    return f"{text}\b\nExample:\n  {' '.join(example.split())}"


for _name in COMMANDS:
    _function = _name.replace("-", "_")
    _command = getattr(import_module(f"sormctl.commands.{_function}"), _function)
    app.command(_name, help=_help(_command))(flattened(_command))


def main() -> None:
    """Entry point of the `sormctl` script. SIGTERM ends it as Ctrl-C does."""
    # records hold no cycles: looking for some among a million of them takes a third of the time
    gc.set_threshold(200_000)
    received: list[int] = []

    def terminate(number: int, frame: object) -> None:
        received.append(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's background job
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, terminate)
    try:
        app()
    except SystemExit as stop:
        if received and stop.code == INTERRUPTED:
            raise SystemExit(TERMINATED) from None
        raise
