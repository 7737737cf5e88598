"""What the benchmarks bring along beside their measurements."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from benchmarks import labelling, sampling
from benchmarks.labelling import TOLERANCES, Once, draw_plot
from sormctl.asking import default_asking
from sormctl.engines.base import Completion, Sampling
from sormctl.prompts import Prompt
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from tests.fakes import ScriptedEngine
from tests.present import present

HARNESS = Path(__file__).parents[2] / "benchmarks" / "harness"


def test_what_was_generated_is_not_generated_again() -> None:
    engine = ScriptedEngine(lambda prompt, seed: f"{prompt.text} {seed}")
    once = Once(engine)

    async def texts(text: str, *seeds: int) -> list[str]:
        return [c.text for c in await once.sample(Prompt(text), Sampling(seeds))]

    async def twice() -> None:
        assert await texts("a", 1, 2) == ["a 1", "a 2"]
        assert await texts("a", 3, 2, 1) == ["a 3", "a 2", "a 1"]
        assert await texts("b", 1) == ["b 1"]
        assert await texts("b", 1) == ["b 1"]

    asyncio.run(twice())
    assert (engine.calls, len(once.made)) == (3, 4)


def test_labelling_runs_on_a_few_solutions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["labelling", "--solutions", "4", "--samples", "2", "-k", "1", "--once"]
    monkeypatch.setattr(sys, "argv", typed)
    asyncio.run(labelling.main())
    said = capsys.readouterr().out
    assert "4 unrelated solutions" in said and "2 problems with 2 samples each" in said
    assert "guided 0.1 by oracle, siblings" in said


def test_a_wave_goes_on_without_a_request_that_was_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of_their_seeds(llm: None, requests: list[sampling.Request]) -> list[Completion]:
        return [Completion(str(seed), "stop", 0, 0, 1) for *_, seed in requests]

    async def texts() -> list[str]:
        waves = sampling.Waves(None, None)
        gone, stays = (
            asyncio.create_task(waves.sample(Prompt("a"), Sampling((seed,)))) for seed in (1, 2)
        )
        await asyncio.sleep(0)
        gone.cancel()
        return [c.text for c in await asyncio.wait_for(stays, timeout=10)]

    monkeypatch.setattr(sampling, "generate", of_their_seeds)
    monkeypatch.setattr(sampling, "prompt_ids", lambda tokenizer, prompt: [1])
    assert asyncio.run(texts()) == ["2"]


def test_the_plot_of_a_table_is_always_the_same_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [
        ("plain, other seeds: noise floor", 1.0, 0.02),
        ("exact, other seeds", 0.34, 0.02),
        ("bisect, other seeds", 0.27, 0.022),
        *((f"guided {tolerance}, other seeds", 0.1, tolerance) for tolerance in TOLERANCES),
    ]
    names = ("a.svg", "b.svg")
    for name in names:
        draw_plot(rows, tmp_path / name)
    first, second = ((tmp_path / name).read_bytes() for name in names)
    assert first == second
    assert first.count(b"<use") > len(TOLERANCES)


@pytest.mark.parametrize("name", ["gsm8k", "svamp"])
def test_the_harness_asks_in_the_words_of_sormctl(name: str) -> None:
    template = re.search(r'doc_to_text: (".*")', (HARNESS / f"{name}.yaml").read_text("utf-8"))
    asked = re.sub(r"\{\{.*?\}\}", "How many?", json.loads(present(template)[1]))
    (message,) = draft_prompt(get_task(name), "How many?", default_asking("chat")).messages
    assert asked == message.content
