"""Options of the commands that run a model: by what engine, how it is asked and drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path
from typing import Annotated, Any, ClassVar

import typer

from sormctl.asking import STYLES, AskingSettings, parse_chat_args, parse_think
from sormctl.engines.registry import ENGINES
from sormctl.engines.running import Running, SamplingSettings
from sormctl.missing import read_text
from sormctl.models import EMBEDDED_MODELS
from sormctl.option_groups import among
from sormctl.options import Seed
from sormctl.problems import read_examples
from sormctl.tasks.solutions.splitting import known_steps

ASKED, RUN = "How the model is asked", "How models are run"  # titles in `--help`


def complete_model(incomplete: str) -> list[str]:
    """Completes a model in the shell: those of the package, and folders."""
    embedded = among(lambda: EMBEDDED_MODELS)
    return [*embedded(incomplete), *sorted(glob(f"{escape(incomplete)}*/"))]


def model_option(*names: str, help: str) -> Any:
    """An option whose value is a model."""
    return typer.Option(*names, help=help, metavar="M", autocompletion=complete_model)


Model = Annotated[str, model_option("--model", help="Model folder, hub name, or embedded:student.")]
RmAdapter = Annotated[
    str | None,
    typer.Option(
        "--rm-adapter",
        help="How the reward model is read: an adapter by name, or a .toml; by default that of its "
        "family.",
        metavar="NAME|FILE",
    ),
]
EngineName = Annotated[
    str,
    typer.Option(
        "--engine",
        help="What runs the model: hf, vllm, openai or ray.",
        autocompletion=among(lambda: ENGINES),
    ),
]
EngineArg = Annotated[
    list[str] | None,
    typer.Option(
        help="Option of the engine, repeatable; see the page on engines.",
        metavar="NAME=VALUE",
    ),
]
BaseUrl = Annotated[
    list[str] | None,
    typer.Option(help="Server of engine openai, repeatable: http://host:8000/v1.", metavar="URL"),
]
TensorParallel = Annotated[
    int | None,
    typer.Option(min=1, help="GPUs that share one copy of the model (vllm, ray)."),
]
Replicas = Annotated[
    int | None,
    typer.Option(min=1, help="Copies of the model on a Ray cluster (engine ray).", metavar="N"),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Let the engine talk on standard error.")]
PromptStyle = Annotated[
    str,
    typer.Option(
        "--prompt",
        help="plain, chat, one-shot; auto asks the model folder.",
        metavar="STYLE",
        autocompletion=among(lambda: ("auto", *STYLES)),
    ),
]
System = Annotated[
    str | None,
    typer.Option(help="What a chat model is told before all else.", metavar="TEXT|@FILE"),
]
Instruction = Annotated[
    str | None,
    typer.Option(
        help="What to do with a question, instead of the task's words; with {question} in it, "
        "the whole prompt.",
        metavar="TEXT|@FILE",
    ),
]
Examples = Annotated[
    str | None,
    typer.Option(
        help="Worked examples before the question: so many of the task's, or those of a file.",
        metavar="N|FILE",
    ),
]
ChatArg = Annotated[
    list[str] | None,
    typer.Option(
        help="Argument of the chat template, repeatable: enable_thinking=false.",
        metavar="NAME=VALUE",
    ),
]
Steps = Annotated[
    str | None,
    typer.Option(
        "--steps",
        help="How text is cut into steps: lines, paragraphs, blocks (lines, but formulas, code and "
        "tables whole) or regex:PATTERN; by default blocks for a chat model and where the model "
        "is not known (grade, import), else lines.",
        metavar="MODE",
    ),
]
Think = Annotated[
    str | None,
    typer.Option(
        help="What stands around a model's thought; by default as its chat template has it, else "
        "<think>,</think>.",
        metavar="START,END",
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Records in flight at once; by default what keeps the engine busy.",
        rich_help_panel=RUN,
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(min=1, help="Token limit of one completion; 300 by default, 1,024 in a chat."),
]
Temperature = Annotated[float, typer.Option(min=0.0, help="Sampling temperature; 0 is greedy.")]
TopP = Annotated[float, typer.Option(min=0.0, max=1.0, help="Nucleus sampling.")]


@dataclass(frozen=True)
class RunningOptions(Running):
    """How models are run."""

    TITLE: ClassVar[str] = RUN

    engine: EngineName = Running.engine
    engine_arg: EngineArg = None
    base_url: BaseUrl = None
    tensor_parallel: TensorParallel = None
    replicas: Replicas = None
    verbose: Verbose = False


@dataclass(frozen=True)
class ReadingOptions:
    """How completions are read."""

    TITLE: ClassVar[str] = ASKED

    steps: Steps = None
    think: Think = None

    @property
    def mode(self) -> str | None:
        """How text is cut, if that was said; UsageError if there is no such way."""
        return known_steps(self.steps)

    @property
    def tags(self) -> tuple[str, str] | None:
        """What stands around a thought, if that was said."""
        return parse_think(self.think) if self.think else None


@dataclass(frozen=True)
class AskingOptions(ReadingOptions):
    """How a model is asked, as typed."""

    prompt: PromptStyle = "auto"
    system: System = None
    instruction: Instruction = None
    examples: Examples = None
    chat_arg: ChatArg = None

    def settings(self) -> AskingSettings:
        """What was typed, with its files read; UsageError where it cannot be."""
        return AskingSettings(
            prompt=self.prompt,
            system=text_given(self.system),
            instruction=text_given(self.instruction),
            examples=read_examples(self.examples) if self.examples else None,
            chat_args=parse_chat_args(self.chat_arg) if self.chat_arg else None,
            steps=self.mode,
            think=self.tags,
        )


def text_given(given: str | None) -> str | None:
    """A text as typed, or what a file `@FILE` holds."""
    if given is None or not given.startswith("@"):
        return given
    return read_text(Path(given[1:])).strip("\n")


@dataclass(frozen=True)
class SamplingOptions(SamplingSettings):
    """How completions are drawn."""

    TITLE: ClassVar[str] = ASKED

    temperature: Temperature = SamplingSettings.temperature
    top_p: TopP = SamplingSettings.top_p
    max_tokens: MaxTokens = SamplingSettings.max_tokens
    seed: Seed = SamplingSettings.seed
