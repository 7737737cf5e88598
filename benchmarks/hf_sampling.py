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
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from transformers import AutoModelForCausalLM

from sormctl.asking import NOTHING_SAID
from sormctl.engines.base import Engine, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.engines.hf.engine import create
from sormctl.engines.running import Running
from sormctl.models import resolve_model, settle_asking
from sormctl.prompts import Prompt
from sormctl.records import Problem
from sormctl.seeds import derive_seeds
from sormctl.tasks.base import Task
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
TUNING_SHARE = 4  # a batch size is tried on 1 / this of the prefixes, or one batch if that is more


def main() -> None:
    """Compares the two and prints the ratio of their medians."""
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
    parser.add_argument("--plain-batch", type=int, action="append", help="sizes to try")
    parser.add_argument("--engine-arg", action="append", default=[])
    return parser.parse_args()


def make_prefixes(options: argparse.Namespace, model: str) -> list[Prompt]:
    """Prompts with the first 0, 1, 2 … reference steps of problems, chosen at random."""
    task = get_task(options.task)
    asking = settle_asking(model, NOTHING_SAID)
    random = Random(0)
    prompts = []
    for problem in islice(problems(task, options.data_dir), options.prefixes):
        steps = problem.reference or ()
        kept = steps[: random.randrange(max(1, len(steps)))]
        prompts.append(replace(draft_prompt(task, problem.question, asking), steps=kept))
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
    """Alternate between the two and print what each round and the medians say."""
    async with create(model, Running(engine_arg=options.engine_arg)) as engine:
        await sample_all(engine, prefixes[: len(prefixes) // TUNING_SHARE], options)  # warm up
        best = tune(plain, prefixes, options.plain_batch or BATCH_SIZES)
        rates: dict[str, list[tuple[float, float]]] = {"plain": [], "engine": []}
        for turn in range(options.rounds):
            clock = Clock()
            rates["plain"].append(clock.rates(plain.generate(prefixes, best)))
            clock = Clock()
            rates["engine"].append(clock.rates(await sample_all(engine, prefixes, options)))
            for name, values in rates.items():
                print(f"round {turn}: {name:6} {values[-1][0]:6.0f} tokens/s", flush=True)
    print(f"{len(prefixes)} prefixes x {options.rollouts} rollouts, plain in batches of {best}")
    for at, unit in enumerate(("second", "CPU second")):
        mine, theirs = (median(rate[at] for rate in rates[name]) for name in ("engine", "plain"))
        print(
            f"median useful tokens per {unit}: engine {mine:.0f}, plain {theirs:.0f}, "
            f"ratio {mine / theirs:.2f}"
        )


class Clock:
    """Elapsed time and the CPU time of this process, which other processes disturb less."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def rates(self, tokens: int) -> tuple[float, float]:
        """Tokens per second and per CPU second since the clock was made."""
        return (
            tokens / (time.perf_counter() - self.start[0]),
            tokens / (time.process_time() - self.start[1]),
        )


def tune(plain: Plain, prefixes: list[Prompt], sizes: Sequence[int]) -> int:
    """The batch size at which plain generation costs the least CPU time."""
    rates = {}
    for size in sizes:
        full = size // plain.options.rollouts
        if full <= len(prefixes):
            clock = Clock()
            tokens = plain.generate(prefixes[: max(full, len(prefixes) // TUNING_SHARE)], size)
            rates[size] = clock.rates(tokens)[1]
            print(f"plain in batches of {size}: {rates[size]:.0f} tokens/CPU s", flush=True)
    return max(rates, key=lambda size: rates[size])


if __name__ == "__main__":
    main()
