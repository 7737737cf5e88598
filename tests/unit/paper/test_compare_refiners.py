"""Refiners beside each other on the same drafts."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from examples.paper.compare_refiners import copies, read, refinements
from sormctl.errors import DataError
from sormctl.records import Solution, encode
from tests.unit.examples import solution, wrong

DRAFTS = [solution("d1"), wrong("d2")]


def write(path: Path, refined: list[Solution]) -> str:
    path.write_bytes(b"".join(encode(each) for each in refined))
    return str(path)


def refined(name: str) -> Solution:
    return solution(f"r-{name}", source={"kind": "global", "draft_id": name})


def test_refinements_are_in_the_order_of_the_drafts(tmp_path: Path) -> None:
    path = write(tmp_path / "refined.jsonl", [refined("d2"), refined("d1")])
    found = refinements(path, DRAFTS)
    assert [each.solution_id for each in found] == ["r-d1", "r-d2"]
    assert [copies(r, d) for r, d in zip(found, DRAFTS, strict=True)] == [True, False]


@pytest.mark.parametrize(
    "names", [["d1"], ["d1", "d2", "d3"], ["d1", "other"]], ids=["fewer", "more", "others"]
)
def test_each_draft_has_one(tmp_path: Path, names: list[str]) -> None:
    path = write(tmp_path / "refined.jsonl", [*map(refined, names)])
    with pytest.raises(DataError, match=r"refined\.jsonl: not a refinement of each"):
        refinements(path, DRAFTS)


def test_drafts_are_no_refinements(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a refinement of each"):
        refinements(write(tmp_path / "drafts.jsonl", DRAFTS), DRAFTS)


def test_what_is_not_graded_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "drafts.jsonl", [*DRAFTS, replace(solution("d3"), correct=None)])
    with pytest.raises(DataError, match=r"drafts\.jsonl:3: `correct` is unknown"):
        read(path)
