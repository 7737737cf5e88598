"""Problems that the rows of other files are about, and that those rows do not tell all of."""

from __future__ import annotations

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
        """The problem of the longest question that stands in a prompt.

        Takes a look at every problem; samples of one prompt that follow one another share it.
        """
        text = _folded(prompt)
        if self._last[0] != text:
            found = [question for question in self._by_question if question and question in text]
            self._last = text, self._by_question[max(found, key=len)] if found else None
        return self._last[1]

    def named(self, problem_id: str) -> Problem | None:
        """The problem of that id."""
        return self._by_id.get(problem_id)

    def at(self, index: int) -> Problem | None:
        """The problem in that place."""
        return self._problems[index] if 0 <= index < len(self._problems) else None


def _folded(question: str) -> str:
    return " ".join(question.split())
