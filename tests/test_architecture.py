"""Imports point down, in a ring-free order, and nothing heavy is imported where it is not run."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.golden.compare import check

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sormctl"
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: printed by make golden -->", "<!-- end of rooms -->"
FILES = sorted(PACKAGE.rglob("*.py"))
# what a room may import, besides itself; a room lies above all that it may import
MAY_IMPORT = {
    room: allowed.split()
    for room, allowed in {
        "__init__": "",
        "errors": "",
        "missing": "errors",
        "seeds": "",
        "background": "",
        "plugins": "errors",
        "asking": "errors missing",
        "prompts": "asking",
        "endings": "",
        "explaining": "",
        "thresholds": "",
        "lines": "errors explaining",
        "records": "endings errors missing explaining lines",
        "targets": "errors records",
        "models": "asking errors missing",
        "tasks.answers": "errors missing",
        "tasks": "asking errors missing plugins seeds prompts records tasks.answers",
        "tasks.solutions": "asking errors missing seeds records tasks.answers tasks",
        "adapters": "errors missing prompts thresholds",
        "engines": "asking endings errors missing prompts records models adapters",
        "slots": "errors models adapters",
        "streams": "__init__ background errors missing seeds lines records",
        "rows": "errors missing explaining lines records streams",
        "problems": "asking errors missing records tasks.answers tasks streams rows",
        "configuration": "errors missing",
        "hub": "errors models streams",
        "option_groups": "errors configuration streams hub",
        "balancing": "records",
        "filtering": "seeds records",
        "pairing": "records targets",
        "reranking": "errors missing records tasks",
        "options": "errors streams tasks.answers tasks hub option_groups reranking",
        "model_options": "asking missing models engines tasks.solutions problems option_groups "
        "options",
        "formats": "asking errors missing plugins seeds prompts records targets tasks.answers "
        "tasks tasks.solutions thresholds pairing reranking",
        "evaluation": "errors missing records targets tasks thresholds reranking",
        "inference": "asking background errors seeds prompts records models tasks tasks.solutions "
        "engines slots",
        "verdicts": "asking errors prompts records tasks.answers formats",
        "judging": "asking errors prompts records models tasks tasks.solutions thresholds adapters "
        "engines slots inference verdicts",
        "test_time": "asking errors records models tasks adapters engines slots inference judging "
        "streams",
        "benching": "adapters asking errors evaluation option_groups options model_options "
        "problems records streams tasks test_time",
        "labelling": "background errors prompts records tasks.answers tasks tasks.solutions "
        "engines inference",
        "training": "__init__ asking errors missing seeds prompts records models targets tasks "
        "engines slots streams hub options model_options balancing pairing",
        "training.worker": "errors missing models engines thresholds evaluation training",
        "report": "errors missing lines records targets tasks thresholds reranking streams "
        "evaluation labelling training.worker",
        "doctor": "__init__ errors tasks problems",
    }.items()
}
MAY_IMPORT["commands"] = list(MAY_IMPORT)
CLI = "errors lines configuration streams option_groups commands"
MAY_IMPORT["cli"] = ["__init__", *CLI.split()]
MAY_IMPORT["__main__"] = ["cli"]
HEAVY = {
    "torch",
    "transformers",
    "accelerate",
    "vllm",
    "datasets",
    "pyarrow",
    "numpy",
    "rich",
    "httpx",
    "math_verify",
}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def room_of(module: str) -> str:
    """`sormctl.tasks.base` is in `tasks`; `sormctl` itself is `__init__`."""
    parts = module.split(".")[1:] or ["__init__"]
    inner = ".".join(parts[:2])
    return inner if inner in MAY_IMPORT else parts[0]


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


def ours_in(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it."""
    return {name for name in imports(path, everywhere=True) if name.split(".")[0] == "sormctl"}


def at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
            yield from at_import(child)


def test_rooms_are_listed_from_the_ground_up() -> None:
    below: set[str] = set()
    for room, allowed in MAY_IMPORT.items():
        assert set(allowed) <= below
        below.add(room)


def test_no_room_may_import_what_it_does_not() -> None:
    used: dict[str, set[str]] = {room: {room} for room in MAY_IMPORT}
    for path in FILES:
        used[room_of(name_of(path))] |= {room_of(name) for name in ours_in(path)}
    by_name = {"commands", "cli"}  # commands are imported when they are typed
    unused = {
        f"{room} may import {', '.join(sorted(surplus))}"
        for room, may in MAY_IMPORT.items()
        if (surplus := {*may} - used[room]) and room not in by_name
    }
    assert not unused


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_down(path: Path) -> None:
    room, ours = room_of(name_of(path)), ours_in(path)
    assert {room_of(name) for name in ours} <= {*MAY_IMPORT[room], room}
    assert not any(name.startswith("sormctl.commands.") for name in ours)


ALGEBRA = "sormctl.tasks.answers.algebra"
RUN_MODELS = ("sormctl.engines.hf.", "sormctl.training.worker.", f"{ALGEBRA}_worker")
# thousands of resamplings; imported where they are wanted
SUMS = ("sormctl.evaluation.intervals", "sormctl.evaluation.step_benchmarks")
LIGHT = [path for path in FILES if not name_of(path).startswith((*RUN_MODELS, *SUMS))]
PURE_ROOMS = {
    "balancing",
    "filtering",
    "pairing",
    "reranking",
    "formats",
    "errors",
    "seeds",
    "prompts",
    "lines",
    "records",
    "tasks",
}
PURE_ROOMS |= {"tasks.answers", "tasks.solutions", "evaluation", "targets", "verdicts"}
PURE_MODULES = {f"sormctl.labelling.{name}" for name in ("labels", "strategies", "consistency")}
PURE_MODULES |= {f"sormctl.adapters.{name}" for name in ("adapter", "layout")}
# what nothing but the end of a process can stop is thought about in a process of its own
BESIDE = {ALGEBRA, f"{ALGEBRA}_worker"}
PURE = [
    path
    for path in FILES
    if (room_of(name_of(path)) in PURE_ROOMS or name_of(path) in PURE_MODULES)
    and name_of(path) not in BESIDE
]


@pytest.mark.parametrize("path", LIGHT, ids=name_of)
def test_nothing_heavy_is_imported_too_early(path: Path) -> None:
    assert not HEAVY & {module.split(".")[0] for module in imports(path, everywhere=False)}


@pytest.mark.parametrize("path", PURE, ids=name_of)
def test_the_pure_layer_needs_no_model_file_or_clock(path: Path) -> None:
    everything = {module.split(".")[0] for module in imports(path, everywhere=True)}
    sums = {"numpy"} if room_of(name_of(path)) == "evaluation" else set()  # over millions of steps
    assert not everything & (HEAVY - sums | {"os", "io", "pathlib", "time", "subprocess"})
    assert "import random" not in path.read_text()  # the global one; Random(seed) is pure


# what a caller finds by convention in a module: entry points, kinds of examples, formats
BY_CONVENTION = {"main", "create", "parse", "read", "write"}


def test_a_public_name_has_one_meaning() -> None:
    """No two modules define a class or a function of one name; a command is named as its module."""
    defined = Counter(
        node.name
        for path in FILES
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    )
    twice = {name for name, count in defined.items() if count > 1 and name[0] != "_"}
    assert twice <= BY_CONVENTION


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


def test_the_page_has_the_table_of_rooms() -> None:
    """`make golden` writes it there."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    check(PAGE, f"{before}{BEGIN}\n{table_of_rooms()}{END}{after}")


def table_of_rooms() -> str:
    rows = ["| room | what is in it | may import |", "|---|---|---|"]
    for room, allowed in reversed(MAY_IMPORT.items()):
        path = PACKAGE.joinpath(*room.split("."))
        is_folder = path.is_dir()
        text = (path / "__init__.py" if is_folder else path.with_suffix(".py")).read_text("utf-8")
        about = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ")
        name = f"`{room.replace('.', '/')}/`" if is_folder else f"`{room}.py`"
        below = [other for other in allowed if other != "__init__"]
        names = "all below" if room == "commands" else ", ".join(f"`{other}`" for other in below)
        rows.append(f"| {name} | {about} | {names} |")
    return "\n".join(rows) + "\n"
