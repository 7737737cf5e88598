"""A prompt: what a task builds and an engine continues."""

from __future__ import annotations

from dataclasses import dataclass

STYLES = ("plain", "chat", "one-shot")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat: role is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model continues: plain `text`, or chat `messages`, then the `steps` of a prefix.

    Exactly one of `text` and `messages` is given. A chat prompt is closed by the model's own chat
    template with its generation prompt. Each step is followed by its separator, one newline where
    there are none; its tokens are those of the two alone, so the tokens of a prefix always begin
    those of a longer one.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()
    steps: tuple[str, ...] = ()
    separators: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[str, ...]:
        """Each step with what follows it."""
        separators = self.separators or ("\n",) * len(self.steps)
        return tuple(map("".join, zip(self.steps, separators, strict=True)))
