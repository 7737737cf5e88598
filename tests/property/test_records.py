"""Reading what was written gives the record back, with the fields that sormctl does not know."""

from __future__ import annotations

from typing import Any

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
    pair_json,
    parse_pair,
    parse_problem,
    parse_solution,
    problem_json,
    solution_json,
)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
steps = st.lists(texts, max_size=4).map(tuple)
counts = st.integers(0, 1000)
extras = st.dictionaries(texts.map("x_{}".format), st.none() | texts | counts, max_size=3)
rollouts = st.tuples(counts, counts).flatmap(
    lambda two: st.builds(Rollouts, st.just(max(two)), st.just(min(two)), st.booleans(), counts)
)
problems = st.builds(Problem, texts, texts, texts, texts, reference=st.none() | steps, extra=extras)


@st.composite
def solutions(draw: Any) -> Solution:
    own = draw(steps)

    def each(values: Any) -> Any:
        return st.lists(values, min_size=len(own), max_size=len(own)).map(tuple)

    return Solution(
        problem=draw(problems),
        solution_id=draw(texts),
        steps=own,
        predicted=draw(st.none() | texts),
        correct=draw(st.booleans()),
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
    assert parse_problem(through_json(problem_json(problem))) == problem


@given(solutions())
def test_solutions(solution: Solution) -> None:
    data = through_json(solution_json(solution))
    assert parse_solution(data) == solution
    assert through_json(solution_json(parse_solution(data))) == data


@given(st.builds(Pair, texts, texts, texts, steps, st.none(), steps, extras))
def test_pairs(pair: Pair) -> None:
    assert parse_pair(through_json(pair_json(pair))) == pair


wrong_values = (
    st.none() | st.booleans() | counts | texts | st.just([]) | st.just({}) | st.just([{}])
)


@given(solution=solutions(), data=st.data())
def test_a_wrong_value_is_refused_by_name_or_read(solution: Solution, data: Any) -> None:
    """Whatever replaces a field: RecordError names it, or it makes a solution like any other."""
    record = through_json(solution_json(solution))
    name = data.draw(st.sampled_from(sorted(record)), label="field")
    record[name] = data.draw(wrong_values, label="value")
    try:
        parsed = parse_solution(record)
    except RecordError as error:
        steps_changed = name == "steps" and ("for 0 steps" in str(error) or "of 0" in str(error))
        assert f"`{name}" in str(error) or steps_changed or name == "verifiers"
    else:
        assert parse_solution(through_json(solution_json(parsed))) == parsed
