"""What is exported comes back as it was: question and answer, steps and their labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.formats import math_shepherd, processbench, rlhflow, stepwise
from sormctl.formats.base import DataFormat, Exporting, Importing
from sormctl.formats.known_problems import KnownProblems
from sormctl.formats.registry import format_names, get_format
from sormctl.formats.solutions import labelled_part
from sormctl.formats.values import whole
from sormctl.lines import load_object
from sormctl.records import Json, Problem, Solution, encode, parse_record
from sormctl.targets import SOFT
from sormctl.tasks.registry import get_task
from tests.golden.compare import FILES
from tests.present import present

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
TAGGED = st.sampled_from(
    ["Step 1: ", "step 1 :", "2. ", "ки", "?", "\n", "+", "1", "#### 7", "\\boxed{7}"]
)
STRIPPED = (
    st.lists(TEXTS | TAGGED, min_size=1, max_size=4)
    .map(lambda parts: "".join(parts).strip())
    .filter(bool)
)
SHARES = st.floats(0, 1)
HOW = Exporting()
PROBLEM = Problem(task="exact", problem_id="1", question="q", answer="7")


@st.composite
def solutions(draw: st.DrawFn, texts: st.SearchStrategy[str] = TEXTS) -> Solution:
    """With a label and a soft label at each step."""
    steps = draw(st.lists(texts, min_size=1, max_size=4))
    count = len(steps)
    labels = draw(st.lists(st.sampled_from([0, 1]), min_size=count, max_size=count))
    soft = draw(st.lists(SHARES, min_size=count, max_size=count))
    problem = Problem(
        task="exact", problem_id="p", question=draw(texts.filter(str.strip)), answer="7"
    )
    return problem.solved(
        solution_id="p/1",
        steps=tuple(steps),
        labels=tuple(labels),
        scores={SOFT: tuple(soft)},
        correct=draw(st.none() | st.booleans()),
    )


def returned(
    solution: Solution, format: DataFormat, how: Exporting = HOW, *, known: bool = False
) -> Solution:
    """What comes back of a solution that is written and read, maybe beside its problem."""
    assert format.read and format.write
    try:
        row = format.write(solution, how)
    except RecordError:  # it says that the format has no place for such a text
        assume(False)
    problems = [Problem(**{n: getattr(solution, n) for n in Problem.__struct_fields__})]
    reading = Importing(get_task("exact"), KnownProblems(problems if known else ()))
    (back,) = format.read(load_object(encode(present(row))), reading)
    return back


def told(solution: Solution) -> tuple[object, ...]:
    return solution.question, solution.steps, solution.labels


@given(solutions(), st.booleans())
def test_stepwise(solution: Solution, soft: bool) -> None:
    back = returned(solution, stepwise.FORMAT, Exporting(soft=soft))
    if not soft:
        assert told(back) == told(solution)
        return
    assert back.scores == solution.scores
    assert (back.question, back.steps) == (solution.question, solution.steps)


@pytest.mark.parametrize("format", [math_shepherd.FORMAT, rlhflow.FORMAT], ids=lambda f: f.name)
@given(solution=solutions(STRIPPED))
def test_numbered_steps(format: DataFormat, solution: Solution) -> None:
    assert told(returned(solution, format)) == told(solution)


@given(solutions())
def test_processbench(solution: Solution) -> None:
    """Nobody judges what follows the first error."""
    back = returned(solution, processbench.FORMAT)
    labels = solution.labels_given()
    first = (*labels, 0).index(0) + 1
    unknown = (None,) * (len(labels) - first)
    assert told(back) == (solution.question, solution.steps, (*labels[:first], *unknown))
    assert back.correct == solution.correct
    assert processbench.write(back, HOW) == {
        **present(processbench.write(solution, HOW)),
        "id": back.solution_id,
    }


@pytest.mark.parametrize(
    "format",
    [stepwise.FORMAT, math_shepherd.FORMAT, rlhflow.FORMAT, processbench.FORMAT],
    ids=lambda f: f.name,
)
@settings(max_examples=20)
@given(solution=solutions(STRIPPED))
def test_answers_come_from_the_problems(format: DataFormat, solution: Solution) -> None:
    back = returned(solution, format, known=True)
    assert (back.task, back.problem_id, back.answer) == ("exact", "p", "7")


@given(st.lists(st.sampled_from([0, 1, None]), max_size=6))
def test_what_is_labelled_at_each_step(labels: list[int | None]) -> None:
    problem = Problem(task="exact", problem_id="p", question="q", answer=None)
    solution = problem.solved(
        solution_id="p/1",
        steps=tuple(map(str, range(len(labels)))),
        labels=tuple(labels),
        scores={"rm": (0.5,) * len(labels)},
        correct=None,
    )
    part = labelled_part(solution)
    count = (*labels, None).index(None)
    assert (part.steps if part else ()) == solution.steps[:count]
    if part:
        part.check()
        assert part.labels == tuple(labels[:count])


NUMBERS = st.sampled_from(["1", " -1 ", "--1", "-", "9" * 5000, "-" + "1" * 5000])
VALUES: st.SearchStrategy[object] = (
    NUMBERS | st.none() | st.booleans() | st.integers(-2, 3) | SHARES | TAGGED | TEXTS
)
PARTS = (
    VALUES
    | st.lists(VALUES, max_size=2)
    | st.dictionaries(st.sampled_from(["text", "role"]), VALUES)
)
READ = [name for name in format_names() if get_format(name).read]


def parts_of(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object and list within a value, with each of its keys."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from parts_of(value[key])


@st.composite
def damaged_rows(draw: st.DrawFn, name: str) -> Json:
    """A row in its published shape, of which one part or two were replaced or taken out."""
    lines = (FILES / "formats" / f"{name}.rows.jsonl").read_bytes().splitlines()
    row = json.loads(draw(st.sampled_from(lines)))
    for _ in range(draw(st.integers(1, 2))):
        if not row:
            break
        holder, key = draw(st.sampled_from(list(parts_of(row))))
        if draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(PARTS)
    return dict(row)


@given(st.text("-+ 0123456789_.", max_size=25) | NUMBERS | st.floats() | PARTS)
def test_a_whole_number_is_one_or_what_it_was(value: Any) -> None:
    read = whole(value)
    assert read is value or (type(read) is int and read == float(value))


@pytest.mark.parametrize("name", READ)
@settings(max_examples=30)
@given(data=st.data())
def test_a_row_is_read_or_refused_in_one_line(name: str, data: st.DataObject) -> None:
    row, read = data.draw(damaged_rows(name)), get_format(name).read
    assert read
    how = Importing(get_task("exact"), KnownProblems([PROBLEM]))
    try:
        made = list(read(row, how))
    except RecordError as error:
        assert str(error) and "\n" not in str(error)
        return
    for solution in made:
        solution.check()
        assert parse_record(load_object(encode(solution)), Solution) == solution
