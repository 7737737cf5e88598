"""What a judge is asked, and what its words come to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sormctl.asking import default_asking
from sormctl.errors import UsageError
from sormctl.prompts import Message
from sormctl.verdicts import (
    DEFAULT,
    check_judge_prompt,
    judge_prompt,
    read_verdict,
    shares_right,
)
from tests.asked import PLAIN
from tests.unit.examples import solution

CHAT = default_asking("chat")
TAGGED = r"{problem}|{tagged_response}|In \boxed{{}}."  # in the manner of ProcessBench


def test_steps_are_numbered_from_one_and_have_their_number_once() -> None:
    known = solution(steps=("Step 1: 2 + 2 = 4", "#### 6"))
    (asked,) = judge_prompt("{question}\n{steps}\n!", known, CHAT).messages
    assert asked == Message("user", "What is 2 + 2 + 2?\nStep 1: 2 + 2 = 4\nStep 2: #### 6\n!")
    assert judge_prompt("{question}|{steps}", known, PLAIN).text.endswith("Step 2: #### 6\n")


def test_a_published_template_is_taken_as_it_is() -> None:
    check_judge_prompt(TAGGED)
    (asked,) = judge_prompt(TAGGED, solution(steps=("a {x}", "b")), CHAT).messages
    assert asked.content == (
        "What is 2 + 2 + 2?|<paragraph_0>\na {x}\n</paragraph_0>\n\n"
        "<paragraph_1>\nb\n</paragraph_1>|In \\boxed{}."
    )


@pytest.mark.parametrize("template", ["", "{question}", "{steps}", "{question}{steps}{paragraphs}"])
def test_a_prompt_shows_question_and_steps(template: str) -> None:
    check_judge_prompt(DEFAULT)
    check_judge_prompt("{question}{steps}{question}")
    with pytest.raises(UsageError, match=r"must hold \{question\}, and \{steps\} or"):
        check_judge_prompt(template)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Step 1: correct\nStep 2: correct\nStep 3: correct", 3),
        ("It adds up.\n**Step 1: Correct.**\n- Step 2: incorrect\n", 1),
        ("step 1: correct\nStep 2: no", 1),
        ("Step 1: incorrect", 0),
        ("Step 1: correct\nStep 3: incorrect", None),  # nothing of the second
        ("Step 1: correct\nStep 2: correct", None),  # cut off
        ("Step 1: 2 + 2 is correct", None),
        (r"Step 1 is \boxed{correct}, step 2 \boxed{\text{Incorrect}}", 1),
        (r"\boxed{yes} \boxed{yes} \boxed{yes}", 3),
        (r"\boxed{yes} \boxed{yes}", None),
        (r"First \boxed{6}. The first error is \boxed{2}", 1),
        (r"\boxed{-1}", 3),
        (r"\boxed{0}", None),  # steps count from 1
        (r"\boxed{4}", None),
        (r"\boxed{x}", None),
        ("", None),
        ("Step 1: Correct\nStep 2: 3*4=12 but it says 13.\n\n\\boxed{2}", 1),
        ("Step 1: correct\nStep 2: incorrect\nno, it is right.\n\\boxed{-1}", 3),
        (r"\boxed{$-1$}", 3),
        (r"\boxed{2.}", 1),
        (r"\boxed{\textbf{2}}", 1),
        (r"\boxed{\text{Step 2}}", 1),
        ("\\boxed{\N{MINUS SIGN}1}", 3),
        ("All is well.\n**-1**", 3),
        ("Step 1: correct\nStep 2: incorrect\nThe answer is \\boxed{42}.", 1),
        ("Step 1: correct\nStep 2: incorrect\nSo x =\n3", 1),
        ("9" * 5000, None),
        (rf"\boxed{{{'9' * 5000}}}", None),
        (f"Step {'9' * 5000}: correct\nStep 1: incorrect", 0),
    ],
)
def test_verdicts(text: str, first: int | None) -> None:
    assert read_verdict(DEFAULT, text, 3) == first


def test_where_no_box_is_asked_for_one_is_part_of_the_solution() -> None:
    lines = "Step 1: correct\nStep 2: correct\nStep 3: correct\nSo the answer is \\boxed{2}."
    assert read_verdict("{question}{steps}", lines, 3) == 3
    assert read_verdict(DEFAULT, lines, 3) == 1


@pytest.mark.parametrize(
    ("text", "first"),
    [(r"\boxed{0}", 0), (r"\boxed{2}", 2), (r"\boxed{3}", None), ("-1", 3), ("So:\n 1.", 1)],
)
def test_paragraphs_count_from_nought(text: str, first: int | None) -> None:
    assert read_verdict(TAGGED, text, 3) == first


@given(st.text("Step 0123456789-:\n.correct\\boxed{}", max_size=30), st.integers(0, 9000))
def test_whatever_a_judge_writes_is_read(text: str, digits: int) -> None:
    first = read_verdict(DEFAULT, text.replace("9", "9" * digits), 3)
    assert first is None or 0 <= first <= 3


@given(st.lists(st.integers(0, 5), min_size=1))
def test_scores_fall_from_step_to_step(verdicts: list[int]) -> None:
    shares = shares_right(verdicts, 5)
    assert list(shares) == sorted(shares, reverse=True)
    assert all(0 <= share <= 1 for share in shares)


def test_the_share_of_verdicts_that_let_a_step_pass() -> None:
    assert shares_right([3, 1, 0, 3], 3) == (0.75, 0.5, 0.5)
