"""The embedded benchmark: generated word problems with an exact oracle of every step."""

from sormctl.tasks.base import Example, Task
from sormctl.tasks.chain.oracle import oracle
from sormctl.tasks.chain.problems import generate

TASK = Task(
    name="chain",
    example=Example(
        question=(
            "Ann has 14 pears. Then she buys 3 more pears. One pear costs 2 dollars. "
            "How many dollars are all the pears of Ann worth?"
        ),
        steps=("14 + 3 = 17", "17 * 2 = 34", "#### 34"),
    ),
    generate=generate,
    oracle=oracle,
)
