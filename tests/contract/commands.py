"""The stream commands, each with an input record that it accepts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PROBLEM: dict[str, Any] = {
    "task": "numeric",
    "problem_id": "p1",
    "question": "How many apples are 2 + 2?",
    "answer": "4",
}
CORRECT: dict[str, Any] = {
    **PROBLEM,
    "solution_id": "s1",
    "steps": ["2 + 2 = 4", "#### 4"],
    "predicted": "4",
    "correct": True,
    "labels": [1, 1],
    "scores": {"orm": [0.5, 0.75]},
    "source": {"kind": "sample"},
}
WRONG: dict[str, Any] = {
    **CORRECT,
    "solution_id": "s2",
    "steps": ["2 + 2 = 5", "#### 5"],
    "predicted": "5",
    "correct": False,
    "labels": [0, 0],
    "verifiers": [{"prefix": 0, "steps": ["2 + 2 = 4", "#### 4"]}],
}
LABELLED = {**WRONG, "rollouts": [{"tried": 8, "succeeded": 0, "made": True}, {}]}


@dataclass(frozen=True)
class Command:
    """`argv` may hold `{student}` and `{rm}`; `records` make at least one record of output."""

    argv: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    required: str  # a field that the input must have
    passes: bool = True  # whether unknown fields pass through

    @property
    def needs_model(self) -> bool:
        return any("{" in argument for argument in self.argv)

    def __str__(self) -> str:
        return " ".join(self.argv)


PURE = (
    Command(("grade",), ({**PROBLEM, "text": "2 + 2 = 4\n#### 4"},), "text"),
    Command(("filter", "--correct", "--unique"), (CORRECT,), "correct"),
    Command(("label-steps", "--by", "outcome"), (CORRECT, WRONG), "steps"),
    Command(("balance", "--by", "prefix-length"), (CORRECT, WRONG), "labels"),
    Command(("balance", "--by", "question"), (CORRECT, WRONG), "correct"),
    Command(("filter-labels", "--by", "orm"), (CORRECT, WRONG), "labels"),
    Command(("make-refine-pairs", "--mode", "global"), (CORRECT, WRONG), "steps", passes=False),
    Command(("make-refine-pairs", "--mode", "local"), (CORRECT, LABELLED), "steps", passes=False),
    Command(("export", "processbench"), (CORRECT, WRONG), "labels", passes=False),
    Command(("export", "stepwise"), (CORRECT, WRONG), "labels", passes=False),
    Command(("export", "preference"), (CORRECT, WRONG), "correct", passes=False),
    Command(("rerank", "--scores", "orm"), (CORRECT, WRONG), "scores"),
    Command(("rerank", "--vote", "majority"), (CORRECT, WRONG), "steps"),
)
JUDGED: dict[str, Any] = {
    "id": "gsm8k-0",
    "problem": "How many apples are 2 + 2?",
    "steps": ["2 + 2 = 5", "The answer is 5."],
    "final_answer_correct": False,
    "label": 0,
}
TAGGED = {"input": "2 + 2? Step 1: 4 ки", "label": "2 + 2? Step 1: 4 +", "task": "GSM8K"}
IMPORTS = (  # these read foreign rows
    Command(("import", "processbench"), (JUDGED,), "steps"),
    Command(("import", "math-shepherd"), (TAGGED,), "label"),
)
WITH_A_MODEL = (
    Command(("sample", "--model", "{student}", "-n", "2", "--max-tokens", "6"), (PROBLEM,), "task"),
    Command(
        ("label-steps", "--by", "rollouts", "--model", "{student}", "-k", "2", "--max-tokens", "6"),
        (CORRECT, WRONG),
        "steps",
    ),
    Command(("score", "--rm", "{rm}"), (CORRECT, WRONG), "steps"),
    Command(
        ("refine", "--mode", "global", "--model", "{student}", "--max-tokens", "6"),
        (CORRECT, WRONG),
        "solution_id",
    ),
    Command(("rerank", "--rm", "{rm}"), (CORRECT, WRONG), "problem_id"),
)
