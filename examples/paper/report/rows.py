"""Names of rows: those that `sormctl eval` writes, and those that read.py makes of them."""

from __future__ import annotations

# endings of what is said of a judge against a truth; BALANCED is made of either accuracy: good and
# bad steps, or right and wrong drafts, have equal weight
STEP_ACCURACY, FINAL_ACCURACY = ": step accuracy", ": final accuracy"
BALANCED = ": balanced accuracy"
# what is judged wrongly of the bad, of the good (True); `eval` says it of steps alone
ERRORS = {False: ": false positive rate", True: ": false negative rate"}

FIXED = ": fixed"  # a row over wrong drafts
# a row of steps is also taken apart by how often the student is right
RIGHT = ", samples right: "
LEVELS = tuple(f"{right} of 3" for right in range(4))

BY_ORM = "draft + global + local by orm"
BY_VOTE = f"weighted {BY_ORM}"
ORACLE_BEST = "draft + global + local, oracle"
AGGREGATIONS = ("mean", "weighted-mean", "min", "product", "penultimate-mean")


def steps(judge: str, truth: str = "labels") -> str:
    """Of a reward model's judgement of steps."""
    return f"{judge} against {truth}{STEP_ACCURACY}"


def final(judge: str) -> str:
    """Of its judgement of drafts."""
    return f"{judge} against answers{FINAL_ACCURACY}"


def balanced(judge: str, truth: str = "labels") -> str:
    """The same of either, by the truth; `answers` are those of drafts."""
    return f"{judge} against {truth}{BALANCED}"


AGREEMENT = steps("labels", "oracle")
