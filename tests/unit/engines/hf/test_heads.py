"""The numbers of engine hf are those of each family's published recipe, written out here.

The models are random and tiny, in the published layout of files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    Qwen2Config,
    Qwen2Model,
)

from sormctl.adapters.adapter import Adapter
from sormctl.adapters.registry import built_in, find_adapter
from sormctl.engines.hf.engine import create
from sormctl.engines.hf.heads import load_judge
from sormctl.engines.running import Running
from sormctl.errors import ModelError
from sormctl.models import read_model_config
from sormctl.prompts import Prompt
from tests.reward_models import (
    save_language_model,
    save_outcome_model,
    save_qwen_prm,
    save_skywork_prm,
    save_token_classifier,
    shepherd_tokenizer,
)

QUESTION, STEPS = "1+1+1?", ("1+1=2", "2+1=3", "#### 3")
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


def scores(folder: Path, adapter: Adapter, *solutions: tuple[str, ...]) -> list[list[float]]:
    """By the engine, all solutions in one batch."""

    async def score() -> list[list[float]]:
        async with create(str(folder), Running(), adapter) as engine:
            prompt = Prompt(text=QUESTION)
            return await asyncio.gather(*(engine.score(prompt, steps) for steps in solutions))

    return asyncio.run(score())


@torch.no_grad()
def hidden_states(folder: Path, ids: torch.Tensor) -> torch.Tensor:
    """Of a Qwen backbone whose weights are read by hand: (1, T, H)."""
    model = Qwen2Model(Qwen2Config.from_pretrained(folder)).eval()
    stored = load_file(folder / "model.safetensors")
    own = {k.removeprefix("model."): v for k, v in stored.items() if k.startswith("model.")}
    model.load_state_dict(own)
    return model(ids).last_hidden_state  # type: ignore[no-any-return]


def test_qwen2_5_math_prm(tmp_path: Path) -> None:
    tokenizer = save_qwen_prm(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")

    def published(steps: tuple[str, ...]) -> list[float]:
        """Both classes at each <extra_0>: two linear layers with ReLU between, softmax, class 1."""
        turns = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": QUESTION},
            {"role": "assistant", "content": "".join(f"{step}<extra_0>" for step in steps)},
        ]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
        x = hidden_states(tmp_path, ids)[0]
        x = torch.relu(x @ weights["score.0.weight"].T + weights["score.0.bias"])
        logits = x @ weights["score.2.weight"].T + weights["score.2.bias"]
        marks = ids[0] == tokenizer.convert_tokens_to_ids("<extra_0>")
        return logits.softmax(-1)[marks, 1].tolist()

    found = scores(tmp_path, built_in()["qwen2.5-math-prm"], STEPS, STEPS[:1])
    assert found[0] == pytest.approx(published(STEPS), abs=1e-5)
    assert found[1] == pytest.approx(published(STEPS[:1]), abs=1e-5)
    assert len({round(score, 3) for score in found[0]}) == 3


@torch.no_grad()
def test_math_shepherd(tmp_path: Path) -> None:
    tokenizer = save_language_model(tmp_path, shepherd_tokenizer())
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    text = f"{QUESTION} Step 1: 1+1=2 ки\nStep 2: 2+1=3 ки\nStep 3: #### 3 ки\n"
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    good, bad = (tokenizer(sign)["input_ids"][-1] for sign in "+-")
    plus = model(ids).logits[0][:, [good, bad]].softmax(-1)[:, 0]
    tags = ids[0] == tokenizer("ки")["input_ids"][-1]
    published = plus[tags].tolist()
    assert len(published) == 3
    found = scores(tmp_path, built_in()["math-shepherd"], STEPS, STEPS[:2])
    assert found[0] == pytest.approx(published, abs=1e-5)
    assert found[1] == pytest.approx(published[:2], abs=1e-5)


@torch.no_grad()
def test_rlhflow(tmp_path: Path) -> None:
    """Their code asks once a step, for what the position -3 predicts; one pass gives the same."""
    tokenizer = save_language_model(tmp_path)
    tokenizer.chat_template = (  # as Llama 3: the answer, and one token that ends it
        "{% for m in messages %}<|im_start|>{{ m.role }}\n\n{{ m.content }}<|im_end|>{% endfor %}"
    )
    tokenizer.save_pretrained(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    good, bad = (tokenizer(sign)["input_ids"][-1] for sign in "+-")
    turns, both, among_all = [], [], []
    for i, step in enumerate(STEPS):
        said = f"{QUESTION} {step}" if i == 0 else step
        turns += [{"role": "user", "content": said}, {"role": "assistant", "content": "+"}]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        logits = model(**tokenizer(text, return_tensors="pt")).logits[0, -3]
        both.append(logits[[good, bad]].softmax(-1)[0].item())
        among_all.append(logits.softmax(-1)[good].item())
    assert scores(tmp_path, built_in()["rlhflow"], STEPS)[0] == pytest.approx(both, abs=1e-5)
    found = scores(tmp_path, built_in()["rlhflow-vocabulary"], STEPS)[0]
    assert found == pytest.approx(among_all, abs=1e-6)
    assert both != pytest.approx(among_all, abs=1e-2)


def test_skywork_o1_prm(tmp_path: Path) -> None:
    """Sigmoid of a linear value head, at the separator after each step."""
    tokenizer = save_skywork_prm(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    ids = tokenizer.encode(f"{tokenizer.bos_token}{QUESTION}\n")
    places = []
    for step in STEPS:
        ids += [*tokenizer.encode(step), tokenizer.encode("\n")[-1]]
        places.append(len(ids) - 1)
    x = hidden_states(tmp_path, torch.tensor([ids]))[0]
    values = x @ weights["v_head.summary.weight"].T + weights["v_head.summary.bias"]
    found = scores(tmp_path, built_in()["skywork-o1-prm"], STEPS)[0]
    assert found == pytest.approx(values[places, 0].sigmoid().tolist(), abs=1e-5)
    assert find_adapter(read_model_config(tmp_path)) == built_in()["skywork-o1-prm"]


@torch.no_grad()
@pytest.mark.parametrize(("name", "separator"), [("trl", "\n"), ("pure", "\n\n")])
@pytest.mark.parametrize("special", [{}, {"bos_token": "<eos>"}], ids=["", "bos"])
def test_trl_and_pure(tmp_path: Path, name: str, separator: str, special: dict[str, str]) -> None:
    """Question, steps and separators are tokenized apart; TRL begins with the bos, if any."""
    tokenizer = save_token_classifier(tmp_path, **special)
    model = AutoModelForTokenClassification.from_pretrained(tmp_path).eval()

    def apart(text: str) -> list[int]:
        return tokenizer(text, add_special_tokens=False)["input_ids"]  # type: ignore[no-any-return]

    ids = [tokenizer.bos_token_id] if special and name == "trl" else []
    ids, places = ids + apart(QUESTION), []
    for step in STEPS:
        ids += apart(step) + apart(separator)
        places.append(len(ids) - 1)
    both = model(torch.tensor([ids])).logits[0, places].softmax(-1)
    found = scores(tmp_path, built_in()[name], STEPS)[0]
    assert found == pytest.approx(both[:, 1].tolist(), abs=1e-5)
    rewards = both[:, 1] - both[:, 0]  # PURE's own number
    assert [2 * score - 1 for score in found] == pytest.approx(rewards.tolist(), abs=1e-5)


def test_outcome_reward_models(tmp_path: Path) -> None:
    tokenizer = save_outcome_model(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()

    @torch.no_grad()
    def published(answer: str) -> float:
        """The only logit of a chat of question and answer."""
        turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": answer}]
        text = tokenizer.apply_chat_template(turns, tokenize=False)
        return model(**tokenizer(text, return_tensors="pt")).logits[0][0].item()  # type: ignore[no-any-return]

    answers = ["\n".join(STEPS), "It is 4."]
    found = scores(tmp_path, built_in()["sequence"], *((answer,) for answer in answers))
    assert [one for (one,) in found] == pytest.approx(
        [published(answer) for answer in answers], abs=1e-5
    )
    assert abs(found[0][0] - found[1][0]) > 1e-2


def test_a_head_that_is_not_there_is_refused(tmp_path: Path) -> None:
    save_qwen_prm(tmp_path)
    path = tmp_path / "model.safetensors"
    stored = load_file(path)
    del stored["score.2.weight"]
    save_file(stored, path, {"format": "pt"})
    with pytest.raises(ModelError, match=r"has no weight score\.2\.weight, the head that its"):
        scores(tmp_path, built_in()["qwen2.5-math-prm"], STEPS)


@pytest.mark.parametrize(
    ("key", "shape", "told"),
    [
        ("score.0.weight", (64, 32), "64 x 32; its adapter needs n x 64"),
        ("score.0.weight", (64,), "64; its adapter needs n x 64"),
        ("score.0.bias", (2,), "2; its adapter needs 64"),
        ("score.2.weight", (2, 63), "2 x 63; its adapter needs n x 64"),
    ],
)
def test_a_head_of_another_shape_is_refused(
    tmp_path: Path, key: str, shape: tuple[int, ...], told: str
) -> None:
    save_qwen_prm(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file({**load_file(path), key: torch.zeros(shape)}, path, {"format": "pt"})
    message = rf"{path}: {key} has the shape {told}$"
    with pytest.raises(ModelError, match=message):
        scores(tmp_path, built_in()["qwen2.5-math-prm"], STEPS)


@pytest.mark.parametrize(
    ("save", "name"),
    [
        (save_token_classifier, "trl"),
        (save_outcome_model, "sequence"),
        (save_skywork_prm, "skywork-o1-prm"),
        (lambda folder: save_language_model(folder, shepherd_tokenizer()), "math-shepherd"),
        (save_language_model, "rlhflow-vocabulary"),
    ],
)
def test_a_head_is_computed_in_float32(
    tmp_path: Path, save: Callable[[Path], Any], name: str
) -> None:
    """bfloat16 has few numbers, so that solutions which differ would often have equal scores."""
    tokenizer = save(tmp_path)
    ids = torch.arange(60)[None]
    places = torch.zeros(60, dtype=torch.long), torch.arange(60)
    _, read = load_judge(str(tmp_path), "bfloat16", built_in()[name], tokenizer)
    with torch.inference_mode():
        logits = read(ids, torch.ones_like(ids), *places)
    assert logits.dtype == torch.float32
    assert not torch.equal(logits[:, -1], logits[:, -1].bfloat16().float())


def test_a_head_of_too_few_outputs_is_refused(tmp_path: Path) -> None:
    save_skywork_prm(tmp_path)
    adapter = built_in()["skywork-o1-prm"]
    classes = structs.replace(adapter, head=structs.replace(adapter.head, activation="softmax"))
    message = r"v_head\.summary has 1 outputs; softmax, the activation of its adapter, takes 2$"
    with pytest.raises(ModelError, match=message):
        scores(tmp_path, classes, STEPS)


def test_weights_of_another_shape_than_the_configuration_says_are_refused(tmp_path: Path) -> None:
    save_outcome_model(tmp_path)
    path = tmp_path / "model.safetensors"
    save_file({**load_file(path), "score.weight": torch.zeros(1, 32)}, path, {"format": "pt"})
    message = rf"{path}: score.weight has the shape 1 x 32; its config.json makes 1 x 64$"
    with pytest.raises(ModelError, match=message):
        scores(tmp_path, built_in()["sequence"], STEPS)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    save_qwen_prm(tmp_path)
    path = tmp_path / "model.safetensors"
    torch.save(load_file(path), tmp_path / "pytorch_model.bin")
    path.unlink()
    with pytest.raises(ModelError, match="its weights are a pickle"):
        scores(tmp_path, built_in()["qwen2.5-math-prm"], STEPS)
