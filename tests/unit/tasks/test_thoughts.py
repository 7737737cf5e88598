"""Thoughts of reasoning models are parted from what they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.tasks.thoughts import part_thought


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


def test_the_tags_may_be_others() -> None:
    assert part_thought("[T]a[/T]b", ("[T]", "[/T]")) == ("a", "b", True)


@given(st.lists(st.sampled_from(["<think>", "</think>", "a", "\n", " "])).map("".join))
def test_no_tag_that_ends_a_thought_is_left(text: str) -> None:
    thought, visible, is_closed = part_thought(text)
    assert "</think>" not in visible + thought
    assert "<think>" not in visible
    assert is_closed or "<think>" in text
