"""Which special tokens a model's text keeps: those around a thought."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sormctl.asking import THINK
from sormctl.engines.decoding import decode, kept_ids, may_be_special, without_special

BRACKETS = ("[THINK]", "[/THINK]")
HARMONY = ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>")
SPECIAL = [*BRACKETS, "<|channel|>", "<|message|>", "<|end|>", "<|start|>", "<|return|>"]


def make_tokenizer() -> Any:
    """One token for each byte, and the special ones."""
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<eos>", "<unk>"]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", unk_token="<unk>")
    fast.add_special_tokens({"additional_special_tokens": SPECIAL})
    return fast


TOKENIZER = make_tokenizer()


def through(text: str, think: tuple[str, str]) -> str:
    """The text as an engine decodes its tokens."""
    ids = TOKENIZER(text, add_special_tokens=False)["input_ids"]
    return decode(TOKENIZER, ids, kept_ids(TOKENIZER, think))


@pytest.mark.parametrize(
    ("think", "text", "expected"),
    [
        (THINK, "<think>8?</think> 7<|return|>", "<think>8?</think> 7"),
        (THINK, "[THINK]8?[/THINK]7", "8?7"),
        (BRACKETS, "<|start|>[THINK]8?[/THINK] 7 é<eos>", "[THINK]8?[/THINK] 7 é"),
        (HARMONY, "{}8?{}7<|return|>[THINK]".format(*HARMONY), "{}8?{}7".format(*HARMONY)),
    ],
)
def test_special_tokens_are_kept_that_stand_in_the_tags(
    think: tuple[str, str], text: str, expected: str
) -> None:
    assert through(text, think) == expected
    assert without_special(TOKENIZER, text, kept_ids(TOKENIZER, think)) == expected


def test_with_ordinary_tags_nothing_is_kept() -> None:
    assert kept_ids(TOKENIZER, THINK) == frozenset()
    assert kept_ids(TOKENIZER, ("<unk>", "!")) == frozenset()


def test_tags_may_look_special() -> None:
    tags = [BRACKETS, HARMONY, ("<|channel>thought", "<channel|>"), ("◁think▷", "◁/think▷")]
    assert all(map(may_be_special, tags))
    assert not any(map(may_be_special, [THINK, ("<reasoning>", "</reasoning>"), ("Plan:", "So:")]))
