"""Models that compute otherwise while they learn, or beside longer rows; and honest ones."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from sormctl.training import student
from sormctl.training.token_rows import Row
from sormctl.training.worker.lora import add_lora, halve_frozen
from sormctl.training.worker.losses import language_model_loss
from sormctl.training.worker.model import load_language_model
from sormctl.training.worker.probe import choose_mode
from tests.asked import PLAIN
from tests.invariance.families import BYTES, loaded_anew
from tests.models import DECODER, make_model
from tests.unit.training.runs import configured, prepare, sums, train_here

_SIZES: dict[str, Any] = {
    **DECODER,
    **BYTES,
    "max_position_embeddings": 256,
    "initializer_range": 0.3,
}
_ROPES = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "original_max_position_embeddings": 40,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
}
FAMILIES = {
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**_SIZES)),
    "mixtral": lambda: transformers.MixtralForCausalLM(
        transformers.MixtralConfig(**_SIZES, router_jitter_noise=0.2)
    ),
    "phimoe": lambda: transformers.PhimoeForCausalLM(
        transformers.PhimoeConfig(**_SIZES, num_local_experts=4, router_jitter_noise=0.3)
    ),
    "phi3": lambda: transformers.Phi3ForCausalLM(
        transformers.Phi3Config(
            **_SIZES, rope_parameters=_ROPES, original_max_position_embeddings=40
        )
    ),
}
ROWS = [
    Row(array("i", range(2, n + 2)), array("i", [n - 2]), array("i", [n])) for n in (12, 20, 30, 60)
]


def load(family: str, folder: Path) -> Any:
    torch.manual_seed(0)
    return loaded_anew(FAMILIES[family](), folder, load_language_model)


def probe(model: Any, precision: str = "no", most: int = 8192) -> list[str]:
    AcceleratorState._reset_state(reset_partial_state=True)
    accelerator = Accelerator(cpu=True, mixed_precision=precision)
    return choose_mode(accelerator.prepare(model), ROWS, accelerator, 256, False, most)


@pytest.mark.parametrize("family", ["mixtral", "phimoe"])
@pytest.mark.parametrize("again", [False, True])
def test_a_model_that_adds_noise_learns_as_it_is_used(
    family: str, again: bool, tmp_path: Path
) -> None:
    """Its layers are told to make their passes again, if that was asked for."""
    model, ids = load(family, tmp_path), torch.arange(40).reshape(1, -1)
    if again:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    plain = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(model.eval()(ids).logits, plain(ids).logits)
    (told,) = probe(model)
    assert told == f"a {family} model adds noise while it learns; it learns without, as it is used"
    torch.testing.assert_close(model(ids).logits, plain(ids).logits)
    assert model.model.layers[0].training == again


def test_rows_that_depend_on_longer_ones_are_told(tmp_path: Path) -> None:
    """Beyond 40 tokens this model turns all of them by other angles; alone a row has its own."""
    model = load("phi3", tmp_path)
    (told,) = probe(model)
    assert "phi3 model makes of a row depends on the longer ones beside it (" in told
    assert "--max-batch-tokens 1 " in told
    assert probe(model, most=100) == []  # a row of 60 stands beside no other
    assert model.training


@pytest.mark.parametrize("precision", ["no", "bf16"])
@pytest.mark.parametrize("lora", [None, 2])
def test_an_honest_model_is_told_nothing(precision: str, lora: int | None, tmp_path: Path) -> None:
    """Nothing is drawn or learned, and all of it is in training mode."""
    model = load("llama", tmp_path)
    if lora:
        model = add_lora(model.bfloat16(), configured(lora=lora))
        halve_frozen(model)
    before = torch.get_rng_state()
    if lora and precision == "no":
        model = model.float()
    assert probe(model, precision) == []
    assert torch.equal(torch.get_rng_state(), before)
    assert all(module.training for module in model.modules())


def test_an_evaluation_leaves_the_mode_as_it_was(tmp_path: Path) -> None:
    """So the losses of a run without noise are those of a run without evaluations."""
    folder = make_model(tmp_path / "model")
    config = transformers.MixtralConfig(
        **{**_SIZES, "vocab_size": 31, "pad_token_id": 1, "eos_token_id": 1},
        router_jitter_noise=0.2,
    )
    transformers.MixtralForCausalLM(config).save_pretrained(folder)
    examples = [x for y in sums(12) if (x := student.parse(y, PLAIN))]
    found = []
    for name, unseen in (("with", "0.3"), ("without", None)):
        run = configured(model=str(folder), output=str(tmp_path / name), held_out=unseen)
        prepare(run, examples[:8], examples[8:] if unseen else [])
        events = train_here(run, load_language_model, language_model_loss)
        found.append([x["loss"] for x in events if x["event"] == "step"])
    assert found[0] == found[1]
    assert any(x["event"] == "note" for x in events)
