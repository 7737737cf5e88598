"""sormctl on engine vllm against a bare loop around the same vLLM, on the same prompts.

usage: python -m benchmarks.sampling [--model M] [--task chain] [--problems N] [--base-url URL]

`sample -n 8` is held against `LLM.generate` with n = 8. `label-steps` is held against the same
strategy in waves: all rollouts that are wanted go to one `LLM.generate`, and nothing new starts
before the last of them ends. With `--base-url`, a server of the same model that is idle otherwise,
`sample -n 8` on engine openai is held against `LLM.generate`, too. Rounds take turns; ratios are of
generated tokens a second.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, Self

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids, prompt_style, resolve_model
from sormctl.engines.vllm_start import engine_settings
from sormctl.inference import (
    Generator,
    Labelling,
    label_solutions,
    open_generator,
    sample_solutions,
)
from sormctl.records import Solution
from sormctl.strategies import Exact
from sormctl.streams.rows import read_problems
from sormctl.tasks.prompts import Prompt, draft_prompt, stop_strings
from sormctl.tasks.registry import get_task

IN_FLIGHT = 64


class Waves:
    """An engine over `LLM.generate`: what is asked for meanwhile waits for the whole batch."""

    def __init__(self, llm: Any, tokenizer: Any) -> None:
        self._llm, self._tokenizer = llm, tokenizer
        self._waiting: list[tuple[list[int], Sampling, asyncio.Future[list[Completion]]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...

    async def sample(self, prompt: Prompt, params: Sampling) -> list[Completion]:
        """Waits for the next wave."""
        future: asyncio.Future[list[Completion]] = asyncio.get_running_loop().create_future()
        self._waiting.append((prompt_ids(self._tokenizer, prompt), params, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def score(self, prompt: Prompt, steps: Sequence[str]) -> list[float]:
        """Not measured here."""
        raise NotImplementedError

    async def _run(self) -> None:
        while True:
            for _ in range(10):  # let everyone who can go on ask
                await asyncio.sleep(0)
            if not self._waiting:
                self._running = None
                return
            wave, self._waiting = self._waiting, []
            requests = [(ids, params, seed) for ids, params, _ in wave for seed in params.seeds]
            outputs = iter(generate(self._llm, requests))
            for _, params, future in wave:
                future.set_result([next(outputs) for _ in params.seeds])


def generate(llm: Any, requests: Sequence[tuple[list[int], Sampling, int]]) -> list[Completion]:
    """One call of `LLM.generate`, one completion a request."""
    from vllm import SamplingParams

    outputs = llm.generate(
        [{"prompt_token_ids": ids} for ids, _, _ in requests],
        [
            SamplingParams(
                temperature=p.temperature, seed=seed, max_tokens=p.max_tokens, stop=list(p.stop)
            )
            for _, p, seed in requests
        ],
        use_tqdm=False,
    )
    found = [output.outputs[0] for output in outputs]
    return [Completion(o.text, str(o.finish_reason), 0, 0, len(o.token_ids)) for o in found]


def bare(llm: Any, prompts: Sequence[list[int]], n: int, options: argparse.Namespace) -> int:
    """Tokens of `n` samples of each prompt, with vLLM's own n."""
    from vllm import SamplingParams

    stop = list(stop_strings(options.style))
    params = [
        SamplingParams(n=n, temperature=0.7, seed=n * i, max_tokens=options.max_tokens, stop=stop)
        for i in range(len(prompts))
    ]
    outputs = llm.generate([{"prompt_token_ids": p} for p in prompts], params, use_tqdm=False)
    return sum(len(o.token_ids) for output in outputs for o in output.outputs)


async def rate(work: Awaitable[int]) -> float:
    """Tokens a second."""
    start = time.perf_counter()
    return await work / (time.perf_counter() - start)


async def sampled(student: Generator, problems: Sequence[Any], n: int) -> int:
    """Tokens of `n` solutions of each problem."""
    groups = await asyncio.gather(*(sample_solutions(student, p, n) for p in problems))
    return sum(s.usage.generated_tokens for group in groups for s in group)


async def labelled(student: Generator, groups: Sequence[Sequence[Solution]]) -> int:
    """Tokens of the labels' rollouts, IN_FLIGHT solutions at a time."""
    slots = asyncio.Semaphore(IN_FLIGHT)

    async def label(group: Sequence[Solution]) -> list[Solution]:
        async with slots:
            return await label_solutions(student, group, Labelling(Exact(8)))

    found = await asyncio.gather(*map(label, groups))
    return sum(c.generated_tokens for group in found for s in group for c in s.rollouts or ())


@asynccontextmanager
async def hosted(options: argparse.Namespace, settings: dict[str, Any]) -> AsyncIterator[Any]:
    """The model behind `--base-url`; None without."""
    if options.base_url is None:
        yield None
        return
    async with open_generator(
        options.model, settings, options.style, "openai", base_url=[options.base_url]
    ) as student:
        yield student


async def main() -> None:
    """Prints the rates of each round and the ratio of the medians."""
    options = _options()
    model = resolve_model(options.model)
    options.style = prompt_style(model, "auto")
    problems = list(
        read_problems(options.task, "test", data_dir=options.data_dir, limit=options.problems)
    )
    tokenizer = load_tokenizer(model)
    task = get_task(problems[0].task)
    prompts = [
        prompt_ids(tokenizer, draft_prompt(task, p.question, options.style)) for p in problems
    ]
    settings = {"seed": 0, "temperature": 0.7, "max_tokens": options.max_tokens}
    async with (
        open_generator(options.model, settings, engine="vllm") as student,
        hosted(options, settings) as server,
    ):
        from transformers import AutoConfig
        from vllm import LLM

        llm = LLM(**engine_settings(model, AutoConfig.from_pretrained(model), {}))
        waves = Generator(Waves(llm, tokenizer), options.model, options.style, **settings)
        groups = [await sample_solutions(student, p, 1) for p in problems]
        await labelled(waves, groups[:8])
        found: dict[str, list[float]] = {"sample": [], "bare": [], "label": [], "waves": []}
        for number in range(options.rounds):

            async def by_hand() -> int:
                return bare(llm, prompts, 8, options)

            found["sample"].append(await rate(sampled(student, problems, 8)))
            found["bare"].append(await rate(by_hand()))
            if server:
                found.setdefault("openai", []).append(await rate(sampled(server, problems, 8)))
            found["label"].append(await rate(labelled(student, groups)))
            found["waves"].append(await rate(labelled(waves, groups)))
            print(f"round {number}:", *(f"{k} {v[-1]:.0f}" for k, v in found.items()), flush=True)
    middle = {name: median(values) for name, values in found.items()}
    print(f"sample -n 8 over LLM.generate: {middle['sample'] / middle['bare']:.2f}")
    if server:
        print(f"openai over LLM.generate: {middle['openai'] / middle['bare']:.2f}")
    print(f"label-steps over waves of LLM.generate: {middle['label'] / middle['waves']:.2f}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--task", default="chain")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--base-url")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
