"""Batches of GSM8K hold tokens, not padding."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from sormctl.problems import read_problems
from sormctl.records import Problem
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.token_rows import (
    Row,
    TrainingExample,
    encode_example,
    plan_batches,
    split_batch,
)
from sormctl.training.worker.losses import collate
from tests.asked import PLAIN
from tests.invariance import tokenizers
from tests.published import DATA, needs_data

pytestmark = needs_data


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    """Every fourth of the training split, with its worked solution."""
    return list(read_problems("gsm8k", "train", data_dir=DATA))[::4]


@pytest.fixture(scope="module")
def tokenizer(problems: list[Problem]) -> Any:
    """SmolLM2's; where there is none, one as GPT-2's, trained on these very texts."""
    try:
        return tokenizers.smollm2()
    except OSError:
        return gpt2_like(problems)


def gpt2_like(problems: list[Problem]) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=8000, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator((f"{x.question}\n{x.reference}" for x in problems), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>")


@pytest.fixture(scope="module", params=["token classification", "supervised fine-tuning"])
def rows(request: pytest.FixtureRequest, problems: list[Problem], tokenizer: Any) -> list[Row]:
    """What the problems are as rows of a reward model, and of a student."""
    judged = request.param == "token classification"
    task, made = get_task("gsm8k"), []
    for problem in problems:
        steps = problem.reference or ()
        prompt = draft_prompt(task, problem.question, PLAIN)
        made.append(TrainingExample(prompt, steps, labels=(1,) * len(steps) if judged else None))
    return [encode_example(tokenizer, example) for example in made]


@pytest.mark.parametrize("batch_size", [32, 64])
@pytest.mark.parametrize("processes", [1, 2])
def test_19_in_20_tokens_are_useful(rows: list[Row], batch_size: int, processes: int) -> None:
    """An epoch with the default token budget, through the batches that a model is given."""
    sizes, padded, useful = [row.size for row in rows], 0, 0
    for batch in plan_batches(sizes, batch_size, epochs=1, seed=0):
        for process in range(processes):
            for part in split_batch(sizes, batch[process::processes], max_tokens=8192):
                given = [rows[i] for i in part]
                padded += collate(given, pad=0).ids.numel()
                useful += sum(row.tokens for row in given)
    assert useful == sum(len(row.ids) for row in rows)
    assert useful / padded >= 0.95


def test_without_sorting_a_quarter_would_be_padding(rows: list[Row]) -> None:
    """So that the test above can fail: batches in the order of the file."""
    sizes = [row.size for row in rows]
    batches = [sizes[start : start + 32] for start in range(0, len(sizes), 32)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert sum(sizes) / padded < 0.8
