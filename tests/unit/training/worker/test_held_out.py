"""Rows that are not trained on: measured, and in charge of when to stop."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file

from sormctl.errors import DataError, ModelError
from sormctl.training import reward_model, student
from sormctl.training.checkpoints import list_checkpoints
from sormctl.training.config import REWARD_MODEL, Objective, TrainConfig
from sormctl.training.events import HELD_OUT_LOSS
from sormctl.training.token_rows import TrainingExample
from sormctl.training.worker.held_out import BestSoFar
from sormctl.training.worker.loop import StoppedByUser
from sormctl.training.worker.losses import contrastive_loss, language_model_loss, reward_model_loss
from sormctl.training.worker.model import load_language_model, load_reward_model
from tests.asked import PLAIN
from tests.engines.problems import plain_scores
from tests.models import make_model
from tests.unit.training.runs import configured, prepare, sums, train_here

SHARES = ("held_out_step_accuracy", "held_out_auc", "held_out_final_accuracy")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("models") / "tiny"))


def judged(count: int) -> list[TrainingExample]:
    return [example for x in sums(count, 0.5) if (example := reward_model.parse(x, PLAIN))]


def run(folder: Path, model: str, **fields: object) -> TrainConfig:
    """24 examples to train on and 16 others; their last labels are null now and then."""
    given: dict[str, Any] = {"kind": REWARD_MODEL, "held_out": "0.4", **fields}
    config = configured(model=model, output=str(folder / "out"), **given)
    examples = judged(40)
    return prepare(config, examples[:24], examples[24:])


def train(config: TrainConfig, stop: Callable[[], bool] = lambda: False) -> list[dict[str, Any]]:
    """The evaluations of a run."""
    events = train_here(config, load_reward_model, reward_model_loss, stop)
    return [x for x in events if x["event"] == "held_out"]


def weights(config: TrainConfig) -> dict[str, torch.Tensor]:
    return load_file(config.partial / "model" / "model.safetensors")


def same(one: TrainConfig, other: TrainConfig) -> bool:
    first, second = weights(one), weights(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_figures_are_those_of_the_published_model(tmp_path: Path, tiny: str) -> None:
    """Scores by transformers alone, one solution at a time, give the same four figures."""
    config = run(tmp_path, tiny, epochs=4, max_batch_tokens=60)
    (*_, last) = train(config)
    examples = judged(40)[24:]
    scores = plain_scores(str(config.partial / "model"), [(x.prompt, x.steps) for x in examples])
    pairs, final = [], []
    for example, found in zip(examples, scores, strict=True):
        labels = example.labels or ()
        pairs += [(p, x) for p, x in zip(found, labels, strict=True) if x is not None]
        final += [(p, x) for p, x in zip(found[-1:], labels[-1:], strict=True) if x is not None]
    costs = [-math.log(p if label else 1 - p) for p, label in pairs]
    assert last["held_out_loss"] == pytest.approx(sum(costs) / len(costs), abs=1e-4)
    for name, what in ((SHARES[0], pairs), (SHARES[2], final)):
        right = [(p >= 0.5) == bool(label) for p, label in what]
        assert last[name] == pytest.approx(sum(right) / len(right), abs=1e-4)
    above = [
        1.0 if good > bad else 0.5 if good == bad else 0.0
        for (good, x), (bad, y) in itertools.product(pairs, pairs)
        if x == 1 and y == 0
    ]
    assert last["held_out_auc"] == pytest.approx(sum(above) / len(above), abs=1e-4)
    assert len(final) < len(examples)  # so that a null last label makes a difference


def test_watching_changes_nothing(tmp_path: Path, tiny: str) -> None:
    """Four times an epoch, and after the last step; the weights are those of an unwatched run."""
    watched = run(tmp_path / "watched", tiny)
    assert [x["step"] for x in train(watched)] == [2, 4, 6, 8, 10, 12]
    unwatched = run(tmp_path / "unwatched", tiny, held_out=None)
    assert train(unwatched) == []
    assert same(watched, unwatched)
    often = run(tmp_path / "often", tiny, evaluate_every=5)
    assert [x["step"] for x in train(often)] == [5, 10, 12]


def test_a_language_model_has_a_loss_only(tmp_path: Path, tiny: str) -> None:
    examples = [example for x in sums(30) if (example := student.parse(x, PLAIN))]
    config = configured(model=tiny, output=str(tmp_path / "out"), held_out="0.2", epochs=10)
    events = train_here(
        prepare(config, examples[:24], examples[24:]), load_language_model, language_model_loss
    )
    evaluations = [x for x in events if x["event"] == "held_out"]
    assert not any(name in x for name in SHARES for x in evaluations)
    assert evaluations[0]["held_out_loss"] == pytest.approx(math.log(31), abs=0.7)
    assert evaluations[-1]["held_out_loss"] < 2.0
    card = (config.partial / "model" / "README.md").read_text("utf-8")
    assert f"| held_out_loss | {evaluations[-1]['held_out_loss']} |" in card


def test_a_contrastive_model_is_asked_which_is_better(tmp_path: Path, tiny: str) -> None:
    """And not which side of 1/2 a solution is on; nothing trains that."""
    pairs = [replace(x, labels=None, rival=("1 + 1 = 3", "#### 3")) for x in judged(30)]
    config = configured(kind=REWARD_MODEL, objective=Objective.contrastive, held_out="0.2")
    config = structs.replace(config, model=tiny, output=str(tmp_path / "out"), epochs=8)
    events = train_here(
        prepare(config, pairs[:24], pairs[24:]), load_reward_model, contrastive_loss
    )
    (*_, last) = (x for x in events if x["event"] == "held_out")
    assert not last.keys() & set(SHARES)
    assert (last["held_out_pair_accuracy"], last["held_out_loss"] < 0.1) == (1.0, True)


def overfitting(folder: Path, model: str, **fields: object) -> TrainConfig:
    """The labels that are trained on and the held-out ones contradict each other."""
    config = run(folder, model, epochs=8, patience=2, **fields)
    examples = [replace(x, labels=(1, 1)) for x in judged(30)]
    opposite = [replace(x, labels=(0, 0)) for x in examples[24:]]
    for path in (config.data, config.held_out_data, config.path):
        path.unlink()
    config.partial.rmdir()
    return prepare(config, examples[:24], opposite)


def test_the_best_is_published(tmp_path: Path, tiny: str) -> None:
    """It gets worse from the start, so it stops after three evaluations; the first is kept."""
    config = overfitting(tmp_path / "patient", tiny)
    found = train(config)
    assert [x["step"] for x in found] == [2, 4, 6]
    assert [path.name for path in list_checkpoints(config.checkpoints)] == ["step-2"]
    card = (config.partial / "model" / "README.md").read_text("utf-8")
    assert "at the best step, whose weights these are" in card
    assert f"| held_out_loss | {found[0]['held_out_loss']} |" in card
    asked = itertools.count(1)
    short = overfitting(tmp_path / "short", tiny)
    with pytest.raises(StoppedByUser):
        train(short, stop=lambda: next(asked) == 2)
    best = load_file(short.checkpoints / "step-2" / "model.safetensors")
    assert all(torch.equal(weight, best[name]) for name, weight in weights(config).items())


@pytest.mark.parametrize("at", [1, 3, 5])
def test_a_stopped_run_is_as_patient_as_before(tmp_path: Path, tiny: str, at: int) -> None:
    """The count of evaluations and the best of them survive, whenever it is stopped."""
    plain = overfitting(tmp_path / "plain", tiny, keep_checkpoints=1)
    train(plain)
    broken = overfitting(tmp_path / "broken", tiny, keep_checkpoints=1)
    asked = itertools.count(1)
    with pytest.raises(StoppedByUser):
        train(broken, stop=lambda: next(asked) == at)
    train(broken)
    assert same(plain, broken)
    courses = [
        [json.loads(line)["step"] for line in config.metrics.read_text().splitlines()]
        for config in (plain, broken)
    ]
    assert courses[0] == courses[1] == [1, 2, 4, 6]


def test_a_held_out_loss_that_is_no_number_ends_the_run(tmp_path: Path, tiny: str) -> None:
    config = run(tmp_path, tiny, lr=1e38, warmup=0.0, evaluate_every=1)
    with pytest.raises(ModelError, match="the held-out loss is nan at step 1; lower --lr"):
        train(config)
    assert HELD_OUT_LOSS not in config.metrics.read_text()


def test_a_new_head_says_one_half_and_one_that_is_there_stays(tmp_path: Path, tiny: str) -> None:
    """A loss that begins at log 2, whatever the size of the model's activations."""
    asked = torch.arange(1, 6)[None]
    model = load_reward_model(tiny)
    assert model(asked).logits.softmax(-1).unique().tolist() == [0.5]
    torch.nn.init.ones_(model.score.weight)
    model.save_pretrained(tmp_path)
    assert torch.equal(load_reward_model(str(tmp_path))(asked).logits, model(asked).logits)


def test_patience_counts_evaluations_that_are_no_better() -> None:
    best = BestSoFar(patience=2)
    assert best.add(1, 0.5)
    assert not best.add(2, 0.5)
    assert best.add(3, 0.4)
    assert not best.add(4, 0.6)
    assert not best.exhausted
    again = BestSoFar(patience=2)
    again.load_state_dict(best.state_dict())
    assert not again.add(5, 0.41)
    assert (again.exhausted, again.step, again.loss) == (True, 3, 0.4)


def test_held_out_rows_that_are_all_too_long(tmp_path: Path, tiny: str) -> None:
    config = run(tmp_path, tiny)
    long = [replace(x, steps=("1 + 1 = 2",) * 60, labels=(1,) * 60) for x in judged(2)]
    for path in (config.data, config.held_out_data, config.path):
        path.unlink()
    config.partial.rmdir()
    prepare(config, judged(4), long)
    with pytest.raises(DataError, match="all 2 examples are over 256 tokens"):
        train(config)
