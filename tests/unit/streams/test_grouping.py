"""Groups come in order of first appearance, whether or not they had to wait on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.errors import OutputError
from sormctl.records import Json
from sormctl.streams import grouping
from sormctl.streams.grouping import group_by, group_solutions
from tests.unit.examples import solution

Item = tuple[str, int]
ITEMS: list[Item] = [("b", 0), ("a", 1), ("b", 2), ("c", 3), ("a", 4), ("b", 5)]
GROUPS = [[("b", 0), ("b", 2), ("b", 5)], [("a", 1), ("a", 4)], [("c", 3)]]


def name(item: Item) -> str:
    return item[0]


def to_json(item: Item) -> Json:
    return {"name": item[0], "n": item[1]}


def parse(data: Json) -> Item:
    return data["name"], data["n"]


@pytest.mark.parametrize("max_records", [1, 2, 3, 5, 6, 7])
def test_groups(max_records: int) -> None:
    assert list(group_by(iter(ITEMS), name, to_json, parse, max_records)) == GROUPS


def test_nothing() -> None:
    assert list(group_by([], name, to_json, parse)) == []


def test_more_runs_than_may_be_open() -> None:
    items = [(f"k{i % 7}", i) for i in range(3 * grouping.MAX_RUNS)]
    groups = list(group_by(items, name, to_json, parse, max_records=1))
    assert groups == [[item for item in items if item[0] == f"k{i}"] for i in range(7)]


def test_solutions_of_a_problem() -> None:
    first, second = solution("s1"), solution("s2")
    assert list(group_solutions([first, second])) == [[first, second]]


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no"))
    with pytest.raises(OutputError, match=r"cannot write temporary files in .* \(set TMPDIR"):
        list(group_by(ITEMS, name, to_json, parse, max_records=2))
