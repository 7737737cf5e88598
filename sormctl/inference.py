"""What the paper does with a generator, one record at a time: sample, refine.

Ordinary coroutines over the `Engine` interface. Hundreds run at once, and the engine batches them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec import structs

from sormctl.asking import NOTHING_SAID, Asking, AskingSettings, default_asking
from sormctl.background import aside
from sormctl.engines.arguments import parse_arguments
from sormctl.engines.base import Completion, Engine, Sampling, tokens_in_progress
from sormctl.engines.encoding import load_tokenizer, tokenizer_of_server
from sormctl.engines.keeping import KeepingEngine, Kept
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running, SamplingSettings
from sormctl.engines.templates import opens_thought, think_tags, turn_end, writes_date
from sormctl.errors import EngineError, TooLongError, UsageError
from sormctl.models import (
    NO_TOKENIZER,
    model_digest,
    resolve_model,
    settle_asking,
    template_digest,
)
from sormctl.prompts import Message, Prompt
from sormctl.records import Json, Problem, Solution, Usage
from sormctl.seeds import derive_seeds, digest
from sormctl.slots import Slot, check_resolved
from sormctl.tasks.base import Task
from sormctl.tasks.prompts import draft_prompt, refine_prompt, stop_strings
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import CompletionReader, Reading
from sormctl.tasks.solutions.turns import without_end

_ASKED_PLAINLY = "no chat template: asked plainly; see --prompt one-shot"
_DATED = "the chat template writes today's date: prompts differ from day to day"


@dataclass(frozen=True, slots=True)
class Generator:
    """A model that generates, and how it is asked."""

    engine: Engine
    model: str
    asking: Asking
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    logprobs: bool = False
    tokenizer: Any = None  # whose chat template may open a thought at the end of a prompt
    is_asked_plainly: bool = False  # for want of a chat template
    is_dated: bool = False  # by the chat template

    @property
    def capacity(self) -> int:
        """How many requests keep the engine busy."""
        return self.engine.capacity

    @property
    def in_progress(self) -> int:
        """The tokens of completions that are not finished, where the engine tells."""
        return tokens_in_progress(self.engine)

    def keeping(self, kept: Kept) -> Generator:
        """The same, whose completions are kept."""
        return replace(self, engine=KeepingEngine(self.engine, kept))

    def seeded(self, seed: int) -> Generator:
        """The same with another seed."""
        return replace(self, sampling=replace(self.sampling, seed=seed))

    @property
    def notes(self) -> Sequence[str]:
        """What its user should know."""
        told = {_ASKED_PLAINLY: self.is_asked_plainly, _DATED: self.is_dated}
        return [note for note, applies in told.items() if applies]

    @property
    def max_tokens(self) -> int:
        """The token limit of one completion: as the user says, or what suits how it is asked."""
        return self.sampling.max_tokens or self.asking.max_tokens

    def opens_thought(self, prompt: Prompt) -> bool:
        """Whether the chat template opens a thought at the end of a prompt, which goes on in it."""
        return self.tokenizer is not None and opens_thought(self.tokenizer, prompt)

    def reader(self, task: Task) -> CompletionReader:
        """How its completions are read."""
        return CompletionReader(task, self.asking.steps, self.asking.think)

    async def complete(
        self,
        task: Task,
        prompt: Prompt,
        problem_id: str,
        indices: Sequence[int],
        max_repeats: int = 0,
    ) -> list[Completion]:
        """Completions number `indices` of a prompt; each has the seed of its own number.

        What the chat template writes behind a solution is no part of its text.
        `max_repeats`: see `Sampling`.
        """
        sampling = self.sampling
        params = Sampling(
            seeds=derive_seeds(sampling.seed, problem_id, prompt.steps, indices),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=self.max_tokens,
            stop=stop_strings(task, self.asking),
            max_repeats=max_repeats,
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
        end = turn_end(self.tokenizer, self.asking.chat_args) if self.tokenizer else ""
        return [replace(made, text=without_end(made.text, end)) for made in found]


@asynccontextmanager
async def open_generator(
    model: str,
    sampling: SamplingSettings,
    running: Running,
    said: AskingSettings = NOTHING_SAID,
    *,
    logprobs: bool = False,
    slot: Slot | None = None,
) -> AsyncIterator[Generator]:
    """Loads a model, which must fit the `slot` if there is one.

    `logprobs` asks for the log-probability of each completion.
    """
    folder = resolve_model(model, is_hosted=running.is_hosted)
    if slot and not running.is_hosted:
        check_resolved(folder, slot, said.prompt)
    asking = settled_asking(folder, running, said)
    tokenizer = _chat_tokenizer(folder, running, asking)
    if tokenizer and asking.thinks and said.think is None:
        tags = think_tags(tokenizer, asking.chat_args)
        asking = structs.replace(asking, think=tags or asking.think)
    async with create_engine(folder, running) as engine:
        yield Generator(
            engine,
            model,
            asking,
            sampling,
            logprobs,
            tokenizer=tokenizer if asking.thinks else None,
            is_asked_plainly=said.prompt == "auto" and asking.style == "plain" and asking.invents,
            is_dated=tokenizer is not None and writes_date(tokenizer, _opened(asking)),
        )


def _opened(asking: Asking) -> Prompt:
    """A chat as it begins with any question."""
    system = (Message("system", asking.system),) if asking.system else ()
    return Prompt(messages=(*system, Message("user", "?")), chat_args=asking.chat_args)


async def sample_solutions(generator: Generator, problem: Problem, n: int) -> list[Solution]:
    """`n` solutions of a problem; greedy ones are called drafts."""
    kind = "sample" if generator.sampling.temperature else "draft"
    task = get_task(problem.task)
    prompt = draft_prompt(task, problem.question, generator.asking)
    completions = await generator.complete(task, prompt, problem.problem_id, range(n))
    is_begun = generator.opens_thought(prompt)

    def solutions() -> list[Solution]:
        return [
            _solution(task, problem, generator, made, {"kind": kind, "index": index}, is_begun)
            for index, made in enumerate(completions)
        ]

    return await aside(solutions)


async def refine_solution(
    generator: Generator, draft: Solution, kind: str, first_error: int | None
) -> Solution:
    """A refinement of a draft (3.1 step 3): global without `first_error`, else with `[BAD]` there.

    `kind` is `global`, `local` or `value`. A local refiner that is shown no error has nothing to
    mend: the draft comes back as its own refinement and costs nothing. What was found out about the
    draft does not come along: scored beside refinements that are not, it would be chosen by that.
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
            scores={},
            rewards={},
        )
    task = get_task(draft.task)
    prompt = refine_prompt(task, draft.question, draft.steps, first_error, generator.asking)
    (completion,) = await generator.complete(task, prompt, draft.solution_id, range(1))
    is_begun = generator.opens_thought(prompt)
    return await aside(_solution, task, draft, generator, completion, origin, is_begun)


def read_completion(
    reader: CompletionReader, question: str, completion: Completion, *, is_begun: bool = False
) -> Reading:
    """What a completion says; `is_begun`: its prompt had opened a thought."""
    return reader.read(
        question,
        completion.text,
        is_begun=is_begun,
        is_cut=completion.is_cut,
    )


def _solution(
    task: Task,
    problem: Problem,
    generator: Generator,
    completion: Completion,
    origin: Json,
    is_begun: bool,
) -> Solution:
    reader = generator.reader(task)
    read = read_completion(reader, problem.question, completion, is_begun=is_begun)
    return problem.solved(
        solution_id=_solution_id(problem, generator, origin),
        steps=read.steps,
        opening=read.opening,
        separators=read.separators,
        thought=read.thought,
        predicted=read.predicted,
        correct=task.is_correct(read.predicted, problem.answer),
        source={**origin, **_source(generator), **_outcome(completion)},
        usage=Usage(
            completion.prompt_tokens, completion.cached_tokens, completion.generated_tokens
        ),
    )


def settled_asking(model: str, running: Running, said: AskingSettings) -> Asking:
    """How a resolved model is asked. Of a hosted one, its tokenizer knows that if it is given.

    The name of a hosted model says nothing of it.
    """
    arguments = parse_arguments(running.engine_arg or ()) if running.is_hosted else {}
    if said.prompt == "auto" and arguments.get("api") == "chat":
        said = replace(said, prompt="chat")
    if said.prompt == "auto" and arguments.get("tokenizer") == NO_TOKENIZER:
        raise UsageError(
            f"without a tokenizer nothing tells how {model} is asked; give --prompt plain or chat"
        )
    with tokenizer_of_server() if running.is_hosted else nullcontext():
        return settle_asking(tokenizer_place(model, running) or model, said)


def _chat_tokenizer(model: str, running: Running, asking: Asking) -> Any:
    """The tokenizer of a resolved model that is asked in a chat; None of any other."""
    place = tokenizer_place(model, running) if asking.is_chat else None
    tokenizer = load_tokenizer(place) if place else None
    return tokenizer if tokenizer and tokenizer.chat_template else None


def model_identity(model: str, running: Running) -> Json:
    """What tells a local model from others that take its place: its weights and chat template.

    The template of a hosted one is that of its tokenizer.
    """
    arguments = parse_arguments(running.engine_arg or ()) if running.is_hosted else {}
    place = arguments.get("tokenizer", NO_TOKENIZER) if running.is_hosted else model
    return {"weights": model_digest(model), "chat_template": template_digest(place)}


def tokenizer_place(model: str, running: Running) -> str | None:
    """Where the tokenizer of a resolved model is; None for a hosted one that has none here."""
    if not running.is_hosted:
        return model
    tokenizer = parse_arguments(running.engine_arg or ()).get("tokenizer", NO_TOKENIZER)
    return None if tokenizer == NO_TOKENIZER else resolve_model(tokenizer, is_hosted=True)


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
    asked, usual = (structs.asdict(x.taught()) for x in (asking, default_asking(asking.style)))
    return {name: x for name, x in asked.items() if x != usual[name]} | {"style": asking.style}
