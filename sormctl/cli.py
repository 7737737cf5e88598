"""The command line: a list of commands and the one error boundary."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from inspect import getdoc
from keyword import iskeyword
from pathlib import Path
from typing import Annotated, Any, ClassVar, TextIO

import typer
from typer.core import TyperGroup

from sormctl import __version__
from sormctl.configuration import from_file
from sormctl.errors import IncompleteError, SormctlError, one_line, tell_user
from sormctl.lines import failure_line
from sormctl.option_groups import Command, flattened
from sormctl.streams.output import is_stream

COMMANDS = (
    "problems",
    "sample",
    "grade",
    "filter",
    "label-steps",
    "import",
    "export",
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
    "compare",
    "report",
    "show",
    "doctor",
)
# those that write records to standard output
WRITERS = {name for name in COMMANDS if not name.startswith("train")} - {
    "eval",
    "compare",
    "report",
    "show",
    "doctor",
}
_NAME = 200  # characters of a file's name that are shown
_PATIENCE = 1.0  # seconds for a reader to make room for a line
_WORDS = {"KeyboardInterrupt": "interrupted"}  # of errors without a message
INTERRUPTED, BROKEN_PIPE, TERMINATED = 130, 141, 143


class Boundary(TyperGroup):
    """Turns what goes wrong for a user into one line and an exit code; a bug keeps its traceback.

    A reader that closes the pipe, such as `head`, ends the command without a word.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SormctlError as error:
            raise SystemExit(_fail(_name_of(ctx), str(error), error.exit_code)) from error
        except BrokenPipeError:
            _discard_output()
            raise SystemExit(BROKEN_PIPE) from None
        except KeyboardInterrupt as error:
            raise SystemExit(INTERRUPTED) from error
        except OSError as error:
            raise SystemExit(_fail(_name_of(ctx), _told(error), 1)) from error
        except typer.TyperException as error:  # the command line itself
            tell_user(_misused(error))
            raise SystemExit(error.exit_code) from error

    def make_context(self, info_name: Any, args: Any, *rest: Any, **settings: Any) -> Any:
        is_bare = not args
        try:
            return super().make_context(info_name, args, *rest, **settings)
        except OSError as error:  # of --help and --version, which are printed here
            raise SystemExit(_fail("sormctl", _told(error), 1)) from error
        except typer.TyperException as error:  # an option before the command
            if is_bare:
                raise  # with the help
            tell_user(_misused(error))
            raise SystemExit(error.exit_code) from error

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Lists the commands, each with the whole first sentence of its help."""
        helps = [(name, self.commands[name].help or "") for name in COMMANDS]
        with formatter.section("Commands"):
            formatter.write_dl([(name, text.partition("\n\n")[0]) for name, text in helps])


class Writer(Command):
    """A command that remembers where its records go, however that was said.

    A wrong command line is read as far as it can be.
    """

    output: ClassVar[Path | None] = None  # of the command that was started last

    def make_context(self, info_name: Any, args: Any, parent: Any = None, **settings: Any) -> Any:
        try:
            context = super().make_context(info_name, [*args], parent, **settings)
        except Exception:
            settings |= {"resilient_parsing": True, "ignore_unknown_options": True}
            Writer.output = (
                super().make_context(info_name, args, parent, **settings).params.get("output")
            )
            raise
        Writer.output = context.params.get("output")
        return context


def _told(error: OSError) -> str:
    """What the system refused; an error that names no file is a bug, and keeps its traceback."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.strerror}; make room and start again"
    if error.filename is None:
        raise error
    name = str(error.filename)
    return f"cannot open {name if len(name) < _NAME else name[:_NAME] + '…'}: {error.strerror}"


def _misused(error: Any) -> str:
    """What typer says of a command line, in one line, with the way to the help."""
    context: Any = getattr(error, "ctx", None)
    parameter = getattr(error, "param", None)
    name = context.command_path if context else "sormctl"
    message = one_line(_said(error))
    if parameter and from_file(context, parameter):
        message = f"{context.params['config']}: {message}"
    return f"{name}: {message}{' See' if message.endswith('?') else '; see'} {name} --help"


def _said(error: typer.TyperException) -> str:
    """Typer's own message, without the class of the error that an enumeration raised."""
    return error.format_message().rstrip(".").replace(": Value error, ", ": ")


def _name_of(ctx: Any) -> str:
    return f"sormctl {ctx.invoked_subcommand}"


def _fail(name: str, message: str, code: int) -> int:
    tell_user(f"{name}: {message}")
    return code


def tell_reader(argv: Sequence[str], error: BaseException | None) -> None:
    """Ends the stream on standard output with a line that every command refuses.

    So whoever reads on makes nothing of a part: a shell that does not know `pipefail` goes on. Only
    a terminal gets none, and what is no stream of records.
    """
    command = argv[0] if argv else ""
    if command not in WRITERS or isinstance(error, IncompleteError):
        return
    if not (is_stream(Writer.output) and _is_read(sys.stdout)):
        return
    text = _said(error) if isinstance(error, typer.TyperException) else str(error)
    said = one_line(text or _WORDS.get(type(error).__name__, type(error).__name__))
    reader = sys.stdout.fileno()
    with suppress(OSError):  # nobody reads it, or there is no room
        if select.select([], [reader], [], _PATIENCE)[1]:  # one who does not read holds up nobody
            sys.stdout.flush()
            os.write(reader, b"\n" + failure_line(command, said))  # what came before may be torn


def _is_read(stream: TextIO | None) -> bool:
    """Whether it is a pipe, a socket or a file: somebody may take what is in it for a result."""
    try:
        mode = os.fstat(stream.fileno()).st_mode if stream else 0
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISREG(mode)


def _discard_output() -> None:
    """Lets the interpreter flush what nobody will read."""
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())


app = typer.Typer(
    name="sormctl",
    cls=Boundary,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    _function = f"{_name}_" if iskeyword(_name) else _name.replace("-", "_")
    _command = getattr(import_module(f"sormctl.commands.{_function}"), _function)
    app.command(_name, cls=Writer, help=_help(_command))(flattened(_command))


def main() -> None:
    """What the `sormctl` script does. SIGTERM ends it as Ctrl-C does, a second one at once."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as it was while we were loaded
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # records hold no cycles: looking for some among a million of them takes a third of the time
    gc.set_threshold(200_000)
    received: list[int] = []

    def terminate(number: int, frame: object) -> None:
        if received:
            os._exit(TERMINATED)
        received.append(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's background job
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, terminate)
    try:
        app()
    except SystemExit as stop:
        if stop.code not in (None, 0, BROKEN_PIPE):
            tell_reader(sys.argv[1:], stop.__context__)
        if received and stop.code == INTERRUPTED:
            raise SystemExit(TERMINATED) from None
        raise
    except BaseException as bug:
        tell_reader(sys.argv[1:], bug)
        raise
