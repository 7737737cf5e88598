"""A solution as a reward model reads it, and the scores that its logits come to.

Every engine that scores comes here, so all of them read the same tokens at the same positions.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from sormctl.adapters.adapter import Adapter, Head
from sormctl.adapters.layout import lay_out, unused_marks
from sormctl.engines.encoding import encode_steps, p_correct
from sormctl.engines.templates import chat_text
from sormctl.errors import ModelError, UsageError
from sormctl.prompts import Prompt


class Judged(NamedTuple):
    """The token ids of a solution, and the positions at which it is judged."""

    ids: list[int]
    positions: list[int]


def encode_solution(
    tokenizer: Any, adapter: Adapter, prompt: Prompt, steps: Sequence[str], pad: int | None
) -> Judged:
    """What a reward model reads of a solution.

    A model that sormctl trained reads `prompt`; one with a layout of its own, its `text`, which is
    the bare question. One that judges the whole is read at the last token that is not `pad`, as
    transformers reads it. ModelError where a token reaches over a place of reading.
    """
    layout = adapter.text
    if layout is None:
        return Judged(*encode_steps(tokenizer, prompt, steps))
    marks = unused_marks(prompt.text, steps)
    text = lay_out(layout, prompt.text, steps, marks)
    if not isinstance(text, str):
        text = chat_text(tokenizer, Prompt(messages=text), is_whole=True)
    has_bos = layout.begin == "bos" and tokenizer.bos_token_id is not None
    judged = Judged([tokenizer.bos_token_id] if has_bos else [], [])
    adds_special = layout.begin == "tokenizer"
    for part in text.split(marks.cut):
        _append(judged, tokenizer, part.split(marks.read), adds_special)
        adds_special = False
    if not adapter.judges_whole:
        _check_places(judged, tokenizer, steps)
        return judged
    while judged.ids and judged.ids[-1] == pad:
        judged.ids.pop()
    judged.positions.append(len(judged.ids) - 1)
    return judged


def scores_of_logits(head: Head, logits: Any) -> list[float]:
    """The scores at N positions, of logits (N, C): P(correct), or a reward without a bound."""
    values = logits.float()  # bfloat16 has no number between 0.996 and 1
    if head.activation == "softmax":
        values = p_correct(values.softmax(-1))
    else:
        values = values[:, 0].sigmoid() if head.activation == "sigmoid" else values[:, 0]
    scores: list[float] = values.tolist()
    return scores


def check_labels(model: str, adapter: Adapter, number: int) -> None:
    """ModelError for a classifier of another number of labels than its adapter reads."""
    if adapter.head.kind == "classes" and number not in (2, 3):
        raise ModelError(f"{model}: a reward model has 2 or 3 labels, this one {number}")
    if adapter.head.kind == "sequence" and number != 1:
        raise ModelError(f"{model}: a model of rewards has one label, this one {number}")


def for_vllm(adapter: Adapter, engine: str, kinds: Container[str] | None = None) -> Adapter:
    """The adapter; UsageError if vLLM does not compute its numbers, or has none of its `kinds`."""
    if not adapter.vllm or (kinds is not None and adapter.head.kind not in kinds):
        raise UsageError(
            f"{engine} does not compute the scores of adapter {adapter.name}; give --engine hf"
        )
    return adapter


def token_id(tokenizer: Any, text: str, name: str) -> int:
    """The token of a text, as it stands after a space; ModelError if it has none."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ids or ids[-1] == tokenizer.unk_token_id:
        raise ModelError(f"{name}: has no token for {text!r}, which its adapter reads")
    return int(ids[-1])


def _check_places(judged: Judged, tokenizer: Any, steps: Sequence[str]) -> None:
    """ModelError unless each step is read once: a chat template may leave parts out."""
    if len(judged.positions) != len(steps):
        raise ModelError(
            f"{tokenizer.name_or_path}: laid out by its adapter, {len(steps)} steps are read at "
            f"{len(judged.positions)} places"
        )


def _append(judged: Judged, tokenizer: Any, pieces: Sequence[str], adds_special: bool) -> None:
    """Encodes the pieces as one text; the model is read at the end of each but the last."""
    text = "".join(pieces)
    if not text:
        return
    inner = list(accumulate(map(len, pieces[:-1])))  # in characters
    encoded = tokenizer(text, add_special_tokens=adds_special, return_offsets_mapping=bool(inner))
    start = len(judged.ids)
    judged.ids.extend(encoded["input_ids"])
    for end in inner:
        around = text[max(0, end - 10) : end + 10]
        before = [
            (i, stop)
            for i, (begin, stop) in enumerate(encoded["offset_mapping"])
            if begin < min(stop, end)
        ]
        if not before:
            raise ModelError(f"no token before the place of reading in {around!r}")
        index, reach = before[-1]
        if reach > end:
            raise ModelError(f"a token reaches over the place of reading in {around!r}")
        judged.positions.append(start + index)
