"""All solutions of a problem together, for a terminal: the draft beside its refinements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import chain

from sormctl.evaluation.rows import DRAFT_FIRST
from sormctl.evaluation.ways import kind_of
from sormctl.records import Solution
from sormctl.report.filters import FILTERS, chosen, filters_met, way_given
from sormctl.report.layout import FAINT, Block, StyledLine, hanging, side_by_side
from sormctl.report.pretty import INDENT, RULE, question_lines, step_lines, verdict_lines

_NARROWEST = 34  # cells of a column; with less room solutions stand under each other
_GAP = 3


def problem_lines(group: Sequence[Solution], width: int | None) -> Iterator[StyledLine]:
    """The lines that show a problem: its question once, draft and refinements, then samples.

    Steps that a refinement has kept are faint. The answer that a user gets is marked.
    """
    way = way_given(group)
    met, given = filters_met(group, way), chosen(way, group)
    said = ", ".join(name for name in FILTERS if name in met)
    title = f"{group[0].problem_id} · {group[0].task}{' · ' * bool(said)}{said}"
    yield from hanging((RULE,), title, "cyan", width)
    yield from question_lines(group[0], width)
    main = [s for kind in DRAFT_FIRST for s in group if kind_of(s) == kind]
    samples = [solution for solution in group if kind_of(solution) not in DRAFT_FIRST]
    room = 0 if width is None else (width - _GAP * (len(main) - 1)) // max(1, len(main))
    if len(main) > 1 and room >= _NARROWEST:
        columns = [[*_column(solution, main[0], given, room)] for solution in main]
        yield from side_by_side(columns, room, _GAP)
    else:
        for solution in main:
            yield from chain.from_iterable(_column(solution, main[0], given, width))
    if samples:
        yield from hanging((INDENT,), f"samples: {_answers(samples)}", "cyan", width)
    for solution in samples if not main else ():
        yield from chain.from_iterable(_column(solution, solution, given, width))


def _column(
    solution: Solution, draft: Solution, given: Solution | None, width: int | None
) -> Iterator[Block]:
    """One solution, block by block: what it is, its steps, its answer."""
    names, kept = list(solution.scores), _kept(solution, draft)
    title = f"{kind_of(solution)}{' · the answer given' if solution is given else ''}"
    yield [*hanging((INDENT,), title, "cyan", width)]
    error = solution.source.get("first_error")
    told = [f"scores: {', '.join(names)}"] if names else []
    told += [f"[BAD] before step {error + 1}"] if isinstance(error, int) else []
    yield [*hanging((INDENT,), "; ".join(told), "cyan", width)] if told else []
    for index in range(len(solution.steps)):
        lines = step_lines(solution, index, names, width)
        yield [_faint(spans) for spans in lines] if index in kept else [*lines]
    yield [*verdict_lines(solution, width)]


def _faint(spans: StyledLine) -> StyledLine:
    return tuple((text, FAINT) for text, _ in spans)


def _kept(solution: Solution, draft: Solution) -> set[int]:
    """The steps that stand in the draft, too."""
    if solution is draft:
        return set()
    blocks = SequenceMatcher(None, draft.steps, solution.steps, False).get_matching_blocks()
    return {block.b + i for block in blocks for i in range(block.size)}


def _answers(samples: Sequence[Solution]) -> str:
    """The answers of the samples, the most frequent first."""
    found = Counter("no answer" if s.predicted is None else s.predicted for s in samples)
    return ", ".join(f"{answer} ({count})" for answer, count in found.most_common())
