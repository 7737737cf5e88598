"""Answers questions as `sormctl eval --bench` does: drafts, locates the error, refines, chooses.

    echo 'Tom has 3 nuts and buys 4 nuts. How many nuts has Tom?' | python examples/answer.py \\
      embedded:student embedded:orm embedded:sorm embedded:global embedded:local

The models are a student, an ORM, a SORM, a global and a local refiner. One may stand behind a
server of the OpenAI API, such as vLLM's: `FOLDER@http://host:8000/v1`, whose tokenizer is in the
folder, or is that of the hub's model of that name. One question a line; one answer a line, as JSON.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from signal import SIG_DFL, SIGPIPE, signal

from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import SormctlError
from sormctl.inference import open_generator, refine_solution, sample_solutions
from sormctl.judging import locate_error, open_judge
from sormctl.records import Problem, Solution, encode
from sormctl.reranking import best
from sormctl.thresholds import THRESHOLD

GREEDY = SamplingSettings(temperature=0.0)
TASK = "numeric"  # how an answer is read: numeric, math, exact or choice


class Reasoner:
    """The five models of the test-time path (paper, figure 4), open at once."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Reasoner:
        student, orm, sorm, globally, locally = map(_served, self._names)
        enter = self._stack.enter_async_context
        self.student = await enter(open_generator(student[0], GREEDY, student[1]))
        self.orm = await enter(open_judge(*orm, AskingSettings()))
        self.sorm = await enter(open_judge(*sorm, AskingSettings()))
        self.globally = await enter(open_generator(globally[0], GREEDY, globally[1]))
        self.locally = await enter(open_generator(locally[0], GREEDY, locally[1]))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def answer(self, question: str) -> Solution:
        """The best of a draft and its two refinements, with the ORM's scores."""
        problem = Problem(task=TASK, problem_id=question, question=question, answer=None)
        (draft,) = await sample_solutions(self.student, problem, 1)
        error = locate_error(await self.sorm.score(draft), "local", THRESHOLD)
        refined = await asyncio.gather(
            refine_solution(self.globally, draft, "global", None),
            refine_solution(self.locally, draft, "local", error),
        )
        scored = [self.orm.judged(solution, "orm") for solution in (draft, *refined)]
        return best(await asyncio.gather(*scored), "orm")


def _served(name: str) -> tuple[str, Running]:
    """A model and what runs it: this process, or the server after the `@`."""
    model, at, url = name.partition("@http")
    return model, Running(engine="openai", base_url=[f"http{url}"]) if at else Running()


async def main(names: Sequence[str]) -> None:
    """Answers the questions of standard input, all at once."""
    questions = [line.strip() for line in sys.stdin if line.strip()]
    async with Reasoner(names) as reasoner:
        for solution in await asyncio.gather(*map(reasoner.answer, questions)):
            sys.stdout.buffer.write(encode(solution))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: python examples/answer.py STUDENT ORM SORM GLOBAL LOCAL < QUESTIONS")
    signal(SIGPIPE, SIG_DFL)  # `| head` ends it silently
    try:
        asyncio.run(main(sys.argv[1:]))
    except SormctlError as error:
        sys.exit(f"answer.py: {error}")
