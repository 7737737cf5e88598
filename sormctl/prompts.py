"""A prompt: what a task builds and an engine continues."""

from __future__ import annotations

from dataclasses import dataclass

from sormctl.asking import THINK


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat: role is `system`, `user` or `assistant`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model continues: plain `text`, or chat `messages`, then the `steps` of a prefix.

    Exactly one of `text` and `messages` is given. A chat prompt is closed by the model's own chat
    template with its generation prompt; `chat_args` are arguments of the template, values as JSON.

    The steps are written after their `opening`, each followed by its separator, by `between` where
    there are none. Spaces that end a separator are the next step's: no prefix ends with them, since
    to most tokenizers they are a part of the word that follows. The tokens of a step are those of
    itself, so the tokens of a prefix always begin those of a longer one. A `thought`, in the tags
    of `think`, stands before the steps. Some templates begin a thought: where steps or nothing but
    steps (`thinks` False) follow, it is closed at once.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()
    steps: tuple[str, ...] = ()
    separators: tuple[str, ...] = ()
    opening: str = ""
    chat_args: tuple[tuple[str, str], ...] = ()
    between: str = "\n"
    thought: str | None = None
    think: tuple[str, str] = THINK
    thinks: bool = True

    @property
    def written(self) -> tuple[str, ...]:
        """Each step with what stands around it, up to the spaces before the next one."""
        separators = self.separators or (self.between,) * len(self.steps)
        after = [separator.rstrip(" \t") for separator in separators]
        before = [x[len(y) :] for x, y in zip(separators, after, strict=True)]
        return tuple(map("".join, zip((self.opening, *before), self.steps, after, strict=False)))

    @property
    def speaks(self) -> bool:
        """Whether steps follow the head, maybe after a thought of the prompt's own."""
        return bool(self.steps) or self.thought is not None or not self.thinks

    def spoken(self, head: str) -> str:
        """`head`, as the template lays it out, ready for steps: with the thought, and out of it.

        The thought takes the place of an empty one, which says that nothing was thought.
        """
        start, end = self.think
        if self.thought is not None:
            head = self._before_empty(head)
        is_open = head.rstrip().endswith(start)
        if self.thought is not None:
            return f"{head}{'' if is_open else start}{self.thought}{end}\n\n"
        return f"{head}{end}\n\n" if is_open else head

    def _before_empty(self, head: str) -> str:
        """`head` without a thought that is closed and empty; of some, only the end is written."""
        start, end = self.think
        bare = head.rstrip()
        if not bare.endswith(end):
            return head
        before, opening, thought = bare.removesuffix(end).rpartition(start)
        if opening and not thought.strip():
            return before
        is_lone = not opening or end in thought
        return bare.removesuffix(end) if is_lone else head
