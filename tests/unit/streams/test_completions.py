"""What went wrong with completions is said, with what helps."""

from __future__ import annotations

from collections import Counter

from sormctl.records import Solution
from sormctl.streams.completions import count_completion, what_went_wrong
from tests.unit.examples import solution


def told(*solutions: Solution) -> list[str]:
    counts = Counter[str]()
    for made in solutions:
        counts.update(count_completion(made))
    return list(what_went_wrong(counts))


RIGHT = solution()
CUT = solution(predicted=None, source={"finish": "length"})
SILENT = solution(predicted=None, source={"finish": "stop"})


def test_one_in_a_hundred_is_nothing_to_speak_of() -> None:
    assert told() == told(RIGHT) == told(*[RIGHT] * 99, CUT) == []


def test_more_is_said_with_the_remedy() -> None:
    assert told(*[RIGHT] * 6, CUT, SILENT) == [
        "1 of 8 solutions (12.5%) were cut off at the token limit; raise --max-tokens",
        "2 of 8 solutions (25.0%) state no answer, 1 of them cut off",
    ]
    assert told(RIGHT, SILENT) == ["1 of 2 solutions (50.0%) state no answer"]


TAGGED = solution(steps=("<reasoning>\n3 + 4 = 7", "So 7.\n</reasoning>", "#### 7"))


def test_tags_that_may_be_those_of_a_thought_are_named() -> None:
    line = (
        "3 of 9 solutions (33.3%) begin in <reasoning>…</reasoning>, which is read as steps; "
        "if it is a thought, give --think '<reasoning>,</reasoning>'"
    )
    assert told(*[RIGHT] * 6, *[TAGGED] * 3) == [line]
    assert told(*[RIGHT] * 7, *[TAGGED] * 2) == []
    assert told(*[RIGHT] * 13, *[TAGGED] * 3) == []


def test_other_tags_and_named_ones_are_nothing_to_speak_of() -> None:
    thought = solution(steps=TAGGED.steps, thought="3 + 4")
    begun = solution(steps=TAGGED.steps[:1])
    answer = solution(steps=("<answer>", "7", "</answer>"))
    for made in (thought, begun, answer):
        assert not any("--think" in line for line in told(*[made] * 9))
