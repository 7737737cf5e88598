"""A text is cut into steps as a person would, and put together again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.errors import UsageError
from sormctl.tasks.solutions.splitting import pieces

MODES = ["lines", "paragraphs", "blocks", "regex:Step", "regex:(?=Step)", "regex:\\n+"]
TEXT = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["\n", "\n\n", "\r\n", " ", "\\[", "\\]", "$$", "\\begin{align}", "\\end{align}", "```",
             "~~~~", "| a | b |", "# Head", "#### 7", "**Bold**", "so:", "x = 1", "Step", "\u2028",
             "\f", "\x85", "\t", "---"]
        )
    ).map("".join),
)  # fmt: skip


def steps(text: str, mode: str = "blocks") -> list[str]:
    return [step for step, _ in pieces(text, mode)]


@pytest.mark.parametrize("mode", MODES)
@given(text=TEXT)
def test_the_pieces_join_to_the_text(mode: str, text: str) -> None:
    found = pieces(text, mode)
    assert "".join(step + between for step, between in found) == text
    assert all(step.strip(" \t\r\n") == step for step, _ in found)
    assert all(step for step, _ in found[1:])


@given(text=TEXT)
def test_what_stands_between_steps_is_white_space(text: str) -> None:
    for mode in ("lines", "paragraphs", "blocks"):
        assert not "".join(between for _, between in pieces(text, mode)).strip(" \t\r\n")


@given(text=TEXT)
def test_a_block_is_made_of_lines(text: str) -> None:
    lines = [line for line in steps(text, "lines") if line]
    assert "".join("".join(steps(text)).split()) == "".join("".join(lines).split())
    assert len(steps(text)) <= len(steps(text, "lines"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = 2\n\nc", ["a = 1", "b = 2", "c"]),
        ("So.\n\\[\nx = 1\n\\]\nok", ["So.", "\\[\nx = 1\n\\]", "ok"]),
        ("We get\n\\[\nx\n\\]\nfor all x.\nok", ["We get\n\\[\nx\n\\]\nfor all x.", "ok"]),
        (
            "## Step 1: Add, 3+4=7.\n\n## Step 2: 7*2=14.",
            ["## Step 1: Add, 3+4=7.", "## Step 2: 7*2=14."],
        ),
        ("# Sum\n## First\n3+4=7\n**Then**\n7", ["# Sum\n## First\n3+4=7", "**Then**\n7"]),
        ("**Checked.**\n**Answer:**\n7", ["**Checked.**", "**Answer:**\n7"]),
        ("<cot_start>\n3+4=7\n<cot_end>\nok", ["<cot_start>\n3+4=7\n<cot_end>", "ok"]),
        ("<solution>\na\nb\n</solution>", ["<solution>\na", "b\n</solution>"]),
        ("$$\nx\n\n= 1\n$$", ["$$\nx\n\n= 1\n$$"]),
        (
            "\\begin{align}\na\\\\[2pt]\n\\begin{align}\nb\n\\end{align}\n\\end{align}\nok",
            ["\\begin{align}\na\\\\[2pt]\n\\begin{align}\nb\n\\end{align}\n\\end{align}", "ok"],
        ),
        ("```python\nx = 1\n\nprint(x)\n```\nok", ["```python\nx = 1\n\nprint(x)\n```", "ok"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\nok", ["| a | b |\n|---|---|\n| 1 | 2 |", "ok"]),
        ("## Add\n\n3 + 4 = 7\nok", ["## Add\n\n3 + 4 = 7", "ok"]),
        ("**Step 1: add**\n3 + 4", ["**Step 1: add**\n3 + 4"]),
        ("We have:\n\n\\[\nx\n\\]\nok", ["We have:\n\n\\[\nx\n\\]", "ok"]),
        ("#### 1. Add\nWe know that:\n- a\n- b", ["#### 1. Add\nWe know that:\n- a", "- b"]),
        ("3 + 4 = 7\n#### 7\nok", ["3 + 4 = 7", "#### 7", "ok"]),  # an answer, no heading
        ("The end:", ["The end:"]),
        ("\\[\nx = 1\n= 2", ["\\[\nx = 1\n= 2"]),  # cut off
        ("a $$ b\nc\n\nd", ["a $$ b\nc", "d"]),  # never closed: up to the blank line
        ("a\u2028b\fc\x85d\ne", ["a\u2028b\fc\x85d", "e"]),
    ],
)
def test_blocks(text: str, expected: list[str]) -> None:
    assert steps(text) == expected


def test_what_stands_between_is_kept_as_it_is() -> None:
    assert pieces(" a\r\n\r\n  b \n", "lines") == [("", " "), ("a", "\r\n\r\n  "), ("b", " \n")]


def test_paragraphs_are_cut_at_blank_lines() -> None:
    assert steps("a\nb\n \nc\n\n\n\nd", "paragraphs") == ["a\nb", "c", "d"]
    assert steps("```\na\n\nb\n```\n\nc", "paragraphs") == ["```\na\n\nb\n```", "c"]


def test_a_pattern_cuts_where_it_matches() -> None:
    assert pieces("Step 1: a Step 2: b", r"regex:\s*(?=Step \d)") == [
        ("Step 1: a", " "),
        ("Step 2: b", ""),
    ]
    assert steps("a ; b;c", "regex:;") == ["a", "b", "c"]


@pytest.mark.parametrize("mode", ["words", "regex:", "regex:(", "lines:3", ""])
def test_another_mode_is_refused(mode: str) -> None:
    with pytest.raises(UsageError):
        pieces("a", mode)


@pytest.mark.parametrize(
    "text",
    ["\\[\n\n" * 20_000, "\\begin{a}\n\n" * 20_000, "$$\n" * 40_000, "a:\n" * 40_000,
     "|a|\n" * 40_000, "```\n" * 40_001, "\n" * 100_000, "**" * 50_000, "# " * 50_000],
    ids=lambda text: repr(text[:10]),
)  # fmt: skip
def test_huge_texts_are_cut_without_trouble(text: str) -> None:
    assert "".join(step + between for step, between in pieces(text, "blocks")) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("We add 3 and 4. That makes 7 now. So it is 7.", 3),
        ("We add 3 and 4. That makes 7.", 1),  # too few to be a solution in one line
        ("We add 3 and 4. That makes 7 now.\nSo it is 7. It is (B).", 2),  # two lines: two steps
        ("Mr. Doe has 3 of them. Mrs. Roe has 4 of them. J. Poe has none of them.", 3),
        ("As $x = 3. Y$ holds, we go on. Then it is 7. And that is all.", 3),
        ("He has (3. Or 4.) Then it is 7. And that is all. No. It is 8.", 4),
        ("It costs $3. Then it is $4 more. So we have $7 now.", 3),
        ("1. Add the two. 2. See what comes. 3. It is 7 then.", 3),
        ("\\[ a. B \\] is so here. Then it is 7. And that is all.", 3),
    ],
)
def test_one_paragraph_is_cut_into_its_sentences(text: str, expected: int) -> None:
    assert len(steps(text)) == expected
    assert "".join(map("".join, pieces(text, "blocks"))) == text
