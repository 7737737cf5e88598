"""Thoughts of reasoning models are parted from what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.tasks.solutions.thoughts import part_thought


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("It is 7.", ("", "It is 7.", True)),
        ("<think>3+4</think>\n7", ("3+4", "\n7", True)),
        ("3+4</think>\n7", ("3+4", "\n7", True)),  # the template opened it
        ("<think>3+4", ("3+4", "", False)),  # cut off
        ("Well. <think>3", ("3", "Well. ", False)),
        ("<think>a</think>b<think>c</think>d", ("a\nc", "bd", True)),
        ("<think>a</think>b</think>d", ("a\nb", "d", True)),
        ("<think>a</think>b<think>c", ("a\nc", "b", False)),
        ("<think></think>7", ("", "7", True)),
        ("", ("", "", True)),
    ],
)
def test_a_thought_is_parted_from_the_solution(text: str, parts: tuple[str, str, bool]) -> None:
    assert part_thought(text) == parts


def test_what_is_left_of_named_tags_is_known_by_its_form() -> None:
    """A server may leave out the special tokens that a chat template has."""
    start, end = HARMONY
    for text in ("analysis3 + 4assistantfinal7", f"{start}3 + 4{end}7"):
        assert part_thought(text, HARMONY) == ("3 + 4", "7", True)


def test_the_tags_may_be_others() -> None:
    assert part_thought("[T]a[/T]b", ("[T]", "[/T]")) == ("a", "b", True)


@pytest.mark.parametrize("text", ["<THINK>a</THINK>b", "<Think>a</think>b", "a</THINK>b"])
@pytest.mark.parametrize("think", [("<think>", "</think>"), ("<Think>", "</Think>")])
def test_tags_may_be_written_in_capitals(text: str, think: tuple[str, str]) -> None:
    assert part_thought(text, think) == ("a", "b", True)
    assert part_thought("<THINK>a", think) == ("a", "", False)


def test_capitals_matter_in_all_but_words_in_angle_brackets() -> None:
    assert part_thought("a[t]b[/t]c", ("[T]", "[/T]")) == ("", "a[t]b[/t]c", True)
    assert part_thought("Note: a answer: b Answer: c", ("Note: ", "Answer: ")) == (
        "a answer: b ",
        "c",
        True,
    )
    assert part_thought("<A>b<a>c", ("<A>", "<a>")) == ("b", "c", True)


HARMONY = ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")
AGAIN = "<|end|><|start|>assistant"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{}a 8?{}It is 7.<|return|>", ("a 8?", "It is 7.", True)),
        ("{0}a" + AGAIN + "{0}b{1}7<|end|>{0}c", ("a" + AGAIN + HARMONY[0] + "b", "7", True)),
        ("{}a 8?<|end|>", ("a 8?", "", False)),
        ("7<|return|>{}a{}8", ("", "7", True)),
    ],
)
def test_what_ends_a_turn_may_end_a_thought(text: str, parts: tuple[str, str, bool]) -> None:
    assert part_thought(text.format(*HARMONY), HARMONY) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<think>a </s>\n b</think>7<|im_end|>\nuser", ("a </s>\n b", "7", True)),
        ("7<|im_end|>\n<|im_start|>user a</think>8", ("", "7", True)),
        ("<think>a</think>7<|im_end|>\n<think>b", ("a", "7", True)),
        ("<think>a</think><|im_end|>", ("a", "", True)),
        ("<think>It is 7.<|im_end|>\n", ("It is 7.", "", False)),
    ],
)
def test_a_turn_ends_in_what_is_visible(text: str, parts: tuple[str, str, bool]) -> None:
    assert part_thought(text) == parts


def test_a_thought_of_the_prompt_ends_with_the_turn() -> None:
    assert part_thought("a 8<|im_end|>\nuser", is_begun=True) == ("a 8", "", False)
    assert part_thought("a</s>\n</think>7</s>", is_begun=True) == ("a</s>\n", "7", True)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", " "])).map("".join))
def test_no_tag_that_ends_a_thought_is_left(text: str) -> None:
    thought, visible, is_closed = part_thought(text)
    assert "</think>" not in visible + thought
    assert "<think>" not in visible
    assert is_closed or "<think>" in text
