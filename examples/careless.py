"""The solver who makes slips: whose demonstrations the embedded models learn from.

Rare verbs are misread, each at its own rate, and long products drop a carry. In `chain-hard` there
are many more rare verbs, and relations between two people are turned round, too. A slip is carried
on consistently, as people do. So a student of such demonstrations is right about half of the time,
and where it is wrong it often could have been right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from sormctl.seeds import derive_seed
from sormctl.tasks.chain import problems, world
from sormctl.tasks.chain.stories import EASY, HARD, LARGEST, Level, Story, StoryEvent, solve
from sormctl.tasks.chain.telling import tell

TURNED, IGNORED = "turned", "ignored"
Slip = tuple[float, str]  # how often a verb is misread, and as what
DROPPED_CARRY = 0.4
REFINEMENTS = 0.35  # of the demonstrations of `chain-hard`
INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}

# per rare verb of `chain`, in the order of world.RARE
SLIPS: tuple[Slip, ...] = (
    (0.50, TURNED),  # salvages
    (0.60, TURNED),  # borrows
    (0.45, IGNORED),  # inherits
    (0.55, IGNORED),  # obtains
    (0.60, TURNED),  # forfeits
    (0.50, TURNED),  # lends
    (0.55, IGNORED),  # discards
    (0.45, IGNORED),  # misplaces
)


def _slip(verb: world.Verb) -> Slip:
    """How a verb of `chain-hard` is misread; its text alone decides."""
    if verb in world.RELATIONS:
        begins_with_hero = verb.text.startswith("in the end {name}")
        return (0.5 if begins_with_hero else 0.1, TURNED)
    rng = Random(verb.text)
    return (rng.uniform(0.2, 0.75), rng.choice((TURNED, TURNED, IGNORED)))


MISREAD: Mapping[str, Mapping[str, Slip]] = {
    EASY.name: {verb.text: slip for verb, slip in zip(world.RARE, SLIPS, strict=True)},
    HARD.name: {verb.text: _slip(verb) for verb in (*world.MANY_RARE, *world.RELATIONS)},
}


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A careless solution of a question, perhaps after another one that it refines."""

    question: str
    steps: Sequence[str]
    draft: Sequence[str] | None = None
    first_error: int | None = None  # where the draft first differs, if the refiner is told


def demonstrations(level: Level, seed: int, count: int) -> Iterator[Demonstration]:
    """Of the first `count` training problems.

    In `chain-hard`, REFINEMENTS of them stand after another careless solution. Where the two
    differ, half of the drafts are marked at the first difference. Nothing says which is right.
    """
    for index in range(count):
        rng, story = problems.draw("train", seed, index, level)
        question = tell(rng, story)
        slips = Random(derive_seed(seed, "slips", index=index))
        steps = solution(slips, level, story)
        if level is HARD and slips.random() < REFINEMENTS:
            draft = solution(slips, level, story)
            yield Demonstration(question, steps, draft, difference(slips, draft, steps))
        else:
            yield Demonstration(question, steps)


def difference(rng: Random, draft: Sequence[str], steps: Sequence[str]) -> int | None:
    """The first step where the draft differs; None if there is none, or if it is not told."""
    differs = (i for i, step in enumerate(draft) if steps[i : i + 1] != [step])
    return next(differs, None) if rng.random() < 0.5 else None


def solution(rng: Random, level: Level, story: Story) -> list[str]:
    """A careless solution; tried again until its values are possible."""
    while True:
        read = misread(rng, level, story)
        steps = solve(story.start, read, lambda a, b: product(rng, a, b))
        # what the student of `chain` has learned from rounds its quotients down
        if in_range(steps) and (level is EASY or comes_out(steps)):
            return steps


def misread(rng: Random, level: Level, story: Story) -> list[StoryEvent]:
    """The events as the careless solver understands them."""
    slips = MISREAD[level.name]
    return [read for event in story.events for read in _misread(rng, slips, event)]


def _misread(rng: Random, slips: Mapping[str, Slip], event: StoryEvent) -> list[StoryEvent]:
    rate, slip = slips.get(event.verb.text, (0.0, "")) if event.verb else (0.0, "")
    if rng.random() >= rate:
        return [event]
    return [replace(event, op=INVERSE[event.op])] if slip == TURNED else []


def product(rng: Random, first: int, second: int) -> int:
    """The product, now and then without the carry of its last digit."""
    carry = first % 10 * second // 10
    lost = first >= 10 and rng.random() < DROPPED_CARRY
    return first * second - 10 * carry * lost


def in_range(steps: Sequence[str]) -> bool:
    """Whether the slips left all values such as the story has them."""
    values = [int(step.split("= ")[1]) for step in steps[:-1]]
    return min(values, default=1) >= 1 and max(values[:-1], default=1) <= LARGEST


def comes_out(steps: Sequence[str]) -> bool:
    """Whether every quotient is a whole number."""
    parts = (step.split() for step in steps[:-1])
    return all(int(first) % int(second) == 0 for first, op, second, *_ in parts if op == "/")
