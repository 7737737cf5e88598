"""Commands found behind a result."""

from __future__ import annotations

from examples.paper.report.chains import chains, target

TEST = "sormctl problems chain -o $OUT/1/sft/test.jsonl"
DRAFTS = 'sormctl sample --model "$(cat $OUT/1/sft/student)" $OUT/1/sft/test.jsonl -o $OUT/1/sft/d'
STUDENT = "echo embedded:student > $OUT/1/sft/student"
HEAD = "head -n 9 $OUT/1/sft/d > $OUT/1/sft/h.part && mv $OUT/1/sft/h.part $OUT/1/sft/h"
MAIN = "sormctl eval --outcomes $OUT/1/sft/m.outcomes.jsonl $OUT/1/sft/d -o $OUT/1/sft/m.json"
CROSS = "sormctl eval $OUT/1/sft/h $OUT/1/given.jsonl -o $OUT/1/cross.json"


def test_a_result_has_what_its_inputs_need_and_nothing_twice() -> None:
    found = dict(chains([HEAD, STUDENT, CROSS, TEST, DRAFTS, MAIN]))
    assert found == {"cross.json": [STUDENT, TEST, DRAFTS, HEAD, CROSS], "sft/m.json": [MAIN]}


def test_the_target_of_a_command() -> None:
    assert [target(command) for command in (DRAFTS, HEAD, STUDENT)] == [
        "sft/d",
        "sft/h",
        "sft/student",
    ]
    assert target("mkdir -p $OUT/1/sft") == ""
