"""Everything that can be said of a set of solutions. Paper, 3.2, 4 and B.

Solutions of one problem come together. `ways` says how the problem can be answered with them,
`steps` how well reward models judge them step by step; here both are summed up over all problems
and become the rows of the report. A task that knows the truth of steps adds its oracle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from sormctl.errors import RecordError
from sormctl.evaluation.metrics import (
    average,
    clustered_difference,
    clustered_proportion,
    paired_difference,
)
from sormctl.evaluation.rows import (
    Difference,
    Fixed,
    Judgement,
    JudgementDifference,
    ReportRow,
    Truth,
    Way,
)
from sormctl.evaluation.steps import (
    FINAL_ACCURACY,
    PAIRWISE,
    STEP_ACCURACY,
    StepTally,
)
from sormctl.evaluation.tallies import Column, Endings, FinalVerdicts, Preferences
from sormctl.evaluation.ways import (
    ONLY,
    SAMPLES,
    distinct,
    kind_of,
    outcomes,
    scored_by,
    ways_reported,
)
from sormctl.records import Json, Labels, Solution
from sormctl.reranking import scorer
from sormctl.tasks.registry import get_task
from sormctl.thresholds import THRESHOLD

DRAFT = Way("each", ("draft",))
MAX_MODELS = 100  # reward models: each is compared with each
AGREEMENT = Judgement(None, "oracle", STEP_ACCURACY)  # of labels with the truth


class Evaluation:
    """Collects problems one by one; keeps a few numbers of each, not the solutions.

    `repeated` counts those whose id had come before. `unknown` counts the solutions that are
    neither correct nor wrong, because nobody knows the answer. They are left out wherever answers
    count; their steps are judged like those of others.

    Memory: 24 bytes of each problem for each way of answering, and for each reward model 17 bytes
    of each solution with labels, 9 of each label, and 16 of each problem.
    """

    def __init__(self, aggregations: Sequence[str] = ("final",)) -> None:
        self.unknown = self.repeated = 0
        self._aggregations = aggregations
        self._num_problems = 0
        self._columns: dict[Way, Column] = defaultdict(Column)
        self._endings: dict[Way, Endings] = defaultdict(Endings)
        self._on_wrong: dict[Way, list[float]] = defaultdict(list)
        self._steps: dict[tuple[str, Truth], StepTally] = defaultdict(StepTally)  # model, truth
        self._final: dict[str, FinalVerdicts] = defaultdict(FinalVerdicts)
        self._preferences: dict[str, Preferences] = defaultdict(Preferences)
        self._models: set[str] = set()
        self._num_labelled = 0
        self._agreement: tuple[list[int], list[int]] = ([], [])

    def add(self, group: Sequence[Solution]) -> None:
        """Takes all solutions of one problem; one that comes twice counts once.

        RecordError for scores of more reward models than can be compared.
        """
        given, group = len(group), distinct(group)
        self.repeated += given - len(group)
        known = [solution for solution in group if solution.correct is not None]
        self.unknown += len(group) - len(known)
        found = outcomes(known, self._aggregations)
        for way, (value, tokens) in found.items():
            column = self._columns[way]
            column.problems.append(self._num_problems)
            column.values.append(value)
            column.tokens.append(tokens)
        for solution in known:
            for unchosen in (ONLY, Way("each", (kind_of(solution),))):
                self._endings[unchosen].add(solution)
        self._num_problems += 1
        if DRAFT in found and found[DRAFT].value == 0:
            for way, outcome in found.items():
                if way.only_refines:
                    self._on_wrong[way].append(outcome.value)
        self._add_preferences(known)
        for solution in group:
            self._models.update(solution.scores)
            if len(self._models) > MAX_MODELS:
                raise RecordError(
                    f"`scores` of more than {MAX_MODELS} reward models; leave some out"
                )
            if solution.labels is not None and solution.steps:
                self._add_steps(solution, solution.labels)

    def outcomes(self) -> dict[Way, list[float]]:
        """Of each way of answering the values of the problems that allow it."""
        return {way: column.values.tolist() for way, column in self._columns.items()}

    @property
    def tallies(self) -> Mapping[tuple[str, Truth], StepTally]:
        """The step scores of each reward model, by name, beside each truth."""
        return self._steps

    def shares(self) -> dict[Judgement, tuple[int, int]]:
        """Hits, and of how many, of each row of steps that is a share."""
        shares = {
            Judgement(model, truth, figure): (int(hits.sum()), int(totals.sum()))
            for (model, truth), tally in self._steps.items()
            for figure, (hits, totals) in tally.shares().items()
        }
        for about, hits in self._final_hits():
            shares[about] = sum(hits), len(hits)
        for about, pairs in self._preferred():
            shares[about] = sum(pairs.hits), sum(pairs.totals)
        if self._agreement[1]:
            shares[AGREEMENT] = sum(self._agreement[0]), sum(self._agreement[1])
        return shares

    def rows(self) -> list[ReportRow]:
        """The report, section by section."""
        rows = [*self._accuracies(), *self._differences()]
        rows += [ReportRow(Fixed(way), average(values)) for way, values in self._on_wrong.items()]
        for (model, truth), tally in self._steps.items():
            rows += [ReportRow(Judgement(model, truth, f), e) for f, e in tally.estimates()]
        rows += [ReportRow(about, average(hits)) for about, hits in self._final_hits()]
        rows += [
            ReportRow(about, clustered_proportion(pairs.hits, pairs.totals))
            for about, pairs in self._preferred()
        ]
        if self._agreement[1]:
            rows.append(ReportRow(AGREEMENT, clustered_proportion(*self._agreement)))
        return [*rows, *self._between_models()]

    def _add_steps(self, solution: Solution, labels: Labels) -> None:
        truths: list[tuple[Truth, Labels]] = [("labels", labels)]
        oracle = get_task(solution.task).oracle
        if oracle is not None:
            exact = tuple(oracle(solution))
            truths.append(("oracle", exact))
            both = [(a, b) for a, b in zip(labels, exact, strict=True) if a is not None]
            self._agreement[0].append(sum(a == b for a, b in both))
            self._agreement[1].append(len(both))
        correct = solution.correct
        for model, scores in solution.scores.items():
            for name, truth in truths:
                self._steps[model, name].add(scores, truth)
            accepted = scores[-1] >= THRESHOLD
            verdicts = self._final[model]
            verdicts.solutions.append(self._num_labelled)
            verdicts.hits.append(-1 if correct is None else accepted == correct)
        self._num_labelled += 1

    def _add_preferences(self, known: Sequence[Solution]) -> None:
        right = [solution for solution in known if solution.correct]
        wrong = [solution for solution in known if not solution.correct]
        if not right or not wrong:
            return
        for model in scored_by(known):
            score = scorer(model)
            self._preferences[model].add([*map(score, right)], [*map(score, wrong)])

    def _preferred(self) -> Iterator[tuple[Judgement, Preferences]]:
        """Of each reward model the pairs of answers that it tells apart."""
        for model, pairs in self._preferences.items():
            if pairs.totals:
                yield Judgement(model, "answers", PAIRWISE), pairs

    def _final_hits(self) -> Iterator[tuple[Judgement, Sequence[int]]]:
        """Of each reward model, which answers it is right about, among those with a known truth."""
        for model, verdicts in self._final.items():
            if hits := verdicts.known():
                yield Judgement(model, "answers", FINAL_ACCURACY), hits

    def _between_models(self) -> Iterator[ReportRow]:
        """Paired differences of the reward models that judged the same solutions."""
        for ((one, truth), first), ((two, also), second) in combinations(self._steps.items(), 2):
            if truth == also and self._final[one].solutions == self._final[two].solutions:
                (hits, totals), (others, _) = (t.shares()[STEP_ACCURACY] for t in (first, second))
                better = clustered_difference(hits, others, totals)
                yield ReportRow(JudgementDifference(one, two, truth, STEP_ACCURACY), better)
        for (one, here), (two, there) in combinations(self._final.items(), 2):
            if here.solutions == there.solutions and here.known():
                about = JudgementDifference(one, two, "answers", FINAL_ACCURACY)
                yield ReportRow(about, paired_difference(here.known(), there.known()))

    def _reported(self) -> dict[Way, Column]:
        ways = ways_reported({way: len(column.values) for way, column in self._columns.items()})
        return {way: self._columns[way] for way in ways}

    def _accuracies(self) -> Iterator[ReportRow]:
        for way, column in self._reported().items():
            tokens = sum(column.tokens) / len(column.tokens)
            row = ReportRow(way, average(column.values), tokens)
            if ended := self._endings.get(way):
                shares = ended.cut_off / ended.total, ended.no_answer / ended.total
                row = replace(row, cut_off=shares[0], no_answer=shares[1])
            yield row

    def _differences(self) -> Iterator[ReportRow]:
        """Paired differences: whatever is chosen or refined, against drafts and best of k."""
        columns = self._reported()
        for baseline, second in columns.items():
            for way, first in columns.items():
                if _comparable(way, baseline):
                    estimate = paired_difference(*_both(first, second))
                    yield ReportRow(Difference(way, baseline), estimate)


def problem_part(group: Sequence[Solution], aggregations: Sequence[str] = ("final",)) -> Json:
    """What one problem adds to the rows, for statistics that are paired or clustered by problem.

    `outcomes` has the value of each row of accuracy, `steps` the [hits, of how many] of each row of
    steps that is a share; both by the row's name. An only solution is in `accuracy` and in the row
    of its kind: which of these the report has depends on the other problems.
    """
    alone = Evaluation(aggregations)
    alone.add(group)
    return {
        "task": group[0].task,
        "problem_id": group[0].problem_id,
        "outcomes": {str(way): value for way, (value,) in alone.outcomes().items()},
        "steps": {str(about): share for about, share in alone.shares().items()},
    }


def _both(first: Column, second: Column) -> tuple[Sequence[float], Sequence[float]]:
    """The values of the problems that allow both ways of answering."""
    if first.problems == second.problems:
        return first.values, second.values
    ones, others = (dict(zip(c.problems, c.values, strict=True)) for c in (first, second))
    shared = [problem for problem in ones if problem in others]
    return [ones[problem] for problem in shared], [others[problem] for problem in shared]


def _comparable(way: Way, baseline: Way) -> bool:
    """Whether a way is held against a baseline.

    Against the draft is held whatever refines it, or is chosen by a reward model. What a model
    chooses among draft and refinements is held against the best of samples by the same model and in
    the same manner, and against votes of as many samples, or of as many tokens.
    """
    if baseline == DRAFT:
        return way.model is not None or (way.chooser == "each" and way.only_refines)
    if baseline.kinds != SAMPLES or way.model is None or way.kinds == SAMPLES:
        return False
    is_same_cost = baseline.n == len(way.kinds) or baseline.within == way.kinds
    same = baseline.model in (None, way.model) and baseline.aggregation in (None, way.aggregation)
    if baseline.chooser == "score":
        return same and (baseline.n is not None or is_same_cost)
    return same and is_same_cost and baseline.chooser in ("majority", "weighted")
