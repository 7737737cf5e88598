"""The three records that every command reads and writes, one JSON object a line.

Each field is written here and nowhere else: reading, writing, checks, `docs/records.md` and the
JSON Schema `docs/records.schema.json` come from these classes. Fields that sormctl does not know
are kept in `extra` and written back, so other tools can add theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Annotated, Any, Literal, TypeVar

from msgspec import (
    Meta,
    MsgspecError,
    Raw,
    Struct,
    ValidationError,
    convert,
    field,
    json,
    to_builtins,
)
from msgspec.structs import fields, replace

from sormctl.endings import LENGTH, STOP, ending
from sormctl.errors import RecordError
from sormctl.explaining import explain_object
from sormctl.lines import TOO_DEEP, load_object
from sormctl.missing import no_such

Json = Mapping[str, Any]
Steps = tuple[str, ...]
Labels = tuple[int | None, ...]
MAX_COUNT = 2**53 - 1  # the largest that every reader of JSON keeps exact
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Score = Annotated[float, Meta(ge=0, le=1 + 1e-6)]  # a sum of probabilities may be rounded up
Refinement = Literal["global", "local", "value"]
REFINEMENTS: tuple[Refinement, ...] = ("global", "local", "value")  # of `source.kind`
R = TypeVar("R", bound="Record")
EXTRA = "\ue000extra"  # the key of `extra` for msgspec: a private character, so in no line


class Record(
    Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True, forbid_unknown_fields=True
):
    """What a line holds; `extra` is everything in the object that is no field of ours."""

    extra: dict[str, Any] = field(default_factory=dict, name=EXTRA)

    def check(self) -> None:
        """RecordError unless the fields fit one another."""


class Problem(Record, frozen=True, kw_only=True, gc=False):
    """A question and its reference answer."""

    task: Annotated[str, Meta(description="name of the task that prompts, splits and grades it")]
    problem_id: Annotated[str, Meta(description="identifies the problem across files")]
    question: Annotated[str, Meta(description="the question as the model sees it")]
    answer: Annotated[
        str | None, Meta(description="the reference final answer; null where it is unknown")
    ]
    reference: Annotated[
        Steps | None, Meta(description="reference steps, where the benchmark has them")
    ] = None

    @property
    def key(self) -> str:
        """Identifies the record among its like: to `--resume`, and in errors."""
        return self.problem_id

    def solved(self, **fields: Any) -> Solution:
        """A solution of this problem: its fields, with those of the solution."""
        own = {name: getattr(self, name) for name in Problem.__struct_fields__}
        return Solution(**{**own, **fields})


class Usage(Struct, frozen=True, gc=False):
    """Tokens that one completion cost."""

    prompt_tokens: Annotated[Count, Meta(description="tokens of the prompt")] = 0
    cached_tokens: Annotated[
        Count, Meta(description="of these, taken from another completion's prefill")
    ] = 0
    generated_tokens: Annotated[Count, Meta(description="tokens generated")] = 0


class Rollouts(Struct, frozen=True, gc=False):
    """What was tried from the prefix that ends with one step (paper, 3.1 step 2)."""

    tried: Annotated[
        Count, Meta(description="rollouts counted for this prefix, siblings included")
    ] = 0
    succeeded: Annotated[Count, Meta(description="of these, correct and consistent")] = 0
    made: Annotated[bool, Meta(description="false where the walk could skip the prefix")] = False
    generated_tokens: Annotated[Count, Meta(description="tokens these rollouts cost")] = 0


class Verifier(Struct, frozen=True, gc=False):
    """A verifying trace: the steps of a successful rollout from a prefix of the solution."""

    prefix: Annotated[Count, Meta(description="number of steps of the solution that it continues")]
    steps: Annotated[Steps, Meta(description="the steps that follow the prefix")]


class Solution(Problem, frozen=True, kw_only=True, gc=False):
    """A problem with one solution of it, and whatever commands have found out about it."""

    solution_id: Annotated[str, Meta(description="identifies the solution across files")]
    steps: Annotated[
        Steps, Meta(description="the reasoning steps; the last one states the final answer")
    ]
    separators: Annotated[
        Steps | None,
        Meta(
            description="what follows each step in the model's own text, where that is not one "
            "newline"
        ),
    ] = None
    opening: Annotated[
        str | None,
        Meta(description="what stands before the first step in the model's own text, if anything"),
    ] = None
    thought: Annotated[
        str | None, Meta(description="what a reasoning model thought before the steps; not graded")
    ] = None
    # these three are written even where they say nothing
    predicted: Annotated[
        str | None, Meta(description="the final answer read from the steps; null if there is none")
    ] = field(default_factory=lambda: None)
    correct: Annotated[
        bool | None,
        Meta(description="whether `predicted` equals `answer`; null where that is unknown"),
    ]
    source: Annotated[
        dict[str, Any],
        Meta(
            description="how it was made: `kind` (draft: greedy; sample; global, local, value: "
            "refinements; any other counts as sample), `model`, `seed`, `finish`; a refinement "
            "also has `draft_id` and `first_error`; `sample --logprobs` adds `logprob`, the "
            "log-probability of its tokens at temperature 1"
        ),
    ] = field(default_factory=dict)
    # one value, which msgspec knows again: where nothing was said, nothing is written back
    usage: Annotated[Usage, Meta(description="tokens it cost")] = Usage()
    labels: Annotated[
        tuple[Literal[0, 1] | None, ...] | None,
        Meta(description="per step: 1 correct, 0 incorrect, null not a training target"),
    ] = None
    rollouts: Annotated[
        tuple[Rollouts, ...] | None,
        Meta(description="per step: rollouts from the prefix that it ends"),
    ] = None
    verifiers: Annotated[
        tuple[Verifier, ...], Meta(description="verifying traces, for the refiner")
    ] = ()
    scores: Annotated[
        dict[str, tuple[Score, ...]],
        Meta(description="per reward model: P(correct) after each step, from 0 to 1"),
    ] = field(default_factory=dict)
    rewards: Annotated[
        dict[str, float | None],
        Meta(
            description="per reward model that judges whole solutions: its number, of any size; "
            "null where the solution is longer than it reads"
        ),
    ] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same, also where ids begin anew with each problem: `12` is no solution of `1`."""
        rest = self.solution_id.removeprefix(self.problem_id)
        tells_it = rest != self.solution_id and not rest[:1].isalnum()
        return self.solution_id if tells_it else f"{self.problem_id}/{self.solution_id}"

    @property
    def is_cut_off(self) -> bool:
        """Whether it ended at the token limit."""
        return _ending(self.source) == LENGTH

    def outcome_given(self) -> bool:
        """Whether it is correct; RecordError where that is unknown."""
        if self.correct is None:
            raise RecordError("`correct` is unknown; run `sormctl grade` first, or leave it out")
        return self.correct

    def labels_given(self) -> Labels:
        """The labels; RecordError where there are none."""
        if self.labels is None:
            raise RecordError("no `labels`; run `sormctl label-steps` first")
        return self.labels

    def scores_of(self, model: str) -> tuple[float, ...]:
        """A reward model's scores; RecordError where there are none."""
        if model not in self.scores:
            remedy = f"run `sormctl score --name {model}` first"
            known = [f"scores.{name}" for name in self.scores]
            raise RecordError(no_such("field", f"scores.{model}", known, remedy))
        return self.scores[model]

    def all_rollouts(self) -> tuple[Rollouts, ...]:
        """The rollouts of every prefix but the whole; RecordError unless all K were made of each.

        A walk skips prefixes, and stops at a success: its counts are no shares of K.
        """
        counts = (self.rollouts or ())[:-1]
        if len(counts) < len(self.steps) - 1 or not all(c.made and c.tried for c in counts):
            raise RecordError("not all prefixes have `rollouts`; see label-steps --exhaustive")
        if len({count.tried for count in counts}) > 1:
            raise RecordError("some `rollouts` stopped at a success; see label-steps --exhaustive")
        return counts

    def with_scores(self, model: str, scores: tuple[float, ...]) -> Solution:
        """The solution with a reward model's scores beside those of others."""
        return replace(self, scores={**self.scores, model: scores})

    @property
    def text(self) -> str:
        """The steps as its model wrote them, without what it thought."""
        separators = self.separators or ("\n",) * len(self.steps)
        parts = chain.from_iterable(zip(self.steps, (*separators[:-1], ""), strict=False))
        return f"{self.opening or ''}{''.join(parts)}"

    def with_reward(self, model: str, reward: float | None) -> Solution:
        """The solution with an outcome reward model's number beside those of others."""
        return replace(self, rewards={**self.rewards, model: reward})

    def check(self) -> None:
        count = len(self.steps)
        for name, values in self._by_step().items():
            if values is not None and len(values) != count:
                raise RecordError(f"`{name}` has {len(values)} entries for {count} steps")
        for tried in self.rollouts or ():
            if tried.succeeded > tried.tried:
                raise RecordError(
                    f"`rollouts` has {tried.succeeded} successes of {tried.tried} tried"
                )
        for verifier in self.verifiers:
            if verifier.prefix > count:
                raise RecordError(f"`verifiers` names prefix {verifier.prefix} of {count} steps")

    def _by_step(self) -> Mapping[str, Sequence[object] | None]:
        """The fields that have an entry for each step, by name."""
        return {
            "labels": self.labels,
            "separators": self.separators,
            "rollouts": self.rollouts,
            **{f"scores.{name}": values for name, values in self.scores.items()},
        }


class Pair(Record, frozen=True, kw_only=True, gc=False):
    """A refiner's training example: a wrong draft and what it should have become."""

    task: Annotated[str, Meta(description="name of the task")]
    problem_id: Annotated[str, Meta(description="identifies the problem")]
    question: Annotated[str, Meta(description="the question")]
    draft: Annotated[Steps, Meta(description="steps of the incorrect solution")]
    first_error: Annotated[
        int | None, Meta(description="index of the first wrong step; null for a global pair")
    ] = field(default_factory=lambda: None)
    target: Annotated[Steps, Meta(description="steps of the correct solution")]

    def check(self) -> None:
        if self.first_error is not None and not 0 <= self.first_error < len(self.draft):
            raise RecordError(
                f"`first_error` is {self.first_error}, but the draft has {len(self.draft)} steps"
            )


def is_unfinished(source: Json) -> bool:
    """Whether a completion ended before its writer had finished, by what its source says of it."""
    return _ending(source) not in (None, STOP)


def _ending(source: Json) -> str | None:
    """Why it ended; None where its source does not say it."""
    finish = source.get("finish")
    return ending(finish) if isinstance(finish, str) else None


def problem_name(problem: Problem) -> str:
    """Identifies a problem among those of all tasks."""
    return f"{problem.task}\0{problem.problem_id}"


@cache
def decoder(kind: type[R]) -> Callable[[bytes], R]:
    """What makes a record of a line; RecordError says what is wrong with it.

    A line without unknown fields is read straight into the record, any other as an object first.
    """
    straight = json.Decoder(kind).decode

    def decode(line: bytes) -> R:
        try:
            record = straight(line)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            return parse_record(load_object(line), kind)
        record.check()
        return record

    return decode


def parse_record(data: Json, kind: type[R]) -> R:
    """The record that an object is; RecordError names the field that does not fit.

    An optional field may be null. A problem does not take over the fields of a solution of it.
    """
    names, optional = _names(kind)
    others = _names(Solution)[0] if kind is Problem else names
    known = {key: value for key, value in data.items() if key in names}
    extra = {key: value for key, value in data.items() if key not in others and key not in names}
    try:
        try:
            record = convert({**known, EXTRA: extra}, kind)
        except ValidationError:
            given = {k: v for k, v in known.items() if not (v is None and k in optional)}
            record = convert({**given, EXTRA: extra}, kind)
    except ValidationError as error:
        why = explain_object(
            known, error, lambda part: convert(part, kind), data.keys(), kind.__name__
        )
        raise RecordError(why) from None
    record.check()
    return record


def encode(record: Record | Json | Raw) -> bytes:
    """A record, or any object, as a line of JSON. Optional fields that are absent are left out."""
    try:
        if isinstance(record, Record) and record.extra:
            return json.encode(to_json(record)) + b"\n"
        return json.encode(record) + b"\n"
    except RecursionError:
        raise RecordError(TOO_DEEP) from None


def to_json(record: Record) -> dict[str, Any]:
    """The JSON object of a record; `parse_record` reads it back."""
    data: dict[str, Any] = to_builtins(record)
    data |= data.pop(EXTRA, {})
    return data


@cache
def _names(kind: type[Record]) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of a record, and which of them need not be there."""
    found = [item for item in fields(kind) if item.name != "extra"]
    return (
        frozenset(item.name for item in found),
        frozenset(item.name for item in found if not item.required),
    )
