"""`sormctl score`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Annotated, ClassVar

import typer

from sormctl import model_options, options
from sormctl.adapters.registry import adapter_identity, load_adapter
from sormctl.asking import AskingSettings
from sormctl.engines.running import Running, SamplingSettings
from sormctl.errors import UsageError
from sormctl.inference import model_identity
from sormctl.judging import (
    UNDECIDED,
    GenerativeJudge,
    Judge,
    open_generative_judge,
    open_judge,
    scores_name,
)
from sormctl.records import Solution
from sormctl.slots import Slot, check_slot
from sormctl.streams.driver import FREE, Costs, map_records
from sormctl.streams.manifest import Counts
from sormctl.tasks.registry import known_task
from sormctl.verdicts import DEFAULT, check_judge_prompt

_SEVERAL = 0.7  # the temperature of verdicts of which there are several


@dataclass(frozen=True)
class Verdicts:
    """A language model that is asked which steps are right."""

    TITLE: ClassVar = "Judging by a language model"

    judge: Annotated[
        str | None,
        model_options.model_option(help="Language model that judges the steps."),
    ] = None
    judge_prompt: Annotated[
        str | None,
        typer.Option(
            help="What it is asked: a text with {question}, and {steps} or {paragraphs}.",
            metavar="TEXT|@FILE",
        ),
    ] = None
    verdicts: Annotated[
        int, typer.Option("-k", "--verdicts", min=1, help="Verdicts of a solution, averaged.")
    ] = 1
    temperature: Annotated[
        float | None,
        typer.Option(min=0, help="Of verdicts: 0 by default, 0.7 where there are several."),
    ] = None
    max_tokens: model_options.MaxTokens = None
    seed: options.Seed = 0

    @property
    def template(self) -> str:
        """What the judge is asked; UsageError if it shows no question or no steps."""
        template = model_options.text_given(self.judge_prompt) or DEFAULT
        check_judge_prompt(template)
        return template

    @property
    def sampling(self) -> SamplingSettings:
        """How verdicts are drawn."""
        usual = _SEVERAL if self.verdicts > 1 else 0.0
        temperature = usual if self.temperature is None else self.temperature
        return SamplingSettings(temperature, max_tokens=self.max_tokens, seed=self.seed)

    def check(self, rm: str | None) -> str:
        """The model, of a reward model and this; UsageError unless it is one of them, alone."""
        model = rm or self.judge
        if model is None or (rm and self.judge):
            raise UsageError("score needs either --rm MODEL or --judge MODEL")
        if rm and self != Verdicts():
            raise UsageError("--rm makes no verdicts: what is said of them goes with --judge")
        return model

    def identity(self) -> Mapping[str, object]:
        """What determines the scores."""
        return {"template": self.template, "verdicts": self.verdicts, **vars(self.sampling)}

    def opening(
        self, model: str, running: Running, said: AskingSettings
    ) -> AbstractAsyncContextManager[GenerativeJudge]:
        """Loads the judge."""
        drawn = self.template, self.verdicts, self.sampling
        return open_generative_judge(model, *drawn, running, said)

    def costs(self, name: str) -> Costs[Solution]:
        """Counts the solutions that a judge leaves undecided, and tells of them."""

        def count(made: Solution) -> Counts:
            return {"judged": 1, "undecided": {*made.scores[name]} == {UNDECIDED}}

        def told(counts: Counts) -> Iterator[str]:
            if undecided := counts["undecided"]:
                yield (
                    f"{undecided:,} of {counts['judged']:,} solutions have {UNDECIDED} at every "
                    "step: their verdicts were cut off (raise --max-tokens), name no step (see "
                    "--judge-prompt), or are divided"
                )

        return Costs(count, told)


def score(
    *,
    rm: Annotated[
        str | None,
        model_options.model_option("--rm", help="Reward model: a folder or hub name."),
    ] = None,
    rm_adapter: model_options.RmAdapter = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the scores; the model folder's name by default.")
    ] = None,
    concurrency: model_options.Concurrency = None,
    prompt: model_options.PromptStyle = "auto",
    judging: Verdicts,
    running: model_options.RunningOptions,
    streams: options.LongStreams,
) -> None:
    """Put a reward model's step scores on solutions, or those of a language model that judges.

    Writes each solution with `scores.NAME`: P(correct) after each step, from one forward pass. A
    model that judges whole solutions gives `rewards.NAME`, one number of any size. With --judge a
    language model is asked which step is the first wrong one; the score of a step is the share of
    its verdicts that let it pass.

    Example: sormctl score --rm orm/ < drafts.jsonl > scored.jsonl
    """
    model = judging.check(rm)
    adapter = load_adapter(rm_adapter, rm)
    slot = Slot.reward_model if rm else Slot.pretrained
    check_slot(model, slot, prompt, adapter, is_hosted=running.is_hosted)
    label = name or scores_name(model)
    said = AskingSettings(prompt)
    asked = {**said.identity(), **running.identity(), **adapter_identity(adapter)}
    asked |= {"rm": rm} if rm else {"judge": model, **judging.identity()}
    job = streams.job("score", {**model_identity(model, running), "name": label, **asked})

    def opening() -> AbstractAsyncContextManager[Judge | GenerativeJudge]:
        if rm is None:
            return judging.opening(model, running, said)
        return open_judge(rm, running, said, adapter)

    async def scored(judge: Judge | GenerativeJudge, solution: Solution) -> Sequence[Solution]:
        return [await judge.judged(solution, label)]

    map_records(
        job,
        Solution,
        opening,
        scored,
        check=known_task,
        concurrency=concurrency,
        costs=judging.costs(label) if rm is None else FREE,
    )
