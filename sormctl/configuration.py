"""Options that a file gives: `--config FILE`, or the `sormctl.toml` of the working folder.

    engine = "vllm"               # for every command that has such an option

    [eval]                        # for one command
    student = "models/student"

What is typed comes first, then `SORMCTL_EVAL_STUDENT`, then the command's table, then the top.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer

from sormctl.errors import UsageError, first_line
from sormctl.missing import no_such, read_text

FOUND = Path("sormctl.toml")


def configure(context: typer.Context, path: Path | None) -> Path | None:
    """Makes what the file says of a command its defaults; the file, if there is one.

    UsageError for a file that cannot be read, and for a name that no option has.
    """
    path = path or (FOUND if FOUND.is_file() else None)
    if path is None or context.resilient_parsing:
        return path
    data = _read(path)
    commands: Mapping[str, Any] = context.parent.command.commands  # type: ignore[union-attr]
    options = {name: _options(command) for name, command in commands.items()}
    of_all = {name: value for name, value in data.items() if name not in commands}
    _check_names(of_all, {*commands, *(each for known in options.values() for each in known)}, path)
    ours = options[str(context.info_name)]
    given = {name: value for name, value in of_all.items() if _option(name) in ours}
    for command in data.keys() & commands.keys():
        if not isinstance(data[command], dict):
            raise UsageError(f"{path}: `{command}` is a command; its options go under [{command}]")
        _check_names(data[command], options[command], f"{path}: [{command}]")
    given |= data.get(str(context.info_name), {})
    context.default_map = {
        ours[_option(name)].name: _value(name, value, ours[_option(name)], path)
        for name, value in given.items()
    }
    return path


def configured(context: Any) -> str | None:
    """What a file has set for a command, in words; None if nothing."""
    named = [option for option in context.command.params if from_file(context, option)]
    if not named:
        return None
    return f"{context.params['config']} gives {', '.join(_long(option) for option in named)}"


def from_file(context: Any, option: Any) -> bool:
    """Whether an option has its value from a file."""
    source = context.get_parameter_source(option.name)
    return source is not None and source.name == "DEFAULT_MAP"


def typed(context: Any) -> dict[str, str]:
    """The parameters of a command that were typed, by name, each as its longest spelling."""
    return {
        option.name: max(option.opts, key=len)
        for option in context.command.params
        if (source := context.get_parameter_source(option.name)) and source.name == "COMMANDLINE"
    }


def _long(option: Any) -> str:
    """The first of its names that is a word, as the help shows it."""
    return str(next(typed for typed in option.opts if typed.startswith("--")))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: cannot be read: {first_line(error)}") from error


def _options(command: Any) -> dict[str, Any]:
    """A command's options by what is typed, without the dashes."""
    return {
        typed.lstrip("-"): option
        for option in command.params
        if option.param_type_name == "option" and option.name != "config"
        for typed in option.opts
    }


def _option(name: str) -> str:
    return name.replace("_", "-")


def _check_names(given: Iterable[str], known: Iterable[str], where: object) -> None:
    for name in given:
        if _option(name) not in known:
            raise UsageError(f"{where}: {no_such('option or command', name, known)}")


def _value(name: str, value: Any, option: Any, path: Path) -> Any:
    """A value as the option takes it; one of an option that is repeatable need not be a list."""
    several = isinstance(value, list)
    if isinstance(value, dict) or (several and not option.multiple):
        raise UsageError(f"{path}: `{name}` takes one value")
    return [value] if option.multiple and not several else value
