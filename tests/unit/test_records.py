"""Records: what is kept, what is refused, and that every error names the field."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from sormctl.errors import RecordError
from sormctl.records import (
    Json,
    Pair,
    Problem,
    Rollouts,
    Solution,
    Usage,
    Verifier,
    decoder,
    encode,
    is_unfinished,
    parse_record,
    to_json,
)

PROBLEM: Json = {"task": "numeric", "problem_id": "p1", "question": "2 + 2?", "answer": "4"}
SOLUTION: Json = {
    **PROBLEM,
    "reference": ["2 + 2 = 4"],
    "solution_id": "s1",
    "steps": ["2 + 2 = 4", "#### 4"],
    "predicted": "4",
    "correct": True,
    "source": {"kind": "sample", "seed": 7},
    "usage": {"prompt_tokens": 9, "cached_tokens": 3, "generated_tokens": 12},
    "labels": [1, None],
    "rollouts": [
        {"tried": 8, "succeeded": 3, "made": True, "generated_tokens": 90},
        {"tried": 0, "succeeded": 0, "made": False, "generated_tokens": 0},
    ],
    "verifiers": [{"prefix": 1, "steps": ["#### 4"]}],
    "scores": {"orm": [0.5, 1.0]},
    "mine": {"tag": [1, 2]},
}
PAIR: Json = {
    "task": "numeric",
    "problem_id": "p1",
    "question": "2 + 2?",
    "draft": ["2 + 2 = 5"],
    "first_error": 0,
    "target": ["2 + 2 = 4"],
    "mine": 1,
}


def test_a_problem() -> None:
    problem = parse_record({**PROBLEM, "mine": 1}, Problem)
    assert problem == Problem(**PROBLEM, extra={"mine": 1})
    assert to_json(problem) == {**PROBLEM, "mine": 1}


def test_the_text_of_a_solution_is_as_its_model_wrote_it() -> None:
    solution = parse_record(SOLUTION, Solution)
    assert solution.text == "2 + 2 = 4\n#### 4"
    written = replace(solution, opening="So: ", separators=("\n\n", "\n"))
    assert written.text == "So: 2 + 2 = 4\n\n#### 4"
    assert replace(solution, steps=(), separators=()).text == ""


def test_a_solution() -> None:
    solution = parse_record(SOLUTION, Solution)
    assert solution == Solution(
        **PROBLEM,
        reference=("2 + 2 = 4",),
        extra={"mine": {"tag": [1, 2]}},
        solution_id="s1",
        steps=("2 + 2 = 4", "#### 4"),
        predicted="4",
        correct=True,
        source={"kind": "sample", "seed": 7},
        usage=Usage(9, 3, 12),
        labels=(1, None),
        rollouts=(Rollouts(8, 3, True, 90), Rollouts()),
        verifiers=(Verifier(1, ("#### 4",)),),
        scores={"orm": (0.5, 1.0)},
    )


def test_what_a_solution_need_not_have() -> None:
    names = ("task", "problem_id", "question", "answer", "solution_id", "steps", "correct")
    solution = parse_record({name: SOLUTION[name] for name in names}, Solution)
    assert solution.predicted is None
    assert (solution.usage, solution.scores, solution.verifiers) == (Usage(), {}, ())
    assert (solution.labels, solution.rollouts, solution.reference) == (None, None, None)


def test_a_usage_is_written_back_only_where_there_was_one() -> None:
    """Zeros would say that the solution cost nothing, which nobody knows."""
    without = {key: value for key, value in SOLUTION.items() if key != "usage"}
    for given, written in ((without, None), (SOLUTION, SOLUTION["usage"])):
        line = encode(parse_record(given, Solution))
        assert orjson.loads(line).get("usage") == written
        assert encode(decoder(Solution)(line)) == line
    nothing = {"prompt_tokens": 0, "cached_tokens": 0, "generated_tokens": 0}
    assert to_json(parse_record({**SOLUTION, "usage": {}}, Solution))["usage"] == nothing


def test_a_pair() -> None:
    pair = parse_record(PAIR, Pair)
    assert pair == Pair(
        task="numeric",
        problem_id="p1",
        question="2 + 2?",
        draft=("2 + 2 = 5",),
        first_error=0,
        target=("2 + 2 = 4",),
        extra={"mine": 1},
    )
    assert parse_record(to_json(pair), Pair) == pair
    assert to_json(pair).keys() == PAIR.keys()
    assert parse_record({**PAIR, "first_error": None}, Pair).first_error is None


@pytest.mark.parametrize("name", ["task", "problem_id", "question", "answer"])
def test_a_field_that_is_missing(name: str) -> None:
    data = {key: value for key, value in SOLUTION.items() if key != name}
    with pytest.raises(RecordError, match=f"^no `{name}`$"):
        parse_record(data, Problem)
    with pytest.raises(RecordError, match=f"^no `{name}`$"):
        parse_record(data, Solution)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("steps", "; run `sormctl sample` or `sormctl grade` first"),
        ("correct", "; run `sormctl grade` first"),
        ("solution_id", "; run `sormctl sample` or `sormctl grade` first"),
    ],
)
def test_a_solution_that_is_none_yet(name: str, remedy: str) -> None:
    data = {key: value for key, value in SOLUTION.items() if key != name}
    with pytest.raises(RecordError) as caught:
        parse_record(data, Solution)
    assert str(caught.value) == f"no `{name}`{remedy}"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"task": 1}, "`task` must be a string, not a number"),
        ({"question": None}, "`question` must be a string, not null"),
        ({"answer": 4}, "`answer` must be a string or null, not a number"),
        ({"reference": "x"}, "`reference` must be a list or null, not a string"),
        ({"reference": ["x", 2]}, "`reference[1]` must be a string, not a number"),
        ({"solution_id": []}, "`solution_id` must be a string, not a list"),
        ({"steps": {}}, "`steps` must be a list, not an object"),
        ({"steps": ["x", None]}, "`steps[1]` must be a string, not null"),
        ({"predicted": 4}, "`predicted` must be a string or null, not a number"),
        ({"correct": 1}, "`correct` must be true, false or null, not a number"),
        ({"source": "x"}, "`source` must be an object, not a string"),
        ({"usage": 3}, "`usage` must be an object, not a number"),
        ({"usage": {"generated_tokens": "3"}}, "`usage.generated_tokens` must be an integer"),
        ({"usage": {"prompt_tokens": -1}}, "`usage.prompt_tokens` must be at least 0"),
        (
            {"usage": {"prompt_tokens": 2**53}},
            "`usage.prompt_tokens` must be at most 9007199254740991",
        ),
        ({"labels": [1, 2]}, "`labels[1]` must be 0, 1 or null"),
        ({"labels": [True, 0]}, "`labels[0]` must be 0, 1 or null"),
        ({"labels": [1]}, "`labels` has 1 entries for 2 steps"),
        ({"rollouts": [1, 2]}, "`rollouts[0]` must be an object, not a number"),
        ({"rollouts": []}, "`rollouts` has 0 entries for 2 steps"),
        ({"rollouts": [{"tried": 1.5}, {}]}, "`rollouts[0].tried` must be an integer"),
        ({"rollouts": [{"made": 1}, {}]}, "`rollouts[0].made` must be true or false"),
        ({"rollouts": [{"tried": -1}, {}]}, "`rollouts[0].tried` must be at least 0"),
        ({"rollouts": [{"succeeded": 1}, {}]}, "`rollouts` has 1 successes of 0 tried"),
        ({"verifiers": [{"steps": []}]}, "no `verifiers[0].prefix`"),
        ({"verifiers": [{"prefix": 3, "steps": []}]}, "`verifiers` names prefix 3 of 2 steps"),
        ({"verifiers": [{"prefix": 0, "steps": [1]}]}, "`verifiers[0].steps[0]` must be a string"),
        ({"scores": [1]}, "`scores` must be an object, not a list"),
        ({"scores": {"orm": 1}}, "`scores.orm` must be a list, not a number"),
        ({"scores": {"orm": [1, "x"]}}, "`scores.orm[1]` must be a number, not a string"),
        ({"scores": {"orm": [True, 1]}}, "`scores.orm[0]` must be a number, not a boolean"),
        ({"scores": {"orm": [1, 1.5]}}, "`scores.orm[1]` must be at most 1"),
        ({"scores": {"orm": [-0.1, 1]}}, "`scores.orm[0]` must be at least 0"),
        ({"scores": {"orm": [0.5]}}, "`scores.orm` has 1 entries for 2 steps"),
    ],
)
def test_a_wrong_solution(field: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record({**SOLUTION, **field}, Solution)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"draft": None}, "`draft` must be a list, not null"),
        ({"target": [1]}, "`target[0]` must be a string, not a number"),
        ({"first_error": 1}, "`first_error` is 1, but the draft has 1 steps"),
        ({"first_error": -1}, "`first_error` is -1, but the draft has 1 steps"),
        ({"first_error": True}, "`first_error` must be an integer or null, not a boolean"),
        ({"question": 1}, "`question` must be a string"),
    ],
)
def test_a_wrong_pair(field: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_record({**PAIR, **field}, Pair)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["draft", "target"])
def test_a_pair_that_is_none_yet(name: str) -> None:
    data = {key: value for key, value in PAIR.items() if key != name}
    with pytest.raises(RecordError, match="run `sormctl make-refine-pairs` first"):
        parse_record(data, Pair)


def test_fields_of_a_solution_do_not_stick_to_its_problem() -> None:
    assert parse_record(SOLUTION, Problem).extra == {"mine": {"tag": [1, 2]}}


def test_unknown_fields_cannot_hide_known_ones() -> None:
    solution = parse_record(SOLUTION, Solution)
    assert to_json(solution).keys() == SOLUTION.keys()


def test_the_key_of_a_solution_tells_its_problem() -> None:
    """Other tools number the solutions of each problem anew."""
    made = parse_record({**SOLUTION, "problem_id": "p1", "solution_id": "0"}, Solution)
    assert made.key == "p1/0"
    assert replace(made, solution_id="p1/sample-1").key == "p1/sample-1"
    assert replace(made, solution_id="p1-1").key == "p1-1"
    assert replace(made, problem_id="1", solution_id="12").key == "1/12"
    assert replace(made, problem_id="12", solution_id="12").key == "12"


@pytest.mark.parametrize(
    ("finish", "is_cut"),
    [
        ("stop", False),
        ("eos_token", False),
        ("COMPLETE", False),
        ("finished", False),
        ("solution", False),  # PRM800K's
        (None, False),
        ("length", True),
        ("MAX_TOKENS", True),
        ("incomplete", True),
        ("FINISH_LENGTH", True),
        ("stop_max_tokens", True),
        ("content_filter", True),
        ("repetition", True),
    ],
)
def test_what_ended_and_what_was_cut_off(finish: str | None, is_cut: bool) -> None:
    assert is_unfinished({"finish": finish}) is is_cut


@pytest.mark.parametrize(
    ("finish", "at_limit"),
    [
        ("length", True),
        ("max_tokens", True),
        ("MAX_TOKENS", True),
        ("truncated", True),
        ("stop", False),
        ("repetition", False),
        (None, False),
    ],
)
def test_whoever_wrote_it_a_solution_that_met_its_limit_was_cut_off(
    finish: str | None, at_limit: bool
) -> None:
    made = parse_record({**SOLUTION, "source": {"finish": finish}}, Solution)
    assert made.is_cut_off is at_limit
