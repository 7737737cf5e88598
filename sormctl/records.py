"""The three records that every command reads and writes, one JSON object a line.

Field names are the schema. Fields that sormctl does not know are kept in `extra` and written back
as they were, so other tools can add theirs. `docs/records.md` is generated from this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sormctl.errors import RecordError
from sormctl.fields import (
    as_bool,
    as_int,
    as_list,
    as_object,
    as_string,
    as_strings,
    integer,
    optional,
    required,
    string,
    wrong_type,
)

Json = Mapping[str, Any]
Steps = tuple[str, ...]
Labels = tuple[int | None, ...]
MAX_COUNT = 2**53 - 1  # the largest that every reader of JSON keeps exact
MAX_SCORE = 1 + 1e-6  # a sum of probabilities may be rounded up


def _doc(text: str, **default: Any) -> Any:
    """A dataclass field with its description, from which the reference page is generated."""
    return field(metadata={"doc": text}, **default)


@dataclass(frozen=True, slots=True)
class Problem:
    """A question and its reference answer."""

    task: str = _doc("name of the task that prompts, splits and grades it")
    problem_id: str = _doc("identifies the problem across files")
    question: str = _doc("the question as the model sees it")
    answer: str = _doc("the reference final answer")
    reference: Steps | None = _doc("reference steps, where the benchmark has them", default=None)
    extra: Json = _doc("(not a field) everything else in the object", default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one completion cost."""

    prompt_tokens: int = _doc("tokens of the prompt", default=0)
    cached_tokens: int = _doc("of these, taken from another completion's prefill", default=0)
    generated_tokens: int = _doc("tokens generated", default=0)


@dataclass(frozen=True, slots=True)
class Rollouts:
    """What was tried from the prefix that ends with one step (paper, 3.1 step 2)."""

    tried: int = _doc("rollouts generated from this prefix", default=0)
    succeeded: int = _doc("of these, correct and consistent", default=0)
    made: bool = _doc("false where the walk could skip the prefix", default=False)
    generated_tokens: int = _doc("tokens these rollouts cost", default=0)


@dataclass(frozen=True, slots=True)
class Verifier:
    """A verifying trace: the steps of a successful rollout from a prefix of the solution."""

    prefix: int = _doc("number of steps of the solution that it continues")
    steps: Steps = _doc("the steps that follow the prefix")


@dataclass(frozen=True, slots=True)
class Solution:
    """A problem with one solution of it, and whatever commands have found out about it."""

    problem: Problem = _doc("(not a field) the problem's fields, side by side with these")
    solution_id: str = _doc("identifies the solution across files")
    steps: Steps = _doc("the reasoning steps; the last one states the final answer")
    predicted: str | None = _doc("the final answer read from the steps; null if there is none")
    correct: bool = _doc("whether `predicted` equals `answer`")
    source: Json = _doc(
        "how it was made: `kind` (sample, global, local, value; any other counts as sample), "
        "`model`, `seed`, `finish`; "
        "a refinement also has `draft_id` and `first_error`; `sample --logprobs` adds `logprob`, "
        "the log-probability of its tokens at temperature 1",
        default_factory=dict,
    )
    usage: Usage = _doc("tokens it cost", default_factory=Usage)
    labels: Labels | None = _doc(
        "per step: 1 correct, 0 incorrect, null not a training target", default=None
    )
    rollouts: tuple[Rollouts, ...] | None = _doc(
        "per step: rollouts from the prefix that it ends", default=None
    )
    verifiers: tuple[Verifier, ...] = _doc("verifying traces, for the refiner", default=())
    scores: Mapping[str, tuple[float, ...]] = _doc(
        "per reward model: P(correct) after each step, from 0 to 1", default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """A refiner's training example: a wrong draft and what it should have become."""

    task: str = _doc("name of the task")
    problem_id: str = _doc("identifies the problem")
    question: str = _doc("the question")
    draft: Steps = _doc("steps of the incorrect solution")
    first_error: int | None = _doc("index of the first wrong step; null for a global pair")
    target: Steps = _doc("steps of the correct solution")
    extra: Json = _doc("(not a field) everything else in the object", default_factory=dict)


def problem_name(solution: Solution) -> str:
    """Identifies a solution's problem among those of all tasks."""
    return f"{solution.problem.task}\0{solution.problem.problem_id}"


# ── JSON to records ──────────────────────────────────────────────────────────────────────────────


def parse_problem(data: Json) -> Problem:
    """A problem from its JSON object; raises RecordError naming the field.

    Of a solution it is the problem alone: the fields of one solution are not those of the next.
    """
    return _problem(data, known=_SOLUTION_FIELDS)


def parse_solution(data: Json) -> Solution:
    """A solution from its JSON object; raises RecordError naming the field."""
    steps = as_strings(
        required(data, "steps", "run `sormctl sample` or `sormctl grade` first"), "steps"
    )
    solution = Solution(
        problem=_problem(data, known=_SOLUTION_FIELDS),
        solution_id=string(data, "solution_id"),
        steps=steps,
        predicted=optional(data, "predicted", as_string),
        correct=as_bool(required(data, "correct", "run `sormctl grade` first"), "correct"),
        source=optional(data, "source", as_object) or {},
        usage=optional(data, "usage", _usage) or Usage(),
        labels=optional(data, "labels", _labels),
        rollouts=optional(data, "rollouts", _rollouts),
        verifiers=optional(data, "verifiers", _verifiers) or (),
        scores=optional(data, "scores", _scores) or {},
    )
    check_counts(solution)
    check_lengths(solution)
    return solution


def parse_pair(data: Json) -> Pair:
    """A refinement pair from its JSON object; raises RecordError naming the field."""
    pair = Pair(
        task=string(data, "task"),
        problem_id=string(data, "problem_id"),
        question=string(data, "question"),
        draft=as_strings(required(data, "draft", "run `sormctl make-refine-pairs` first"), "draft"),
        first_error=optional(data, "first_error", as_int),
        target=as_strings(
            required(data, "target", "run `sormctl make-refine-pairs` first"), "target"
        ),
        extra={key: value for key, value in data.items() if key not in _PAIR_FIELDS},
    )
    if pair.first_error is not None and not 0 <= pair.first_error < len(pair.draft):
        raise RecordError(
            f"`first_error` is {pair.first_error}, but the draft has {len(pair.draft)} steps"
        )
    return pair


# ── records to JSON ──────────────────────────────────────────────────────────────────────────────


def problem_json(problem: Problem) -> dict[str, Any]:
    """The JSON object of a problem; `parse_problem` reads it back."""
    return {**_problem_fields(problem), **problem.extra}


def solution_json(solution: Solution) -> dict[str, Any]:
    """The JSON object of a solution; `parse_solution` reads it back. Absent fields are left out."""
    data = _problem_fields(solution.problem)
    data["solution_id"] = solution.solution_id
    data["steps"] = solution.steps
    data["predicted"] = solution.predicted
    data["correct"] = solution.correct
    data["source"] = solution.source
    data["usage"] = _plain(solution.usage)
    if solution.labels is not None:
        data["labels"] = solution.labels
    if solution.rollouts is not None:
        data["rollouts"] = [_plain(count) for count in solution.rollouts]
    if solution.verifiers:
        data["verifiers"] = [_plain(verifier) for verifier in solution.verifiers]
    if solution.scores:
        data["scores"] = dict(solution.scores)
    return {**data, **solution.problem.extra}


def pair_json(pair: Pair) -> dict[str, Any]:
    """The JSON object of a pair; `parse_pair` reads it back."""
    data = {
        "task": pair.task,
        "problem_id": pair.problem_id,
        "question": pair.question,
        "draft": pair.draft,
        "first_error": pair.first_error,
        "target": pair.target,
    }
    return {**data, **pair.extra}


def _plain(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in _NAMES[type(record)]}


def _problem_fields(problem: Problem) -> dict[str, Any]:
    data: dict[str, Any] = {
        "task": problem.task,
        "problem_id": problem.problem_id,
        "question": problem.question,
        "answer": problem.answer,
    }
    if problem.reference is not None:
        data["reference"] = problem.reference
    return data


# `fields` is slow, and these are asked for with every record
_NAMES: dict[type, tuple[str, ...]] = {
    record: tuple(item.name for item in fields(record))
    for record in (Problem, Usage, Rollouts, Verifier, Solution, Pair)
}
_PROBLEM_FIELDS = frozenset(_NAMES[Problem]) - {"extra"}
_SOLUTION_FIELDS = _PROBLEM_FIELDS | frozenset(_NAMES[Solution]) - {"problem"}
_PAIR_FIELDS = frozenset(_NAMES[Pair]) - {"extra"}
_ROLLOUTS_TYPES = (int, int, bool, int)


# ── checks ───────────────────────────────────────────────────────────────────────────────────────


def _problem(data: Json, known: frozenset[str]) -> Problem:
    return Problem(
        task=string(data, "task"),
        problem_id=string(data, "problem_id"),
        question=string(data, "question"),
        answer=string(data, "answer"),
        reference=optional(data, "reference", as_strings),
        extra={} if data.keys() <= known else {k: data[k] for k in data if k not in known},
    )


def check_lengths(solution: Solution) -> None:
    """RecordError unless what a solution has for each step is there for each step."""
    count = len(solution.steps)
    labels, rollouts = solution.labels, solution.rollouts
    if labels is not None and len(labels) != count:
        raise _uneven("labels", labels, count)
    if rollouts is not None:
        if len(rollouts) != count:
            raise _uneven("rollouts", rollouts, count)
        for tried in rollouts:
            if tried.succeeded > tried.tried:
                raise RecordError(
                    f"`rollouts` has {tried.succeeded} successes of {tried.tried} tried"
                )
    for name, values in solution.scores.items():
        if len(values) != count:
            raise _uneven(f"scores.{name}", values, count)
    for verifier in solution.verifiers:
        if not 0 <= verifier.prefix <= count:
            raise RecordError(f"`verifiers` names prefix {verifier.prefix} of {count} steps")


def check_counts(solution: Solution) -> None:
    """RecordError unless what was counted is a number from 0 to `MAX_COUNT`."""
    usage = solution.usage
    counts = [usage.prompt_tokens, usage.cached_tokens, usage.generated_tokens]
    for tried in solution.rollouts or ():
        counts += tried.tried, tried.succeeded, tried.generated_tokens
    if min(counts) >= 0 and max(counts) <= MAX_COUNT:
        return
    for name, record in ("usage", usage), *(("rollouts", r) for r in solution.rollouts or ()):
        for key, value in _plain(record).items():
            if not 0 <= value <= MAX_COUNT:
                raise RecordError(f"`{name}.{key}` is {value}; it must be from 0 to 2^53 - 1")


def _uneven(name: str, values: Sequence[object], count: int) -> RecordError:
    return RecordError(f"`{name}` has {len(values)} entries for {count} steps")


def _labels(value: Any, name: str) -> Labels:
    labels = as_list(value, name)
    for i, label in enumerate(labels):
        if label is not None and (type(label) is not int or label not in (0, 1)):
            raise RecordError(f"`{name}[{i}]` must be 0, 1 or null")
    return tuple(labels)


def _usage(value: Any, name: str) -> Usage:
    data = as_object(value, name)
    return Usage(*[integer(data, key, name) for key in _NAMES[Usage]])


def _rollouts(value: Any, name: str) -> tuple[Rollouts, ...]:
    return tuple([_rollout(item, name) for item in as_list(value, name)])


def _rollout(value: Any, name: str) -> Rollouts:
    get = as_object(value, name).get
    counts = get("tried", 0), get("succeeded", 0), get("made", False), get("generated_tokens", 0)
    if tuple(map(type, counts)) != _ROLLOUTS_TYPES:  # there is one for each step: look for it once
        for key in ("tried", "succeeded", "generated_tokens"):
            integer(value, key, name)
        as_bool(counts[2], f"{name}.made")
    return Rollouts(*counts)


def _verifiers(value: Any, name: str) -> tuple[Verifier, ...]:
    return tuple(
        Verifier(
            prefix=as_int(required(data, "prefix"), f"{name}.prefix"),
            steps=as_strings(required(data, "steps"), f"{name}.steps"),
        )
        for data in (as_object(item, name) for item in as_list(value, name))
    )


def _scores(value: Any, name: str) -> dict[str, tuple[float, ...]]:
    scores = as_object(value, name)
    return {key: _numbers(values, f"{name}.{key}") for key, values in scores.items()}


def _numbers(value: Any, name: str) -> tuple[float, ...]:
    numbers = as_list(value, name)
    for number in numbers:
        if type(number) is not float and type(number) is not int:
            raise wrong_type(name, "a list of numbers", number)
        if not 0 <= number <= MAX_SCORE:
            raise RecordError(f"`{name}` has {number}; a score is P(correct), from 0 to 1")
    return tuple(map(float, numbers))
