"""A reward model's scores by engine vllm and engine hf against plain transformers, on GSM8K.

usage: python -m benchmarks.scoring [--model M] [--data-dir DIR] [--solutions N] [--dtype TYPE …]

The model gets the head of a reward model: random, seeded, and scaled so that the log-odds of the
steps have a standard deviation of 3, as those of a trained one do. Differences are of P(correct)
after each step, against one forward pass a solution by transformers in the same type; `exact` is
the same in float32.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from transformers import AutoModelForTokenClassification

from sormctl.asking import NOTHING_SAID
from sormctl.engines.encoding import encode_steps, load_tokenizer
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from sormctl.models import resolve_model, settle_asking
from sormctl.problems import read_problems
from sormctl.prompts import Prompt
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task

_SPREAD = 3.0

Jobs = Sequence[tuple[Prompt, Sequence[str]]]


@torch.inference_mode()
def plain_logits(model: Any, tokenizer: Any, jobs: Jobs) -> torch.Tensor:
    """Logits (STEPS, 2) of all steps, one forward pass a solution."""
    found = []
    for prompt, steps in jobs:
        ids, positions = encode_steps(tokenizer, prompt, steps)
        found.append(model(torch.tensor([ids])).logits[0, positions])
    return torch.cat(found).float()


def write_reward_model(source: str, folder: str, jobs: Jobs) -> None:
    """The model with a reward model's head."""
    torch.manual_seed(0)
    tokenizer = load_tokenizer(source)
    model = AutoModelForTokenClassification.from_pretrained(
        source, num_labels=2, dtype=torch.float32
    ).eval()
    torch.nn.init.normal_(model.score.weight)
    logits = plain_logits(model, tokenizer, jobs)
    odds = logits[:, 1] - logits[:, 0]
    with torch.no_grad():
        model.score.weight *= _SPREAD / odds.std()
        model.score.bias.copy_(torch.tensor([_SPREAD / odds.std() * odds.mean(), 0.0]))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


async def engine_scores(name: str, folder: str, dtype: str, jobs: Jobs) -> list[float]:
    """Scores of all steps by an engine."""
    running = Running(engine=name, engine_arg=[f"dtype={dtype}"])
    async with create_engine(folder, running) as engine:
        found = await asyncio.gather(*(engine.score(*job) for job in jobs))
    return [score for scores in found for score in scores]


def plain_scores(folder: str, dtype: str, jobs: Jobs) -> list[float]:
    """The same by transformers alone."""
    model = AutoModelForTokenClassification.from_pretrained(folder, dtype=getattr(torch, dtype))
    logits = plain_logits(model.eval(), load_tokenizer(folder), jobs)
    scores: list[float] = torch.softmax(logits, -1)[:, 1].tolist()
    return scores


def report(name: str, found: Sequence[float], expected: Sequence[float]) -> None:
    """One line of differences."""
    apart = sorted(abs(a - b) for a, b in zip(found, expected, strict=True))
    high = apart[int(0.99 * len(apart))]
    print(f"{name:32} mean {fmean(apart):.1e}  99% {high:.1e}  max {apart[-1]:.1e}", flush=True)


async def main() -> None:
    """Prints the differences for each type."""
    options = _options()
    model = resolve_model(options.model)
    asking = settle_asking(model, NOTHING_SAID)
    problems = list(
        read_problems("gsm8k", "test", data_dir=options.data_dir, limit=options.solutions)
    )
    task = get_task("gsm8k")
    jobs = [(draft_prompt(task, p.question, asking), p.reference or ()) for p in problems]
    with tempfile.TemporaryDirectory() as folder:
        write_reward_model(model, folder, jobs)
        exact = plain_scores(folder, "float32", jobs)
        print(f"{len(jobs)} solutions, {len(exact)} steps")
        for dtype in options.dtype:
            expected = plain_scores(folder, dtype, jobs)
            for name in ("hf", "vllm"):
                found = await engine_scores(name, folder, dtype, jobs)
                report(f"{name} {dtype}", found, expected)
                if dtype != "float32":
                    report(f"{name} {dtype} - exact", found, exact)
            if dtype != "float32":
                report(f"transformers {dtype} - exact", expected, exact)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--solutions", type=int, default=60)
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"])
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
