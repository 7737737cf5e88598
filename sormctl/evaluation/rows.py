"""Rows of the report. What a row is about is a value: code asks its fields, people read its text.

A row is a way of answering (`Way`), what it does for wrong drafts (`Fixed`), a difference of two
ways (`Difference`), a figure on a reward model (`Judgement`), or a difference of two reward models
(`JudgementDifference`). `section`, in the JSON of each, tells which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct, to_builtins

from sormctl.evaluation.metrics import Estimate
from sormctl.records import REFINEMENTS

Kind = Literal["draft", "sample", "global", "local", "value"]
Chooser = Literal["only", "each", "score", "majority", "weighted", "oracle"]
Truth = Literal["labels", "oracle", "answers"]

DRAFT_FIRST: tuple[Kind, ...] = ("draft", *REFINEMENTS)

_OF_SAMPLES = {
    "score": "rerank{}",
    "majority": "maj{}",
    "weighted": "weighted maj{}",
    "oracle": "pass{}",
}
_OF_KINDS = {"each": "{}", "score": "{}", "weighted": "weighted {}", "oracle": "{}, oracle"}


class Way(Struct, frozen=True, omit_defaults=True, tag_field="section", tag="accuracy", gc=False):
    """A way of answering a problem: its candidates, and what chooses one of them.

    `chooser` is `only` where a problem has one solution, of whatever kind, and `each` where none is
    chosen: the mean over the candidates. As in `rerank`, `score` takes the best by a reward model's
    score, `majority` and `weighted` are votes. `oracle` takes a correct one if there is one.

    Candidates are all solutions of some `kinds`; with `n` as many samples, with `within` those that
    cost no more tokens than the solutions of these kinds. `model` names the reward model, and
    `aggregation` how its step scores become one number.
    """

    chooser: Chooser
    kinds: tuple[Kind, ...] = ()
    n: int | None = None
    model: str | None = None
    aggregation: str | None = None
    within: tuple[Kind, ...] = ()

    def __str__(self) -> str:
        if self.chooser == "only":
            return "accuracy"
        if self.n is not None:
            text = _OF_SAMPLES[self.chooser].format(f"@{self.n}")
        elif self.within:
            text = _OF_SAMPLES[self.chooser].format(f" at the tokens of {_sum(self.within)}")
        else:
            text = _OF_KINDS[self.chooser].format(_sum(self.kinds))
        if self.model is not None:
            text += f" by {self.model}"
        return text if self.aggregation in (None, "final") else f"{text}, {self.aggregation}"

    @property
    def only_refines(self) -> bool:
        """Whether all candidates are refinements."""
        return bool(self.kinds) and self.kinds[0] in REFINEMENTS  # a draft would stand first


def _sum(kinds: tuple[Kind, ...]) -> str:
    return " + ".join(kinds)


class Fixed(Struct, frozen=True, tag_field="section", tag="wrong drafts"):
    """The accuracy of a way of answering on the problems whose draft is wrong."""

    way: Way

    def __str__(self) -> str:
        return f"{self.way}: fixed"


class Difference(Struct, frozen=True, tag_field="section", tag="difference"):
    """How much more accurate one way of answering is than another, on the same problems."""

    first: Way
    second: Way

    def __str__(self) -> str:
        return f"{self.first} - {self.second}"


class Judgement(Struct, frozen=True, tag_field="section", tag="steps"):
    """A figure on how well a reward model judges, held against a truth.

    The truth is the `labels` of steps in the file, the task's exact `oracle` of steps, or, for its
    last score, whether the final `answers` are right. Without a model the labels are judged.
    """

    model: str | None
    truth: Truth
    figure: str

    @property
    def sides(self) -> str:
        """Who is held against what: the text without the figure."""
        return f"{'labels' if self.model is None else self.model} against {self.truth}"

    def __str__(self) -> str:
        return f"{self.sides}: {self.figure}"


class JudgementDifference(Struct, frozen=True, tag_field="section", tag="reward models"):
    """How much better one reward model judges the same solutions than another."""

    first: str
    second: str
    truth: Truth
    figure: str

    def __str__(self) -> str:
        return f"{self.first} - {self.second} against {self.truth}: {self.figure}"


About = Way | Fixed | Difference | Judgement | JudgementDifference


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line of the report.

    `tokens` is the mean number generated for one problem. Where no solution is chosen, `cut_off`
    and `no_answer` are the shares of the solutions that ended at the token limit, and of those that
    state no answer.
    """

    about: About
    estimate: Estimate
    tokens: float | None = None
    cut_off: float | None = None
    no_answer: float | None = None

    @property
    def section(self) -> str:
        """The part of the report that the row belongs to."""
        return str(self.about.__struct_config__.tag)

    @property
    def name(self) -> str:
        """What the row is about, for people."""
        return str(self.about)

    def json(self) -> dict[str, Any]:
        """The row as a JSON object; `msgspec.convert(row["about"], About)` reads what it is."""
        e = self.estimate
        data = {"section": self.section, "name": self.name, "value": e.value, "n": e.n}
        data |= {"low": e.low, "high": e.high}
        for name in ("tokens", "cut_off", "no_answer"):
            if (value := getattr(self, name)) is not None:
                data[name] = value
        return {**data, "about": to_builtins(self.about)}
