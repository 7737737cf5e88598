"""Records as a person reads them, one by one, in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sormctl.records import Json, Pair, Problem, Solution, parse_record
from sormctl.report.layout import Span, StyledLine, hanging, line
from sormctl.thresholds import THRESHOLD, first_below

AnyRecord = Problem | Solution | Pair
SIGN = {1: "+", 0: "-", None: " "}
RIGHT = {True: "green", False: "red", None: None}
INDENT: Span = ("   ", None)
RULE: Span = ("── ", "cyan")  # before what is shown next
_VERDICTS = {True: "correct", False: "wrong", None: "not graded"}


def parse_any(data: Json) -> AnyRecord:
    """The record that an object is, by its fields; RecordError if a field does not fit."""
    if "draft" in data:
        return parse_record(data, Pair)
    return parse_record(data, Solution) if "steps" in data else parse_record(data, Problem)


def describe(record: AnyRecord, width: int | None = None) -> Iterator[StyledLine]:
    """The lines that show a record, `width` cells wide; without a width a step stays one line.

    Control characters that a model may have made are replaced.
    """
    if isinstance(record, Pair):
        return _pair(record, width)
    return _solution(record, width) if isinstance(record, Solution) else _problem(record, width)


def question_lines(problem: Problem | Pair, width: int | None) -> Iterator[StyledLine]:
    """The question, indented."""
    yield from hanging((INDENT,), problem.question, None, width)


def step_lines(
    solution: Solution, index: int, models: Sequence[str], width: int | None
) -> Iterator[StyledLine]:
    """A step with its number, label and scores; the first error is marked."""
    label = solution.labels[index] if solution.labels else None
    scores = [solution.scores[model][index] for model in models if model in solution.scores]
    lead = f"{index + 1:4} {SIGN[label]}{''.join(f'{score:6.2f}' for score in scores)}  "
    colour = RIGHT[label == 1] if label is not None else None
    if label is None and scores:
        colour = RIGHT[scores[0] >= THRESHOLD]
    text = f"{solution.steps[index]}{error_mark(solution, index)}"
    return hanging(((lead, colour),), text, colour, width)


def verdict_lines(solution: Solution, width: int | None) -> Iterator[StyledLine]:
    """What was answered, and whether that is right."""
    predicted = "no answer" if solution.predicted is None else solution.predicted
    said = f"{_VERDICTS[solution.correct]}: {predicted} (answer {_known(solution.answer)})"
    return hanging((INDENT,), said, RIGHT[solution.correct], width)


def error_mark(solution: Solution, index: int) -> str:
    """What stands behind the first wrong step: by its label, or else by the first reward model."""
    if solution.labels is not None:
        is_first = 0 in solution.labels and index == solution.labels.index(0)
        return "   ← first error by label" if is_first else ""
    model, scores = next(iter(solution.scores.items()), ("", ()))
    return f"   ← first error by {model}" if index == first_below(scores, THRESHOLD) else ""


def _problem(problem: Problem, width: int | None) -> Iterator[StyledLine]:
    yield from hanging((RULE,), f"{problem.problem_id} · {problem.task}", "cyan", width)
    yield from question_lines(problem, width)
    yield from _numbered(problem.reference or (), width)
    yield line(f"   answer {_known(problem.answer)}", "cyan")


def _solution(solution: Solution, width: int | None) -> Iterator[StyledLine]:
    kind = solution.source.get("kind", "solution")
    yield from hanging((RULE,), f"{solution.solution_id} · {kind}", "cyan", width)
    yield from question_lines(solution, width)
    names = list(solution.scores)
    if names:
        yield line(f"      scores: {', '.join(names)}", "cyan")
    for name, reward in solution.rewards.items():
        said = "too long" if reward is None else f"{reward:.2f}"
        yield line(f"      reward by {name}: {said}", "cyan")
    if solution.thought:
        yield line(f"      thought: {len(solution.thought):,} characters", "cyan")
    for index in range(len(solution.steps)):
        yield from step_lines(solution, index, names, width)
    yield from verdict_lines(solution, width)


def _pair(pair: Pair, width: int | None) -> Iterator[StyledLine]:
    kind = "global" if pair.first_error is None else "local"
    yield from hanging((RULE,), f"{pair.problem_id} · {kind} pair", "cyan", width)
    yield from question_lines(pair, width)
    yield line("   draft → target", "cyan")
    for index, step in enumerate(pair.draft):
        wrong = index == pair.first_error
        text = f"{step}   ← first error" if wrong else step
        yield from hanging(((f"{index + 1:4}  ", None),), text, "red" if wrong else None, width)
    yield line("   →", "cyan")
    yield from _numbered(pair.target, width, "green")


def _numbered(
    steps: Sequence[str], width: int | None, colour: str | None = None
) -> Iterator[StyledLine]:
    for number, step in enumerate(steps, 1):
        yield from hanging(((f"{number:4}  ", colour),), step, colour, width)


def _known(answer: str | None) -> str:
    return "unknown" if answer is None else answer
