"""What an import tells at its end of the completions that it has graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sormctl.asking import THINK
from sormctl.formats.values import word_of_truth
from sormctl.records import Json, Solution
from sormctl.tasks.solutions.grading import grader
from sormctl.tasks.solutions.thoughts import in_their_case

VERDICTS = ("row_correct", "is_correct", "symbolic_correct")  # fields, as they are kept
MAYBE = ("score", "result")  # verdicts where they are true or false
Verdict = tuple[str, bool]  # the field and what it says


def verdict_in(kept: Mapping[str, Any], index: int, count: int) -> Verdict | None:
    """What a row says of its completion `index` of `count`, one by one or in a list of them all."""
    for name in (*VERDICTS, *MAYBE):
        value = kept.get(name)
        values = value if isinstance(value, list) else [value]
        said = values[index] if len(values) == count else None
        if isinstance(said, bool):
            return name, said
        if name in VERDICTS and (truth := word_of_truth(said)) is not None:
            return name, truth
    return None


class WatchedGrader:
    """A grader that counts what its user should know.

    `think` stands around a thought, and `is_begun` says that prompts had opened one.
    """

    def __init__(
        self,
        steps: str | None = None,
        think: tuple[str, str] = THINK,
        *,
        is_begun: bool = False,
    ) -> None:
        self._grade = grader(None, steps, think, is_begun=is_begun)
        self._think = think
        self._is_begun = is_begun
        self._thoughts = Counter[str]()
        self._verdicts = Counter[Verdict]()  # whether a field agrees

    def __call__(self, data: Json, verdict: Verdict | None = None) -> Solution:
        """The graded solution of a completion; RecordError if it is none.

        `verdict` is what its row says of it.
        """
        solution = self._grade(data)
        if verdict is not None and solution.correct is not None:
            self._verdicts[verdict[0], verdict[1] is solution.correct] += 1
        if (text := data.get("text")) and not data.get("thought"):
            self._thoughts[self._kind(text)] += 1
        return solution

    def notes(self) -> Iterator[str]:
        """A line for each thing that the user should know."""
        for name in dict.fromkeys(name for name, _ in self._verdicts):
            agree, differ = self._verdicts[name, True], self._verdicts[name, False]
            yield (
                f"{name.removeprefix('row_')}: {agree:,} of {agree + differ:,} verdicts of the "
                f"file agree with ours ({name} keeps theirs)"
            )
        ended, bare = self._thoughts["ended"], self._thoughts["bare"]
        if ended and bare and not self._is_begun:
            end = self._think[1]
            yield (
                f"{ended:,} texts end a thought that they have not begun, and {bare:,} have no "
                f"{end}: if the prompt begins the thought, these were cut off in it; give "
                "--thought-begun"
            )

    def _kind(self, text: str) -> str:
        start, end = self._think
        before, is_ended, _ = in_their_case(text, self._think).partition(end)
        if start in before:
            return "begun"
        return "ended" if is_ended else "bare"
