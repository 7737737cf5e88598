"""What an import tells at its end: thoughts that nobody has begun."""

from __future__ import annotations

from typing import Any

import orjson
from typer.testing import CliRunner, Result

from sormctl.cli import app

QUESTION = {"question": "3 + 4?", "answer": "7"}
ENDED, CUT, PLAIN = "Add.</think>\n#### 7", "3 + 4 = 7", "#### 7"


def imported(rows: list[dict[str, Any]], *argv: str) -> tuple[list[bool], str]:
    lines = b"".join(orjson.dumps({**QUESTION, **row}) + b"\n" for row in rows)
    argv = ("import", "completions", "--answer", "numeric", *argv)
    result: Result = CliRunner().invoke(app, argv, lines)
    assert result.exit_code == 0, result.stderr
    return [orjson.loads(line)["correct"] for line in result.stdout.splitlines()], result.stderr


def test_thoughts_that_the_prompt_may_have_begun_are_told() -> None:
    correct, told = imported([{"text": ENDED}, {"text": ENDED}, {"text": CUT}])
    assert correct == [True, True, True]
    assert "2 texts end a thought that they have not begun, and 1 have no </think>: " in told
    assert told.count("--thought-begun") == 1


def test_a_text_that_does_not_end_its_thought_was_cut_off_in_it() -> None:
    rows = [{"text": ENDED}, {"text": CUT}, {"text": PLAIN, "finish_reason": "stop"}]
    apart = {"messages": [{"role": "assistant", "content": PLAIN, "reasoning_content": "Add."}]}
    correct, told = imported([*rows, apart], "--thought-begun")
    assert correct == [True, False, False, True]
    assert "--thought-begun" not in told


def test_nothing_is_told_of_thoughts_that_begin() -> None:
    for texts in ([f"<think>{ENDED}", PLAIN], [ENDED, ENDED], [PLAIN, CUT]):
        assert "--thought-begun" not in imported([{"text": text} for text in texts])[1]


def test_other_tags_are_told_by_their_names() -> None:
    rows = [{"text": "Add.[/T]#### 7"}, {"text": PLAIN}]
    assert "1 have no [/T]: " in imported(rows, "--think", "[T],[/T]")[1]
