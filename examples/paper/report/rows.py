"""The rows of a report that the page speaks of: those of `sormctl eval`, and those made of them."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from sormctl.evaluation.rows import DRAFT_FIRST, Fixed, Judgement, Kind, Truth, Way
from sormctl.evaluation.steps import (
    FALSE_NEGATIVES,
    FALSE_POSITIVES,
    FINAL_ACCURACY,
    STEP_ACCURACY,
)

# a figure that read.py makes of either accuracy: good and bad steps, or right and wrong drafts,
# have equal weight
BALANCED = "balanced accuracy"
# what is judged wrongly of the bad, of the good (True); `eval` says it of steps alone
ERRORS = {False: FALSE_POSITIVES, True: FALSE_NEGATIVES}
SAMPLES_A_PROBLEM = 3  # by which problems are taken apart
LEVELS = range(SAMPLES_A_PROBLEM + 1)
AGGREGATIONS = ("mean", "weighted-mean", "min", "product", "penultimate-mean")
MOST = 0  # in the place of a number of samples: as many as the graph has


class AtLevel(Struct, frozen=True):
    """A judgement of steps, on problems of which so many of three samples are right."""

    judgement: Judgement
    right: int

    def __str__(self) -> str:
        return f"{self.judgement}, samples right: {level(self.right)}"


Subject = Way | Fixed | Judgement | AtLevel  # what a row is about


def level(right: int) -> str:
    """How often the student is right, in words."""
    return f"{right} of {SAMPLES_A_PROBLEM}"


def with_most(row: Subject, k: int) -> Subject:
    """The same, with a number in the place of `MOST`."""
    return replace(row, n=k) if isinstance(row, Way) and row.n == MOST else row


# ── ways of answering ────────────────────────────────────────────────────────────────────────────

ONLY = Way("only")  # where a problem has one solution
SAMPLE = Way("each", ("sample",))
DRAFT, GLOBAL, LOCAL, VALUE = (Way("each", (kind,)) for kind in DRAFT_FIRST)


def best(model: str, *kinds: Kind) -> Way:
    """Of draft and refinements, the best by a reward model."""
    return Way("score", kinds, model=model, aggregation="final")


def oracle(*kinds: Kind) -> Way:
    """A right one of draft and refinements."""
    return Way("oracle", kinds)


def rerank(n: int, model: str, aggregation: str = "final") -> Way:
    """The best of n samples by a reward model."""
    return Way("score", ("sample",), n, model, aggregation)


def rerank_most(model: str, aggregation: str = "final") -> Way:
    """The best of all samples by it."""
    return rerank(MOST, model, aggregation)


def majority(n: int) -> Way:
    """The vote of n samples."""
    return Way("majority", ("sample",), n)


def weighted(n: int, model: str) -> Way:
    """The vote of n samples, each weighted by a reward model."""
    return Way("weighted", ("sample",), n, model, "final")


def passing(n: int) -> Way:
    """A right one of n samples."""
    return Way("oracle", ("sample",), n)


THE_THREE: tuple[Kind, ...] = ("draft", "global", "local")


def affordable(way: Way) -> Way:
    """The same choice, of samples that cost no more tokens than draft and refinements."""
    return replace(way, n=None, within=THE_THREE)


BY_ORM = best("orm", *THE_THREE)
BY_VOTE = replace(BY_ORM, chooser="weighted")
EITHER = oracle("global", "local")
ORACLE_BEST = oracle(*THE_THREE)
OF_THREE_SAMPLES = majority(3), rerank(3, "orm"), weighted(3, "orm")


# ── judgements ───────────────────────────────────────────────────────────────────────────────────


def steps(model: str, truth: Truth = "labels") -> Judgement:
    """How well a reward model judges steps."""
    return Judgement(model, truth, STEP_ACCURACY)


def final(model: str) -> Judgement:
    """How well it judges drafts."""
    return Judgement(model, "answers", FINAL_ACCURACY)


def balanced(model: str, truth: Truth = "labels") -> Judgement:
    """The same of either, by the truth; `answers` are those of drafts."""
    return Judgement(model, truth, BALANCED)


def good_rejected(model: str) -> Judgement:
    """How many of the good steps it calls bad."""
    return Judgement(model, "labels", ERRORS[True])


def balanced_at(right: int, model: str) -> AtLevel:
    """How well it judges steps where the student is so often right, with equal weights."""
    return AtLevel(balanced(model), right)


AGREEMENT = Judgement(None, "oracle", STEP_ACCURACY)  # of labels with the truth
