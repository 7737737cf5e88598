"""A model runs only if the engine computes it as transformers does; it is tried once loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sormctl.engines.hf import probe as probing
from sormctl.engines.hf.decode import Decoder
from sormctl.engines.hf.load import LoadedModel, load
from sormctl.engines.hf.probe import probe
from sormctl.errors import EngineError, ModelError
from sormctl.prompts import Prompt
from tests.invariance.families import FAMILIES, NOT_COMPUTED, NOT_RUN, save_family
from tests.invariance.test_sampling import GREEDY, PROMPTS, run

HALVES = ["bfloat16", "float16"]


def loaded(family: str, folder: Path, dtype: str = "auto") -> LoadedModel:
    found = load(str(save_family(family, folder)), "cpu", "float32", None)
    if dtype != "auto":
        found.model.to(getattr(torch, dtype))
    return found


@pytest.mark.parametrize("family", NOT_RUN)
async def test_layers_that_are_not_run_are_refused(family: str, tmp_path: Path) -> None:
    message = f"engine hf does not run the layers of {family} models; use --engine vllm"
    with pytest.raises(ModelError, match=message):
        await run(str(save_family(family, tmp_path)), [(PROMPTS[0], GREEDY)])


@pytest.mark.parametrize("family", NOT_COMPUTED)
async def test_what_comes_out_otherwise_is_refused(family: str, tmp_path: Path) -> None:
    message = f"engine hf does not compute {family} models as transformers does; use --engine vllm"
    with pytest.raises(ModelError, match=message):
        await run(str(save_family(family, tmp_path)), [(PROMPTS[0], GREEDY)])


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("family", ["xlm-roberta", "roformer"])
def test_so_it_is_in_half_precision(family: str, dtype: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not compute"):
        probe(loaded(family, tmp_path, dtype))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("family", FAMILIES)
def test_rounding_is_no_error(family: str, dtype: str, tmp_path: Path) -> None:
    found: list[float] = []
    plain = probing._distance

    def noted(*logits: torch.Tensor) -> float:
        found.append(plain(*logits))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probing, "_distance", noted)
        probe(loaded(family, tmp_path, dtype))
    most = probing._TOLERANCE[getattr(torch, dtype)]
    assert found[0] < most / 2  # weights as wide as these round more than those of real models


def test_weights_that_are_not_numbers_are_told_as_that(tmp_path: Path) -> None:
    model = loaded("llama", tmp_path)
    torch.nn.init.constant_(model.model.lm_head.weight, torch.nan)
    with pytest.raises(EngineError, match="the model's logits are not numbers"):
        probe(model)


def test_no_memory_is_not_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Decoder, "logits", full)
    with pytest.raises(torch.OutOfMemoryError):
        probe(loaded("llama", tmp_path))


@pytest.mark.parametrize(
    ("family", "size"),
    [
        ("llama", 2 * 2 * 2 * 8),  # keys and values of 2 layers, 2 heads of 8 numbers
        ("gpt2", 2 * 2 * 4 * 8),
        ("gemma4", 2 * 2 * (8 + 16)),
    ],
)
def test_bytes_of_a_position(family: str, size: int, tmp_path: Path) -> None:
    assert probe(loaded(family, tmp_path)) == 4 * size
    assert probe(loaded(family, tmp_path, "bfloat16")) == 2 * size


async def test_a_text_ends_before_it_depends_on_what_is_read_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One with a prompt of 26 tokens may be 14 long; the longest prompt of the others is 39."""
    model = str(save_family("phi3", tmp_path))
    jobs = [(Prompt(text="x" * length), GREEDY) for length in (26, 39, 30, 34)]
    capsys.readouterr()
    together = await run(model, jobs)
    said = capsys.readouterr().err
    assert said.count("engine hf reads 40 tokens, not 128") == said.count("\n") == 1
    assert max(c.generated_tokens + c.prompt_tokens for (c,) in together) <= 40
    assert [(await run(model, [job]))[0] for job in jobs] == together


async def test_who_asks_for_less_is_told_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(save_family("phi3", tmp_path))
    capsys.readouterr()
    await run(model, [(PROMPTS[0], GREEDY)], max_length="38")
    assert not capsys.readouterr().err
