"""Reading what was written gives the record back, with the fields that sormctl does not know."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from hypothesis import given
from hypothesis import strategies as st

from sormctl.errors import RecordError
from sormctl.records import (
    Pair,
    Problem,
    Rollouts,
    Solution,
    Usage,
    Verifier,
    parse_record,
    to_json,
)

T = TypeVar("T")
texts = st.text(st.characters(codec="utf-8"), max_size=8)
steps = st.lists(texts, max_size=4).map(tuple)
counts = st.integers(0, 1000)
extras = st.dictionaries(texts.map("x_{}".format), st.none() | texts | counts, max_size=3)
rollouts = st.tuples(counts, counts).flatmap(
    lambda two: st.builds(Rollouts, st.just(max(two)), st.just(min(two)), st.booleans(), counts)
)
problems = st.builds(
    Problem,
    task=texts,
    problem_id=texts,
    question=texts,
    answer=st.none() | texts,
    reference=st.none() | steps,
    extra=extras,
)
pairs = st.builds(
    Pair,
    task=texts,
    problem_id=texts,
    question=texts,
    draft=steps,
    first_error=st.none(),
    target=steps,
    extra=extras,
)


@st.composite
def solutions(draw: st.DrawFn) -> Solution:
    own = draw(steps)

    def each(values: st.SearchStrategy[T]) -> st.SearchStrategy[tuple[T, ...]]:
        return st.lists(values, min_size=len(own), max_size=len(own)).map(tuple)

    return draw(problems).solved(
        solution_id=draw(texts),
        steps=own,
        predicted=draw(st.none() | texts),
        separators=draw(st.none() | each(texts)),
        thought=draw(st.none() | texts),
        correct=draw(st.none() | st.booleans()),
        source=draw(extras),
        usage=draw(st.builds(Usage, counts, counts, counts)),
        labels=draw(st.none() | each(st.sampled_from([0, 1, None]))),
        rollouts=draw(st.none() | each(rollouts)),
        verifiers=draw(
            st.lists(st.builds(Verifier, st.integers(0, len(own)), steps), max_size=2).map(tuple)
        ),
        scores=draw(st.dictionaries(texts, each(st.floats(0, 1)), max_size=2)),
    )


def through_json(data: Any) -> Any:
    return orjson.loads(orjson.dumps(data))


@given(problems)
def test_problems(problem: Problem) -> None:
    assert parse_record(through_json(to_json(problem)), Problem) == problem


@given(solutions())
def test_solutions(solution: Solution) -> None:
    data = through_json(to_json(solution))
    assert parse_record(data, Solution) == solution
    assert through_json(to_json(parse_record(data, Solution))) == data


@given(pairs)
def test_pairs(pair: Pair) -> None:
    assert parse_record(through_json(to_json(pair)), Pair) == pair


wrong_values: st.SearchStrategy[object] = (
    st.none() | st.booleans() | counts | texts | st.just([]) | st.just({}) | st.just([{}])
)


@given(solution=solutions(), data=st.data())
def test_a_wrong_value_is_refused_by_name_or_read(solution: Solution, data: st.DataObject) -> None:
    """Whatever replaces a field: RecordError names it, or it makes a solution like any other."""
    record = through_json(to_json(solution))
    name = data.draw(st.sampled_from(sorted(record)), label="field")
    record[name] = data.draw(wrong_values, label="value")
    try:
        parsed = parse_record(record, Solution)
    except RecordError as error:
        steps_changed = name == "steps" and ("for 0 steps" in str(error) or "of 0" in str(error))
        assert f"`{name}" in str(error) or steps_changed or name == "verifiers"
    else:
        assert parse_record(through_json(to_json(parsed)), Solution) == parsed
