"""What happens to one person's things, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from random import Random
from typing import Any

from sormctl.tasks.chain import world
from sormctl.tasks.chain.world import Verb

LENGTHS = {2: 20, 3: 30, 4: 25, 5: 15, 6: 10}  # calculations in the reference: weight
LARGEST = 99  # of all values before a final product


@dataclass(frozen=True, slots=True)
class Level:
    """What happens in the stories of a benchmark, and how large their numbers are."""

    name: str  # of the task
    groups: Mapping[tuple[Verb, ...], int]  # of events: weight
    endings: Mapping[str, int]  # weight
    packs: int  # the most packs of one event
    packed: int  # the most things in a pack
    price: int  # the highest


EASY = Level(
    name="chain",
    groups={world.COMMON: 54, world.RARE: 28, world.PACKED: 8, world.SCALED: 10},
    endings={"price": 55, "share": 15, "together": 15, "count": 15},
    packs=5,
    packed=9,
    price=9,
)
HARD = Level(
    name="chain-hard",
    groups={world.COMMON: 34, world.MANY_RARE: 48, world.PACKED: 8, world.SCALED: 10},
    endings={"price": 30, "share": 10, "together": 15, "count": 15, "relation": 30},
    packs=6,
    packed=15,
    price=19,
)
LEVELS = {level.name: level for level in (EASY, HARD)}


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One change of the number of things: by `number`, or by `packs` packs of `number` each."""

    op: str
    number: int
    packs: int = 1
    verb: Verb | None = None  # None for an ending that has words of its own


@dataclass(frozen=True, slots=True)
class Story:
    """The number of things at first, and every change of it in order, the ending's included."""

    start: int
    events: tuple[StoryEvent, ...]
    ending: str


def draw_story(rng: Random, level: Level) -> Story:
    """A story whose values all stay in [1, LARGEST] until a final product."""
    ending = _weighted(rng, level.endings)
    room = _weighted(rng, LENGTHS) - (ending != "count")
    start = value = rng.randint(10, 50)
    events: list[StoryEvent] = []
    while room:
        event = _draw_event(rng, level, value, room)
        events.append(event)
        value = apply(event.op, value, event.packs * event.number)
        room -= 1 + (event.packs > 1)
    last = _draw_ending(rng, level, ending, value)
    return draw_story(rng, level) if last is None else Story(start, (*events, *last), ending)


def _draw_event(rng: Random, level: Level, value: int, room: int) -> StoryEvent:
    while True:
        group = _weighted(rng, level.groups)
        verb = rng.choice(group)
        if group is world.PACKED:
            event = StoryEvent(
                verb.op, rng.randint(2, level.packed), rng.randint(2, level.packs), verb
            )
        else:
            event = StoryEvent(verb.op, verb.number or rng.randint(2, 20), 1, verb)
        if 1 + (event.packs > 1) <= room and is_possible(event, value):
            return event


def _draw_ending(
    rng: Random, level: Level, ending: str, value: int
) -> tuple[StoryEvent, ...] | None:
    if ending == "count":
        return ()
    if ending == "price":
        return (StoryEvent("*", rng.randint(3, level.price)),)
    if ending == "relation":
        verb = rng.choice(world.RELATIONS)
        event = StoryEvent(verb.op, rng.randint(2, 4 if verb.op in "*/" else 20), 1, verb)
        return (event,) if is_possible(event, value) else None
    if ending == "together":
        event = StoryEvent("+", rng.randint(5, 40))
        return (event,) if is_possible(event, value) else None
    divisors = [n for n in range(2, 10) if value % n == 0 and value > n]
    return (StoryEvent("/", rng.choice(divisors)),) if divisors else None


def is_possible(event: StoryEvent, value: int) -> bool:
    """Whether the event leaves a whole number in [1, LARGEST]."""
    amount = event.packs * event.number
    if event.op == "/" and value % amount:
        return False
    return 1 <= apply(event.op, value, amount) <= LARGEST


def _weighted(rng: Random, weights: Mapping[Any, int]) -> Any:
    return rng.choices(list(weights), list(weights.values()))[0]


# ── what it comes to ─────────────────────────────────────────────────────────────────────────────


def apply(op: str, first: int, second: int, times: Callable[[int, int], int] = mul) -> int:
    """The value of `first op second`; a quotient is rounded down."""
    if op == "*":
        return times(first, second)
    return {"+": first + second, "-": first - second, "/": first // second}[op]


def solve(
    start: int, events: Sequence[StoryEvent], times: Callable[[int, int], int] = mul
) -> list[str]:
    """The steps that follow the events one by one, then the answer.

    `times` is how the solver multiplies: the embedded models were shown solvers that do it wrongly.
    """
    value, steps = start, []
    for event in events:
        amount = event.number
        if event.packs > 1:
            amount = times(event.packs, event.number)
            steps.append(f"{event.packs} * {event.number} = {amount}")
        result = apply(event.op, value, amount, times)
        steps.append(f"{value} {event.op} {amount} = {result}")
        value = result
    return [*steps, f"#### {value}"]


def story_expression(story: Story) -> Any:
    """What is to be computed, as nested lists `[op, left, right]` of integers."""
    tree: Any = story.start
    for event in story.events:
        amount = event.number if event.packs == 1 else ["*", event.packs, event.number]
        tree = [event.op, tree, amount]
    return tree
