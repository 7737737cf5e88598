"""Preferences: a better and a worse solution of one problem, for DPO and for reward models.

    {"prompt": [{"role": "user", "content": "…"}],
     "chosen": [{"role": "assistant", "content": "…"}], "rejected": [{"role": "assistant", …}]}

Plain prompts make three texts of it. With scores there are `score_chosen` and `score_rejected`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from sormctl.formats.base import DataFormat, Exporting
from sormctl.formats.chats import ASKING, answered, turns_of
from sormctl.pairing import contrastive_pairs
from sormctl.records import Json, Solution
from sormctl.reranking import rank, scorer
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task


def write_problem(solutions: Sequence[Solution], how: Exporting) -> Iterator[Json]:
    """Correct and wrong solutions in pairs, each in one; with scores the best and the worst one.

    The score of a solution is that after its last step.
    """
    if how.scores is None:
        for pair in contrastive_pairs(solutions, how.seed):
            yield _row(*pair, how)
        return
    score = scorer(how.scores)
    judged = [s for s in solutions if s.steps and isfinite(score(s))]  # not too long for its model
    ranked = rank(judged, how.scores)
    if ranked and score(ranked[0]) > score(ranked[-1]):
        chosen, rejected = ranked[0], ranked[-1]
        scores = {"score_chosen": score(chosen), "score_rejected": score(rejected)}
        yield {**_row(chosen, rejected, how), **scores}


def _row(chosen: Solution, rejected: Solution, how: Exporting) -> Json:
    prompt = draft_prompt(get_task(chosen.task), chosen.question, how.asking)
    texts = {"chosen": chosen.text, "rejected": rejected.text}
    if not how.asking.is_chat:
        return {"prompt": prompt.text, **texts}
    turns = {name: [answered(text)] for name, text in texts.items()}
    return {"prompt": turns_of(prompt), **turns}


FORMAT = DataFormat(
    "preference",
    write_problem=write_problem,
    write_options=frozenset({"scores", "seed", *ASKING}),
    left_out="without a better and a worse solution",
)
