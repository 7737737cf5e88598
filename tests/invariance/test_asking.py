"""What a model is trained on is what it is asked later, token for token, however it is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import to_builtins

from sormctl.asking import NOTHING_SAID, Asking, AskingSettings, WorkedExample, default_asking
from sormctl.engines.encoding import encode_steps, prompt_ids, prompt_text
from sormctl.models import settle_asking
from sormctl.records import Pair, Solution, to_json
from sormctl.tasks.prompts import draft_prompt, refine_prompt
from sormctl.tasks.registry import get_task
from sormctl.tasks.solutions.reading import CompletionReader
from sormctl.training import refiner, reward_model, student
from sormctl.training.token_rows import (
    Row,
    TrainingExample,
    encode_example,
    example_json,
    parse_example,
)
from tests.invariance.families import byte_tokenizer

TEMPLATE = (  # it opens a thought, as those of reasoning models do
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>"
    "{% if enable_thinking is not defined or enable_thinking %}{{ '<think>\n' }}{% endif %}"
    "{% endif %}"
)
TASK = get_task("gsm8k")
SAID: list[dict[str, Any]] = [
    {},
    {"system": "Be short."},
    {"examples": 2},
    {"examples": (WorkedExample("1 + 1?", "1 + 1 = 2", "2"),)},
    {"instruction": "Solve {question} now"},
    {"instruction": "Solve it."},
    {"chat_args": (("enable_thinking", "false"),)},
    {"steps": "paragraphs"},
    {"steps": "blocks"},
    {"think": ("[T]", "[/T]")},
]
SOLVED = Solution(
    task="gsm8k",
    problem_id="p",
    question="How many?",
    answer="5",
    solution_id="s",
    steps=("a = 2", "b = 3", "#### 5"),
    correct=True,
    labels=(1, 1, 1),
)
PAIR = Pair(
    task="gsm8k",
    problem_id="p",
    question="How many?",
    draft=("x", "y"),
    first_error=1,
    target=SOLVED.steps,
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    found = byte_tokenizer()
    found.chat_template = TEMPLATE
    return found


@pytest.mark.parametrize("said", SAID, ids=str)
@pytest.mark.parametrize("style", ["plain", "chat", "one-shot"])
def test_rows_of_training_begin_with_the_later_prompt(
    style: str, said: dict[str, Any], tokenizer: Any, tmp_path: Path
) -> None:
    trained = AskingSettings(style, **said).over(default_asking(style)).taught()
    later = saved(trained, tmp_path)
    assert later == trained

    def row(example: TrainingExample | None) -> Row:
        assert example is not None
        spooled = json.loads(json.dumps(example_json(example)))
        return encode_example(tokenizer, parse_example(spooled))

    asked = draft_prompt(TASK, SOLVED.question, later)
    ids = prompt_ids(tokenizer, asked)
    taught = row(student.parse(to_json(SOLVED), trained))
    assert list(taught.ids[: len(ids)]) == ids
    assert taught.positions[0] == len(ids) - 1
    assert tokenizer(prompt_text(tokenizer, asked), add_special_tokens=False)["input_ids"] == ids

    prefix = prompt_ids(tokenizer, replace(asked, steps=SOLVED.steps[:2]))
    assert list(taught.ids[: len(prefix)]) == prefix
    written = tokenizer.decode(list(taught.ids[len(ids) : -1]))
    read = CompletionReader(TASK, later.steps, later.think).read(SOLVED.question, written, False)
    assert (read.steps, read.predicted) == (SOLVED.steps, "5")

    mended = row(refiner.parse(to_json(PAIR), trained))
    shown = prompt_ids(tokenizer, refine_prompt(TASK, PAIR.question, PAIR.draft, 1, later))
    assert list(mended.ids[: len(shown)]) == shown

    judged = row(reward_model.parse(to_json(SOLVED), trained))
    whole, ends = encode_steps(tokenizer, asked, SOLVED.steps)
    assert (list(judged.ids), list(judged.positions)) == (whole, ends)


def saved(asking: Asking, folder: Path) -> Asking:
    """How a model is asked whose folder has kept that."""
    (folder / "config.json").write_text("{}")
    (folder / "sormctl.json").write_text(json.dumps({"asking": to_builtins(asking)}))
    return settle_asking(str(folder), NOTHING_SAID)
