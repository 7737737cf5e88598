"""The documentation says what the code does: fresh reference pages, commands that parse."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer

from sormctl.cli import COMMANDS, app
from tests.present import present

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
ENDS = frozenset({"|", "||", "&", "&&", ";"})
REDIRECTIONS = frozenset({"<", ">", ">>"})
ABOUT_ITSELF = ("--version", "--help", "--install-completion", "--show-completion", "COMMAND")

group = typer.main.get_group(app)


def test_reference_pages_are_fresh() -> None:
    reference = [sys.executable, str(ROOT / "docs" / "reference.py"), "--check"]
    checked = subprocess.run(reference, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_one_example_of_the_command(name: str) -> None:
    examples = re.findall(r"Example: (.*)", " ".join(present(group.commands[name].help).split()))
    assert len(examples) == 1 and "\\" not in examples[0]  # help is wrapped anew
    calls = list(calls_of(examples[0]))
    assert name in [call[0] for call in calls]
    for call in calls:
        parse(call)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_used_in_written_pages(name: str) -> None:
    written = [page for page in PAGES if page.name != "commands.md"]
    assert any(name == call[0] for page in written for call in page_calls(page))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_pages_parse(page: Path) -> None:
    for call in page_calls(page):
        parse(call)


def test_a_wrong_option_is_found() -> None:
    (call,) = calls_of("cat a | sormctl sample --model x --no-such-option > b")
    with pytest.raises(Exception, match="--no-such-option"):
        parse(call)


def parse(call: list[str]) -> None:
    """Parses one command line as the application does, and runs nothing."""
    name, *arguments = call
    if name not in ABOUT_ITSELF:
        group.commands[name].make_context(name, arguments)


def page_calls(page: Path) -> Iterator[list[str]]:
    """The sormctl command lines in the `sh` blocks of a page."""
    for block in re.findall(
        r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE
    ):
        yield from calls_of(block)


def calls_of(script: str) -> Iterator[list[str]]:
    """The arguments of every `sormctl` in a shell script, without redirections."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        call: list[str] = []
        for before, word in pairwise(["", *words, ";"]):
            if word in ENDS:
                if call[:1] == ["sormctl"]:
                    yield call[1:]
                call = []
            elif not {before, word} & REDIRECTIONS:
                call.append(word)


def test_extras_that_pages_install_exist() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [
        extra
        for page in PAGES
        for listed in re.findall(r"(?:'\.|sormctl)\[([\w,]+)\]", page.read_text(encoding="utf-8"))
        for extra in listed.split(",")
    ]
    assert len(named) > 5
    assert set(named) <= set(known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_in_pages_are_in_the_files_that_they_name(page: Path) -> None:
    for file, name in re.findall(r"`([\w/]+\.py): ([\w.]+)`", page.read_text("utf-8")):
        path = ROOT / "sormctl" / file.removeprefix("sormctl/")
        assert path.is_file(), f"{file}: no such file"
        defined = names_in(ast.parse(path.read_text("utf-8")))
        assert set(name.split(".")) <= defined, f"{file}: defines no {name}"


def names_in(tree: ast.Module) -> set[str]:
    """Every class, function and variable of a module, those of its classes among them."""
    definitions = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = {node.name for node in ast.walk(tree) if isinstance(node, definitions)}
    targets = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return found | {node.id for node in targets if isinstance(node.ctx, ast.Store)}


@pytest.mark.parametrize(
    "path",
    [
        *PAGES,
        *sorted((ROOT / "examples").rglob("*.sh")),
        *sorted((ROOT / "examples").rglob("*.md")),
    ],
    ids=lambda path: path.name,
)
def test_pipes_fail_if_any_command_does(path: Path) -> None:
    """A writer that is killed cannot say so in its stream; the shell must."""
    if path.name in ("commands.md", "results.md") or "results" in path.parts:
        return  # printed from the code, or a part of such a page
    text = path.read_text("utf-8").replace("\\\n", " ").replace("|\n", "| ")
    piped = re.search(r"^[^`|\n]*\bsormctl [^`\n]*\|\s*sormctl [a-z]", text, re.MULTILINE)
    assert not piped or "pipefail" in text, piped.group()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_hold_no_control_characters(path: Path) -> None:
    text = path.read_text("utf-8").replace("\n", "")
    assert not [c for c in text if c < " " or "\x7f" <= c < "\xa0"]
