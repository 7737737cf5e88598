"""What completions came to, counted while they are written: their tokens, and what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sormctl.records import Solution
from sormctl.streams.driver import Costs
from sormctl.streams.manifest import TOKENS, Counts

TELLING = 0.01  # the share of completions from which on it is said
MANY = 0.2  # the share of solutions of one step, or in tags, from which on that is said
_SOME = 3  # solutions in tags of which it is said at least
# a tag that a prompt may have asked for, to think in or to solve in
_TAG = re.compile(r"\s*([<\[])(\w{0,20}(?:think|thought|reason|scratchpad)\w{0,20})([>\]])", re.I)
_TAGGED = "begins in "


def count_completion(solution: Solution) -> Counts:
    """One completion; whether it was cut off at the token limit, and whether it has no answer."""
    return {
        TOKENS: solution.usage.generated_tokens,
        "completions": 1,
        "cut_off": solution.is_cut_off,
        "too_long": solution.source.get("finish") == "too-long",
        "no_answer": solution.predicted is None,
        "one_step": is_one_step(solution),
        **tagged(solution),
    }


def what_went_wrong(counts: Counts) -> Iterator[str]:
    """What the user should know of the completions that were counted, and what helps."""
    total, cut_off, unread = (counts[n] for n in ("completions", "cut_off", "no_answer"))
    if too_long := counts["too_long"]:
        yield f"{_share(too_long, total)} were not made: the prompt is longer than the model reads"
    if cut_off > TELLING * total:
        yield f"{_share(cut_off, total)} were cut off at the token limit; raise --max-tokens"
    if unread > TELLING * total:
        of_these = f", {cut_off:,} of them cut off" if cut_off else ""
        yield f"{_share(unread, total)} state no answer{of_these}"
    yield from too_few_steps(counts["one_step"], total)
    yield from unnamed_thoughts(counts, total)


def is_one_step(solution: Solution) -> bool:
    """Whether the steps of a solution tell no more than its answer."""
    return len(solution.steps) < 2


def too_few_steps(count: int, total: int) -> Iterator[str]:
    """What the user should know where many solutions have one step at most."""
    if count > MANY * total:
        yield f"{_share(count, total)} have no second step, so steps tell no more than answers"


def tagged(solution: Solution) -> Counts:
    """One solution that begins in tags which nobody has named, by these; nothing of another."""
    found = None if solution.thought else _TAG.match(solution.steps[0] if solution.steps else "")
    if found is None:
        return {}
    before, name, after = found.groups()
    end = f"{before}/{name}{after}"
    is_whole = any(end in step for step in solution.steps)
    return {f"{_TAGGED}{before}{name}{after},{end}": 1} if is_whole else {}


def unnamed_thoughts(counts: Counts, total: int) -> Iterator[str]:
    """What the user should know where many solutions begin in tags that may be a thought's."""
    for name, count in counts.items():
        if name.startswith(_TAGGED) and count >= max(_SOME, MANY * total):
            tags = name.removeprefix(_TAGGED)
            shown = tags.replace(",", "…")
            yield (
                f"{_share(count, total)} begin in {shown}, which is read as steps; if it is a "
                f"thought, give --think '{tags}'"
            )


def _share(count: int, total: int) -> str:
    return f"{count:,} of {total:,} solutions ({count / total:.1%})"


GENERATED: Costs[Solution] = Costs(count_completion, what_went_wrong)
