"""Equal numbers of labels, so that a reward model cannot win by counting steps. Paper, 3.1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from random import Random

from sormctl.records import Solution

LabelCounts = Counter[tuple[int, int]]  # (prefix length, label) -> number of labels


def count_labels(solutions: Iterable[Solution]) -> LabelCounts:
    """How often each label occurs at each prefix length (1 = after the first step)."""
    counts: LabelCounts = Counter()
    for solution in solutions:
        for length, label in enumerate(solution.labels or (), start=1):
            if label is not None:
                counts[length, label] += 1
    return counts


def balance_prefix_lengths(
    solutions: Iterable[Solution], counts: LabelCounts, seed: int
) -> Iterator[Solution]:
    """Post-processing 3: at each prefix length as many positive as negative labels.

    Surplus labels, drawn at random, become null: no solution is lost. `counts` are those of the
    same solutions (`count_labels`), so the second pass needs no memory of them.
    """
    left = Counter(counts)
    wanted = Counter({key: min(counts[key[0], 0], counts[key[0], 1]) for key in counts})
    random = Random(seed)

    def keep(length: int, label: int) -> bool:
        # Selection sampling (Knuth, algorithm S): exactly `wanted` of the labels `left` are kept.
        key = (length, label)
        chosen = random.random() * left[key] < wanted[key]
        left[key] -= 1
        wanted[key] -= chosen
        return chosen

    for solution in solutions:
        labels = tuple(
            label if label is not None and keep(length, label) else None
            for length, label in enumerate(solution.labels or (), start=1)
        )
        yield solution if solution.labels is None else replace(solution, labels=labels)


def balance_question(solutions: Sequence[Solution], seed: int) -> list[Solution]:
    """Balanced ORM: as many correct as incorrect solutions of one question; the surplus goes.

    The solutions that stay keep their order; which ones stay depends on `seed` and the question.
    """
    random = Random(f"{seed} {solutions[0].problem.problem_id}" if solutions else seed)
    correct = [i for i, solution in enumerate(solutions) if solution.correct]
    incorrect = [i for i, solution in enumerate(solutions) if not solution.correct]
    size = min(len(correct), len(incorrect))
    kept = sorted(random.sample(correct, size) + random.sample(incorrect, size))
    return [solutions[i] for i in kept]
