"""`sormctl rerank`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from itertools import chain
from typing import Annotated

import typer

from sormctl import model_options, options
from sormctl.adapters.registry import adapter_identity, load_adapter
from sormctl.asking import AskingSettings
from sormctl.errors import UsageError
from sormctl.evaluation.ways import distinct
from sormctl.inference import model_identity
from sormctl.judging import Judge, open_judge, scores_name
from sormctl.option_groups import among
from sormctl.records import Solution
from sormctl.reranking import AGGREGATIONS, check_judged, choose, known_aggregations
from sormctl.slots import Slot, check_slot
from sormctl.streams.driver import Group, map_groups, pipe_groups
from sormctl.streams.grouping import group_solutions
from sormctl.streams.jsonl import accept
from sormctl.tasks.registry import known_task


class Vote(StrEnum):
    """How the best solution is found."""

    score = "score"
    majority = "majority"
    weighted = "weighted"


def rerank(
    *,
    rm: Annotated[
        str | None, model_options.model_option("--rm", help="Reward model that scores them.")
    ] = None,
    rm_adapter: model_options.RmAdapter = None,
    scores: Annotated[
        str | None, typer.Option(help="Use these scores of the solutions instead.")
    ] = None,
    aggregation: Annotated[
        str | None,
        typer.Option(
            "--agg",
            help=f"Step scores to one number: {', '.join(AGGREGATIONS)}; by default final, or what "
            "the adapter says.",
            autocompletion=among(lambda: AGGREGATIONS),
        ),
    ] = None,
    vote: Annotated[
        Vote,
        typer.Option(
            help="score: the solution with the highest one; majority: the most frequent answer; "
            "weighted: the answer with the largest sum of scores."
        ),
    ] = Vote.score,
    keep: Annotated[int, typer.Option(min=1, help="Solutions of a problem to write.")] = 1,
    concurrency: model_options.Concurrency = None,
    resume: options.Resume = False,
    skip_failed: options.SkipFailed = False,
    prompt: model_options.PromptStyle = "auto",
    running: model_options.RunningOptions,
    streams: options.Streams,
) -> None:
    """Keep the best solution of each problem.

    The solutions of a problem (samples, or a draft and its refinements) may stand anywhere in the
    input; one that comes twice counts once. Of equal rank refinements come last, and among others
    the solution id decides.

    Example: cat drafts.jsonl global.jsonl local.jsonl | sormctl rerank --rm orm/ > best.jsonl
    """
    known_aggregations([aggregation] if aggregation else [])
    if vote is not Vote.majority and (rm is None) == (scores is None):
        raise UsageError(f"--vote {vote} needs either --rm MODEL or --scores NAME")
    if vote is not Vote.score and keep > 1:
        raise UsageError("--keep goes with --vote score; a vote has one winner")
    adapter = load_adapter(rm_adapter, rm)
    if rm is not None:
        check_slot(rm, Slot.reward_model, prompt, adapter, is_hosted=running.is_hosted)
    name = scores or scores_name(rm or "")
    arguments = {"rm": rm, "scores": scores, "agg": aggregation, "vote": vote, "keep": keep}
    found = model_identity(rm, running) if rm else {}
    said = AskingSettings(prompt)
    asked = {**said.identity(), **running.identity(), **adapter_identity(adapter)}
    made = {**arguments, **found, **asked}
    job = streams.job("rerank", made, resume=resume, skip_failed=skip_failed)

    def best(group: Sequence[Solution], usual: str = "final") -> list[Solution]:
        return choose(distinct(group), vote, name, aggregation or usual)[:keep]

    if rm is None:
        check = accept if vote is Vote.majority else lambda solution: check_judged(solution, name)
        pipe_groups(job, lambda groups: chain.from_iterable(map(best, groups)), check)
        return

    async def ranked(judge: Judge, group: Group[Solution]) -> Sequence[Solution]:
        if not all(group.pending):  # the best of the rest would stand beside the best of them
            raise UsageError("its problem was ranked without it before; give --overwrite")
        judged = await asyncio.gather(*(judge.judged(s, name) for s in group.records))
        return best(judged, judge.adapter.aggregation)

    map_groups(
        job,
        lambda: open_judge(rm, running, said, adapter),
        ranked,
        groups=lambda inputs, check: group_solutions(inputs.gathered(check)),
        check=known_task,
        concurrency=concurrency,
    )
