"""The model card: what a folder holds, how it was made, and how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import to_builtins

from sormctl.models import public_name
from sormctl.training.config import REFINER, REWARD_MODEL, STUDENT, Data, Settled, TrainConfig
from sormctl.training.events import HELD_OUT_LOSS
from sormctl.training.worker.metrics_file import Figures

_KINDS = {
    STUDENT: "A student: a language model that writes solutions step by step.",
    REFINER: "A refiner: a language model that makes a better solution of a draft.",
    REWARD_MODEL: "A reward model: a token classifier that judges each step at its last token.",
}
_USES = {
    STUDENT: "sormctl sample --model FOLDER problems.jsonl",
    REFINER: "sormctl refine --model FOLDER drafts.jsonl",
    REWARD_MODEL: "sormctl score --rm FOLDER solutions.jsonl",
}
_TAGS = {
    STUDENT: ("text-generation", "student"),
    REFINER: ("text-generation", "refiner"),
    REWARD_MODEL: ("token-classification", "reward-model"),
}
_ABOVE = {"kind", "model", "output", "asking", "held_out"}  # told above the table of settings

SNIPPET = """\
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

model = AutoModelForTokenClassification.from_pretrained("sorm")
tokenizer = AutoTokenizer.from_pretrained("sorm")
question, steps = "How many apples? 3 + 4", ["3 + 4 = 7", "#### 7"]
ids, ends = tokenizer(f"Question: {question}\\nAnswer:\\n")["input_ids"], []
for step in steps:  # each is encoded alone and judged at its last token
    ids += tokenizer(f"{step}\\n", add_special_tokens=False)["input_ids"]
    ends.append(len(ids) - 1)
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0, ends]
print((1 - logits.softmax(-1)[:, 0]).tolist())  # P(correct) of each prefix
"""


def model_card(
    config: TrainConfig,
    settled: Settled,
    data: Data,
    course: Sequence[Figures],
    notes: Sequence[str] = (),
    of_transformers: bool = True,
) -> str:
    """The text of README.md; `course` are the entries of the metrics.

    `of_transformers`: transformers alone loads the model.
    """
    *_, last = (entry for entry in course if HELD_OUT_LOSS not in entry)
    evaluations = [entry for entry in course if HELD_OUT_LOSS in entry]
    asked = {**to_builtins(config), **to_builtins(settled)}
    settings = {name: x for name, x in asked.items() if name not in _ABOVE}
    return f"""\
{_metadata(config)}
# {config.kind}{f" ({data.mode})" if data.mode else ""}

{_KINDS[config.kind]} Trained by sormctl {data.version}.

| | |
|---|---|
| base model | `{public_name(config.model)}` |
| prompt | {config.asking.style} |
| examples | {data.examples:,} |
| sha256 of the examples | `{data.data_sha256}` |
{_too_long(data)}{_held_out(config, data)}
## Use

```sh
{_USES[config.kind]}
```

{_loading(config, of_transformers)}
## Training

{_noted(notes)}At the end: {_table(last)}
{_evaluation(config, evaluations)}`metrics.jsonl` has the whole course.

The settings: {_table(settings)}"""


def _metadata(config: TrainConfig) -> str:
    """What the hub reads of a card. A base model is named if the hub may know it."""
    task, tag = _TAGS[config.kind]
    base = "" if Path(config.model).is_dir() else f"base_model: {config.model}\n"
    tags = f"tags: [sormctl, reasoning, {tag}]"
    return f"---\n{base}library_name: transformers\npipeline_tag: {task}\n{tags}\n---\n"


def _loading(config: TrainConfig, of_transformers: bool) -> str:
    judges = config.kind == REWARD_MODEL
    if not of_transformers:
        return "transformers has no class of its own for it; sormctl's engine hf loads it.\n"
    loader = "AutoModelForTokenClassification" if judges else "AutoModelForCausalLM"
    if not judges or config.asking.style != "plain":
        return f"transformers loads it with `{loader}`.\n"
    return f"With transformers alone (`sorm` is this folder):\n\n```python\n{SNIPPET}```\n"


def _too_long(data: Data) -> str:
    counts = {"left out, being too long": data.left_out, "truncated": data.truncated}
    return "".join(f"| of these {name} | {n:,} |\n" for name, n in counts.items() if n)


def _held_out(config: TrainConfig, data: Data) -> str:
    if not config.held_out:
        return ""
    return (
        f"| held out | {data.held_out_examples:,} examples ({config.held_out}) |\n"
        f"| sha256 of these | `{data.held_out_sha256}` |\n"
    )


def _noted(notes: Sequence[str]) -> str:
    return "".join(f"{note}.\n\n" for note in notes)


def _evaluation(config: TrainConfig, evaluations: Sequence[Figures]) -> str:
    """What the model in the folder did on the held-out examples."""
    if not evaluations:
        return ""
    if not config.patience:
        return f"On the held-out examples: {_table(evaluations[-1])}\n"
    best = min(evaluations, key=lambda entry: entry[HELD_OUT_LOSS])
    return f"On the held-out examples, at the best step, whose weights these are: {_table(best)}\n"


def _table(values: Mapping[str, object]) -> str:
    rows = "".join(f"| {name} | {value} |\n" for name, value in values.items())
    return f"\n\n| | |\n|---|---|\n{rows}"
