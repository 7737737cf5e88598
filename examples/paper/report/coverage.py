"""How far the intervals can be trusted with few seeds: a simulation, printed.

    python -m examples.paper.report.coverage

A seed's value varies by its test set (variance 1) and by its training (variance B). Printed is how
often the 95 % intervals hold the true value 0, and how often each rule would say that it is above;
first where each seed has its own problems, then where all have the same, and a share of what these
bring to a seed's value is alike in every seed.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from sormctl.evaluation.intervals import Bootstrap, Floats, Interval

SEEDS, TRIALS, REPLICATES = 3, 4000, 1000


def main() -> None:
    """A line for each ratio of the two variances."""
    random = np.random.default_rng(0)
    own = Bootstrap([[f"of seed {i}"] for i in range(SEEDS)], REPLICATES)
    same = Bootstrap([["of all"]] * SEEDS, REPLICATES)
    print("B      bootstrap  student   'above' by bootstrap and seeds   by student too")
    for between in (0.0, 0.5, 1.0, 2.0, 4.0, 100.0):
        trials = [trial(random, own, between) for _ in range(TRIALS)]
        bootstrap, student, above, both = 100 * np.mean(trials, axis=0)
        print(f"{between:<5g} {bootstrap:9.1f} {student:9.1f} {above:20.1f} {both:22.1f}")
    print("\nB      alike   drawn once   drawn for each seed   student")
    for between, alike in product((0.0, 0.5, 2.0), (0.0, 0.5, 0.9)):
        held = [shared_trial(random, same, own, between, alike) for _ in range(TRIALS)]
        once, each, student = 100 * np.mean(held, axis=0)
        print(f"{between:<5g} {alike:6g} {once:12.1f} {each:21.1f} {student:9.1f}")


def trial(random: np.random.Generator, own: Bootstrap, between: float) -> tuple[bool, ...]:
    """One experiment: whether the intervals hold 0, and whether the rules say `above`."""
    values = random.normal(0, (1 + between) ** 0.5, SEEDS)
    found = interval(random, own, values, 0)
    above = found.low > 0 and bool((values > 0).all())
    return holds(found), student_holds(found), above, above and not student_holds(found)


def shared_trial(
    random: np.random.Generator, same: Bootstrap, own: Bootstrap, between: float, alike: float
) -> tuple[bool, ...]:
    """One experiment with the same problems in every seed: whether each interval holds 0."""
    values = random.normal(0, alike**0.5) + random.normal(0, (1 - alike + between) ** 0.5, SEEDS)
    once, each = interval(random, same, values, alike), interval(random, own, values, 0)
    return holds(once), holds(each), student_holds(once)


def interval(
    random: np.random.Generator, bootstrap: Bootstrap, values: Floats, alike: float
) -> Interval:
    """The bootstrap's, where resampling a test set changes each seed's value with variance 1."""
    count = bootstrap.replicates
    noise = random.normal(0, (1 - alike) ** 0.5, (SEEDS, count))
    noise += random.normal(0, alike**0.5, count)
    return bootstrap.interval(values.tolist(), [*(values[:, None] + noise)], num_problems=1)


def holds(found: Interval) -> bool:
    """Whether the bootstrap's interval holds the true value."""
    return found.low <= 0 <= found.high


def student_holds(found: Interval) -> bool:
    """Whether Student's does."""
    return found.t_half is not None and abs(found.value) <= found.t_half


if __name__ == "__main__":
    main()
