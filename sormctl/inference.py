"""What the paper does with a model, one record at a time: sample, refine, score.

Ordinary coroutines over the `Engine` interface. Hundreds run at once, and the engine batches them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

from sormctl.engines.base import Completion, Engine, Sampling
from sormctl.engines.registry import HOSTED, create_engine, prompted_model
from sormctl.errors import EngineError, TooLongError, UsageError
from sormctl.models import prompt_style, resolve_model
from sormctl.prompts import Prompt
from sormctl.records import Json, Problem, Solution, Usage
from sormctl.seeds import derive_seeds, digest
from sormctl.tasks.announcing import announced
from sormctl.tasks.base import Task
from sormctl.tasks.prompts import draft_prompt, refine_prompt, stop_strings
from sormctl.tasks.registry import get_task


@dataclass(frozen=True, slots=True)
class Generator:
    """A model that generates, and how it is asked."""

    engine: Engine
    model: str
    style: str
    seed: int = 0
    temperature: float = 0.7
    top_p: float = 1.0
    max_tokens: int = 300
    logprobs: bool = False

    async def complete(
        self, prompt: Prompt, problem_id: str, indices: Sequence[int]
    ) -> list[Completion]:
        """Completions number `indices` of a prompt; each has the seed of its own number."""
        params = Sampling(
            seeds=derive_seeds(self.seed, problem_id, prompt.steps, indices),
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            stop=stop_strings(self.style),
            logprobs=self.logprobs,
        )
        try:
            found = await self.engine.sample(prompt, params)
        except TooLongError:  # no room for an answer: one hopeless record must not end the run
            return [Completion("", "too-long", 0, 0, 0) for _ in indices]
        if len(found) != len(params.seeds):  # who asks for the missing ones would ask for ever
            raise EngineError(
                f"asked for {len(params.seeds)} completions, the engine gave {len(found)}"
            )
        return found


@dataclass(frozen=True, slots=True)
class Judge:
    """A reward model, and the prompt style that it was trained on."""

    engine: Engine
    style: str

    async def score(self, solution: Solution) -> tuple[float, ...]:
        """P(correct) after each step of a solution, by one forward pass.

        A solution that is longer than the model reads is scored 0 at every step. EngineError where
        the model gives no numbers: nothing compares with these, so each step would pass as right.
        """
        if not solution.steps:
            return ()
        task = get_task(solution.problem.task)
        prompt = draft_prompt(task, solution.problem.question, self.style)
        try:
            scores = tuple(await self.engine.score(prompt, solution.steps))
        except TooLongError:
            return (0.0,) * len(solution.steps)
        if any(map(isnan, scores)):
            raise EngineError(
                "the reward model's scores are no numbers; its weights are not, or its type "
                "overflows: try --engine-arg dtype=float32"
            )
        return scores


@asynccontextmanager
async def open_generator(
    model: str,
    settings: Mapping[str, Any],
    prompt: str = "auto",
    engine: str = "hf",
    **engine_options: Any,
) -> AsyncIterator[Generator]:
    """Loads a model; `settings` are those of a Generator: seed, temperature, top_p …

    `engine_options` are those of `create_engine`.
    """
    folder = resolve_model(model, is_hosted=engine in HOSTED)
    prompted = prompted_model(engine, folder, engine_options.get("engine_arg"))
    style = prompt_style(resolve_model(prompted, is_hosted=engine in HOSTED), prompt)
    async with create_engine(engine, folder, **engine_options) as running:
        yield Generator(running, model, style, **settings)


@asynccontextmanager
async def open_judge(
    model: str, prompt: str = "auto", engine: str = "hf", **engine_options: Any
) -> AsyncIterator[Judge]:
    """Loads a reward model; see `open_generator`."""
    if engine in HOSTED:
        raise UsageError(
            f"engine {engine} does not score; run `sormctl score --rm {model} --name NAME` with "
            "--engine hf first, and give --scores NAME"
        )
    folder = resolve_model(model)
    style = prompt_style(folder, prompt)
    async with create_engine(engine, folder, **engine_options) as running:
        yield Judge(running, style)


async def sample_solutions(generator: Generator, problem: Problem, n: int) -> list[Solution]:
    """`n` solutions of a problem; at a temperature of 0 they are equal, and called drafts."""
    task = get_task(problem.task)
    prompt = draft_prompt(task, problem.question, generator.style)
    completions = await generator.complete(prompt, problem.problem_id, range(n))
    return [
        _solution(task, problem, generator, completion, {"kind": "sample", "index": index})
        for index, completion in enumerate(completions)
    ]


async def refine_solution(
    generator: Generator, draft: Solution, kind: str, first_error: int | None
) -> Solution:
    """A refinement of a draft (3.1 step 3): global without `first_error`, else with `[BAD]` there.

    `kind` is `global`, `local` or `value`. A local refiner that is shown no error has nothing to
    mend: the draft comes back as its own refinement and costs nothing.
    """
    origin = {"kind": kind, "draft_id": draft.solution_id, "first_error": first_error}
    if kind != "global" and first_error is None:
        return replace(
            draft,
            solution_id=_solution_id(draft.problem, generator, origin),
            source={**origin, **_source(generator), "finish": "unchanged"},
            usage=Usage(),
            labels=None,
            rollouts=None,
            verifiers=(),
        )
    task = get_task(draft.problem.task)
    prompt = refine_prompt(task, draft.problem.question, draft.steps, first_error, generator.style)
    (completion,) = await generator.complete(prompt, draft.solution_id, range(1))
    return _solution(task, draft.problem, generator, completion, origin)


def locate_error(scores: Sequence[float], kind: str, threshold: float) -> int | None:
    """Index of the step that gets `[BAD]`; None if there is none.

    `local`: the first step that scores below the threshold T (3.2). `value`: the step after the
    one with the highest score, the last step apart (appendix J). `global`: none.
    """
    if kind == "local":
        return next((i for i, score in enumerate(scores) if score < threshold), None)
    values = list(scores[:-1]) if kind == "value" else []
    return values.index(max(values)) + 1 if values else None


def predicted_answer(task: Task, steps: Sequence[str], completion: Completion) -> str | None:
    """The final answer; where the text was cut off, only one that is announced as such."""
    cut = completion.finish != "stop"
    return None if cut and not any(announced(steps)) else task.predict(steps)


def _solution(
    task: Task,
    problem: Problem,
    generator: Generator,
    completion: Completion,
    origin: Json,
) -> Solution:
    steps = tuple(task.split(completion.text))
    predicted = predicted_answer(task, steps, completion)
    return Solution(
        problem=problem,
        solution_id=_solution_id(problem, generator, origin),
        steps=steps,
        predicted=predicted,
        correct=task.is_correct(predicted, problem.answer),
        source={**origin, **_source(generator), **_outcome(completion)},
        usage=Usage(
            completion.prompt_tokens, completion.cached_tokens, completion.generated_tokens
        ),
    )


def _source(generator: Generator) -> Json:
    return {
        "model": generator.model,
        "temperature": generator.temperature,
        "seed": generator.seed,
    }


def _outcome(completion: Completion) -> Json:
    found = {"finish": completion.finish}
    if completion.logprob is None:
        return found
    return {**found, "logprob": round(completion.logprob, 4)}  # beyond, it depends on the batch


def _solution_id(problem: Problem, generator: Generator, origin: Json) -> str:
    """`PROBLEM/KIND-HASH`: the same for the same model, settings and draft, and no other."""
    asked = {"style": generator.style, "top_p": generator.top_p, "max": generator.max_tokens}
    made = {**origin, **_source(generator), **asked}
    tag = digest(problem.problem_id, *(f"{key}={made[key]}" for key in sorted(made))).hex()[:10]
    return f"{problem.problem_id}/{origin['kind']}-{tag}"
