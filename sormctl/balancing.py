"""Equal numbers of labels, so that a reward model cannot win by counting steps. Paper, 3.1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from random import Random

from sormctl.records import Labels, Solution

LabelCounts = Counter[tuple[int, int | None]]  # (prefix length, label) -> number of labels
_AT_ONCE = 1 << 16  # rows of labels that are counted as wholes: few of them differ


def count_labels(rows: Iterable[Labels]) -> LabelCounts:
    """How often each label of solutions occurs at each prefix length (1 = after the first step)."""
    counts: LabelCounts = Counter()
    left = iter(rows)
    while alike := Counter(islice(left, _AT_ONCE)):
        for labels, number in alike.items():
            for key in enumerate(labels, start=1):
                if key[1] is not None:
                    counts[key] += number
    return counts


def worst_imbalance(counts: Mapping[tuple[int, float], int]) -> int | None:
    """The prefix length at which one label most outnumbers the other, by two to one at least.

    Lengths with less than a hundredth of all labels, or less than ten, are too rare to matter.
    """
    rare = max(10, sum(counts.values()) / 100)
    found: dict[int, float] = {}
    for length in sorted({length for length, _ in counts}):
        fewer, more = sorted((counts.get((length, 0), 0), counts.get((length, 1), 0)))
        if fewer + more >= rare and more >= 2 * fewer:
            found[length] = more / (fewer + more)
    return max(found, key=found.__getitem__, default=None)


def prefix_length_balancer(counts: LabelCounts, seed: int) -> Callable[[Labels], Labels]:
    """Post-processing 3: at each prefix length as many positive as negative labels.

    Surplus labels, drawn at random, become null: no solution is lost. `counts` are those of all
    solutions (`count_labels`), whose labels the function then takes one after the other: a second
    pass needs no memory of them.
    """
    # of each label, as long as they last: how many are left, and how many of these are wanted
    quotas = {key: [counts[key], min(counts[key[0], 0], counts[key[0], 1])] for key in counts}
    random = Random(seed).random

    def balance(labels: Labels) -> Labels:
        balanced: list[int | None] = [None] * len(labels)
        for key in enumerate(labels, start=1):
            if key[1] is not None:
                # Selection sampling (Knuth, algorithm S): exactly `wanted` of `left` are kept.
                quota = quotas[key]
                left, wanted = quota
                quota[0] = left - 1
                if random() * left < wanted:
                    quota[1] = wanted - 1
                    balanced[key[0] - 1] = key[1]
        return tuple(balanced)

    return balance


def balance_question(solutions: Sequence[Solution], seed: int) -> list[Solution]:
    """Balanced ORM: as many correct as incorrect solutions of one question; the surplus goes.

    The solutions that stay keep their order; which ones stay depends on `seed` and the question.
    """
    correct = [i for i, solution in enumerate(solutions) if solution.correct is True]
    incorrect = [i for i, solution in enumerate(solutions) if solution.correct is False]
    size = min(len(correct), len(incorrect))
    if not size:
        return []
    random = Random(f"{seed} {solutions[0].problem_id}")
    kept = sorted(random.sample(correct, size) + random.sample(incorrect, size))
    return [solutions[i] for i in kept]
