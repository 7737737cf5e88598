"""Labels of a few solutions on engine `hf`, with and without rollouts that are begun ahead.

    OMP_NUM_THREADS=1 python -m benchmarks.ahead --solutions 200

All solutions are in flight, so the batch empties towards the end, where rows are free. Counted are
steps of the model, rows of all steps, and CPU seconds; the records must come out the same.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sormctl.engines.hf.decode import Decoder
from sormctl.engines.running import Running, SamplingSettings
from sormctl.inference import Generator, open_generator, sample_solutions
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Exact
from sormctl.problems import read_problems
from sormctl.records import Solution


class Counted:
    """How often the model steps, and with how many rows."""

    steps = rows = 0

    def watch(self) -> None:
        """Counts every step from now on."""
        step = Decoder.step

        def counted(decoder: Any, slots: int) -> list[int]:
            self.steps, self.rows = self.steps + 1, self.rows + slots
            return step(decoder, slots)

        Decoder.step = counted  # type: ignore[assignment,method-assign]


async def main() -> None:
    """Prints a line for either way, in turns."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--solutions", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    counted, made = Counted(), list[object]()
    counted.watch()
    async with open_generator(options.model, SamplingSettings(), Running("hf")) as student:
        problems = read_problems("chain", "train", limit=options.solutions)
        groups = await asyncio.gather(*(sample_solutions(student, p, 1) for p in problems))
        engine = SimpleNamespace(sample=student.engine.sample, capacity=0)
        ways = {"one wave after another": replace(student, engine=engine), "ahead": student}
        for _ in range(options.rounds):
            for name, way in ways.items():
                counted.steps = counted.rows = 0
                start = time.process_time()
                made.append(await label(way, groups))
                took = time.process_time() - start
                print(f"{name:24}{counted.steps:6} steps {counted.rows:8} rows {took:7.2f} CPU s")
    print("same records" if all(x == made[0] for x in made) else "RECORDS DIFFER")


async def label(student: Generator, groups: Sequence[Sequence[Solution]]) -> list[list[Solution]]:
    """The solutions with their labels."""
    how = Labelling(Exact(8))
    return await asyncio.gather(*(label_solutions(student, group, how) for group in groups))


if __name__ == "__main__":
    asyncio.run(main())
