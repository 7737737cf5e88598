"""How `label-steps --by rollouts` spends rollouts: its options, and what they ask of the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer

from sormctl.errors import RecordError, UsageError
from sormctl.labelling.rollouts import Labelling
from sormctl.labelling.strategies import TOLERANCE, strategy
from sormctl.records import Solution
from sormctl.tasks.registry import known_task


class StrategyName(StrEnum):
    """Which rollouts are made; see `strategies`."""

    exact = "exact"
    exhaustive = "exhaustive"
    bisect = "bisect"
    guided = "guided"


class Consistency(StrEnum):
    """How the consistency check looks for a result; see `consistency.is_consistent`."""

    string = "string"
    number = "number"
    off = "off"


@dataclass(frozen=True)
class Searching:
    """How rollouts are spent."""

    k: Annotated[int, typer.Option("-k", min=1, help="Rollouts from a prefix, at most.")] = 8
    strategy: Annotated[
        StrategyName,
        typer.Option(
            help="exact: the paper's labels by the fewest rollouts; exhaustive: all K from every "
            "prefix; bisect, guided: fewer, and some labels differ."
        ),
    ] = StrategyName.exact
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Short for --strategy exhaustive.")
    ] = False
    consistency: Annotated[
        Consistency, typer.Option(help="How each result of the prefix must be used later.")
    ] = Consistency.string
    siblings: Annotated[
        bool,
        typer.Option(
            "--siblings",
            help="Take the problem's other samples as rollouts of the prefixes they share. The "
            "input must hold all samples, neither filtered nor without duplicates.",
        ),
    ] = False
    scores: Annotated[
        str | None,
        typer.Option(help="Reward model's scores that guide the search (guided).", metavar="NAME"),
    ] = None
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of labels that may be expected wrong (guided)."),
    ] = TOLERANCE
    keep_thoughts: Annotated[
        bool,
        typer.Option(
            "--keep-thoughts",
            help="Put each solution's thought before its prefixes; none of them are shared then.",
        ),
    ] = False
    max_repeats: Annotated[
        int,
        typer.Option(
            help="End a rollout that says the same so many times in a row; 0: none.", metavar="N"
        ),
    ] = 4
    gather: Annotated[
        bool,
        typer.Option(
            "--gather", help="Bring the solutions of a problem together, wherever they stand."
        ),
    ] = False

    @property
    def name(self) -> StrategyName:
        """The strategy."""
        return StrategyName.exhaustive if self.exhaustive else self.strategy

    def arguments(self) -> dict[str, Any]:
        """What must be the same to `--resume`, however it was typed."""
        given = {**vars(self), "strategy": self.name}
        return {name: value for name, value in given.items() if name != "exhaustive"}

    def labelling(self) -> Labelling:
        """The same for `label_solutions`; UsageError where options do not fit together."""
        if self.exhaustive and self.strategy not in (StrategyName.exact, StrategyName.exhaustive):
            raise UsageError("--exhaustive is a strategy of its own; drop --strategy")
        if self.scores and self.name is not StrategyName.guided:
            raise UsageError("--scores goes with --strategy guided")
        if self.siblings and self.name is StrategyName.exhaustive:
            raise UsageError("--siblings saves rollouts and --exhaustive makes them all")
        if self.max_repeats < 0 or self.max_repeats == 1:
            raise UsageError("--max-repeats is 2 or more, or 0 for none")
        if self.siblings and self.keep_thoughts:
            raise UsageError(
                "--siblings shares prefixes and --keep-thoughts none; drop one of them"
            )
        found = strategy(self.name.value, self.k, self.tolerance)
        return Labelling(
            found,
            self.consistency.value,
            self.siblings,
            self.scores,
            self.keep_thoughts,
            self.max_repeats,
        )


def searchable(how: Labelling, temperature: float) -> Callable[[Solution], None]:
    """Refuses a solution that is not what the options want."""
    models = set[object]()

    def check(solution: Solution) -> None:
        known_task(solution)
        if solution.answer is None:
            raise RecordError("no known `answer` for rollouts to reach; label it by other means")
        solution.outcome_given()
        _check_guide(solution, how.scores)
        if how.siblings:
            models.add(_sampler(solution, temperature))
            if len(models) > 1:
                raise RecordError("samples of several models; --siblings needs those of one")

    return check


def _sampler(solution: Solution, temperature: float) -> object:
    """The model of a sample that may be taken as a rollout; its name may have changed since.

    A draft is a sample at temperature 0.
    """
    kind = solution.source.get("kind", "sample")
    if kind not in ("sample", "draft"):
        raise RecordError(f"a {kind} solution; --siblings needs samples alone")
    sampled_at = solution.source.get("temperature", 0.0 if kind == "draft" else temperature)
    if sampled_at != temperature:
        raise RecordError(
            f"sampled at temperature {sampled_at}; --siblings needs the same --temperature"
        )
    return solution.source.get("model")


def _check_guide(solution: Solution, name: str | None) -> None:
    if name is None:
        return
    if not all(0 <= score <= 1 for score in solution.scores_of(name)):
        raise RecordError(f"`scores.{name}` must lie between 0 and 1")
