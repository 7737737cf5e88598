"""A task: everything that is particular to one benchmark. Pure: no file, no model, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sormctl.asking import WorkedExample
from sormctl.records import Problem, Solution
from sormctl.tasks.answers import NUMERIC, AnswerKind
from sormctl.tasks.steps import split_lines, step_result


@dataclass(frozen=True, slots=True)
class Hub:
    """Where the Hugging Face hub keeps the data set, and its own names of our splits."""

    path: str
    name: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark, as data and functions; others add one by the entry point `sormctl.tasks`.

    Problems come from rows (`parse`, with `files` and `hub` to find them) or are made
    (`generate`); a task has one of the two.
    """

    name: str
    answer: AnswerKind = NUMERIC
    instruction: str = (  # to a chat model, in the words that the field's models know
        "Please reason step by step, and put your final answer within \\boxed{}."
    )
    examples: tuple[WorkedExample, ...] = ()  # for few-shot prompts, the best one first
    # text of a completion -> steps; a step -> its intermediate result R_j (3.1, post-processing 2)
    split: Callable[[str], list[str]] = split_lines
    result: Callable[[str], str | None] = step_result
    # (row, split, index of the row) -> Problem; RecordError if the row does not fit
    parse: Callable[[Mapping[str, Any], str, int], Problem] | None = None
    # split -> path of the published file below --data-dir
    files: Mapping[str, str] = field(default_factory=dict)
    hub: Hub | None = None
    # (split, seed) -> endless problems, for a benchmark that is generated
    generate: Callable[[str, int], Iterator[Problem]] | None = None
    # exact labels (1 while the prefix is still valid), where the benchmark knows them
    oracle: Callable[[Solution], Sequence[int]] | None = None

    def predict(self, steps: Sequence[str], question: str = "") -> str | None:
        """The final answer that the steps state; None if they state none.

        With the question, the text of one of its options stands for the option's letter, and a
        number that it gives is rather not the answer.
        """
        return self.answer.read(steps, question)

    def is_correct(self, predicted: str | None, answer: str | None) -> bool | None:
        """Whether a predicted answer equals the reference answer.

        None where the reference answer is unknown, or where it is not decided in time.
        """
        if answer is None:
            return None
        return False if predicted is None else self.answer.equivalent(predicted, answer)
