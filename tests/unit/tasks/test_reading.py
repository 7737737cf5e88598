"""What a completion says does not depend on how its steps are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.tasks.reading import Reader
from sormctl.tasks.registry import get_task

CHAT = (
    "Let me see:\n\n1. **Bags**: there are 3.\n2. Apples:\n\\[\n3 \\cdot 4 = 12\n\\]\n\n"
    "#### Final\n\nSo the answer is \\boxed{12}."
)
MODES = [None, "lines", "paragraphs", "blocks", r"regex:\n\n", r"regex:(?=\d\. )"]


@pytest.mark.parametrize("mode", MODES)
def test_the_answer_is_the_same_in_every_mode(mode: str | None) -> None:
    for name in ("numeric", "math", "exact"):
        assert Reader(get_task(name), mode).read("?", CHAT, False).predicted == "12"


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode and "d" not in mode])
@given(st.lists(st.sampled_from(["3 + 4 = 7", "\n", "\n\n", "\\[", "\\]", "#### 7", "Now:", " "])))
def test_steps_and_what_follows_them_are_the_text(mode: str, parts: list[str]) -> None:
    text = "".join(parts)
    read = Reader(get_task("numeric"), mode).read("?", text, False)
    separators = read.separators or ("\n",) * len(read.steps)
    joined = "".join(map("".join, zip(read.steps, separators, strict=True)))
    if mode.startswith("regex:") or read.separators is None:
        return
    assert joined == text.lstrip(" \t\r\n")


def test_blocks_keep_a_display_whole() -> None:
    read = Reader(get_task("numeric"), "blocks").read("?", CHAT, False)
    assert read.steps == (
        "Let me see:\n\n1. **Bags**: there are 3.",
        "2. Apples:\n\\[\n3 \\cdot 4 = 12\n\\]",
        "#### Final\n\nSo the answer is \\boxed{12}.",
    )
    assert read.separators == ("\n", "\n\n", "")


def test_a_thought_may_stand_in_other_tags() -> None:
    text = "[THINK]3 + 4 is 8[/THINK]\n3 + 4 = 7"
    reader = Reader(get_task("numeric"), think=("[THINK]", "[/THINK]"))
    read = reader.read("?", text, False)
    assert (read.thought, read.steps, read.predicted) == ("3 + 4 is 8", ("3 + 4 = 7",), "7")
    cut = reader.read("?", text.partition("[/")[0], True)
    assert (cut.steps, cut.predicted) == ((), None)
