"""Training examples, and their token ids, positions and targets: the only place that makes them.

An example is a prompt and the steps that follow it. With labels it trains a reward model, which is
read at the last token of each step; without, it teaches a language model to write the steps.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from sormctl.engines.encoding import encode_steps, prompt_ids, step_ids
from sormctl.records import Json, Steps
from sormctl.tasks.prompts import Message, Prompt

Labels = tuple[int | None, ...]

# Batches are cut from this many shuffled batches' worth of rows, sorted by length: 5 % of the slots
# are padding then, and 21 % without.
_SORTED_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Example:
    """`steps` that follow `prompt`; `labels` (1, 0, None: no target) where they are judged.

    `mode` is a refiner's: global or local.
    """

    prompt: Prompt
    steps: Steps
    labels: Labels | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One example as token ids: the outputs at `positions` are trained on `targets`.

    For a language model a target is a token id, at the position before it; for a reward model a
    label, at the last token of its step.
    """

    ids: array[int]
    positions: array[int]
    targets: array[int]


def example_json(example: Example) -> dict[str, Any]:
    """The JSON object of an example; `parse_example` reads it back."""
    prompt = example.prompt
    return {
        "prompt": [asdict(turn) for turn in prompt.messages] if prompt.messages else prompt.text,
        "steps": example.steps,
        "labels": example.labels,
        "mode": example.mode,
    }


def parse_example(data: Json) -> Example:
    """What `example_json` wrote."""
    prompt, labels = data["prompt"], data["labels"]
    if isinstance(prompt, str):
        asked = Prompt(text=prompt)
    else:
        asked = Prompt(messages=tuple(Message(**turn) for turn in prompt))
    judged = None if labels is None else tuple(labels)
    return Example(asked, tuple(data["steps"]), judged, data["mode"])


def encode(tokenizer: Any, example: Example) -> Row:
    """Token ids, positions and targets of an example.

    A reward model's row holds every prefix of the solution: one target at the end of each labelled
    step. A language model's targets are the tokens of the steps and the end of sequence.
    """
    if example.labels is not None:
        ids, ends = encode_steps(tokenizer, example.prompt, example.steps)
        judged = [(end, x) for end, x in zip(ends, example.labels, strict=True) if x is not None]
        return Row(array("i", ids), *(array("i", column) for column in zip(*judged, strict=True)))
    ids = prompt_ids(tokenizer, example.prompt)
    start = len(ids)
    for step in step_ids(tokenizer, example.steps):
        ids += step
    ids.append(tokenizer.eos_token_id)
    targets = range(start, len(ids))
    return Row(
        array("i", ids),
        array("i", [position - 1 for position in targets]),
        array("i", [ids[position] for position in targets]),
    )


def read_rows(path: Path, tokenizer: Any, max_length: int) -> tuple[list[Row], int]:
    """The rows of a spooled file, and how many examples were left out as over `max_length`."""
    rows, too_long = [], 0
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = encode(tokenizer, parse_example(json.loads(line)))
            if len(row.ids) <= max_length:
                rows.append(row)
            else:
                too_long += 1
    return rows, too_long


def plan_batches(
    lengths: Sequence[int], batch_size: int, epochs: int, seed: int
) -> Iterator[list[int]]:
    """Row numbers of every batch of a run, in order: a function of its arguments alone.

    Each epoch visits each row once, in batches of rows of similar length (its last may be smaller).
    """
    for epoch in range(epochs):
        random = Random(f"{seed} {epoch}")
        order = list(range(len(lengths)))
        random.shuffle(order)
        batches = []
        for chunk in _cut(order, batch_size * _SORTED_BATCHES):
            batches += _cut(sorted(chunk, key=lengths.__getitem__), batch_size)
        random.shuffle(batches)
        yield from batches


def split_batch(lengths: Sequence[int], batch: Sequence[int], max_tokens: int) -> list[list[int]]:
    """`batch` in parts of at most `max_tokens` slots, padding included; a part has a row at least.

    >>> split_batch([2, 3, 4], [0, 1, 2], max_tokens=8)
    [[0, 1], [2]]
    """
    parts: list[list[int]] = [[]]
    widest = 0
    for row in batch:
        widest = max(widest, lengths[row])
        if parts[-1] and widest * (len(parts[-1]) + 1) > max_tokens:
            parts.append([])
            widest = lengths[row]
        parts[-1].append(row)
    return parts


def _cut(items: Sequence[int], size: int) -> list[list[int]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
