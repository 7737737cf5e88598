"""Step labels: from the outcome (ORM) and from rollouts (SORM). Paper, 3.1 step 2.

`P_i` is the prefix of the first i steps of a solution, 1 <= i <= L. Write s(i) for "some rollout
from P_i reaches the reference answer and is consistent with P_i". After post-processing 1 (every
step before a positive step is positive) the labels depend only on the last i with s(i). Which
prefixes are tried to find it is the business of `strategies`; s(i) belongs to the prefix, so the
solutions of one problem that share a prefix share its rollouts.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sormctl.labelling.begun import Begun, EngineRows, RollOut, Rollout
from sormctl.labelling.strategies import Strategy, Tried
from sormctl.records import Labels, Rollouts, Steps, Verifier

_FAILURE = Rollout((), False, 0)


@dataclass(frozen=True, slots=True)
class Path:
    """A solution as labelling sees it.

    `scores` are a reward model's, for a strategy that is guided by them. `free[i]` holds rollouts
    of the prefix of i + 1 steps that are there already; see `sibling_rollouts`. One that is not
    `is_whole` was cut off within its last step.
    """

    steps: Steps
    correct: bool
    scores: tuple[float, ...] = ()
    free: tuple[tuple[Rollout, ...], ...] = ()
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class StepLabels:
    """Labels of one solution's steps, what they cost, and the verifying traces found.

    Where a prefix that must be tried leaves no room for a rollout, no step has a label, but the
    other prefixes keep their counts.
    """

    labels: Labels
    rollouts: tuple[Rollouts, ...] | None = None
    verifiers: tuple[Verifier, ...] = ()


def outcome_labels(num_steps: int, correct: bool) -> tuple[int, ...]:
    """ORM labels: every step has the label of the final answer."""
    return (int(correct),) * num_steps


def plain_tokens(steps: Sequence[str], generated_tokens: int, k: int) -> int:
    """About what `k` rollouts from every prefix of a solution would generate.

    A rollout is taken to be as long as the rest of the solution, which had `generated_tokens`.
    """
    sizes = [len(step) + 1 for step in steps]
    rest = sum(position * size for position, size in enumerate(sizes))  # over all prefixes
    return round(k * generated_tokens * rest / max(1, sum(sizes)))


async def label_paths(
    paths: Sequence[Path], strategy: Strategy, roll_out: RollOut, rows: EngineRows | None = None
) -> list[StepLabels]:
    """SORM labels of solutions of one problem, each distinct prefix rolled out once.

    Goes in rounds: every solution that is not decided asks, and what is asked for is generated
    together. So the rollouts made depend on nothing but the solutions and the rollouts' outcomes.
    What a prefix costs is put down to the first solution that has it.

    Where `rows` of the engine are free, what would be asked for next if all that is under way
    failed is begun, too. That saves time alone: what nobody asks for after all counts nowhere.
    """
    rolled_out: dict[Steps, list[Rollout]] = defaultdict(list)
    full: set[Steps] = set()  # prefixes that leave no room for a rollout
    begun = Begun(roll_out, rows or EngineRows(0))
    try:
        while wanted := _wanted(paths, strategy, rolled_out, full):
            tasks = begun.begin(wanted)
            await asyncio.sleep(0)  # whoever else asks now comes before what may be in vain
            _look_ahead(paths, strategy, rolled_out, full, begun)
            for prefix, task in tasks.items():
                made = await task
                if made is None:
                    full.add(prefix)
                else:
                    rolled_out[prefix] += made
    finally:
        await begun.end()
    paid: set[Steps] = set()
    return [_step_labels(path, strategy, rolled_out, paid) for path in paths]


def _look_ahead(
    paths: Sequence[Path],
    strategy: Strategy,
    made: dict[Steps, list[Rollout]],
    full: set[Steps],
    begun: Begun,
) -> None:
    """Begins what follows if all that is under way fails, and so on, while rows are free."""
    imagined = defaultdict(list, {prefix: list(found) for prefix, found in made.items()})
    while wanted := _wanted(paths, strategy, imagined, full):
        if not begun.has_room(wanted):
            return
        begun.begin(wanted)
        for prefix, numbers in wanted.items():
            imagined[prefix] += [_FAILURE] * len(numbers)


def sibling_rollouts(
    solutions: Sequence[tuple[Steps, bool, bool]],
    k: int,
    consistent: Callable[[Steps, Steps], bool],
) -> list[tuple[tuple[Rollout, ...], ...]]:
    """For each (steps, correct, is_whole) of a problem: what the others are to its prefixes.

    A sample that passes through a prefix is a rollout of it by the same policy, so the first `k`
    of them take the place of as many rollouts and leave the distribution of labels as it is,
    provided that `solutions` are all samples of the problem: without the wrong ones, or without
    duplicates, the rest is no fair draw. A solution says nothing about its own prefixes.
    """
    through: dict[Steps, list[tuple[int, Rollout]]] = defaultdict(list)
    for number, (steps, correct, is_whole) in enumerate(solutions):
        for length in range(1, len(steps) + 1):
            prefix, rest = steps[:length], steps[length:]
            succeeded = correct and bool(rest) and consistent(prefix, rest)
            through[prefix].append((number, Rollout(rest, succeeded, 0, is_whole)))

    def others(number: int, prefix: Steps) -> tuple[Rollout, ...]:
        return tuple(rollout for other, rollout in through[prefix] if other != number)[:k]

    return [
        tuple(others(number, steps[:length]) for length in range(1, len(steps)))
        for number, (steps, *_) in enumerate(solutions)
    ]


def _wanted(
    paths: Sequence[Path],
    strategy: Strategy,
    rolled_out: dict[Steps, list[Rollout]],
    full: set[Steps],
) -> dict[Steps, range]:
    """Prefixes to roll out, and the numbers of the rollouts that each lacks.

    A solution that asks for one of the `full` prefixes is given up.
    """
    wanted: dict[Steps, range] = {}
    for path in paths:
        asked = _asked(path, strategy, rolled_out)
        for prefix, lacking in asked.items() if full.isdisjoint(asked) else ():
            wanted[prefix] = max(lacking, wanted.get(prefix, lacking), key=len)
    return wanted


def _asked(
    path: Path, strategy: Strategy, rolled_out: dict[Steps, list[Rollout]]
) -> dict[Steps, range]:
    """The same for one solution; nothing if it is decided."""
    asked: dict[Steps, range] = {}
    for ask in strategy.asks(path.correct, _tried(path, strategy.k, rolled_out), path.scores):
        prefix = path.steps[: ask.length]
        count = ask.upto - len(_free(path, ask.length))
        asked[prefix] = range(len(rolled_out.get(prefix, ())), count)
    return asked


def _tried(path: Path, k: int, rolled_out: dict[Steps, list[Rollout]]) -> list[Tried]:
    seen = (_seen(path, length, k, rolled_out) for length in range(1, len(path.steps)))
    return [Tried(len(found), sum(r.succeeded for r in found)) for found in seen]


def _seen(
    path: Path, length: int, k: int, rolled_out: dict[Steps, list[Rollout]]
) -> tuple[Rollout, ...]:
    """The rollouts of a prefix as a solution counts them: `k` at most, free ones first."""
    return (*_free(path, length), *rolled_out.get(path.steps[:length], ()))[:k]


def _free(path: Path, length: int) -> tuple[Rollout, ...]:
    return path.free[length - 1] if path.free else ()


def _step_labels(
    path: Path, strategy: Strategy, rolled_out: dict[Steps, list[Rollout]], paid: set[Steps]
) -> StepLabels:
    num_steps = len(path.steps)
    counts: list[Rollouts] = []
    verifiers: list[Verifier] = []
    for length in range(1, num_steps):
        prefix = path.steps[:length]
        seen = _seen(path, length, strategy.k, rolled_out)
        tokens = (
            0 if prefix in paid else sum(r.generated_tokens for r in rolled_out.get(prefix, ()))
        )
        paid.add(prefix)
        counts.append(Rollouts(len(seen), sum(r.succeeded for r in seen), bool(seen), tokens))
        # a refiner that learns from a trace learns to end as it does
        traces = (rollout for rollout in seen if rollout.succeeded and rollout.is_whole)
        verifiers += [Verifier(length, trace.steps) for trace in traces]
    counts += [Rollouts()] * min(num_steps, 1)
    if _asked(path, strategy, rolled_out):  # it was given up
        return StepLabels((None,) * num_steps, tuple(counts))
    tried = _tried(path, strategy.k, rolled_out)
    last = num_steps if path.correct else strategy.last_positive(tried, path.scores)
    # post-processing 1: all steps up to the last positive one are positive
    labels: Labels = (1,) * last + (0,) * (num_steps - last)
    if not path.correct and not path.is_whole:  # a fragment states no answer that would be wrong
        labels = (*labels[:-1], None)[:num_steps]
    return StepLabels(labels, tuple(counts), tuple(verifiers))
