"""sormctl on engine vllm against a bare loop around the same vLLM, on the same prompts.

usage: python -m benchmarks.sampling [--model M] [--task chain] [--problems N] [--serve]

`sample -n 8` is held against `LLM.generate` with n = 8. `label-steps` is held against the same
strategy in waves: all rollouts that are wanted go to one `LLM.generate`, and nothing new starts
before the last of them ends. Waves are met twice: as batches (the next solutions start when all of
a batch are labelled, as in a plain loop) and refilled (a solution that is labelled makes room for
the next). The bound is one `LLM.generate` of all these rollouts, as if none depended on another's
end. With `--serve`, `sample -n 8` on engine openai, over vLLM's own server, is held against
`LLM.generate`, too. All have the same vLLM settings. Rounds take turns; ratios are of generated
tokens a second, and of tokens a processor second of all processes, which other work on the machine
does not disturb much.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

import psutil
from transformers import AutoConfig

from sormctl.asking import NOTHING_SAID, AskingSettings
from sormctl.engines.base import Completion, Sampling
from sormctl.engines.encoding import load_tokenizer, prompt_ids
from sormctl.engines.running import Running, SamplingSettings
from sormctl.engines.vllm.start import VllmOptions, engine_settings
from sormctl.inference import Generator, open_generator, sample_solutions
from sormctl.labelling.rollouts import Labelling, label_solutions
from sormctl.labelling.strategies import Exact
from sormctl.models import resolve_model, settle_asking
from sormctl.problems import read_problems
from sormctl.prompts import Prompt
from sormctl.records import Solution
from sormctl.tasks.prompts import draft_prompt, stop_strings
from sormctl.tasks.registry import get_task

REQUESTS = 256  # that vLLM works on at once
Request = tuple[list[int], Sampling, int]


class Waves:
    """An engine over `LLM.generate`: what is asked for meanwhile waits for the whole batch."""

    def __init__(self, llm: Any, tokenizer: Any) -> None:
        self._llm, self._tokenizer = llm, tokenizer
        self.capacity = REQUESTS
        self._waiting: list[tuple[list[int], Sampling, asyncio.Future[list[Completion]]]] = []
        self._running: asyncio.Task[None] | None = None
        self.asked: list[Request] = []  # of all waves, for the bound

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
            self.asked += requests
            outputs = iter(generate(self._llm, requests))
            for _, params, future in wave:
                completions = [next(outputs) for _ in params.seeds]
                if not future.done():  # a rollout that was begun ahead may have been cancelled
                    future.set_result(completions)


def generate(llm: Any, requests: Sequence[Request]) -> list[Completion]:
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

    stop = list(stop_strings(get_task(options.task), options.asking))
    params = [
        SamplingParams(n=n, temperature=0.7, seed=n * i, max_tokens=options.max_tokens, stop=stop)
        for i in range(len(prompts))
    ]
    outputs = llm.generate([{"prompt_token_ids": p} for p in prompts], params, use_tqdm=False)
    return sum(len(o.token_ids) for output in outputs for o in output.outputs)


@dataclass(frozen=True, slots=True)
class Rate:
    """Tokens a second, and tokens a processor second of this process and all that it started."""

    wall: float
    cpu: float


async def rate(work: Awaitable[int]) -> Rate:
    """How fast some tokens are made."""
    start, used = time.perf_counter(), processor_seconds()
    tokens = await work
    return Rate(tokens / (time.perf_counter() - start), tokens / (processor_seconds() - used))


def processor_seconds() -> float:
    """Of this process and all that it started."""
    here = psutil.Process()
    times = [process.cpu_times() for process in [here, *here.children(recursive=True)]]
    return sum(spent.user + spent.system for spent in times)


async def sampled(student: Generator, problems: Sequence[Any], n: int) -> int:
    """Tokens of `n` solutions of each problem."""
    groups = await asyncio.gather(*(sample_solutions(student, p, n) for p in problems))
    return sum(s.usage.generated_tokens for group in groups for s in group)


async def labelled(student: Generator, groups: Sequence[Sequence[Solution]], in_flight: int) -> int:
    """Tokens of the labels' rollouts, `in_flight` solutions at a time."""
    permits, how = asyncio.Semaphore(in_flight), Labelling(Exact(8))

    async def label(group: Sequence[Solution]) -> list[Solution]:
        async with permits:
            return await label_solutions(student, group, how)

    found = await asyncio.gather(*map(label, groups))
    return sum(c.generated_tokens for group in found for s in group for c in s.rollouts or ())


async def in_batches(
    student: Generator, groups: Sequence[Sequence[Solution]], in_flight: int
) -> int:
    """As `labelled`, but no solution starts before all of the batch before it are labelled."""
    batches = [groups[i : i + in_flight] for i in range(0, len(groups), in_flight)]
    return sum([await labelled(student, batch, in_flight) for batch in batches])


@asynccontextmanager
async def hosted(
    options: argparse.Namespace, sampling: SamplingSettings, vllm_settings: Mapping[str, Any]
) -> AsyncIterator[Any]:
    """The model behind a server of the same settings; None without `--serve`."""
    if not options.serve:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    os.environ["NO_PROXY"] = "127.0.0.1"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--port", str(port)]
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen([*command, *flags(vllm_settings)], stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}/v1"
        try:
            running = Running("openai", ["patience=600"], base_url=[url])
            said = AskingSettings(options.asking.style)
            async with open_generator(options.model, sampling, running, said) as student:
                yield student
        finally:
            server.terminate()
            server.wait()


def flags(vllm_settings: Mapping[str, Any]) -> Iterator[str]:
    """Engine settings as the server takes them."""
    for name, value in vllm_settings.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            yield from (f"--{flag}", str(value))


async def main() -> None:
    """Prints the rates of each round and the ratio of the medians."""
    options = _options()
    model = resolve_model(options.model)
    options.asking = settle_asking(model, NOTHING_SAID)
    problems = list(
        read_problems(options.task, "test", data_dir=options.data_dir, limit=options.problems)
    )
    tokenizer = load_tokenizer(model)
    task = get_task(problems[0].task)
    prompts = [
        prompt_ids(tokenizer, draft_prompt(task, p.question, options.asking)) for p in problems
    ]
    sampling = SamplingSettings(0.7, max_tokens=options.max_tokens)
    same = {"max_num_seqs": str(REQUESTS), "kv_cache_memory_bytes": str(1 << 30)}
    config = AutoConfig.from_pretrained(model)
    vllm_settings = engine_settings(model, config, VllmOptions(others=same), pooling={})
    running = Running(engine="vllm", engine_arg=[f"{name}={text}" for name, text in same.items()])
    async with (
        open_generator(options.model, sampling, running) as student,
        hosted(options, sampling, vllm_settings) as server,
    ):
        from vllm import LLM

        llm = LLM(**vllm_settings)
        engine = Waves(llm, tokenizer)
        waves = Generator(engine, options.model, options.asking, sampling)
        groups = await asyncio.gather(*(sample_solutions(student, p, 1) for p in problems))
        await labelled(waves, groups[:8], options.in_flight)
        found: dict[str, list[Rate]] = defaultdict(list)

        async def by_hand() -> int:
            return bare(llm, prompts, 8, options)

        async def at_once() -> int:
            return sum(c.generated_tokens for c in generate(llm, engine.asked))

        for number in range(options.rounds):
            found["sample"].append(await rate(sampled(student, problems, 8)))
            found["bare"].append(await rate(by_hand()))
            if server:
                found["openai"].append(await rate(sampled(server, problems, 8)))
            found["label"].append(await rate(labelled(student, groups, options.in_flight)))
            found["batches"].append(await rate(in_batches(waves, groups, options.in_flight)))
            engine.asked.clear()
            found["refilled"].append(await rate(labelled(waves, groups, options.in_flight)))
            found["bound"].append(await rate(at_once()))
            rates = (f"{k} {v[-1].wall:.0f} ({v[-1].cpu:.0f})" for k, v in found.items())
            print(f"round {number}:", *rates, flush=True)
    compare("sample -n 8 over LLM.generate", found["sample"], found["bare"])
    if server:
        compare("openai over LLM.generate", found["openai"], found["bare"])
    compare("label-steps over batches in waves", found["label"], found["batches"])
    compare("label-steps over refilled waves", found["label"], found["refilled"])
    compare("label-steps over its bound", found["label"], found["bound"])


def compare(name: str, ours: Sequence[Rate], theirs: Sequence[Rate]) -> None:
    """Prints the ratios of the medians."""
    wall = median(rate.wall for rate in ours) / median(rate.wall for rate in theirs)
    cpu = median(rate.cpu for rate in ours) / median(rate.cpu for rate in theirs)
    print(f"{name}: {wall:.2f} a second, {cpu:.2f} a processor second")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--task", default="chain")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
