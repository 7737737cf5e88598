"""Imports point down, in a ring-free order, and nothing heavy is imported where it is not run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sormctl"
FILES = sorted(PACKAGE.rglob("*.py"))
PURE = {"strategies", "labelling", "balancing", "pairing", "reranking", "filtering"}
PURE |= {"metrics", "answering", "judging"}
BASE = {"errors", "seeds", "records"}
# what each part of the package may import of it; every part may import itself
MAY_IMPORT = {
    "__init__": set(),
    "__main__": {"cli"},
    "errors": set(),
    "seeds": set(),
    "fields": {"errors"},
    "records": {"errors", "fields"},
    **dict.fromkeys(PURE, BASE | PURE | {"tasks"}),
    "tasks": BASE | PURE,
    "streams": {"errors", "records", "tasks", "__init__"},
    "engines": BASE | {"tasks"},
    "inference": BASE | PURE | {"tasks", "engines"},
    "test_time": BASE | PURE | {"tasks", "engines", "inference"},
    "planning": BASE | PURE | {"tasks", "engines", "inference"},
    "searching": BASE | PURE | {"tasks", "inference"},
    "evaluation": BASE | PURE | {"tasks"},
    "training": BASE | PURE | {"tasks", "streams", "engines", "options", "__init__"},
    "report": BASE | PURE | {"tasks", "evaluation", "planning", "__init__"},
    "options": {"streams"},
    "cli": {"commands", "options", "errors", "__init__"},
}
HEAVY = {"torch", "transformers", "accelerate", "vllm", "datasets", "numpy", "rich", "httpx"}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def part_of(module: str) -> str:
    """`sormctl.tasks.base` is of `tasks`; `sormctl` itself is `__init__`."""
    return [*module.split("."), "__init__"][1]


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            inner = PACKAGE.parent.joinpath(*node.module.split("."), alias.name)
            is_module = inner.with_suffix(".py").exists() or (inner / "__init__.py").exists()
            yield f"{node.module}.{alias.name}" if is_module else node.module


def imports(path: Path, everywhere: bool) -> set[str]:
    """Modules imported when `path` is imported; or `everywhere` in it, in functions too."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else at_import(tree)
    return {module for node in nodes for module in imported(node)}


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from at_import(child)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    part = part_of(name_of(path))
    if part == "commands":  # may import everything but the application and each other
        allowed = {*MAY_IMPORT, "commands"} - {"cli", "__main__"}
    else:
        allowed = MAY_IMPORT[part] | {part}
    ours = {
        module for module in imports(path, everywhere=True) if module.split(".")[0] == "sormctl"
    }
    assert {part_of(module) for module in ours} <= allowed
    assert not any(module.startswith("sormctl.commands.") for module in ours)


RUN_MODELS = ("sormctl.engines.hf", "sormctl.training.")
LIGHT = [path for path in FILES if not name_of(path).startswith(RUN_MODELS)]
PAPER = [path for path in FILES if part_of(name_of(path)) in {*PURE, *BASE, "tasks", "evaluation"}]


@pytest.mark.parametrize("path", LIGHT, ids=name_of)
def test_nothing_heavy_is_imported_too_early(path: Path) -> None:
    assert not HEAVY & {module.split(".")[0] for module in imports(path, everywhere=False)}


@pytest.mark.parametrize("path", PAPER, ids=name_of)
def test_the_pure_layer_needs_no_model_file_or_clock(path: Path) -> None:
    everything = {module.split(".")[0] for module in imports(path, everywhere=True)}
    allowed = (
        {"numpy"} if path.stem in {"metrics", "judging"} else set()
    )  # sums over millions of steps
    assert not everything & (HEAVY - allowed | {"os", "io", "pathlib", "time", "subprocess"})
    assert "import random" not in path.read_text()  # the global one; Random(seed) is pure


def test_there_is_no_cycle() -> None:
    graph = {name_of(path): imports(path, everywhere=False) for path in FILES}
    TopologicalSorter(graph).prepare()  # raises CycleError with the cycle


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_code_of_a_model_folder_is_run(path: Path) -> None:
    """Unless told not to, transformers asks on standard input, which is where records come from."""
    loads = [node for node in ast.walk(ast.parse(path.read_text())) if loads_a_model(node)]
    assert all("trust_remote_code=False" in ast.unparse(node) for node in loads)


def loads_a_model(node: ast.AST) -> bool:
    """Whether a node is `Something.from_pretrained(...)`; settings of generation hold no code."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    owner = ast.unparse(node.func.value)
    return node.func.attr in ("from_pretrained", "from_config") and owner != "GenerationConfig"
