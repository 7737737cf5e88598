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

from examples.paper.report.intervals import Floats, t_half

SEEDS, TRIALS, REPLICATES = 3, 4000, 1000


def main() -> None:
    """A line for each ratio of the two variances."""
    random = np.random.default_rng(0)
    print("B      bootstrap  student   'above' by bootstrap and seeds   by student too")
    for between in (0.0, 0.5, 1.0, 2.0, 4.0, 100.0):
        trials = [trial(random, between) for _ in range(TRIALS)]
        bootstrap, student, above, both = 100 * np.mean(trials, axis=0)
        print(f"{between:<5g} {bootstrap:9.1f} {student:9.1f} {above:20.1f} {both:22.1f}")
    print("\nB      alike   drawn once   drawn for each seed   student")
    for between, alike in product((0.0, 0.5, 2.0), (0.0, 0.5, 0.9)):
        held = [shared_trial(random, between, alike) for _ in range(TRIALS)]
        once, each, student = 100 * np.mean(held, axis=0)
        print(f"{between:<5g} {alike:6g} {once:12.1f} {each:21.1f} {student:9.1f}")


def trial(random: np.random.Generator, between: float) -> tuple[bool, bool, bool, bool]:
    """One experiment: whether the intervals hold 0, and whether the rules say `above`."""
    values = random.normal(0, (1 + between) ** 0.5, SEEDS)
    low, high = quantiles(random, values, 0)
    half = t_half(values.tolist()) or 0.0
    above = bool(low > 0 and (values > 0).all())
    return low <= 0 <= high, abs(values.mean()) <= half, above, above and values.mean() > half


def shared_trial(random: np.random.Generator, between: float, alike: float) -> tuple[bool, ...]:
    """One experiment with the same problems in every seed: whether each interval holds 0."""
    values = random.normal(0, alike**0.5) + random.normal(0, (1 - alike + between) ** 0.5, SEEDS)
    intervals = [quantiles(random, values, alike, once=True), quantiles(random, values, 0)]
    half = t_half(values.tolist()) or 0.0
    return *(low <= 0 <= high for low, high in intervals), abs(values.mean()) <= half


def quantiles(
    random: np.random.Generator, values: Floats, alike: float, *, once: bool = False
) -> tuple[float, float]:
    """The bootstrap's interval; with `once`, all seeds of a replicate have the same problems."""
    drawn = random.integers(SEEDS, size=(REPLICATES, SEEDS))
    noise = random.normal(0, (1 - alike) ** 0.5, (REPLICATES, SEEDS))  # of problems drawn anew
    if once:  # a seed that is drawn twice has the same problems twice
        noise = np.take_along_axis(noise, drawn, axis=1)
        noise += random.normal(0, alike**0.5, (REPLICATES, 1))
    low, high = np.quantile((values[drawn] + noise).mean(axis=1), (0.025, 0.975))
    return low, high


if __name__ == "__main__":
    main()
