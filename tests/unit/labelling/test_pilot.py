import asyncio
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from sormctl.inference import Generator
from sormctl.labelling.pilot import PILOT, draw_pilot, plan
from sormctl.labelling.rollouts import Labelling
from sormctl.labelling.strategies import Bisect, Exact, Strategy
from sormctl.records import Solution, Usage
from tests.asked import PLAIN
from tests.fakes import ScriptedEngine
from tests.unit.examples import wrong


def groups(number: int) -> Iterator[list[Solution]]:
    """Wrong solutions of three steps and six tokens, each of its own problem."""
    draft = wrong(steps=("2 + 2 = 5", "5 + 2 = 7", "#### 7"))
    made = replace(draft, usage=Usage(9, 0, 6))
    for i in range(number):
        yield [replace(made, problem_id=f"p{i}")]


def test_the_pilot_is_a_bounded_draw_of_all_problems() -> None:
    first, again, other = (draw_pilot(groups(500), 8, seed) for seed in (0, 0, 1))
    assert (first.problems, first.solutions, len(first.pilot)) == (500, 500, PILOT)
    names = [group[0].problem_id for group in first.pilot]
    assert len(set(names)) == PILOT
    assert any(int(name[1:]) > 250 for name in names)
    assert first == again != other


def test_the_plan_scales_what_the_pilot_cost() -> None:
    """No rollout succeeds: 2 prefixes, 8 rollouts each, of 5 words, for each of 100 problems."""
    engine = ScriptedEngine(lambda prompt, seed: "2 + 2 = 5")
    student = Generator(engine, "m", PLAIN)
    expected = asyncio.run(plan(student, draw_pilot(groups(100), 8, 0), Labelling(Exact(8))))
    assert round(expected.rollouts) == 100 * 16
    assert round(expected.tokens) == 100 * 16 * 5
    assert expected.error < 1e-6


def test_samples_that_stand_in_for_rollouts_cost_the_plan_nothing() -> None:
    """Of 8 rollouts from each of 2 shared prefixes one is the other sample, and costs nothing."""
    engine = ScriptedEngine(lambda prompt, seed: "2 + 2 = 5")
    student = Generator(engine, "m", PLAIN)
    pairs = [[s, replace(s, solution_id="w2")] for (s,) in groups(4)]
    how = Labelling(Exact(8), siblings=True)
    expected = asyncio.run(plan(student, draw_pilot(iter(pairs), 8, 0), how))
    assert (expected.rollouts, expected.tokens) == (4 * 14, 4 * 14 * 5)


@pytest.mark.parametrize(("strategy", "differing"), [(Bisect(8), 4 / 5), (Exact(8), None)])
def test_the_plan_counts_labels_that_are_not_exact(strategy: Strategy, differing: float) -> None:
    """Of 5 steps the fourth is right, and the middle of the prefixes has no success."""
    steps = ("1 + 1 = 3", "3 + 1 = 4", "x", "4 + 2 = 6", "#### 7")
    answers = {4: "#### 6"}
    engine = ScriptedEngine(lambda prompt, seed: answers.get(len(prompt.steps), "#### 5"))
    draft = replace(next(groups(1))[0], steps=steps)
    how = Labelling(strategy, consistency="off")
    draw = draw_pilot(iter([[draft]]), 8, 0)
    assert asyncio.run(plan(Generator(engine, "m", PLAIN), draw, how)).differing == differing


def test_few_problems_are_all_in_the_pilot() -> None:
    assert len(draw_pilot(groups(3), 8, 0).pilot) == 3
