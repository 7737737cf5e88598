"""Each engine is started once for all tests of the student, once for those of a reward model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import torch
from transformers import AutoModelForTokenClassification

from sormctl.engines.base import Engine
from sormctl.engines.encoding import load_tokenizer
from sormctl.models import resolve_model
from tests.engines.contract import CONTRACTS, Contract


@pytest.fixture(scope="session", params=[contract.parameter() for contract in CONTRACTS])
def contract(request: pytest.FixtureRequest) -> Iterator[Contract]:
    """The engine under test."""
    found: Contract = request.param
    with found.around():
        yield found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def student(contract: Contract) -> AsyncIterator[Engine]:
    """The engine over the embedded student."""
    async with contract.open("embedded:student") as engine:
        yield engine


@pytest.fixture(scope="session")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the embedded student with the head of a reward model, untrained."""
    folder: Path = tmp_path_factory.mktemp("student-rm")
    source = resolve_model("embedded:student")
    torch.manual_seed(3)
    model = AutoModelForTokenClassification.from_pretrained(source, num_labels=2)
    torch.nn.init.normal_(model.score.weight, std=0.5)
    model.save_pretrained(folder)
    load_tokenizer(source).save_pretrained(folder)
    return str(folder)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def judge(contract: Contract, reward_model: str) -> AsyncIterator[Engine]:
    """The engine over the reward model."""
    if not contract.scores:
        pytest.skip(f"engine {contract.name} does not score")
    async with contract.open(reward_model) as engine:
        yield engine
