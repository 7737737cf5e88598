"""The embedded benchmarks: what they generate, and what their oracle says of small solutions."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import sormctl
from sormctl.errors import RecordError, UsageError
from sormctl.records import Problem, parse_record, to_json
from sormctl.tasks.base import Task
from sormctl.tasks.chain import HARD_TASK, TASK, language, problems
from sormctl.tasks.chain.stories import EASY, HARD, Level
from sormctl.tasks.prompts import draft_prompt, refine_prompt
from sormctl.tasks.registry import get_task
from tests.asked import PLAIN

EMBEDDED = Path(sormctl.__file__).parent / "embedded"
TASKS = (TASK, HARD_TASK)
FIRST_HARD = {
    "task": "chain-hard",
    "problem_id": "chain-hard-test-0-0",
    "question": (
        "At first Hugo has 11 coins. In the evening he loans 9 coins. Hugo wins 13 more coins. "
        "Hugo cheats Rosa of 16 coins. Carl owns 24 coins. How many coins do Hugo and Carl have "
        "together?"
    ),
    "answer": "55",
    "reference": ("11 - 9 = 2", "2 + 13 = 15", "15 + 16 = 31", "31 + 24 = 55", "#### 55"),
    "chain": {"expression": ["+", ["+", ["+", ["-", 11, 9], 13], 16], 24]},
}


def some(split: str, count: int, seed: int = 0, task: Task = TASK) -> list[Problem]:
    assert task.generate is not None
    return list(islice(task.generate(split, seed), count))


def labels(steps: list[str], expression: object, answer: str) -> list[int]:
    problem = Problem(
        task="chain",
        problem_id="p",
        question="?",
        answer=answer,
        extra={"chain": {"expression": expression}},
    )
    assert TASK.oracle is not None
    return list(TASK.oracle(problem.solved(solution_id="s", steps=tuple(steps), correct=False)))


# ── the generator ────────────────────────────────────────────────────────────────────────────────


def test_are_registered() -> None:
    assert get_task("chain") is TASK
    assert get_task("chain-hard") is HARD_TASK


def test_first_problem_never_changes() -> None:
    """Published figures are about these very problems."""
    assert to_json(some("test", 1)[0]) == {
        "task": "chain",
        "problem_id": "chain-test-0-0",
        "question": (
            "At first Carl has 19 shells. After that he lends 9 shells to Leo. The price of one "
            "shell is 7 dollars. What is the total price of the shells Carl has now?"
        ),
        "answer": "70",
        "reference": ("19 - 9 = 10", "10 * 7 = 70", "#### 70"),
        "chain": {"expression": ["*", ["-", 19, 9], 7]},
    }


def test_first_hard_problem_never_changes() -> None:
    assert to_json(some("test", 1, task=HARD_TASK)[0]) == FIRST_HARD


def test_does_not_depend_on_the_hash_seed() -> None:
    code = "from sormctl.tasks.chain import problems; print(problems.problem('train', 5, 7))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(sormctl.__file__).parents[1])},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def test_ids_are_unique_across_tasks_splits_and_seeds() -> None:
    ids = [
        problem.problem_id
        for task in TASKS
        for split in problems.SPLITS
        for seed in (0, 1)
        for problem in some(split, 20, seed, task)
    ]
    assert len(set(ids)) == len(ids)


def test_no_expression_is_in_two_splits() -> None:
    expressions = [
        {str(problem.extra["chain"]["expression"]) for problem in some(split, 500)}
        for split in problems.SPLITS
    ]
    assert not set.intersection(*expressions[:2])
    assert not set.intersection(*expressions[1:])
    assert not set.intersection(expressions[0], expressions[2])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_unknown_split(task: Task) -> None:
    known = "known: train, validation, test"
    with pytest.raises(UsageError, match=f"no split of {task.name} `dev`; {known}"):
        some("dev", 1, task=task)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_reference_reaches_the_answer_in_two_to_six_calculations(task: Task) -> None:
    for problem in some("train", 300, task=task):
        assert problem.reference is not None
        assert TASK.is_correct(TASK.predict(problem.reference), problem.answer)
        assert 2 <= len(problem.reference) - 1 <= 6


@pytest.mark.parametrize(("task", "price"), [(TASK, 9), (HARD_TASK, 19)])
def test_values_are_small_until_the_end(task: Task, price: int) -> None:
    for problem in some("train", 300, task=task):
        assert problem.reference is not None
        results = [int(step.split("= ")[1]) for step in problem.reference[:-1]]
        assert all(1 <= result <= 99 for result in results[:-1])
        assert 1 <= results[-1] <= 99 * price


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_stories_vary(task: Task) -> None:
    told = some("train", 500, task=task)
    assert len({problem.question for problem in told}) == 500
    assert len({re.sub(r"[0-9]+", "N", problem.question) for problem in told}) > 490
    assert len({len(problem.reference or ()) for problem in told}) == 5


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_sentences_are_well_formed(task: Task) -> None:
    for problem in some("train", 300, task=task):
        assert re.fullmatch(r"([A-Z][A-Za-z0-9 ]+\. )+[A-Z][A-Za-z0-9 ]+\?", problem.question)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_pronouns_follow_a_sentence_about_the_one_they_mean(task: Task) -> None:
    pronoun = re.compile(r"\b(she|he|him)\b", re.IGNORECASE)
    for problem in some("train", 300, task=task):
        sentences = problem.question.split(". ")
        hero = re.findall(r"[A-Z][a-z]+", sentences[0])[-1]
        for before, sentence in pairwise(sentences):
            if pronoun.search(sentence) and hero not in sentence:
                assert hero in before or pronoun.search(before)


def test_relations_say_what_is_computed() -> None:
    ops = {"more": "+", "fewer": "-", "times as many": "*"}
    inverse = {"+": "-", "-": "+", "*": "/"}
    told = re.compile(r"In the end (\w+) has \d+ (more|fewer|times as many) .* (?:does|has) (\w+) ")
    seen = set()
    for problem in some("train", 500, task=HARD_TASK):
        if found := told.search(problem.question):
            first, how, asked = found.groups()
            op = ops[how] if first == asked else inverse[ops[how]]
            assert problem.extra["chain"]["expression"][0] == op
            seen.add((how, first == asked))
    assert len(seen) == 6


def test_passes_through_json() -> None:
    for problem in some("train", 20):
        assert parse_record(to_json(problem), Problem).extra == problem.extra


# ── the oracle ───────────────────────────────────────────────────────────────────────────────────

BOUGHT = ["*", ["-", ["+", 34, ["*", 3, 6]], 9], 2]  # (34 + 3 * 6 - 9) * 2 = 86


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("3 * 6 = 18|34 + 18 = 52|52 - 9 = 43|43 * 2 = 86|#### 86", [1, 1, 1, 1, 1]),
        ("3 * 6 = 18|34 + 18 = 42|42 - 9 = 33|33 * 2 = 66|#### 66", [1, 0, 0, 0, 0]),
        ("3 * 6 = 18|18 - 9 = 9|9 + 34 = 43|2 * 43 = 86|#### 86", [1, 1, 1, 1, 1]),
        ("34 - 9 = 25|6 * 3 = 18|25 + 18 = 43|43 * 2 = 86|#### 86", [1, 1, 1, 1, 1]),
        ("9 - 34 = -25|3 * 6 = 18|18 - -25 = 43|43 * 2 = 86", [1, 1, 1, 1]),
        ("34 + 3 = 37|37 * 6 = 222", [0, 0]),
        ("3 * 6 = 18|3 * 6 = 18", [1, 0]),
        ("#### 86", [1]),
        ("3 * 6 = 18|#### 86", [1, 1]),
        ("3 * 6 = 18|#### 85", [1, 0]),
        ("3 * 6 = 17|#### 86", [0, 0]),
        ("#### 86|3 * 6 = 18", [1, 0]),
        ("#### 86|#### 86", [1, 0]),
        ("####", [0]),
        ("so 3 * 6 = 18", [0]),
        ("34 / 0 = 1", [0]),
        ("", [0]),
    ],
)
def test_labels(steps: str, expected: list[int]) -> None:
    assert labels(steps.split("|"), BOUGHT, "86") == expected


def test_no_steps_have_no_labels() -> None:
    assert labels([], BOUGHT, "86") == []


def test_two_wrongs_do_not_make_a_right() -> None:
    steps = ["10 + 5 = 16", "16 - 3 = 12", "#### 12"]
    assert labels(steps, ["-", ["+", 10, 5], 3], "12") == [0, 0, 0]


def test_quotients_are_exact() -> None:
    assert labels(["37 / 2 = 18"], ["/", 37, 2], "18") == [0]
    assert labels(["2 / 38 = 19"], ["/", 38, 2], "19") == [0]
    assert labels(["38 / 2 = 19"], ["/", 38, 2], "19") == [1]


@pytest.mark.parametrize(
    "chain", [None, {}, {"expression": "12"}, {"expression": ["^", 1, 2]}, {"expression": [1]}]
)
def test_oracle_needs_the_expression(chain: object) -> None:
    problem = Problem(
        task="chain",
        problem_id="chain-7",
        question="?",
        answer="1",
        extra={} if chain is None else {"chain": chain},
    )
    assert TASK.oracle is not None
    with pytest.raises(RecordError, match=r"chain-7 has no `chain.expression`"):
        TASK.oracle(problem.solved(solution_id="s", steps=("1 + 1 = 2",), correct=False))


# ── its language ─────────────────────────────────────────────────────────────────────────────────


def texts(problem: Problem) -> str:
    """A refiner's prompt and target, which hold all that a student sees too."""
    steps = problem.reference or ()
    prompt = refine_prompt(TASK, problem.question, steps, 1, PLAIN)
    draft = replace(draft_prompt(TASK, problem.question, PLAIN), steps=steps)
    return prompt.text + draft.text + "".join(f"{step}\n" for step in draft.steps)


@pytest.mark.parametrize(("task", "level"), [(TASK, EASY), (HARD_TASK, HARD)])
def test_vocabulary_is_closed(task: Task, level: Level) -> None:
    known = set(language.vocabulary(level))
    for problem in some("train", 500, task=task):
        assert known.issuperset(re.findall(language.PIECE, texts(problem)))


@pytest.mark.parametrize(("task", "model"), [(TASK, "student"), (HARD_TASK, "hard-base")])
def test_tokenizer_of_the_embedded_model(task: Task, model: str) -> None:
    """No unknown token; nothing is lost; lines can be encoded one by one."""
    tokenizer = Tokenizer.from_file(str(EMBEDDED / model / "tokenizer.json"))
    for problem in some("train", 2000, task=task):
        text = texts(problem)
        ids = tokenizer.encode(text).ids
        assert tokenizer.token_to_id("<unk>") not in ids
        assert tokenizer.decode(ids) == text
        assert ids == [i for line in text.splitlines(True) for i in tokenizer.encode(line).ids]


@pytest.mark.parametrize("is_wide", [True, False])
def test_an_expression_larger_than_any_problem_is_refused(is_wide: bool) -> None:
    """A sum of 2^9 ones, and one that is nested 5,000 times."""
    expression: object = 1
    for _ in range(9 if is_wide else 5000):
        expression = ["+", expression, expression if is_wide else 1]
    with pytest.raises(RecordError, match="more than 200 parts"):
        labels(["1 + 1 = 2"], expression, "2")
