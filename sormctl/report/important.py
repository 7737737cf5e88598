"""Which rows of a report matter most, where there is room for few."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter

from sormctl.evaluation.evaluation import DRAFT
from sormctl.evaluation.rows import About, Difference, Judgement, ReportRow, Way
from sormctl.evaluation.steps import FINAL_ACCURACY, PAIRWISE, STEP_ACCURACY
from sormctl.evaluation.ways import SAMPLES, answer_given

MOST_LINES = 12
_LAST = 4


def most_important(
    rows: Sequence[ReportRow],
    line: Callable[[ReportRow], Hashable] = attrgetter("about"),
    limit: int = MOST_LINES,
) -> tuple[list[ReportRow], int]:
    """The rows of the `limit` lines that matter most, in their order; how many lines are left out.

    `line` tells which rows stand on one line. First comes the answer that is given and its gain
    over the draft; then what stands beside it: draft and refinements alone, votes of the same cost,
    reward models; then all other ways, in the order of the report.
    """
    rank = _Ranks([row.about for row in rows if isinstance(row.about, Way)]).rank
    ranks: dict[Hashable, int] = {}
    for row in rows:
        ranks[line(row)] = min(rank(row.about), ranks.get(line(row), _LAST))
    chosen = set(sorted(ranks, key=lambda name: ranks[name])[:limit])
    return [row for row in rows if line(row) in chosen], len(ranks) - len(chosen)


class _Ranks:
    """How much rows matter, 0 most, beside these ways of answering."""

    def __init__(self, ways: Sequence[Way]) -> None:
        refined = [way.kinds for way in ways if way.kinds[:1] == DRAFT.kinds]
        self._given = answer_given(ways)
        self._pipeline = max(refined, key=len, default=())

    def rank(self, about: About) -> int:
        if isinstance(about, Way):
            return self._of_way(about)
        if isinstance(about, Difference):
            return self._of_difference(about)
        if isinstance(about, Judgement) and about.figure == STEP_ACCURACY:
            return 1
        if isinstance(about, Judgement) and about.figure in (FINAL_ACCURACY, PAIRWISE):
            return 2
        return _LAST

    def _of_way(self, way: Way) -> int:
        if way == self._given:
            return 0
        if way.chooser == "each":
            return 1 if way.kinds != SAMPLES else 2
        if way.aggregation not in (None, "final"):
            return _LAST
        if way.kinds == self._pipeline:
            return 2 if way.chooser == "oracle" else 1
        if self._costs_the_same(way):
            return 1 if way.chooser == "majority" else 2
        return 3

    def _of_difference(self, difference: Difference) -> int:
        if difference.first != self._given:
            return _LAST
        if difference.second == DRAFT:
            return 0
        return self._of_way(difference.second) if difference.second.within else 3

    def _costs_the_same(self, way: Way) -> bool:
        return way.within == self._pipeline or way.n == len(self._pipeline)
