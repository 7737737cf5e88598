"""Groups of options: one parameter of a command, single options for Typer, a title in `--help`.

A group is a dataclass of options. Its `TITLE` is the heading that they stand under.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, ClassVar, get_args, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from sormctl import hub
from sormctl.configuration import configure, configured, typed
from sormctl.errors import UsageError
from sormctl.streams.output import is_stream
from sormctl.streams.progress import Display

ARGUMENTS, OWN = "Arguments", "Options"  # of one command
OUTPUT = "Output and settings"
KEYWORD = inspect.Parameter.KEYWORD_ONLY
METAVARS = {int: "N", float: "X", str: "NAME", Path: "PATH"}

Config = Annotated[
    Path | None,
    typer.Option(
        help="Options from a TOML file; sormctl.toml, if the folder has one.",
        callback=configure,
        is_eager=True,
        metavar="FILE",
        envvar="SORMCTL_CONFIG",
        show_envvar=False,
    ),
]

Push = Annotated[
    str | None,
    typer.Option(
        help="Upload what was made to the Hugging Face hub; a new repository is private.",
        metavar="OWNER/NAME",
        rich_help_panel=OUTPUT,
    ),
]


class Command(TyperCommand):
    """A command whose `--help` has its options under titles, its own first."""

    typed: ClassVar[Mapping[str, str]] = {}  # the options typed for the command that runs

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the options, group by group."""
        for title, records in by_title(self, ctx).items():
            with formatter.section(title):
                formatter.write_dl(records)

    def invoke(self, ctx: Any) -> Any:
        """Runs the command, after a word on what a file has set; then uploads, if that is asked."""
        given = ctx.params
        Command.typed = typed(ctx)
        display = Display(ctx.info_name, given.get("quiet", False), given.get("log_format", "text"))
        if note := configured(ctx):
            display.note(note)
        if name := given.get("push"):
            output = _pushed(given["output"])
            is_model = str(ctx.info_name).startswith("train-")
            hub.prepare(name, is_model)
        result = super().invoke(ctx)
        if name:
            display.note(hub.push(output, name, is_model))
        return result


def refuse_typed(names: Iterable[str], why: str) -> None:
    """UsageError for one of these parameters that was typed: it would do nothing.

    What a file or the environment says for other uses of the command is no slip.
    """
    for option in (Command.typed[name] for name in names if name in Command.typed):
        raise UsageError(f"{option} {why}; drop it")


def _pushed(output: Path | None) -> Path:
    if output is None or is_stream(output):
        raise UsageError("--push needs what was made; give -o")
    return output


def among(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Completes a value in the shell. In a class, `names` can be no lambda that uses a global."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def by_title(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:
    """What `--help` says of a command's parameters, name and text, under their titles."""
    groups: dict[str, list[tuple[str, str]]] = {ARGUMENTS: [], OWN: []}
    for parameter in command.get_params(context):
        name, text = parameter.get_help_record(context)
        if parameter.param_type_name == "argument":
            groups[ARGUMENTS].append((name.partition(" <")[0], text))  # its type says nothing new
        else:  # click adds `--help`, without a title
            groups.setdefault(parameter.rich_help_panel or OUTPUT, []).append((name, text))
    in_order = sorted(groups, key=lambda title: title == OUTPUT)
    return {title: groups[title] for title in in_order if groups[title]}


def flattened(command: Callable[..., None]) -> Callable[..., None]:
    """The command with single options in the place of each group, and with --config."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if is_dataclass(parameter.annotation)
    }

    def run(config: Path | None, push: str | None = None, **values: Any) -> None:
        for name, group in groups.items():
            members = {item.name: values.pop(item.name) for item in fields(group)}
            values[name] = group(**members)
        command(**values)

    singles = [
        single.replace(annotation=_presented(single, title, command.__name__.rstrip("_")))
        for item in signature.parameters.values()
        for title, single in _singles(item)
    ]
    if {"output", "quiet"} <= {single.name for single in singles}:  # it makes records, or a model
        singles.append(inspect.Parameter("push", KEYWORD, default=None, annotation=Push))
    singles.append(inspect.Parameter("config", KEYWORD, default=None, annotation=Config))
    run.__signature__ = inspect.Signature(singles)  # type: ignore[attr-defined]
    run.__annotations__ = {single.name: single.annotation for single in singles}
    return run


def _singles(parameter: inspect.Parameter) -> Iterator[tuple[str, inspect.Parameter]]:
    """The options that a parameter of a command stands for, each with its title."""
    group = parameter.annotation
    if not is_dataclass(group):
        yield OWN, parameter.replace(kind=KEYWORD)
        return
    hints = get_type_hints(group, include_extras=True)
    for item in fields(group):
        default = inspect.Parameter.empty if item.default is MISSING else item.default
        single = inspect.Parameter(item.name, KEYWORD, default=default, annotation=hints[item.name])
        yield getattr(group, "TITLE", OWN), single


def _presented(single: inspect.Parameter, title: str, command: str) -> Any:
    """The annotation of an option with all that `--help` and the environment know it by."""
    kind, shared = get_args(single.annotation)
    if not isinstance(shared, OptionInfo):
        return single.annotation
    info = copy(shared)
    info.rich_help_panel = shared.rich_help_panel or title
    info.metavar = shared.metavar or METAVARS.get(_plain(kind))
    also = [shared.envvar] if isinstance(shared.envvar, str) else []
    info.envvar = [_variable(command, single.name, shared), *also]
    info.show_envvar = shared.envvar is not None
    return Annotated[kind, info]


def _plain(kind: Any) -> Any:
    """The type of one value: `int` of `int | None`, `str` of `list[str] | None`."""
    kinds = [each for each in get_args(kind) if each is not NoneType]
    return _plain(kinds[0]) if len(kinds) == 1 else kind


def _variable(command: str, name: str, option: OptionInfo) -> str:
    """The environment variable of an option: SORMCTL_LABEL_STEPS_MAX_TOKENS."""
    typed = max(option.param_decls or [name], key=len).partition("/")[0].lstrip("-")
    return f"SORMCTL_{command}_{typed}".upper().replace("-", "_")
