"""Endless word problems, each a pure function of (level, split, seed, index).

The split of a problem is a hash of its expression, so no two splits share a question, nor one that
differs in names or wording only: disjoint by construction.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from random import Random

from sormctl.errors import UsageError
from sormctl.missing import no_such
from sormctl.records import Problem
from sormctl.seeds import derive_seed, digest
from sormctl.tasks.chain.stories import EASY, Level, Story, draw_story, solve, story_expression
from sormctl.tasks.chain.telling import tell

SPLITS = {"train": range(6), "validation": range(6, 7), "test": range(7, 8)}  # of 8 buckets


def generate(split: str, seed: int, level: Level = EASY) -> Iterator[Problem]:
    """Endless problems of a split; UsageError if there is no such split."""
    if split not in SPLITS:
        raise UsageError(no_such(f"split of {level.name}", split, SPLITS))
    return (problem(split, seed, index, level) for index in count())


def problem(split: str, seed: int, index: int, level: Level = EASY) -> Problem:
    """Problem number `index` of a split."""
    rng, story = draw(split, seed, index, level)
    steps = solve(story.start, story.events)
    return Problem(
        task=level.name,
        problem_id=f"{level.name}-{split}-{seed}-{index}",
        question=tell(rng, story),
        answer=steps[-1].removeprefix("#### "),
        reference=tuple(steps),
        extra={"chain": {"expression": story_expression(story)}},
    )


def draw(split: str, seed: int, index: int, level: Level = EASY) -> tuple[Random, Story]:
    """The story of a problem, and the source of chance that tells it."""
    rng = Random(derive_seed(seed, f"{level.name}-{split}", index=index))
    story = draw_story(rng, level)
    while bucket(story) not in SPLITS[split]:
        story = draw_story(rng, level)
    return rng, story


def bucket(story: Story) -> int:
    """Which of 8 buckets the story's expression falls into, whatever its level.

    So no expression is in the train split of one benchmark and in the test split of another.
    """
    return digest("chain", json.dumps(story_expression(story)))[0] % 8
