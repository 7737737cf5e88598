"""Groups come in order of first appearance, whether or not they had to wait on disk."""

from __future__ import annotations

import errno
import tracemalloc
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest
from msgspec.structs import replace

from sormctl.errors import DataError, OutputError, RecordError
from sormctl.records import Solution, encode
from sormctl.streams import grouping
from sormctl.streams.driver import pipe_groups
from sormctl.streams.grouping import Adjacent, group_lines, group_solutions
from sormctl.streams.job_outputs import Job
from sormctl.streams.jsonl import RecordReader
from tests.unit.examples import PROBLEM, solution

LINES = [b"b 0", b"a 1", b"b 2", b"c 3", b"a 4", b"b 5"]
GROUPS = [[b"b 0", b"b 2", b"b 5"], [b"a 1", b"a 4"], [b"c 3"]]


def grouped(lines: Iterable[bytes], max_bytes: int) -> list[list[bytes]]:
    groups = group_lines(((line[:1].decode(), (line, 0, 0)) for line in lines), max_bytes)
    return [[line for line, _, _ in group] for group in groups]


@pytest.mark.parametrize("max_bytes", [1, 223, 224, 446, 1000, 2000])
def test_groups(max_bytes: int) -> None:
    assert grouped(LINES, max_bytes) == GROUPS


def test_nothing() -> None:
    assert grouped([], 9) == []


def test_more_runs_than_may_be_open() -> None:
    lines = [b"%d %d" % (-i % 7, i) for i in range(3 * grouping.MAX_RUNS)]
    groups = [[line for line in lines if line[:1] == b"%d" % (-i % 7)] for i in range(7)]
    assert grouped(lines, max_bytes=1) == groups


def test_what_comes_grouped_waits_in_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    first = lambda runs, *more: runs[0].read()  # noqa: E731 (all is in the first)
    monkeypatch.setattr(grouping, "_merged", first)
    lines = [b"%d" % (i // 9) for i in range(90)]
    assert len(grouped(lines, max_bytes=2)) == 10


def test_memory_is_that_of_a_chunk() -> None:
    """10 MB of lines, whose groups are spread over all of them, within a fifth of that."""
    lines = ((str(i % 2000), (b"%500d" % i, 1, i)) for i in range(20_000))
    tracemalloc.start()
    try:
        assert sum(len(group) for group in group_lines(lines, max_bytes=1 << 18)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_solutions_of_a_problem() -> None:
    first, second = solution("s1"), solution("s2")
    assert list(group_solutions([first, second])) == [[first, second]]


def test_solutions_that_stand_together() -> None:
    """Equal ids with another question are another problem."""
    first, second, third = (solution(name) for name in ("s1", "s2", "s3"))
    other = solution("o", problem=replace(PROBLEM, question="And 3 + 3?"))
    adjacent = Adjacent()
    apart = [first, other, second, third]
    assert list(adjacent.groups(apart)) == [[first], [other], [second, third]]
    assert adjacent.scattered == 1


def test_solutions_are_brought_together_and_keep_their_places(tmp_path: Path) -> None:
    first, second = solution("s1"), solution("s2")
    other = solution("o", problem=replace(PROBLEM, problem_id="p2"))
    path = tmp_path / "in.jsonl"
    checked: list[Solution] = []
    path.write_bytes(b"".join(map(encode, [first, other, second, replace(second, answer="7")])))
    reader = RecordReader([str(path)])
    solutions = reader.gathered(checked.append)
    assert next(solutions) == first and len(checked) == 4
    assert next(solutions) == second
    with (
        pytest.raises(DataError, match=r"in.jsonl:4: another line has problem p1 with"),
        reader.placing(),
    ):
        list(group_solutions(reader.gathered()))


def test_solutions_that_contradict_each_other() -> None:
    first = solution("s1")
    second = replace(first, steps=(*first.steps, "Thus 4."))
    for groups in (group_solutions, Adjacent().groups):
        assert list(groups([first, first])) == [[first, first]]
        with pytest.raises(RecordError, match="another solution has the id s1"):
            list(groups([first, second]))


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "no"))
    with pytest.raises(OutputError, match=r"cannot write temporary files in .* \(set TMPDIR"):
        grouped(LINES, max_bytes=2)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    good = encode(solution("s1"))
    (tmp_path / "a.jsonl").write_bytes(good + b"\n")
    (tmp_path / "b.jsonl").write_bytes(
        b" " + good + good.replace(b'"correct":true', b'"correct":1')
    )
    names = [str(tmp_path / name) for name in ("a.jsonl", "b.jsonl")]
    return Job("test", {}, names, tmp_path / "out.jsonl", quiet=True)


def test_a_bad_solution_is_named_after_grouping(job: Job) -> None:
    with pytest.raises(DataError, match=r"b\.jsonl:2: `correct` must be true, false or null"):
        pipe_groups(job, lambda groups: [{"n": len(group)} for group in groups])


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", none)
    with pytest.raises(OutputError, match=r"directory found in \['/tmp'\]; set TMPDIR to one"):
        list(group_lines([("a", (b"x" * 99, 1, 1))], max_bytes=1))


def test_a_solution_that_will_not_do_is_named(job: Job) -> None:
    def check(found: Solution) -> None:
        raise RecordError("will not do")

    with pytest.raises(DataError, match=r"a\.jsonl:1: will not do"):
        pipe_groups(job, chain.from_iterable, check)


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"question":"', b'"question":"Not ', "another question has the problem id "),
        (b'"steps":["', b'"steps":["Not ', "another solution has the id s1; give each its own"),
        (b'"answer":"', b'"answer":"1', "another line has problem p1 with another answer"),
        (b'"correct":true', b'"correct":false', "solution s1 is once correct and once incorr"),
        (b'"correct":true', b'"correct":null', "solution s1 is once correct and once not graded"),
        # the last of a name counts; the first decides with what it is grouped
        (b'"steps":', b'"problem_id":"mine","steps":', "another question has the problem id mine"),
    ],
)
def test_what_contradicts_another_line_is_named(
    job: Job, tmp_path: Path, old: bytes, new: bytes, message: str, apart: bool
) -> None:
    good = (tmp_path / "a.jsonl").read_bytes().strip() + b"\n"
    problem = replace(PROBLEM, problem_id="p2")
    other = encode(solution("o", problem=problem)) * apart
    (tmp_path / "b.jsonl").write_bytes(other + good + good.replace(old, new))
    with pytest.raises(DataError, match=rf"b\.jsonl:{2 + apart}: {message}"):
        pipe_groups(job, chain.from_iterable)
