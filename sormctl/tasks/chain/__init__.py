"""The embedded benchmarks: generated word problems with an exact oracle of every step."""

from functools import partial

from sormctl.tasks import worked
from sormctl.tasks.base import Task
from sormctl.tasks.chain.oracle import oracle
from sormctl.tasks.chain.problems import generate
from sormctl.tasks.chain.stories import EASY, HARD

TASK = Task(
    name=EASY.name,
    examples=worked.CHAIN,
    generate=generate,
    oracle=oracle,
)
HARD_TASK = Task(
    name=HARD.name,
    examples=worked.CHAIN,
    generate=partial(generate, level=HARD),
    oracle=oracle,
)
