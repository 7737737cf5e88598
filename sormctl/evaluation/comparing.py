"""Two runs on the same problems: how much better one is, row by row of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from math import fsum
from typing import NamedTuple

from msgspec import Struct

from sormctl.errors import DataError, UsageError
from sormctl.evaluation.intervals import Bootstrap, Share, mcnemar, more_often
from sormctl.evaluation.metrics import Estimate, paired_difference
from sormctl.evaluation.rows import Way
from sormctl.evaluation.ways import (
    Outcome,
    answer_given,
    answers_possible,
    ask_for_answer,
    distinct,
    outcomes,
    ways_reported,
)
from sormctl.missing import no_such
from sormctl.records import Solution, problem_name

Answers = Mapping[str, Outcome]  # by problem


class Run:
    """What one run answered: each problem's outcome in each row; `rows` are those of the report.

    Solutions that are not known to be right or wrong are left out; `unknown` counts them. Memory:
    some 200 bytes of each problem for each row.
    """

    def __init__(self, groups: Iterable[Sequence[Solution]], aggregations: Sequence[str]) -> None:
        self._answers: dict[Way, dict[str, Outcome]] = {}
        self.asked: dict[str, tuple[str, str | None]] = {}
        self.unknown = 0
        for group in groups:
            name = problem_name(group[0])
            self.asked[name] = group[0].question, group[0].answer
            solutions = distinct(group)
            known = [each for each in solutions if each.correct is not None]
            self.unknown += len(solutions) - len(known)
            for way, outcome in outcomes(known, aggregations).items() if known else ():
                self._answers.setdefault(way, {})[name] = outcome
        self.rows = ways_reported({way: len(found) for way, found in self._answers.items()})

    def of_row(self, row: str) -> Answers | None:
        """The outcomes of the row of that name, reported or not."""
        return next((found for way, found in self._answers.items() if str(way) == row), None)


class Comparison(Struct, frozen=True, tag_field="section", tag="comparison"):
    """A row of two runs, over the `n` problems that both have; shares of problems.

    `difference` is new - old and has a 95 % interval. `won` counts the problems that the new run is
    right about more often, `lost` those it is less often; `p` is McNemar's, None where an answer is
    right in part. Tokens are those generated for one problem. `by_seed` has each seed's difference.
    """

    row: str
    n: int
    old: float
    new: float
    difference: float
    low: float
    high: float
    won: int
    lost: int
    p: float | None
    old_tokens: float
    new_tokens: float
    by_seed: tuple[float, ...]


class RowPair(NamedTuple):
    """The names of the rows of both runs that are held against each other."""

    old: str
    new: str

    def __str__(self) -> str:
        return self.new if self.old == self.new else f"{self.old} → {self.new}"


def compare_runs(
    old: Sequence[Run],
    new: Sequence[Run],
    decisive: RowPair | None = None,
    *,
    only_common: bool = False,
) -> Iterator[Comparison]:
    """The decisive rows first, if they are given, and then the rows that all runs have.

    `old` and `new` have one run a seed, the same seeds. DataError where a problem has another
    question or answer, where one run has problems that the other has not, unless `only_common` ones
    are wanted, and where nothing can be compared.
    """
    if len(old) != len(new):
        raise UsageError(f"{len(old)} old and {len(new)} new runs; give as many of each")
    for before, after in zip(old, new, strict=True):
        _check_problems(before, after, only_common)
    first, *others = [*old, *new]
    in_all = [way for way in first.rows if all(way in run.rows for run in others)]
    shared = [RowPair(str(way), str(way)) for way in in_all]
    for rows in dict.fromkeys([*([decisive] if decisive else []), *shared]):
        yield _compare_rows(rows, old, new)


def answers_given(old: Sequence[Run], new: Sequence[Run]) -> RowPair | None:
    """The rows of the answers that both runs give, where the solutions say which these are."""
    sides = [{answer_given(run.rows) for run in side} for side in (old, new)]
    if any(len(found) > 1 or None in found for found in sides):
        return None
    return RowPair(*(str(found.pop()) for found in sides))


def ask_for_rows(old: Run, new: Run) -> str:
    """What may be typed where the solutions do not say it."""
    asked = ask_for_answer("--row", new.rows)
    if all(way in old.rows for way in answers_possible(new.rows)):
        return asked
    return f"{asked}, and {ask_for_answer('--old-row', old.rows)}"


def _check_problems(old: Run, new: Run, only_common: bool) -> None:
    for name in old.asked.keys() & new.asked.keys():
        if old.asked[name] != new.asked[name]:
            problem = name.partition("\0")[2]
            raise DataError(f"problem {problem} has another question or answer in each run")
    alone = len(old.asked.keys() ^ new.asked.keys())
    if alone and not only_common and old.asked.keys() & new.asked.keys():
        raise DataError(f"{alone:,} problems are in one run only; --common leaves them out")


def _compare_rows(rows: RowPair, old: Sequence[Run], new: Sequence[Run]) -> Comparison:
    pairs = [_common(rows, before, after) for before, after in zip(old, new, strict=True)]
    ours, theirs = ([_share(pair[side]) for pair in pairs] for side in (1, 0))
    differences = tuple(one.value - two.value for one, two in zip(ours, theirs, strict=True))
    estimate = _difference(ours, theirs)
    test = mcnemar(ours, theirs)
    won, lost = more_often(ours, theirs)
    return Comparison(
        row=str(rows),
        n=len(set(chain.from_iterable(share.problems for share in ours))),
        old=fsum(share.value for share in theirs) / len(theirs),
        new=fsum(share.value for share in ours) / len(ours),
        difference=estimate.value,
        low=estimate.low,
        high=estimate.high,
        won=won,
        lost=lost,
        p=test.p if test else None,
        old_tokens=_tokens(pair[0] for pair in pairs),
        new_tokens=_tokens(pair[1] for pair in pairs),
        by_seed=differences,
    )


def _common(rows: RowPair, old: Run, new: Run) -> tuple[Answers, Answers]:
    """The outcomes of the problems that both have."""
    before, after = old.of_row(rows.old), new.of_row(rows.new)
    if before is None or after is None:
        side, run = ("old", old) if before is None else ("new", new)
        row = rows.old if before is None else rows.new
        raise UsageError(no_such(f"row of the {side} run", row, map(str, run.rows)))
    names = [name for name in before if name in after]
    if not names:
        raise DataError("no problem of one run is in the other; their ids differ")
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _share(answers: Answers) -> Share:
    return Share({name: x.value for name, x in answers.items()}, dict.fromkeys(answers, 1.0))


def _difference(new: Sequence[Share], old: Sequence[Share]) -> Estimate:
    """Over problems; of several seeds over these, too, as `intervals` does."""
    if len(new) == 1:
        return paired_difference([*new[0].hits.values()], [*old[0].hits.values()])
    found = Bootstrap([share.problems for share in new]).difference(new, old)
    return Estimate(found.value, len(new[0].problems), found.low, found.high)


def _tokens(answers: Iterable[Answers]) -> float:
    found = [outcome.tokens for each in answers for outcome in each.values()]
    return fsum(found) / len(found)
