from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.training.config import Optimizer
from sormctl.training.worker.model import load_language_model as load
from sormctl.training.worker.optimizers import build_optimizers, learning_rate
from tests.models import make_model
from tests.unit.training.runs import configured


def test_the_learning_rate_rises_then_decays_as_a_cosine() -> None:
    """10 % of 100 steps rise by tenths; half-way down, at step 55, it is (1 + 0.01) / 2."""
    config = configured(lr=2.0, warmup=0.1)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * step for step in range(1, 11)])
    assert rates[10] == 2.0
    assert rates[55] == pytest.approx(1.01)
    assert rates[99] == pytest.approx(0.02, rel=0.05)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_without_warmup_it_starts_at_the_top() -> None:
    assert learning_rate(configured(lr=2.0, warmup=0.0), 0, 1) == 2.0


def test_only_matrices_decay(tmp_path: Path) -> None:
    model = load(str(make_model(tmp_path / "tiny")))
    (adamw,) = build_optimizers(model, configured(weight_decay=0.1))
    assert [group["weight_decay"] for group in adamw.param_groups] == [0.1, 0.0]
    assert {p.ndim for p in adamw.param_groups[1]["params"]} == {1}


def test_muon_takes_the_hidden_matrices(tmp_path: Path) -> None:
    """2 layers of 7 matrices; the embedding, tied to the head, and 5 norms are left to AdamW."""
    model = load(str(make_model(tmp_path / "tiny")))
    adamw, muon = build_optimizers(model, configured(optimizer=Optimizer.muon))
    assert len(muon.param_groups[0]["params"]) == 14
    assert [len(group["params"]) for group in adamw.param_groups] == [1, 5]
