"""What exact step labels cost: the backward walk against K rollouts from every prefix.

usage: python benchmarks/labelling.py [--model M] [--solutions N] [-k K]

Both ways ask for the same rollouts by the same seeds, so their labels must be equal; the figure is
the share of generated tokens that the walk needs.
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import islice

from sormctl.inference import label_solution, open_generator, sample_solutions
from sormctl.labelling import CONSISTENCY
from sormctl.records import Solution
from sormctl.tasks.registry import get_task

SETTINGS = {"seed": 0, "temperature": 0.7, "top_p": 1.0, "max_tokens": 200}


def main() -> None:
    """Prints one line for each consistency check."""
    options = _options()
    for consistency in CONSISTENCY:
        walk, plain = asyncio.run(
            both_ways(options.model, options.solutions, options.k, consistency)
        )
        same = sum(a.labels == b.labels for a, b in zip(walk, plain, strict=True))
        print(
            f"consistency {consistency}: {same} of {len(walk)} solutions have equal labels; "
            f"tokens {tokens(walk):,} of {tokens(plain):,} ({tokens(walk) / tokens(plain):.2f})"
        )


async def both_ways(
    model: str, count: int, k: int, consistency: str
) -> tuple[list[Solution], list[Solution]]:
    """`count` samples of `chain`, labelled by the walk and by all rollouts."""
    problems = list(islice(get_task("chain").generate("train", 0), count // 4))  # type: ignore[misc]
    async with open_generator(model, SETTINGS) as student:
        groups = await asyncio.gather(*(sample_solutions(student, p, 4) for p in problems))
        solutions = [solution for group in groups for solution in group]

        async def label(plain: bool) -> list[Solution]:
            return await asyncio.gather(
                *(label_solution(student, s, k, consistency, plain=plain) for s in solutions)
            )

        return await label(False), await label(True)


def tokens(solutions: list[Solution]) -> int:
    """Tokens generated for the labels."""
    return sum(count.generated_tokens for s in solutions for count in s.rollouts or ())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--solutions", type=int, default=400)
    parser.add_argument("-k", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
