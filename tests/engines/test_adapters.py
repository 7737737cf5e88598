"""Engines that read reward models of others give the numbers of engine hf."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from sormctl.adapters.adapter import Adapter
from sormctl.adapters.registry import built_in
from sormctl.engines.registry import create_engine
from sormctl.engines.running import Running
from sormctl.errors import EngineError
from sormctl.prompts import Prompt
from tests.engines.servers import Server
from tests.reward_models import FAMILIES

PROMPT = Prompt(text="1+1+1?")
SOLUTIONS = [["1+1=2", "2+1=3", "#### 3"], ["It is 4."]]
WHOLES = [["1+1=2\n2+1=3\n#### 3"], ["It is 4."]]
# the token that vLLM reads such a model at is 151651, unless it is told another
SERVED: dict[str, tuple[str, ...]] = {
    "qwen2.5-math-prm": ("--pooler-config.step_tag_id", "260"),
    "sequence": (),
    "trl": (),
    "pure": (),
}
READ_BY_VLLM = [name for name, adapter in built_in().items() if adapter.vllm and adapter.text]
VLLM = Running(engine="vllm", engine_arg=["kv_cache_memory_bytes=100000000"])
pytestmark = pytest.mark.slow


def scores(folder: Path, adapter: Adapter, running: Running) -> list[float]:
    """Of both solutions, one after the other."""

    async def score() -> list[float]:
        async with create_engine(str(folder), running, adapter) as engine:
            given = WHOLES if adapter.judges_whole else SOLUTIONS
            found = await asyncio.gather(*(engine.score(PROMPT, steps) for steps in given))
            return [score for group in found for score in group]

    return asyncio.run(score())


@pytest.mark.parametrize("name", READ_BY_VLLM)
def test_vllm_gives_the_numbers_of_hf(tmp_path: Path, name: str) -> None:
    FAMILIES[name](tmp_path)
    adapter = built_in()[name]
    found = scores(tmp_path, adapter, VLLM)
    assert found == pytest.approx(scores(tmp_path, adapter, Running()), abs=1e-5)


def test_vllm_reads_no_pickle(tmp_path: Path) -> None:
    """Under whatever name: left alone, vLLM takes any `.bin` where there are no safetensors."""
    FAMILIES["trl"](tmp_path)
    weights = tmp_path / "model.safetensors"
    torch.save(load_file(weights), tmp_path / "weights.bin")
    weights.unlink()
    with pytest.raises(EngineError, match="Cannot find any model weights"):
        scores(tmp_path, built_in()["trl"], VLLM)


@pytest.mark.parametrize("name", SERVED)
def test_a_vllm_server_gives_the_numbers_of_hf(tmp_path: Path, name: str) -> None:
    FAMILIES[name](tmp_path)
    adapter = built_in()[name]
    server = Server(str(tmp_path), "rm", *SERVED[name])
    try:
        server.wait()
        openai = Running(engine="openai", base_url=[server.url])
        found = scores(tmp_path, adapter, openai)
    finally:
        server.kill()
    assert found == pytest.approx(scores(tmp_path, adapter, Running()), abs=1e-5)
