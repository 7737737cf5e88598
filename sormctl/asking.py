"""How a model is asked, and how its text is read.

`AskingSettings` is what the user says of it; `Asking` is all of it. What the user leaves open is
settled in `models.py`: by what sormctl noted about a model that it trained, else by the style.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from sormctl.errors import UsageError
from sormctl.missing import no_such

STYLES = ("plain", "chat", "one-shot")
THINK = ("<think>", "</think>")
# what chat models were asked whose folder does not say so
FORMER_INSTRUCTION = (
    "Solve the problem step by step, one short step on each line. "
    "End with a line that holds only #### and the final answer."
)
QUESTION = "{question}"  # stands for the question in an instruction that lays out all of it


class WorkedExample(Struct, frozen=True):
    """A problem with its solution, for few-shot prompts.

    `answer` is what it comes to where the solution does not say so itself; it is then put in the
    words of the style.
    """

    question: str
    solution: str
    answer: str | None = None


class Asking(Struct, frozen=True, omit_defaults=True):
    """How a model is asked, and how its text is read.

    `style` is one of `STYLES`. `instruction` None: in the task's words, where the style has any; an
    instruction with `{question}` in it is the whole question. `examples` says how many of the
    task's own, or is the examples. `chat_args` are arguments of the chat template, values as JSON.

    `steps` says how text is cut (`tasks.splitting`); None: as the task does. `think` stands around
    a thought. `thinks` says that the model may think where its template begins a thought, and
    `invents` that it may go on with a question of its own.
    """

    style: str
    system: str | None = None
    instruction: str | None = None
    examples: int | tuple[WorkedExample, ...] = 0
    chat_args: tuple[tuple[str, str], ...] = ()
    steps: str | None = None
    think: tuple[str, str] = THINK
    thinks: bool = True
    invents: bool = False

    @property
    def is_chat(self) -> bool:
        """Whether the model's own chat template lays out the turns."""
        return self.style == "chat"

    @property
    def max_tokens(self) -> int:
        """Tokens that are room enough for most solutions: of the paper's models, of a chat."""
        return 1024 if self.is_chat else 300

    @property
    def between(self) -> str:
        """What stands between two steps where nobody has written them yet."""
        return "\n\n" if self.steps == "paragraphs" else "\n"

    def taught(self) -> Asking:
        """The same for a model that was trained so: it says steps alone, and has learnt to end."""
        return replace(self, thinks=False, invents=False)


def default_asking(style: str) -> Asking:
    """How a model is asked in a style, where nothing more is known of either."""
    if style == "chat":
        return Asking(style, steps="blocks")
    return Asking(style, examples=int(style == "one-shot"), invents=True)


@dataclass(frozen=True)
class AskingSettings:
    """What the user says of how a model is asked; None leaves it open."""

    prompt: str = "auto"
    system: str | None = None
    instruction: str | None = None
    examples: int | tuple[WorkedExample, ...] | None = None
    chat_args: tuple[tuple[str, str], ...] | None = None
    steps: str | None = None
    think: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        if self.prompt not in ("auto", *STYLES):
            raise UsageError(no_such("style (--prompt)", self.prompt, ["auto", *STYLES]))

    def over(self, asking: Asking) -> Asking:
        """`asking` with what is said here in its place."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        del said["prompt"]
        if self.chat_args:
            said["chat_args"] = tuple(sorted(dict([*asking.chat_args, *self.chat_args]).items()))
        return replace(asking, **said)

    def identity(self) -> dict[str, object]:
        """What determines the records: what was said."""
        return {name: value for name, value in vars(self).items() if value is not None}


NOTHING_SAID = AskingSettings()


def parse_chat_args(pairs: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Arguments of a chat template, NAME=VALUE, by name; a value is JSON, else a text."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name.isidentifier() and equals):
            raise UsageError(f"--chat-arg {pair}: must be NAME=VALUE")
        if name in ("tokenize", "add_generation_prompt", "conversation"):
            raise UsageError(f"--chat-arg {name}: is not for you to say; it is given already")
        try:
            found[name] = json.dumps(json.loads(value))
        except ValueError:
            found[name] = json.dumps(value)
    return tuple(sorted(found.items()))


def parse_think(text: str) -> tuple[str, str]:
    """What stands around a thought, from START,END."""
    start, comma, end = text.partition(",")
    if not (start and comma and end):
        raise UsageError(f"--think {text}: must be START,END, such as <think>,</think>")
    return start, end
