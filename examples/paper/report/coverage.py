"""How far the intervals can be trusted with few seeds: a simulation, printed.

    python -m examples.paper.report.coverage

A seed's value varies by its test set (variance 1) and by its training (variance B). Printed is how
often the 95 % intervals hold the true value 0, and how often each rule would say that it is above.
"""

from __future__ import annotations

import numpy as np

from examples.paper.report.intervals import t_half

SEEDS, TRIALS, REPLICATES = 3, 4000, 1000


def main() -> None:
    """A line for each ratio of the two variances."""
    random = np.random.default_rng(0)
    print("B      bootstrap  student   'above' by bootstrap and seeds   by student too")
    for between in (0.0, 0.5, 1.0, 2.0, 4.0, 100.0):
        trials = [trial(random, between) for _ in range(TRIALS)]
        bootstrap, student, above, both = 100 * np.mean(trials, axis=0)
        print(f"{between:<5g} {bootstrap:9.1f} {student:9.1f} {above:20.1f} {both:22.1f}")


def trial(random: np.random.Generator, between: float) -> tuple[bool, bool, bool, bool]:
    """One experiment: whether the intervals hold 0, and whether the rules say `above`."""
    values = random.normal(0, (1 + between) ** 0.5, SEEDS)
    drawn = random.integers(SEEDS, size=(REPLICATES, SEEDS))
    noise = random.normal(0, 1, (REPLICATES, SEEDS))  # of problems drawn anew
    low, high = np.quantile((values[drawn] + noise).mean(axis=1), (0.025, 0.975))
    half = t_half(values.tolist()) or 0.0
    above = bool(low > 0 and (values > 0).all())
    return low <= 0 <= high, abs(values.mean()) <= half, above, above and values.mean() > half


if __name__ == "__main__":
    main()
