"""What an import tells at its end of the completions that it has graded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from sormctl.asking import THINK
from sormctl.records import Json, Solution
from sormctl.tasks.grading import grader


class WatchedGrader:
    """A grader that counts what its user should know.

    `think` stands around a thought, and `is_begun` says that prompts had opened one: both as the
    grader has been told.
    """

    def __init__(
        self,
        grade: Callable[[Json], Solution] | None = None,
        think: tuple[str, str] = THINK,
        *,
        is_begun: bool = False,
    ) -> None:
        self._grade = grade or grader()
        self._think = think
        self._is_begun = is_begun
        self._thoughts = Counter[str]()

    def __call__(self, data: Json) -> Solution:
        """The graded solution of a completion; RecordError if it is none."""
        solution = self._grade(data)
        if (text := data.get("text")) and not data.get("thought"):
            self._thoughts[self._kind(text)] += 1
        return solution

    def notes(self) -> Iterator[str]:
        """A line for each thing that the user should know."""
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
        before, is_ended, _ = text.partition(end)
        if start in before:
            return "begun"
        return "ended" if is_ended else "bare"
