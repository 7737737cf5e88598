"""The embedded benchmark: generated word problems with an exact oracle of every step."""

from sormctl.tasks import worked
from sormctl.tasks.base import Task
from sormctl.tasks.chain.oracle import oracle
from sormctl.tasks.chain.problems import generate

TASK = Task(
    name="chain",
    examples=worked.CHAIN,
    generate=generate,
    oracle=oracle,
)
