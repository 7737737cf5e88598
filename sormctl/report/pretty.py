"""Records as a person reads them: lines of (text, colour)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sormctl.evaluation.steps import THRESHOLD
from sormctl.records import Json, Pair, Problem, Solution, parse_record

StyledLine = tuple[str, str | None]  # colour: a name that terminals know, or None
AnyRecord = Problem | Solution | Pair


def parse_any(data: Json) -> AnyRecord:
    """The record that an object is, by its fields; RecordError if a field does not fit."""
    if "draft" in data:
        return parse_record(data, Pair)
    return parse_record(data, Solution) if "steps" in data else parse_record(data, Problem)


def describe(record: AnyRecord) -> Iterator[StyledLine]:
    """The lines that show a record, without the control characters that a model may have made."""
    return ((_printable(text), colour) for text, colour in _lines(record))


def _lines(record: AnyRecord) -> Iterator[StyledLine]:
    if isinstance(record, Pair):
        return _pair(record)
    return _solution(record) if isinstance(record, Solution) else _problem(record)


def _problem(problem: Problem) -> Iterator[StyledLine]:
    yield f"── {problem.problem_id} · {problem.task}", "cyan"
    yield f"   {problem.question}", None
    for number, step in enumerate(problem.reference or (), 1):
        yield f"{number:4}  {step}", None
    yield f"   answer {_known(problem.answer)}", "cyan"


def _solution(solution: Solution) -> Iterator[StyledLine]:
    yield f"── {solution.solution_id} · {solution.source.get('kind', 'solution')}", "cyan"
    yield f"   {solution.question}", None
    names = list(solution.scores)
    if names:
        yield f"      scores: {', '.join(names)}", "cyan"
    if solution.thought:
        yield f"      thought: {len(solution.thought):,} characters", "cyan"
    first_error = _first_error(solution)
    for i, step in enumerate(solution.steps):
        label = solution.labels[i] if solution.labels else None
        scores = "".join(f"{solution.scores[name][i]:6.2f}" for name in names)
        mark = "   ← first error" if i == first_error else ""
        yield f"{i + 1:4} {_SIGN[label]}{scores}  {step}{mark}", _colour(solution, i, label)
    predicted = "no answer" if solution.predicted is None else solution.predicted
    verdict, colour = _VERDICTS[solution.correct]
    yield f"   {verdict}: {predicted} (answer {_known(solution.answer)})", colour


def _pair(pair: Pair) -> Iterator[StyledLine]:
    kind = "global" if pair.first_error is None else "local"
    yield f"── {pair.problem_id} · {kind} pair", "cyan"
    yield f"   {pair.question}", None
    yield "   draft → target", "cyan"
    for number, step in enumerate(pair.draft, 1):
        wrong = number - 1 == pair.first_error
        yield f"{number:4}  {step}{'   ← first error' if wrong else ''}", "red" if wrong else None
    yield "   →", "cyan"
    for number, step in enumerate(pair.target, 1):
        yield f"{number:4}  {step}", "green"


_SIGN = {1: "+", 0: "-", None: " "}
_RIGHT = {True: "green", False: "red"}
_VERDICTS = {True: ("correct", "green"), False: ("wrong", "red"), None: ("not graded", None)}


def _known(answer: str | None) -> str:
    return "unknown" if answer is None else answer


def _first_error(solution: Solution) -> int | None:
    """The first step labelled wrong; without labels, the first that the first score suspects."""
    wrong: Sequence[bool] = [label == 0 for label in solution.labels or ()]
    if solution.labels is None:
        wrong = [p < THRESHOLD for p in next(iter(solution.scores.values()), ())]
    return wrong.index(True) if True in wrong else None


def _colour(solution: Solution, index: int, label: int | None) -> str | None:
    if label is not None:
        return _RIGHT[label == 1]
    scores = [values[index] for values in solution.scores.values()]
    return _RIGHT[scores[0] >= THRESHOLD] if scores else None


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else _stand_in(c) for c in text)


def _stand_in(character: str) -> str:
    return " " if character.isspace() else "\N{REPLACEMENT CHARACTER}"
