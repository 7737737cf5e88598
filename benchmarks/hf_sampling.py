"""Engine `hf` against plain `model.generate`: K rollouts of uneven length from many prefixes.

    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/hf_sampling.py
    OMP_NUM_THREADS=1 taskset -c 0 python benchmarks/hf_sampling.py \\
        --model HuggingFaceTB/SmolLM2-135M-Instruct --task gsm8k --prefixes 40 --max-tokens 128

Both get the same prompts, the same sampling settings and the same number of threads. Plain
generation gets its prompts sorted by length, `num_return_sequences` so that a prompt is written
once, and the best of several batch sizes, found on a part of the work. Then both do all of it in
alternation. Tokens up to the end of sequence count; what a batch computes beyond them does not.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from transformers import AutoModelForCausalLM

from sormctl.engines.base import Engine, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids, prompt_style, resolve_model
from sormctl.engines.hf import create
from sormctl.records import Problem
from sormctl.seeds import derive_seeds
from sormctl.tasks.base import Task
from sormctl.tasks.prompts import Prompt, draft_prompt
from sormctl.tasks.registry import get_task

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
TUNING_SHARE = 4  # a batch size is tried on 1 / this of the prefixes, or one batch if that is more


def main() -> None:
    """Prints each round's useful tokens per second and the ratio of the medians."""
    options = parse_options()
    model = resolve_model(options.model)
    prefixes = make_prefixes(options, model)
    plain = Plain(model, options)
    asyncio.run(compare(plain, model, prefixes, options))


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--task", default="chain")
    parser.add_argument("--data-dir", default=os.environ.get("SORMCTL_DATA"))
    parser.add_argument("--prefixes", type=int, default=500)
    parser.add_argument("--rollouts", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine-arg", action="append", default=[])
    return parser.parse_args()


def make_prefixes(options: argparse.Namespace, model: str) -> list[Prompt]:
    """Prompts with the first 0, 1, 2 … reference steps of problems, chosen at random."""
    task = get_task(options.task)
    style = prompt_style(model, "auto")
    random = Random(0)
    prompts = []
    for problem in islice(problems(task, options.data_dir), options.prefixes):
        steps = problem.reference or ()
        kept = steps[: random.randrange(max(1, len(steps)))]
        prompts.append(draft_prompt(task, problem.question, style, kept))
    return prompts


def problems(task: Task, data_dir: str | None) -> Iterator[Problem]:
    if task.generate is not None:
        yield from task.generate("test", 0)
        return
    if task.parse is None or data_dir is None:
        raise SystemExit(f"{task.name}: --data-dir or SORMCTL_DATA must name the published files")
    with (Path(data_dir) / task.files["test"]).open(encoding="utf-8") as lines:
        for index, line in zip(count(), lines, strict=False):
            yield task.parse(json.loads(line), "test", index)


class Plain:
    """`model.generate` on padded batches."""

    def __init__(self, model: str, options: argparse.Namespace) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype="auto").eval()
        self.tokenizer = load_tokenizer(model)
        self.tokenizer.padding_side = "left"
        self.options = options
        self.settings: dict[str, Any] = {
            "max_new_tokens": options.max_tokens,
            "num_return_sequences": options.rollouts,
            "do_sample": True,
            "temperature": options.temperature,
            "top_k": 0,
            "top_p": 1.0,
        }

    def generate(self, prefixes: list[Prompt], batch_size: int) -> int:
        """Rollouts of all prefixes, `batch_size` rows at a time; returns their useful tokens."""
        prompts = sorted((prompt_ids(self.tokenizer, prefix) for prefix in prefixes), key=len)
        size = max(1, batch_size // self.options.rollouts)
        return sum(self._batch(prompts[i : i + size]) for i in range(0, len(prompts), size))

    def _batch(self, prompts: list[list[int]]) -> int:
        inputs = self.tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
        output = self.model.generate(**inputs, **self.settings)
        rows: list[list[int]] = output[:, inputs["input_ids"].shape[1] :].tolist()
        end = self.tokenizer.eos_token_id
        return sum(row.index(end) + 1 if end in row else len(row) for row in rows)


async def sample_all(engine: Engine, prefixes: list[Prompt], options: argparse.Namespace) -> int:
    """Rollouts of all prefixes by the engine; returns their tokens."""
    completions = await asyncio.gather(
        *(
            engine.sample(
                prefix,
                Sampling(
                    seeds=derive_seeds(0, str(i), (), range(options.rollouts)),
                    temperature=options.temperature,
                    max_tokens=options.max_tokens,
                ),
            )
            for i, prefix in enumerate(prefixes)
        )
    )
    return sum(item.generated_tokens for group in completions for item in group)


async def compare(
    plain: Plain, model: str, prefixes: list[Prompt], options: argparse.Namespace
) -> None:
    async with create(model, dict(pair.split("=", 1) for pair in options.engine_arg)) as engine:
        await sample_all(engine, prefixes[: len(prefixes) // TUNING_SHARE], options)  # warm up
        best = tune(plain, prefixes)
        rates: dict[str, list[float]] = {"plain": [], "engine": []}
        for turn in range(options.rounds):
            start = time.perf_counter()
            tokens = plain.generate(prefixes, best)
            rates["plain"].append(tokens / (time.perf_counter() - start))
            print(f"round {turn}: plain  {rates['plain'][-1]:8.0f} tokens/s ({tokens} tokens)")
            start = time.perf_counter()
            tokens = await sample_all(engine, prefixes, options)
            rates["engine"].append(tokens / (time.perf_counter() - start))
            print(f"round {turn}: engine {rates['engine'][-1]:8.0f} tokens/s ({tokens} tokens)")
    first, second = median(rates["engine"]), median(rates["plain"])
    print(
        f"{len(prefixes)} prefixes x {options.rollouts} rollouts: engine {first:.0f}, "
        f"plain (batches of {best}) {second:.0f} useful tokens/s: ratio {first / second:.2f}"
    )


def tune(plain: Plain, prefixes: list[Prompt]) -> int:
    """The batch size at which plain generation is fastest."""
    rates = {}
    for size in BATCH_SIZES:
        full = size // plain.options.rollouts
        if full <= len(prefixes):
            some = prefixes[: max(full, len(prefixes) // TUNING_SHARE)]
            start = time.perf_counter()
            rates[size] = plain.generate(some, size) / (time.perf_counter() - start)
            print(f"plain in batches of {size}: {rates[size]:.0f} tokens/s")
    return max(rates, key=lambda size: rates[size])


if __name__ == "__main__":
    main()
