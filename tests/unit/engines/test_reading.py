"""What each family of reward models reads, token by token, and where: golden values."""

from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from tokenizers import Tokenizer
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from sormctl.adapters.adapter import Adapter, Head
from sormctl.adapters.registry import built_in
from sormctl.engines.reading import encode_solution, for_vllm, scores_of_logits, token_id
from sormctl.errors import ModelError, UsageError
from sormctl.prompts import Prompt
from tests.present import present
from tests.reward_models import save_chat_tokenizer, shepherd_tokenizer

QUESTION, STEPS = "1+1+1?", ("1+1=2", "\u00bd 2+1=3")  # a letter of two bytes
PAD = 256


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer of bytes with the tokens of ChatML."""
    return save_chat_tokenizer(tmp_path_factory.mktemp("chat"))


def read(tokenizer: Any, adapter: Adapter, steps: tuple[str, ...] = STEPS) -> tuple[str, list[int]]:
    """The text of the ids, and the positions."""
    judged = encode_solution(tokenizer, adapter, Prompt(text=QUESTION), steps, PAD)
    return tokenizer.decode(judged.ids), judged.positions


def test_qwen_is_read_at_its_own_token(chat: Any) -> None:
    text, positions = read(chat, built_in()["qwen2.5-math-prm"])
    assert text == (
        "<|im_start|>system\nPlease reason step by step, and put your final answer within "
        "\\boxed{}.<|im_end|>\n<|im_start|>user\n1+1+1?<|im_end|>\n<|im_start|>assistant\n"
        "1+1=2<extra_0>\u00bd 2+1=3<extra_0><|im_end|>\n"
    )
    assert positions == [110, 119]
    ids = chat(text, add_special_tokens=False)["input_ids"]
    assert [i for i, token in enumerate(ids) if token == chat("<extra_0>")["input_ids"][0]] == [
        110,
        119,
    ]


def test_an_outcome_model_is_read_at_the_last_token(chat: Any) -> None:
    adapter = built_in()["sequence"]
    text, positions = read(chat, adapter, ("1+1=2\n3",))
    assert text == (
        "<|im_start|>user\n1+1+1?<|im_end|>\n<|im_start|>assistant\n1+1=2\n3<|im_end|>\n"
    )
    assert positions == [33]


def test_math_shepherd_is_read_at_its_tag() -> None:
    """The text is tokenized as one: `▁ки` is a token that a step alone may not end with."""
    tokenizer = shepherd_tokenizer()
    judged = encode_solution(
        tokenizer, built_in()["math-shepherd"], Prompt(text="1 + 1?"), ("1 + 1 = 2", "2"), None
    )
    assert "".join(tokenizer.convert_ids_to_tokens(judged.ids)) == (
        "<s>▁1▁+▁1?▁Step▁1:▁1▁+▁1▁=▁2▁ки\nStep▁2:▁2▁ки\n"
    )
    tag = tokenizer.convert_tokens_to_ids("▁ки")
    assert judged.positions == [24, 35]
    assert [i for i, token in enumerate(judged.ids) if token == tag] == judged.positions
    assert token_id(tokenizer, "+", "m") == tokenizer.convert_tokens_to_ids("▁+")


@pytest.mark.parametrize("name", ["rlhflow", "rlhflow-vocabulary"])
def test_rlhflow_is_read_before_each_answer(chat: Any, name: str) -> None:
    text, positions = read(chat, built_in()[name])
    assert text == (
        "<|im_start|>user\n1+1+1? 1+1=2<|im_end|>\n<|im_start|>assistant\n+<|im_end|>\n"
        "<|im_start|>user\n\u00bd 2+1=3<|im_end|>\n<|im_start|>assistant\n+<|im_end|>\n"
    )
    assert positions == [30, 60]


def test_skywork_reads_steps_and_separators_apart(tmp_path: Path) -> None:
    tokenizer = save_chat_tokenizer(tmp_path, bos_token="<eos>")
    text, positions = read(tokenizer, built_in()["skywork-o1-prm"])
    assert text == "<eos>1+1+1?\n1+1=2\n\u00bd 2+1=3\n"
    assert positions == [13, 22]


def test_trl_and_pure_read_steps_and_separators_apart(chat: Any) -> None:
    assert read(chat, built_in()["trl"]) == ("1+1+1?1+1=2\n\u00bd 2+1=3\n", [11, 20])
    assert read(chat, built_in()["pure"]) == ("1+1+1?1+1=2\n\n\u00bd 2+1=3\n\n", [12, 22])


def test_parts_are_not_merged() -> None:
    """TRL's documented example: a step and the separator keep their own tokens."""
    merging = shepherd_tokenizer()
    parts = ("1", "1 ки", "\n", "2")
    question, first, end, second = (
        merging(part, add_special_tokens=False)["input_ids"] for part in parts
    )
    judged = encode_solution(merging, built_in()["trl"], Prompt(text="1"), ("1 ки", "2"), None)
    assert judged.ids == [1, *question, *first, *end, *second, *end]  # 1 is <s>
    assert judged.positions == [
        len(question + first + end),
        len(question + first + end + second + end),
    ]


def test_tokens_that_pad_at_the_end_are_not_read(chat: Any) -> None:
    """As transformers reads a classifier of texts: at the last token that is no padding."""
    newline = chat("\n")["input_ids"][-1]
    judged = encode_solution(
        chat, built_in()["sequence"], Prompt(text=QUESTION), ("3",), pad=newline
    )
    assert chat.decode(judged.ids).endswith("3<|im_end|>")
    assert judged.positions == [len(judged.ids) - 1]


def test_a_tokenizer_without_tokens_for_a_step_is_refused() -> None:
    """One that knows none of the text's characters drops them."""
    deaf = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(BPE()))
    with pytest.raises(ModelError, match="no token before the place of reading in"):
        encode_solution(deaf, built_in()["trl"], Prompt(text=QUESTION), ("3",), pad=None)


def test_a_token_over_the_place_of_reading_is_refused(chat: Any) -> None:
    layout = replace(present(built_in()["qwen2.5-math-prm"].text), step="{step}<extra{read}_0>")
    with pytest.raises(ModelError, match="a token reaches over the place of reading in"):
        read(chat, replace(built_in()["qwen2.5-math-prm"], text=layout))


def test_a_template_that_drops_a_step_is_refused(tmp_path: Path) -> None:
    tokenizer = save_chat_tokenizer(tmp_path)
    shown = "m.content.split('<extra_0>')[0]"
    tokenizer.chat_template = f"{{% for m in messages %}}{{{{ {shown} }}}}{{% endfor %}}"
    with pytest.raises(ModelError, match="2 steps are read at 0 places"):
        read(tokenizer, built_in()["qwen2.5-math-prm"])


def test_a_template_that_drops_a_turn_is_refused(tmp_path: Path) -> None:
    tokenizer = save_chat_tokenizer(tmp_path)
    tokenizer.chat_template = "{{ messages[0].content }}"
    with pytest.raises(ModelError, match=r"leaves out the user's turn$"):
        read(tokenizer, built_in()["qwen2.5-math-prm"])


def test_scores_of_logits() -> None:
    logits = torch.tensor([[0.0, 1.0], [2.0, 2.0]])
    first = 1 / (1 + torch.tensor(-1.0).exp().item())
    assert scores_of_logits(Head("classes"), logits) == pytest.approx([first, 0.5])
    assert scores_of_logits(Head("layers", activation="sigmoid"), logits[:, 1:]) == pytest.approx(
        [first, 0.880797]
    )
    assert scores_of_logits(Head("sequence", activation="none"), logits[:, 1:]) == [1.0, 2.0]


def test_tokens_that_a_tokenizer_has_not(chat: Any) -> None:
    assert token_id(chat, "+", "m") == chat("+")["input_ids"][-1]
    with pytest.raises(ModelError, match="m: has no token for ''"):
        token_id(chat, "", "m")


def test_what_vllm_does_not_compute_is_refused() -> None:
    adapter = built_in()["qwen2.5-math-prm"]
    assert for_vllm(adapter, "engine vllm") is adapter
    with pytest.raises(UsageError, match=r"engine vllm does not .* qwen2\.5-math-prm; give"):
        for_vllm(replace(adapter, vllm=False), "engine vllm")
    shepherd = built_in()["math-shepherd"]
    assert for_vllm(shepherd, "engine vllm") is shepherd
    with pytest.raises(UsageError, match="a vLLM server does not compute the scores of adapter"):
        for_vllm(shepherd, "a vLLM server", {"classes"})
