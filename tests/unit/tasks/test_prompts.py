"""How a question is laid out for a model, as the user wants it."""

from __future__ import annotations

import pytest

from sormctl.asking import Asking, WorkedExample, default_asking
from sormctl.errors import UsageError
from sormctl.models import former_asking
from sormctl.prompts import Message
from sormctl.tasks.prompts import draft_prompt, refine_prompt, stop_strings
from sormctl.tasks.registry import get_task

TASK = get_task("numeric")
SHOT = WorkedExample("1 + 1?", "It is 2.")


def test_a_system_and_examples_are_turns_of_a_chat() -> None:
    asking = Asking("chat", system="Be short.", instruction="Think.", examples=(SHOT,))
    assert draft_prompt(TASK, "2 + 3?", asking).messages == (
        Message("system", "Be short."),
        Message("user", "Think.\n\nQuestion: 1 + 1?"),
        Message("assistant", "It is 2."),
        Message("user", "Think.\n\nQuestion: 2 + 3?"),
    )


def test_examples_of_the_task_end_in_the_words_of_the_style() -> None:
    plain = draft_prompt(TASK, "?", Asking("plain", examples=2)).text
    assert plain.count("\n#### ") == 2
    _, solution, *_ = draft_prompt(TASK, "?", Asking("chat", examples=2)).messages
    assert solution.content.endswith("The final answer is \\boxed{29}.")


def test_an_instruction_may_lay_out_the_whole_question() -> None:
    asking = Asking("plain", instruction="Q: {question}\nA:", examples=(SHOT,), invents=True)
    prompt = draft_prompt(TASK, "2 {x} 3?", asking)
    assert prompt.text == "Q: 1 + 1?\nA: It is 2.\n\nQ: 2 {x} 3?\nA:"
    assert stop_strings(TASK, asking) == ("\nQ:", "\nQuestion:")
    chat = Asking("chat", instruction="{question}\n\nBe short.")
    assert draft_prompt(TASK, "2 + 3?", chat).messages == (Message("user", "2 + 3?\n\nBe short."),)
    (refining,) = refine_prompt(TASK, "2 + 3?", ["2 + 3 = 6"], 0, chat).messages
    assert refining.content == (
        "Question: 2 + 3?\nDraft:\n[BAD] 2 + 3 = 6\n\nThe draft may be wrong; [BAD] stands before "
        "its first wrong step. Write a better solution. Be short."
    )


def test_a_refiner_of_former_days_is_asked_as_it_was_trained() -> None:
    (asked,) = refine_prompt(TASK, "2 + 3?", ["2 + 3 = 6"], 0, former_asking("chat")).messages
    assert asked.content.startswith("Solve the problem step by step, ")
    assert asked.content.endswith("if that is known.\n\nQuestion: 2 + 3?\nDraft:\n[BAD] 2 + 3 = 6")


def test_words_before_a_plain_question_come_once() -> None:
    asking = Asking("plain", system="You are.", instruction="Think.", examples=(SHOT,))
    assert draft_prompt(TASK, "2 + 3?", asking).text == (
        "You are.\n\nThink.\n\nQuestion: 1 + 1?\nAnswer:\nIt is 2.\n\nQuestion: 2 + 3?\nAnswer:\n"
    )


@pytest.mark.parametrize(
    ("asking", "expected"),
    [
        (default_asking("plain"), ("\nQuestion:",)),
        (default_asking("one-shot"), ("\nQuestion:",)),
        (default_asking("plain").taught(), ()),
        (default_asking("chat"), ()),
        (Asking("plain", instruction="{question}", invents=True), ("\nQuestion:",)),
    ],
)
def test_a_question_that_a_model_invents_ends_its_solution(
    asking: Asking, expected: tuple[str, ...]
) -> None:
    assert stop_strings(TASK, asking) == expected


def test_a_task_has_so_many_examples_only() -> None:
    with pytest.raises(UsageError, match="worked examples, not 99; give --examples FILE"):
        draft_prompt(TASK, "?", Asking("plain", examples=99))


@pytest.mark.parametrize("name", ["gsm8k", "svamp", "chain", "numeric", "math", "exact", "choice"])
def test_the_examples_of_a_task_are_right(name: str) -> None:
    task = get_task(name)
    assert len(set(task.examples)) == len(task.examples) >= 1
    for example in task.examples:
        text = f"{example.solution}\nThe final answer is \\boxed{{{example.answer}}}."
        assert task.is_correct(task.predict([text], example.question), example.answer)
        assert example.answer is not None
        last = example.solution.splitlines()[-1]
        if task.answer.name == "numeric":
            assert task.predict([last], "") == example.answer
