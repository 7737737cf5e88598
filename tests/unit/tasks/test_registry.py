"""Tasks are found by entry point, those of other packages too."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.errors import RecordError, UsageError
from sormctl.tasks.registry import get_task, task_names

MODULE = """
from sormctl.records import Problem
from sormctl.tasks.base import Task

PROBLEM = Problem(task="{name}", problem_id="1", question="1+1?", answer="2")
TASK = Task("{name}", generate=lambda split, seed: iter([PROBLEM]))
NO_TASK = 5
"""


def install(folder: Path, name: str, value: str) -> None:
    """A package as pip leaves it: a module, and metadata with an entry point."""
    (folder / f"{name}.py").write_text(MODULE.format(name=name))
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[sormctl.tasks]\n{name} = {value}\n")


def test_the_tasks_of_this_package_are_there() -> None:
    ours = {"gsm8k", "svamp", "chain", "numeric", "math", "exact", "choice"}
    assert ours <= set(task_names())
    assert get_task("gsm8k").name == "gsm8k"


def test_a_task_of_another_package_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "thirdparty", "thirdparty:TASK")
    monkeypatch.syspath_prepend(tmp_path)
    assert "thirdparty" in task_names()
    generate = get_task("thirdparty").generate
    assert generate is not None
    assert next(generate("test", 0)).question == "1+1?"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("nomodule", "nomodule_at_all:TASK", "cannot be loaded: No module named"),
        ("noattribute", "noattribute:MISSING", "cannot be loaded: .*MISSING"),
        ("notask", "notask:NO_TASK", r"\(notask:NO_TASK\) is no sormctl.tasks.base.Task"),
    ],
)
def test_a_broken_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    install(tmp_path, name, value)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match=message):
        get_task(name)


def test_an_unknown_task_names_those_that_exist() -> None:
    with pytest.raises(RecordError, match=r"no task `gsm9k`; did you mean `gsm8k`\? known: "):
        get_task("gsm9k")
