"""Problems that the rows of other files are about, and that those rows do not tell all of."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sormctl.records import Problem


class KnownProblems:
    """Problems, to be found by id, by question (whatever its spaces) or by their place, from 0.

    Of several problems with the same question the first is found.
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._problems = tuple(problems)
        self._by_id = {problem.problem_id: problem for problem in self._problems}
        self._last: tuple[str | None, Problem | None] = None, None  # what `within` found
        self._by_question = {_folded(p.question): p for p in reversed(self._problems)}

    def __bool__(self) -> bool:
        return bool(self._problems)

    def asking(self, question: str) -> Problem | None:
        """The problem of that question."""
        return self._by_question.get(_folded(question))

    def within(self, prompt: str) -> Problem | None:
        """The problem of the question that a prompt ends with, behind examples and instructions.

        Of several questions in it the last one counts, and of those that end there the longest.
        Takes a look at every problem; samples of one prompt that follow one another share it.
        """
        text = _folded(prompt)
        if self._last[0] != text:
            ends = {question: _end_in(text, question) for question in self._by_question if question}
            found = max(ends, key=lambda question: (ends[question], len(question)), default="")
            self._last = text, self._by_question[found] if ends.get(found) else None
        return self._last[1]

    def named(self, problem_id: str) -> Problem | None:
        """The problem of that id."""
        return self._by_id.get(problem_id)

    def at(self, index: int) -> Problem | None:
        """The problem in that place."""
        return self._problems[index] if 0 <= index < len(self._problems) else None


def _end_in(text: str, question: str) -> int:
    """Where a question ends that stands in a text, the last time; 0 where it does not."""
    if question not in text:
        return 0
    ends = question[0], question[-1]  # some scripts have no spaces between words
    before, after = (r"\b" if end.isascii() and end.isalnum() else "" for end in ends)
    places = re.finditer(f"{before}{re.escape(question)}{after}", text)
    return max((place.end() for place in places), default=0)


def _folded(question: str) -> str:
    return " ".join(question.split())
