"""LoRA at tiny size: what is frozen, what is saved, and who can load it."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    MambaConfig,
    MambaForCausalLM,
)

from sormctl.errors import ModelError, UsageError
from sormctl.training import reward_model, student
from sormctl.training.checkpoints import list_checkpoints
from sormctl.training.config import REWARD_MODEL, Dtype, Optimizer
from sormctl.training.worker import loop
from sormctl.training.worker.loop import StoppedByUser
from sormctl.training.worker.lora import add_lora, halve_frozen
from sormctl.training.worker.losses import language_model_loss, reward_model_loss
from sormctl.training.worker.model import load_language_model, load_reward_model
from tests.asked import PLAIN
from tests.models import make_model
from tests.unit.training.runs import configured, losses, prepare, sums, train_here


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("models") / "tiny"))


def changed(before: torch.nn.Module, after: torch.nn.Module) -> set[str]:
    """The names of the weights that differ."""
    old = before.state_dict()
    return {name for name, x in after.state_dict().items() if not torch.equal(x, old[name])}


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_merged_reward_model_is_a_plain_one(
    tmp_path: Path, tiny: str, optimizer: Optimizer
) -> None:
    """All labels are 1: the head, trained in full, learns to say so. Embeddings stay."""
    examples = [replace(x, labels=(1, 1)) for y in sums(24) if (x := reward_model.parse(y, PLAIN))]
    config = configured(
        kind=REWARD_MODEL, model=tiny, output=str(tmp_path / "rm"), epochs=8, lora=2
    )
    config = prepare(structs.replace(config, optimizer=optimizer), examples)
    assert losses(train_here(config, load_reward_model, reward_model_loss))[-1] < 0.1
    folder = config.partial / "model"
    model, info = AutoModelForTokenClassification.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    names = changed(load_reward_model(tiny).model, model.model)
    assert names and all(name.startswith("layers.") for name in names)
    tokens = AutoTokenizer.from_pretrained(folder)("How many apples? 1 + 2", return_tensors="pt")
    assert model(**tokens).logits.softmax(-1)[0, -1, 1] > 0.9


def test_merged_or_not_it_says_the_same(tmp_path: Path, tiny: str) -> None:
    examples = [x for y in sums(24) if (x := student.parse(y, PLAIN))]
    made = []
    for merged in (True, False):
        config = configured(
            model=tiny, output=str(tmp_path / str(merged)), lora=4, merge_lora=merged
        )
        prepare(config, examples)
        train_here(config, load_language_model, language_model_loss)
        made.append(config.partial / "model")
    whole, adapter = made
    assert (adapter / "adapter_config.json").is_file()
    assert not (adapter / "model.safetensors").exists()
    ids = torch.tensor([[3, 4, 5, 6]])
    expected = AutoModelForCausalLM.from_pretrained(whole)(ids).logits
    found = AutoPeftModelForCausalLM.from_pretrained(adapter)(ids).logits
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_checkpoints_hold_what_is_trained(tmp_path: Path, tiny: str) -> None:
    """And are enough to go on from, for a reward model with its new head."""
    examples = [x for y in sums(24, 0.5) if (x := reward_model.parse(y, PLAIN))]
    made = []
    asked = itertools.count(1)
    for name in ("plain", "broken"):
        config = configured(kind=REWARD_MODEL, model=tiny, output=str(tmp_path / name), lora=4)
        config = prepare(config, examples)
        if name == "broken":
            with pytest.raises(StoppedByUser):
                train_here(config, load_reward_model, reward_model_loss, lambda: next(asked) == 7)
            (kept,) = list_checkpoints(config.checkpoints)
            names = load_file(kept / "model.safetensors").keys()
            assert names and all("lora" in x or "modules_to_save" in x for x in names)
        train_here(config, load_reward_model, reward_model_loss)
        made.append(load_file(config.partial / "model" / "model.safetensors"))
    assert all(torch.equal(x, made[1][name]) for name, x in made[0].items())


def test_checkpointing_reaches_the_adapters(tmp_path: Path, tiny: str) -> None:
    """The embeddings are frozen, so a careless checkpoint would cut the gradients off."""
    examples = [x for y in sums(24) if (x := student.parse(y, PLAIN))]
    history = []
    for again in (False, True):
        config = configured(model=tiny, output=str(tmp_path / str(again)), lora=4)
        config = prepare(structs.replace(config, gradient_checkpointing=again), examples)
        history.append(losses(train_here(config, load_language_model, language_model_loss)))
    assert history[0] == pytest.approx(history[1], abs=1e-4)
    assert history[0][-1] < history[0][0]


def test_without_peft_it_says_what_to_install(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    config = prepare(
        configured(model=tiny, output=str(tmp_path / "out"), lora=4),
        [x for y in sums(4) if (x := student.parse(y, PLAIN))],
    )
    with pytest.raises(UsageError, match=r"--lora needs peft; pip install 'peft\S*'"):
        train_here(config, load_language_model, language_model_loss)


class ScaledWords(torch.nn.Embedding):
    """Words that are scaled as they are looked up, in the weight's type, as Gemma's are."""

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return super().forward(ids) * torch.tensor(33.941).to(self.weight.dtype)


def test_frozen_weights_are_halved_where_nothing_is_lost() -> None:
    """Of three matrices one is frozen, one learns, and one has a number that bfloat16 has not.

    Words that only are looked up lose nothing; a norm is no matrix. A head that shares its matrix
    with words that are scaled leaves it as they need it.
    """
    exact, learning, fine = (torch.nn.Linear(4, 4) for _ in range(3))
    words, scaled, norm = torch.nn.Embedding(4, 4), ScaledWords(4, 4), torch.nn.LayerNorm(4)
    head = torch.nn.Linear(4, 4, bias=False)
    head.weight = scaled.weight
    model = torch.nn.ModuleList([exact, learning, fine, words, scaled, norm, head])
    for weight in model.parameters():
        weight.data = weight.data.bfloat16().float()
    fine.weight.data[0, 0] = 1.001
    learning.weight.data = learning.weight.data.bfloat16()
    model.requires_grad_(False)
    learning.requires_grad_(True)
    halve_frozen(model)
    halved = {id(exact.weight), id(words.weight)}
    for weight in model.parameters():
        expected = torch.bfloat16 if id(weight) in halved else torch.float32
        assert weight.dtype == expected
    assert words(torch.tensor([1])).dtype == torch.float32


def save_base(tiny: str, folder: Path, dtype: torch.dtype) -> str:
    """A model whose numbers bfloat16 has, in a folder that says `dtype`."""
    AutoModelForCausalLM.from_pretrained(tiny).bfloat16().to(dtype).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("saved", "computed", "lora", "expected"),
    [
        (torch.bfloat16, Dtype.bfloat16, 2, torch.bfloat16),
        (torch.bfloat16, Dtype.bfloat16, None, torch.float32),
        (torch.bfloat16, Dtype.float32, 2, torch.float32),
        (torch.float32, Dtype.bfloat16, 2, torch.float32),
        (torch.float16, Dtype.bfloat16, 2, torch.float32),
    ],
)
def test_only_what_is_frozen_is_loaded_as_bfloat16(
    tmp_path: Path,
    tiny: str,
    saved: torch.dtype,
    computed: Dtype,
    lora: int | None,
    expected: torch.dtype,
) -> None:
    """And the finished model has the type of the one that it began as."""
    loaded = []

    def load(folder: str, dtype: torch.dtype) -> Any:
        loaded.append(dtype)
        return load_language_model(folder, dtype)

    model = save_base(tiny, tmp_path / "base", saved)
    config = configured(model=model, output=str(tmp_path / "out"), lora=lora, dtype=computed)
    config = prepare(config, [x for y in sums(4) if (x := student.parse(y, PLAIN))])
    train_here(config, load, language_model_loss)
    assert loaded == [expected]
    weights = load_file(config.partial / "model" / "model.safetensors").values()
    assert {weight.dtype for weight in weights} == {saved}


@pytest.mark.parametrize("saved", [torch.bfloat16, torch.float32, torch.float16])
def test_halving_frozen_weights_changes_nothing_that_is_learned(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, saved: torch.dtype
) -> None:
    """From the same matrices of LoRA; the merged model is the same, too."""
    base = save_base(tiny, tmp_path / "base", saved)
    examples = [x for y in sums(8) if (x := student.parse(y, PLAIN))]
    found = []
    for name in ("halved", "whole"):
        if name == "whole":
            monkeypatch.setattr(loop, "halve_frozen", lambda model: model.float())
        config = configured(model=base, output=str(tmp_path / name), lora=2, dtype=Dtype.bfloat16)
        config = prepare(config, examples)
        course = losses(train_here(config, load_language_model, language_model_loss))
        found.append((course, load_file(config.partial / "model" / "model.safetensors")))
    assert found[0][0] == found[1][0]
    for name, weight in found[0][1].items():
        assert torch.equal(weight, found[1][1][name])


def test_lora_leaves_out_what_a_state_space_mixer_reads_itself(tmp_path: Path) -> None:
    """peft refuses a part of it, and an adapter at the rest would never be asked."""
    model = MambaForCausalLM(MambaConfig(vocab_size=31, hidden_size=16, num_hidden_layers=1))
    adapted = add_lora(model, configured(lora=2))
    adapted(torch.tensor([[3, 4, 5, 6]])).logits.sum().backward()
    learning = [x for x in adapted.parameters() if x.requires_grad]
    assert len(learning) == 4  # of two matrices
    assert all(x.grad is not None for x in learning)


def test_what_peft_refuses_is_one_line(tiny: str) -> None:
    model = load_language_model(tiny).model.embed_tokens
    with pytest.raises(ModelError, match=r"^folder: --lora: \S.*"):
        add_lora(model, configured(model="folder", lora=2))
