"""What a completion says does not depend on how its steps are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import CompletionReader

CHAT = (
    "Let me see:\n\n1. **Bags**: there are 3.\n2. Apples:\n\\[\n3 \\cdot 4 = 12\n\\]\n\n"
    "#### Final\n\nSo the answer is \\boxed{12}."
)
MODES = [None, "lines", "paragraphs", "blocks", r"regex:\n\n", r"regex:(?=\d\. )"]


@pytest.mark.parametrize("mode", MODES)
def test_the_answer_is_the_same_in_every_mode(mode: str | None) -> None:
    for name in ("numeric", "math", "exact"):
        assert CompletionReader(get_task(name), mode).read("?", CHAT, False).predicted == "12"


@pytest.mark.parametrize("mode", MODES)
@given(
    st.lists(st.sampled_from(["3 + 4 = 7", "\n", "\n\n", "\\[", "\\]", "#### 7", "1. So:", " "]))
)
def test_opening_steps_and_separators_are_the_text(mode: str | None, parts: list[str]) -> None:
    text = "".join(parts)
    read = CompletionReader(get_task("numeric"), mode).read("?", text, False)
    separators = read.separators or ("\n",) * len(read.steps)
    shown = "".join(map("".join, zip(read.steps, separators, strict=True)))
    written = (read.opening or "") + shown
    assert written == text if read.separators else written.strip() == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "3 + 4 = 7, so the answer is",
        "The area is 3 + 4 =",
        "The factors are 1, 2, 7,",
        "So it is (7 +",
        "\\[ 3 + 4 = 7",
        "We know \\(x = 7\\) and \\(y = 7 ",
        "What is left of 7 *",
    ],
)
def test_a_text_that_breaks_off_states_nothing(text: str) -> None:
    for name in ("numeric", "math"):
        assert CompletionReader(get_task(name)).read("?", text, False).predicted is None
        announced = f"#### 5\n{text}"
        assert CompletionReader(get_task(name)).read("?", announced, False).predicted == "5"


@pytest.mark.parametrize(
    "text", ["So 7", "= 7", "(7)", "\\[ 7 \\]", "**7**", "3 + 4 = 7.", "7 apples to go"]
)
def test_a_text_need_not_end_in_a_stop(text: str) -> None:
    assert CompletionReader(get_task("numeric")).read("?", text, False).predicted == "7"


@pytest.mark.parametrize(
    ("text", "opening", "separators"),
    [
        ("one\ntwo", None, None),
        ("one\ntwo\n", None, None),
        (" one\ntwo", " ", None),
        ("one\n\ntwo", None, ("\n\n", "")),
        ("\n\none\r\ntwo\n\n", "\n\n", ("\r\n", "\n\n")),
        ("one", None, None),
        (" ", None, None),
    ],
)
def test_only_what_is_unusual_is_noted(
    text: str, opening: str | None, separators: tuple[str, ...] | None
) -> None:
    for mode in (None, "lines", "blocks"):
        read = CompletionReader(get_task("numeric"), mode).read("?", text, False)
        assert (read.opening, read.separators) == (opening, separators)


def test_blocks_keep_a_display_whole() -> None:
    read = CompletionReader(get_task("numeric"), "blocks").read("?", CHAT, False)
    assert read.steps == (
        "Let me see:\n\n1. **Bags**: there are 3.",
        "2. Apples:\n\\[\n3 \\cdot 4 = 12\n\\]",
        "#### Final\n\nSo the answer is \\boxed{12}.",
    )
    assert read.separators == ("\n", "\n\n", "")


def test_a_thought_may_stand_in_other_tags() -> None:
    text = "[THINK]3 + 4 is 8[/THINK]\n3 + 4 = 7"
    reader = CompletionReader(get_task("numeric"), think=("[THINK]", "[/THINK]"))
    read = reader.read("?", text, False)
    assert (read.thought, read.steps, read.predicted) == ("3 + 4 is 8", ("3 + 4 = 7",), "7")
    cut = reader.read("?", text.partition("[/")[0], True)
    assert (cut.steps, cut.predicted) == ((), None)


def test_a_turn_does_not_end_with_its_thought() -> None:
    tags = (
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
    )
    text = "{}Maybe \\boxed{{8}}?{}3 + 4 = 7\n\\boxed{{7}}<|return|>".format(*tags)
    read = CompletionReader(get_task("math"), "blocks", tags).read("?", text, False)
    assert (read.thought, read.predicted) == ("Maybe \\boxed{8}?", "7")
    assert read.steps == ("3 + 4 = 7", "\\boxed{7}")
