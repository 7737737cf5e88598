"""An adapter: how a reward model's text is laid out, where it is read, and what makes a score."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from sormctl.thresholds import THRESHOLD

Share = Annotated[float, Meta(ge=0, le=1)]


class TextLayout(Struct, frozen=True, forbid_unknown_fields=True):
    """How a question and the steps of a solution become one text.

    `question`, `step` and `answer` are templates. They may hold `{question}`, `{step}`, `{i}` (the
    number of the step, from 1), and two marks that leave nothing in the text. At `{read}` the model
    is read: at the last token before it. At `{cut}` the text is cut, and each part is tokenized
    alone.

    `style` text: the question, then the steps. chat: the model's own chat template lays out
    `system`, the question as the user's message and all steps as the assistant's. turns: each step
    is a message of the user (the question stands before the first), answered by `answer`.

    `begin` is what stands before it all: nothing, the token for the beginning of a text (`bos`), or
    what the tokenizer itself adds.
    """

    style: Literal["text", "chat", "turns"]
    step: str
    question: str = "{question}"
    answer: str = ""
    system: str | None = None
    begin: Literal["nothing", "bos", "tokenizer"] = "nothing"


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a number of the hidden state at a position.

    `kind` classes: transformers' own classifier of tokens, whose class 0 is incorrect. sequence:
    transformers' own classifier of texts, with one label. tokens: the language model's logits of
    the tokens `good` and `bad`, or of `good` among the whole `vocabulary`. layers: linear layers of
    the checkpoint, by name, with ReLU between them.
    """

    kind: Literal["classes", "sequence", "tokens", "layers"]
    layers: tuple[str, ...] = ()
    good: str = ""
    bad: str = ""
    among: Literal["both", "vocabulary"] = "both"
    activation: Literal["softmax", "sigmoid", "none"] = "softmax"


class Adapter(Struct, frozen=True, forbid_unknown_fields=True):
    """How one family of reward models is read.

    Without `text` a model is asked as it was in training: those that sormctl trained. A model whose
    configuration names one of `architectures` (`*` stands for anything) and, if it is given, has so
    many `labels`, is of the family. `aggregation` makes a solution's score of its step scores; a
    step below `threshold` is wrong. `vllm` says that vLLM computes the same numbers.
    """

    about: str
    head: Head
    text: TextLayout | None = None
    architectures: tuple[str, ...] = ()
    labels: int | None = None
    aggregation: str = "final"
    threshold: Share = THRESHOLD
    vllm: bool = False
    name: str = ""

    @property
    def judges_whole(self) -> bool:
        """Whether it is read once, at the end of the text: a reward, and no scores of steps."""
        return self.text is not None and READ not in self.text.step + self.text.answer


READ, CUT = "{read}", "{cut}"
OWN = Adapter("a reward model that sormctl trained", Head("classes"), vllm=True, name="sormctl")
