"""What the paper does with a model, one record at a time: sample, refine, score.

Ordinary coroutines over the `Engine` interface. Hundreds run at once, and the engine batches them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from math import isnan

from msgspec import structs

from sormctl.asking import NOTHING_SAID, Asking, AskingSettings, default_asking
from sormctl.engines.arguments import parse_arguments
from sormctl.engines.base import Completion, Engine, Sampling
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import EngineError, TooLongError, UsageError
from sormctl.models import NO_TOKENIZER, resolve_model, settle_asking
from sormctl.prompts import Prompt
from sormctl.records import Json, Problem, Solution, Usage
from sormctl.seeds import derive_seeds, digest
from sormctl.tasks.base import Task
from sormctl.tasks.prompts import draft_prompt, refine_prompt, stop_strings
from sormctl.tasks.reading import Reader, Reading
from sormctl.tasks.registry import get_task

_ASKED_PLAINLY = "no chat template: asked plainly; see --prompt one-shot"


@dataclass(frozen=True, slots=True)
class Generator:
    """A model that generates, and how it is asked."""

    engine: Engine
    model: str
    asking: Asking
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    logprobs: bool = False

    @property
    def capacity(self) -> int:
        """How many requests keep the engine busy."""
        return self.engine.capacity

    def seeded(self, seed: int) -> Generator:
        """The same with another seed."""
        return replace(self, sampling=replace(self.sampling, seed=seed))

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know."""
        return [_ASKED_PLAINLY] if self.asking.style == "plain" and self.asking.invents else []

    @property
    def max_tokens(self) -> int:
        """The token limit of one completion: as the user says, or what suits how it is asked."""
        return self.sampling.max_tokens or self.asking.max_tokens

    def reader(self, task: Task) -> Reader:
        """How its completions are read."""
        return Reader(task, self.asking.steps, self.asking.think)

    async def complete(
        self, task: Task, prompt: Prompt, problem_id: str, indices: Sequence[int]
    ) -> list[Completion]:
        """Completions number `indices` of a prompt; each has the seed of its own number."""
        sampling = self.sampling
        params = Sampling(
            seeds=derive_seeds(sampling.seed, problem_id, prompt.steps, indices),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=self.max_tokens,
            stop=stop_strings(task, self.asking),
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
    """A reward model, and how it was asked in training."""

    engine: Engine
    asking: Asking

    @property
    def capacity(self) -> int:
        """How many requests keep the engine busy."""
        return self.engine.capacity

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know: nothing."""
        return ()

    async def score(self, solution: Solution) -> tuple[float, ...]:
        """P(correct) after each step of a solution, by one forward pass.

        A solution that is longer than the model reads is scored 0 at every step. EngineError where
        the model gives no numbers: nothing compares with these, so each step would pass as right.
        """
        if not solution.steps:
            return ()
        task = get_task(solution.task)
        prompt = draft_prompt(task, solution.question, self.asking)
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
    sampling: SamplingSettings,
    running: Running,
    said: AskingSettings = NOTHING_SAID,
    *,
    logprobs: bool = False,
) -> AsyncIterator[Generator]:
    """Loads a model; `logprobs` asks for the log-probability of each completion."""
    folder = resolve_model(model, is_hosted=running.is_hosted)
    asking = settle_asking(_prompted(folder, running), said)
    async with create_engine(folder, running) as engine:
        yield Generator(engine, model, asking, sampling, logprobs)


@asynccontextmanager
async def open_judge(
    model: str, running: Running, said: AskingSettings = NOTHING_SAID
) -> AsyncIterator[Judge]:
    """Loads a reward model."""
    if running.is_hosted:
        raise UsageError(
            f"engine {running.engine} does not score; run `sormctl score --rm {model} --name NAME` "
            "with --engine hf first, and give --scores NAME"
        )
    folder = resolve_model(model)
    asking = settle_asking(folder, said)
    async with create_engine(folder, running) as engine:
        yield Judge(engine, asking)


async def sample_solutions(generator: Generator, problem: Problem, n: int) -> list[Solution]:
    """`n` solutions of a problem; greedy ones are called drafts."""
    kind = "sample" if generator.sampling.temperature else "draft"
    task = get_task(problem.task)
    prompt = draft_prompt(task, problem.question, generator.asking)
    completions = await generator.complete(task, prompt, problem.problem_id, range(n))
    return [
        _solution(task, problem, generator, completion, {"kind": kind, "index": index})
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
        return structs.replace(
            draft,
            solution_id=_solution_id(draft, generator, origin),
            source={**origin, **_source(generator), "finish": "unchanged"},
            usage=Usage(),
            labels=None,
            rollouts=None,
            verifiers=(),
        )
    task = get_task(draft.task)
    prompt = refine_prompt(task, draft.question, draft.steps, first_error, generator.asking)
    (completion,) = await generator.complete(task, prompt, draft.solution_id, range(1))
    return _solution(task, draft, generator, completion, origin)


def locate_error(scores: Sequence[float], kind: str, threshold: float) -> int | None:
    """Index of the step that gets `[BAD]`; None if there is none.

    `local`: the first step that scores below the threshold T (3.2). `value`: the step after the
    one with the highest score, the last step apart (appendix J). `global`: none.
    """
    if kind == "local":
        return next((i for i, score in enumerate(scores) if score < threshold), None)
    values = list(scores[:-1]) if kind == "value" else []
    return values.index(max(values)) + 1 if values else None


def read_completion(reader: Reader, question: str, completion: Completion) -> Reading:
    """What a completion says."""
    return reader.read(question, completion.text, is_cut=completion.finish != "stop")


def _solution(
    task: Task,
    problem: Problem,
    generator: Generator,
    completion: Completion,
    origin: Json,
) -> Solution:
    read = read_completion(generator.reader(task), problem.question, completion)
    return problem.solved(
        solution_id=_solution_id(problem, generator, origin),
        steps=read.steps,
        separators=read.separators,
        thought=read.thought,
        predicted=read.predicted,
        correct=task.is_correct(read.predicted, problem.answer),
        source={**origin, **_source(generator), **_outcome(completion)},
        usage=Usage(
            completion.prompt_tokens, completion.cached_tokens, completion.generated_tokens
        ),
    )


def _prompted(model: str, running: Running) -> str:
    """Who knows how a resolved model wants to be prompted: of a hosted one, its tokenizer if given.

    The name of a hosted model says nothing of that.
    """
    arguments = parse_arguments(running.engine_arg or ()) if running.is_hosted else {}
    tokenizer = arguments.get("tokenizer", NO_TOKENIZER)
    return model if tokenizer == NO_TOKENIZER else resolve_model(tokenizer, is_hosted=True)


def _source(generator: Generator) -> Json:
    sampling = generator.sampling
    return {
        "model": generator.model,
        "temperature": sampling.temperature,
        "seed": sampling.seed,
    }


def _outcome(completion: Completion) -> Json:
    found = {"finish": completion.finish}
    if completion.logprob is None:
        return found
    return {**found, "logprob": round(completion.logprob, 4)}  # beyond, it depends on the batch


def _solution_id(problem: Problem, generator: Generator, origin: Json) -> str:
    """`PROBLEM/KIND-HASH`: the same for the same model, settings and draft, and no other."""
    sampling = generator.sampling
    limits = {"top_p": sampling.top_p, "max": generator.max_tokens}
    kind = "sample" if origin["kind"] == "draft" else origin["kind"]  # drafts keep their old ids
    made = {**origin, "kind": kind, **_source(generator), **limits, **_asked(generator.asking)}
    tag = digest(problem.problem_id, *(f"{key}={made[key]}" for key in sorted(made))).hex()[:10]
    return f"{problem.problem_id}/{kind}-{tag}"


def _asked(asking: Asking) -> Json:
    """What distinguishes how a model was asked: the style, and all that is not usual in it."""
    usual = default_asking(asking.style)
    said = {
        name: value
        for name in Asking.__struct_fields__
        if name != "invents" and (value := getattr(asking, name)) != getattr(usual, name)
    }
    return {**said, "style": asking.style}
