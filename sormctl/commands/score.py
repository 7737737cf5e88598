"""`sormctl score`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sormctl import options
from sormctl.adapters.registry import adapter_identity, load_adapter
from sormctl.asking import AskingSettings
from sormctl.judging import Judge, open_judge
from sormctl.models import model_digest
from sormctl.records import Solution
from sormctl.slots import Slot, check_slot
from sormctl.streams.driver import map_records
from sormctl.tasks.registry import known_task


def score(
    *,
    rm: options.RewardModel,
    rm_adapter: options.RmAdapter = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the scores; the model folder's name by default.")
    ] = None,
    concurrency: options.Concurrency = None,
    prompt: options.PromptStyle = "auto",
    running: options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Put a reward model's step scores on solutions.

    Writes each solution with `scores.NAME`: P(correct) after each step, from one forward pass. A
    model that judges whole solutions gives `rewards.NAME`, one number of any size.

    Example: sormctl score --rm orm/ < drafts.jsonl > scored.jsonl
    """
    adapter = load_adapter(rm_adapter)
    if not running.is_hosted:
        check_slot(rm, Slot.reward_model, prompt, adapter)
    label = name or Path(rm).resolve().name
    said = AskingSettings(prompt)
    asked = {**said.identity(), **running.identity(), **adapter_identity(adapter)}
    job = streams.job("score", {"rm": rm, "weights": model_digest(rm), "name": label, **asked})

    async def scored(judge: Judge, solution: Solution) -> Sequence[Solution]:
        return [await judge.judged(solution, label)]

    map_records(
        job,
        Solution,
        lambda: open_judge(rm, running, said, adapter),
        scored,
        check=known_task,
        concurrency=concurrency,
    )
