"""Thoughts are known by the marks of models, where nobody has named their tags."""

from __future__ import annotations

import pytest

from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.marks import without_wrapping
from sormctl.tasks.solutions.reading import CompletionReader
from sormctl.tasks.solutions.thoughts import part_thought

MARKS = [
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<Mm:Think>", "</mm:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|think|>", "<|end|><|begin|>assistant<|content|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    (
        "<|start|>assistant<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    ),
    ("analysis", "assistantfinal"),
]


@pytest.mark.parametrize(("start", "end"), MARKS)
def test_a_thought_is_known_by_its_marks(start: str, end: str) -> None:
    text = f"\n{start}Is it \\boxed{{8}}?{end}It is analysis:\n\\boxed{{7}}"
    read = CompletionReader(get_task("math"), "blocks").read("?", text, False)
    assert ((read.thought or "").strip(), read.predicted) == ("Is it \\boxed{8}?", "7")
    assert "".join(read.steps) == "It is analysis:\n\\boxed{7}"


@pytest.mark.parametrize(("start", "end"), MARKS[:-1])
def test_it_may_be_cut_off(start: str, end: str) -> None:
    thought, visible, is_closed = part_thought(f"{start}Is it 8")
    assert (thought.strip(), visible, is_closed) == ("Is it 8", "", False)


@pytest.mark.parametrize(("start", "end"), MARKS)
def test_it_begins_with_the_text(start: str, end: str) -> None:
    assert part_thought(f"Is it {start}8{end}7")[0] == ""


@pytest.mark.parametrize(
    "text",
    [
        "<reasoning>\n3 + 4 = 7\n</reasoning>\n7",  # what a prompt may have asked for
        "<thinking>3 + 4 = 7</thinking>7",
        "analysis of the problem: assistant",
        "analysis",
        "[THINKING] 3 + 4",
        "<|x|> is [THINK]8[/THINK]",
    ],
)
def test_other_texts_are_read_as_they_stand(text: str) -> None:
    assert part_thought(text) == ("", text, True)


def test_tags_of_the_user_count_alone_where_the_text_holds_them() -> None:
    text = "[THINK]8?[/THINK]7"
    assert part_thought(f"{text}<t>9</t>", ("<t>", "</t>")) == ("9", text, True)
    assert part_thought(text, ("<t>", "</t>")) == ("8?", "7", True)
    assert part_thought(f"{text}</think>7", is_begun=True) == (text, "7", True)


@pytest.mark.parametrize(
    "text",
    [
        "<think>8?</think>\n<response>3 + 4\n\\boxed{7}</response>",
        "<think>8?</think><response>\n3 + 4\n\\boxed{7}\n",  # cut off
        "<|START_THINKING|>8?<|END_THINKING|><|START_RESPONSE|>3 + 4\n\\boxed{7}<|END_RESPONSE|>",
        "8?</think>[BEGIN FINAL RESPONSE]\n3 + 4\n\\boxed{7}\n[END FINAL RESPONSE]\n<|end|>",
        "8?</think>3 + 4\n\\boxed{7}\n[END FINAL RESPONSE]",
        "<|channel|>final<|message|>3 + 4\n\\boxed{7}<|return|>",
    ],
)
def test_what_wraps_all_that_is_said_is_no_part_of_it(text: str) -> None:
    read = CompletionReader(get_task("math"), "blocks").read("?", text, False)
    assert (read.opening, read.steps, read.predicted) == (None, ("3 + 4", "\\boxed{7}"), "7")


@pytest.mark.parametrize(
    "text",
    [
        " 3 + 4\n",
        "So <response>7</response>",
        "<response>7</response> or <response>8</response>",
        "<response>7</response> is it.",
    ],
)
def test_what_wraps_a_part_stays(text: str) -> None:
    assert without_wrapping(text) == text
