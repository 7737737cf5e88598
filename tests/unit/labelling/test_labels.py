import asyncio
from collections.abc import Sequence
from math import hypot, sqrt
from random import Random
from statistics import fmean, stdev

import pytest

from sormctl.labelling.begun import EngineRows, RollOut, Rollout
from sormctl.labelling.consistency import is_consistent
from sormctl.labelling.labels import (
    Path,
    StepLabels,
    label_paths,
    outcome_labels,
    sibling_rollouts,
)
from sormctl.labelling.strategies import Bisect, Exact, Exhaustive, Guided, Strategy
from sormctl.records import Rollouts, Steps, Verifier
from sormctl.tasks.steps import step_result
from tests.present import present

STEPS = ("a", "b", "c", "d")


def scripted(
    successes: set[tuple[int, int]], asked: list[tuple[int, int]] | None = None
) -> RollOut:
    """Rollout `index` from prefix `length` succeeds iff the pair is in `successes`; 10 tokens."""

    async def roll_out(prefix: tuple[str, ...], indices: range) -> list[Rollout]:
        length = len(prefix)
        if asked is not None:
            asked.extend((length, index) for index in indices)
        return [
            Rollout((f"from {length}, number {index}",), (length, index) in successes, 10)
            for index in indices
        ]

    return roll_out


def label(strategy: Strategy, path: Path, roll_out: RollOut) -> StepLabels:
    (found,) = asyncio.run(label_paths([path], strategy, roll_out))
    return found


def test_outcome_labels_every_step_with_the_outcome() -> None:
    assert outcome_labels(3, True) == (1, 1, 1)
    assert outcome_labels(2, False) == (0, 0)


def test_a_correct_solution_needs_no_rollout() -> None:
    asked: list[tuple[int, int]] = []
    found = label(Exact(8), Path(STEPS[:3], True), scripted(set(), asked))
    assert (found.labels, asked) == ((1, 1, 1), [])


@pytest.mark.parametrize("strategy", [Exact(2), Exhaustive(2), Guided(2, 0)])
def test_a_solution_without_room_for_rollouts_takes_no_labels_from_others(
    strategy: Strategy,
) -> None:
    asked: list[tuple[int, int]] = []
    short = scripted({(1, 0)}, asked)

    async def roll_out(prefix: tuple[str, ...], indices: range) -> Sequence[Rollout] | None:
        return await short(prefix, indices) if len(prefix) < 4 else None

    long = Path((*STEPS, "e", "f"), False)
    others = [Path(STEPS, False), Path(("a", "x"), True)]
    too_long, *found = asyncio.run(label_paths([long, *others], strategy, roll_out))
    assert [each.labels for each in found] == [(1, 0, 0, 0), (1, 1)]
    assert (too_long.labels, too_long.verifiers) == ((None,) * 6, ())
    counts = [each.rollouts or () for each in (too_long, *found)]
    tokens = sum(count.generated_tokens for of_one in counts for count in of_one)
    assert (len(counts[0]), tokens) == (6, 10 * len(asked))
    assert counts[0][0].generated_tokens  # it is the first that has this prefix


def test_the_walk_stops_at_the_last_prefix_with_a_success() -> None:
    """Four steps, wrong. P_3 fails twice; P_2 succeeds with its second rollout; P_1 is not asked.

    The last step is negative by itself, so the labels are 1 1 0 0.
    """
    asked: list[tuple[int, int]] = []
    found = label(Exact(2), Path(STEPS, False), scripted({(2, 1), (1, 0)}, asked))
    assert found.labels == (1, 1, 0, 0)
    assert asked == [(3, 0), (3, 1), (2, 0), (2, 1)]
    assert found.verifiers == (Verifier(2, ("from 2, number 1",)),)
    assert found.rollouts == (
        Rollouts(),
        Rollouts(2, 1, True, 20),
        Rollouts(2, 0, True, 20),
        Rollouts(),
    )


def test_exhaustive_counts_successes_of_every_prefix() -> None:
    found = label(Exhaustive(2), Path(STEPS[:3], False), scripted({(1, 0), (1, 1)}))
    assert found.labels == (1, 0, 0)
    assert [count.succeeded for count in present(found.rollouts)] == [2, 0, 0]
    assert [verifier.prefix for verifier in found.verifiers] == [1, 1]


@pytest.mark.parametrize(("steps", "labels"), [(0, ()), (1, (None,)), (3, (1, 0, None))])
def test_the_fragment_of_a_solution_that_was_cut_off_has_no_label(
    steps: int, labels: tuple[int | None, ...]
) -> None:
    """No rollout is made from it, and it states no answer that would be wrong."""
    cut = Path(STEPS[:steps], False, is_whole=False)
    assert label(Exact(2), cut, scripted({(1, 0)})).labels == labels


@pytest.mark.parametrize("steps", [0, 1])
@pytest.mark.parametrize("strategy", [Exact(8), Exhaustive(8), Bisect(8)])
def test_solutions_too_short_for_a_rollout(steps: int, strategy: Strategy) -> None:
    found = label(strategy, Path(STEPS[:steps], False), scripted(set()))
    assert found.labels == (0,) * steps
    assert len(present(found.rollouts)) == steps


def test_a_shared_prefix_is_rolled_out_once_and_paid_by_the_first() -> None:
    """Both are wrong after the common `a`, whose first rollout succeeds."""
    asked: list[tuple[int, int]] = []
    paths = [Path(("a", "x"), False), Path(("a", "y"), False)]
    first, second = asyncio.run(label_paths(paths, Exact(4), scripted({(1, 0)}, asked)))
    assert asked == [(1, 0)]
    assert first.labels == second.labels == (1, 0)
    assert (present(first.rollouts)[0], present(second.rollouts)[0]) == (
        Rollouts(1, 1, True, 10),
        Rollouts(1, 1, True, 0),
    )
    assert first.verifiers == second.verifiers


def test_siblings_are_rollouts_of_the_prefixes_they_pass_through() -> None:
    """A right sibling through `a` verifies it; of `a b` nothing is known but two rollouts."""
    solutions = [
        (("a", "b", "c"), False, True),
        (("a", "right"), True, True),
        (("a", "wrong"), False, True),
    ]
    free = sibling_rollouts(solutions, 2, lambda prefix, rest: True)
    assert free[0] == (
        (Rollout(("right",), True, 0), Rollout(("wrong",), False, 0)),
        (),
    )
    asked: list[tuple[int, int]] = []
    path = Path(*solutions[0][:2], free=free[0])
    found = label(Exact(2), path, scripted(set(), asked))
    assert asked == [(2, 0), (2, 1)]
    assert found.labels == (1, 0, 0)
    assert found.verifiers == (Verifier(1, ("right",)),)


def test_what_was_cut_off_is_a_success_but_no_trace() -> None:
    solutions = [(("a", "b"), False, True), (("a", "right", "and"), True, False)]
    (free, _) = sibling_rollouts(solutions, 2, lambda prefix, rest: True)
    found = label(Exact(2), Path(("a", "b"), False, free=free), scripted(set()))
    assert (found.labels, found.verifiers) == ((1, 0), ())


def test_failed_siblings_take_the_place_of_rollouts() -> None:
    """K is 3 and one sibling failed, so two more rollouts decide."""
    solutions = [(("a", "b"), False, True), (("a", "c"), False, True)]
    free = sibling_rollouts(solutions, 3, lambda prefix, rest: True)
    asked: list[tuple[int, int]] = []
    found = label(Exact(3), Path(*solutions[0][:2], free=free[0]), scripted({(1, 2)}, asked))
    assert asked == [(1, 0), (1, 1)]
    assert (found.labels, present(found.rollouts)[0]) == ((0, 0), Rollouts(3, 0, True, 20))


def test_a_sibling_that_is_inconsistent_or_has_ended_is_no_success() -> None:
    solutions = [(("a", "b"), False, True), (("a",), True, True), (("a", "c"), True, True)]
    free = sibling_rollouts(solutions, 8, lambda prefix, rest: rest != ("c",))
    assert [rollout.succeeded for rollout in free[0][0]] == [False, False]


@pytest.mark.parametrize(
    ("prefix", "rollout", "string", "number"),
    [
        (["2 + 2 = 4"], ["4 * 3 = 12"], True, True),
        (["2 + 2 = 4"], ["6 * 7 = 42"], True, False),  # the paper's test is on strings
        (["2 + 2 = 4"], ["5 * 3 = 15"], False, False),
        (["2 + 2 = 4", "4 + 1 = 5"], ["5 * 2 = 10"], True, True),  # used later in the prefix
        (["He is sad."], ["#### 3"], True, True),  # a step without a result asks for nothing
        (["7 / 2 = 3.5"], ["3.50 * 2 = 7"], True, True),
        (["2 * 600 = 1,200"], ["1200 / 3 = 400"], False, True),
        (["2 / 4 = 1/2"], ["0.5 * 8 = 4"], False, True),
    ],
)
def test_consistency(prefix: list[str], rollout: list[str], string: bool, number: bool) -> None:
    assert is_consistent(prefix, rollout, step_result, "string") is string
    assert is_consistent(prefix, rollout, step_result, "number") is number
    assert is_consistent(prefix, rollout, step_result, "off")


def test_siblings_leave_the_statistics_of_labels_as_they_are() -> None:
    """A policy of three steps, whose second and third are right with a probability of a half.

    P(b >= 1 | wrong) with K = 3 is 1 - (3/4)^3 = 0.578 for a good first step; labels by siblings
    must have the same mean, over solutions that share prefixes in all ways.
    """
    random = Random(0)

    def draw(prefix: Steps) -> tuple[Steps, bool]:
        steps = (*prefix, *(random.choice("gb") for _ in range(3 - len(prefix))))
        return steps, steps[1:] == ("g", "g")

    async def roll_out(prefix: Steps, indices: range) -> list[Rollout]:
        drawn = [draw(prefix) for _ in indices]
        return [Rollout(steps[len(prefix) :], right, 1) for steps, right in drawn]

    async def mean(siblings: bool) -> tuple[float, float]:
        """Of the first label over problems, with its standard error."""
        means = []
        for _ in range(1500):
            solutions = [draw(()) for _ in range(6)]
            outcomes = [(*drawn, True) for drawn in solutions]
            free = sibling_rollouts(outcomes, 3 * siblings, lambda prefix, rest: True)
            paths = [Path(*s, free=f) for s, f in zip(solutions, free, strict=True)]
            found = await label_paths(paths, Exact(3), roll_out)
            wrong = [
                present(f.labels[0]) for p, f in zip(paths, found, strict=True) if not p.correct
            ]
            means += [sum(wrong) / len(wrong)] if wrong else []
        return fmean(means), stdev(means) / sqrt(len(means))

    plain, error = asyncio.run(mean(siblings=False))
    ours, our_error = asyncio.run(mean(siblings=True))
    assert abs(plain - ours) < 3 * hypot(error, our_error)
    assert 2 * (error + our_error) < 0.04, "too few draws to tell"


def test_a_hopeless_solution_takes_all_its_rollouts_at_once_where_rows_are_free() -> None:
    """Three prefixes with K = 4, so 12 rollouts: one wave, or nine of them, 1, 1 and 2 a prefix."""
    waves: list[int] = []

    async def label_with(rows: EngineRows) -> StepLabels:
        under_way: list[asyncio.Event] = []

        async def roll_out(prefix: Steps, indices: range) -> list[Rollout]:
            done = asyncio.Event()
            under_way.append(done)
            await done.wait()
            return [Rollout((), False, 10) for _ in indices]

        task = asyncio.ensure_future(label_paths([Path(STEPS, False)], Exact(4), roll_out, rows))
        while not task.done():
            for _ in range(5):
                await asyncio.sleep(0)
            if under_way:
                waves.append(len(under_way))
            for done in under_way:
                done.set()
            under_way.clear()
        return (await task)[0]

    alone, ahead = (asyncio.run(label_with(EngineRows(free))) for free in (0, 12))
    assert ahead == alone
    assert waves == [1] * 9 + [9]


def test_what_was_begun_in_vain_is_given_up() -> None:
    """The second rollout succeeds while the third and fourth, begun with it, go on for ever."""
    given_up: list[range] = []

    async def roll_out(prefix: Steps, indices: range) -> list[Rollout]:
        if indices.start > 1 or len(prefix) < 3:
            try:
                await asyncio.Event().wait()
            finally:
                given_up.append(indices)
        return [Rollout((), index == 1, 10) for index in indices]

    rows = EngineRows(4)
    (found,) = asyncio.run(label_paths([Path(STEPS, False)], Exact(4), roll_out, rows))
    assert found.labels == (1, 1, 1, 0)
    assert present(found.rollouts)[2] == Rollouts(2, 1, True, 20)
    assert (given_up, rows.used) == ([range(2, 4)], 0)
