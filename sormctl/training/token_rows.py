"""Training examples, and their token ids, positions and targets: the only place that makes them.

An example is a prompt and the steps that follow it. With labels it trains a reward model, which is
read at the last token of each step; with a rival, a contrastive one, which is read at the last
token of both; without either, it teaches a language model to write the steps.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import orjson
from msgspec import convert

from sormctl.engines.encoding import encode_steps, prompt_ids, step_ids
from sormctl.prompts import Prompt
from sormctl.records import Json, Steps

StepTargets = tuple[float | None, ...]  # ints are classes, floats shares of successes

# Batches are cut from this many shuffled batches' worth of rows, sorted by length: 5 % of a batch
# is padding then, and 21 % without.
_SORTED_BATCHES = 50

_LAYOUT = ("chat_args", "between", "think", "thinks")  # of a prompt; written where unusual


@dataclass(frozen=True, slots=True)
class TrainingExample:
    """`steps` that follow `prompt`; `labels` (None: no target) where they are judged.

    A label is a class (int), or P(correct) (float; then all of them are). `mode` is a refiner's:
    global or local. `rival` holds the steps of an incorrect solution, where `steps` are correct.
    `problem` is the id of its problem; the workers need none.
    """

    prompt: Prompt
    steps: Steps
    labels: StepTargets | None = None
    mode: str | None = None
    rival: Steps | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One example as token ids: the outputs at `positions` are trained on `targets`.

    For a language model a target is a token id, at the position before it; for a reward model a
    label, at the last token of its step. The `rival` of a contrastive pair goes wherever its row
    goes, and the pair counts as one target.
    """

    ids: array[int]
    positions: array[int]
    targets: array[int] | array[float]
    rival: Row | None = None

    @property
    def sequences(self) -> tuple[Row, ...]:
        """What stands in a batch for this row: the row, and its rival behind it."""
        return (self,) if self.rival is None else (self, self.rival)

    @property
    def tokens(self) -> int:
        """Tokens of its sequences."""
        return sum(len(row.ids) for row in self.sequences)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(len(row.ids) for row in self.sequences)

    @property
    def size(self) -> int:
        """Tokens of a batch that the row takes, padding included."""
        return self.longest * len(self.sequences)


def example_json(example: TrainingExample) -> dict[str, Any]:
    """The JSON object of an example; `parse_example` reads it back."""
    prompt = example.prompt
    given, usual = asdict(prompt), asdict(Prompt())
    return {
        "prompt": [asdict(turn) for turn in prompt.messages] if prompt.messages else prompt.text,
        **{name: given[name] for name in _LAYOUT if given[name] != usual[name]},
        "steps": example.steps,
        "labels": example.labels,
        "mode": example.mode,
        "rival": example.rival,
    }


def parse_example(data: Json) -> TrainingExample:
    """What `example_json` wrote."""
    prompt, labels = data["prompt"], data["labels"]
    written = {"text": prompt} if isinstance(prompt, str) else {"messages": prompt}
    laid_out = {name: data[name] for name in _LAYOUT if name in data}
    asked = convert({**written, **laid_out}, Prompt)
    judged = None if labels is None else tuple(labels)
    rival = None if data["rival"] is None else tuple(data["rival"])
    return TrainingExample(asked, tuple(data["steps"]), judged, data["mode"], rival)


def encode_example(tokenizer: Any, example: TrainingExample) -> Row:
    """Token ids, positions and targets of an example.

    A reward model's row holds every prefix of the solution: one target at the end of each labelled
    step. A pair is judged at the last step of both solutions (paper, appendix F). A language
    model's targets are the tokens of the steps and the end of sequence.
    """
    if example.rival is not None:
        good, bad = (
            _judged_row(tokenizer, example.prompt, steps, (*(None,) * (len(steps) - 1), label))
            for steps, label in ((example.steps, 1), (example.rival, 0))
        )
        return replace(good, rival=bad)
    if example.labels is not None:
        return _judged_row(tokenizer, example.prompt, example.steps, example.labels)
    ids = prompt_ids(tokenizer, example.prompt)
    start = len(ids)  # the first target
    for step in step_ids(tokenizer, example.prompt, example.steps):
        ids += step
    ids.append(tokenizer.eos_token_id)
    # N = len(ids) - start targets; each is predicted by the output one position before it
    return Row(
        ids=array("i", ids),
        positions=array("i", range(start - 1, len(ids) - 1)),
        targets=array("i", ids[start:]),
    )


def _judged_row(tokenizer: Any, prompt: Prompt, steps: Steps, labels: StepTargets) -> Row:
    ids, ends = encode_steps(tokenizer, prompt, steps)  # the last position of each step
    judged = [(end, x) for end, x in zip(ends, labels, strict=True) if x is not None]
    positions, targets = zip(*judged, strict=True)
    code = "f" if isinstance(targets[0], float) else "i"  # shares, or classes
    return Row(array("i", ids), array("i", positions), array(code, targets))


@dataclass(slots=True)
class Rows:
    """The rows of a file; how many more examples were too long, and how many rows were cut."""

    rows: list[Row] = field(default_factory=list)
    too_long: int = 0
    truncated: int = 0


def read_token_rows(path: Path, tokenizer: Any, max_length: int, truncate: bool = False) -> Rows:
    """The rows of a spooled file. Those over `max_length` are left out, or truncated."""
    from jsonlines import Reader

    found = Rows()
    with path.open("rb") as file:
        for data in Reader(file, loads=orjson.loads):
            row = encode_example(tokenizer, parse_example(data))
            if row.longest <= max_length:
                found.rows.append(row)
            elif truncate and (cut := truncated(row, max_length)):
                found.rows.append(cut)
                found.truncated += 1
            else:
                found.too_long += 1
    return found


def truncated(row: Row, max_length: int) -> Row | None:
    """A reward model's row up to the last judged step that fits whole; None if none does."""
    kept = sum(position < max_length for position in row.positions)
    if not kept:
        return None
    return Row(row.ids[: row.positions[kept - 1] + 1], row.positions[:kept], row.targets[:kept])


def plan_batches(
    lengths: Sequence[int], batch_size: int, epochs: int, seed: int, packed: bool = False
) -> Iterator[list[int]]:
    """The rows of every batch of a run, by index, in order: a function of its arguments alone.

    Each epoch visits each row once (its last batch may be smaller), in batches of rows of similar
    length, or of any rows if they are packed, so that nothing is padding.
    """
    for epoch in range(epochs):
        # 1. all rows, shuffled
        random = Random(f"{seed} {epoch}")
        order = list(range(len(lengths)))
        random.shuffle(order)
        # 2. batches of similar length, cut from one sorted chunk after another
        batches = []
        for chunk in _cut(order, batch_size * _SORTED_BATCHES):
            ordered = chunk if packed else sorted(chunk, key=lengths.__getitem__)
            batches += _cut(ordered, batch_size)
        # 3. in any order, so that the steps do not go from short rows to long ones
        random.shuffle(batches)
        yield from batches


def split_batch(
    lengths: Sequence[int], batch: Sequence[int], max_tokens: int, packed: bool = False
) -> list[list[int]]:
    """`batch` in parts of at most `max_tokens`, padding included; a part has a row at least.

    Rows that are not packed are padded to the longest of their part.

    >>> split_batch([2, 3, 4], [0, 1, 2], max_tokens=8)
    [[0, 1], [2]]
    >>> split_batch([2, 3, 4], [0, 1, 2], max_tokens=9, packed=True)
    [[0, 1, 2]]
    """

    def tokens(part: Sequence[int]) -> int:
        sizes = [lengths[index] for index in part]
        return sum(sizes) if packed else max(sizes) * len(sizes)

    parts: list[list[int]] = [[]]
    for index in batch:
        if parts[-1] and tokens([*parts[-1], index]) > max_tokens:
            parts.append([])
        parts[-1].append(index)
    return parts


def process_parts(
    lengths: Sequence[int],
    batch: Sequence[int],
    process: int,
    processes: int,
    max_tokens: int,
    packed: bool = False,
) -> list[tuple[list[int], bool]]:
    """The parts of `batch` that one of several processes goes through, and whether each counts.

    All go through equally many, because sharded weights are gathered in step: a process with fewer
    repeats a part, which does not count.

    >>> process_parts([2, 3, 4], [0, 1, 2], 1, 2, max_tokens=4)
    [([1], True), ([1], False)]
    """
    # 1. rows are dealt out one by one, so that each process gets short ones and long ones
    split = [
        split_batch(lengths, batch[number::processes], max_tokens, packed)
        for number in range(processes)
    ]
    # 2. this process's parts: an empty one if the batch has fewer rows than there are processes
    mine = [(part, True) for part in split[process] if part]
    # 3. a repeated part, or else any row, until each process has as many parts as the busiest
    spare = mine[0][0] if mine else batch[:1]
    return mine + [(list(spare), False)] * (max(map(len, split)) - len(mine))


def _cut(items: Sequence[int], size: int) -> list[list[int]]:
    return [list(items[start : start + size]) for start in range(0, len(items), size)]
