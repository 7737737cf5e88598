"""Real trainings of a tiny model in this process."""

from __future__ import annotations

import itertools
import json
import math
import resource
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec import structs
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    BertForTokenClassification,
    CTRLConfig,
    CTRLLMHeadModel,
)

from sormctl.asking import NOTHING_SAID
from sormctl.errors import DataError, ModelError, OutputError, UsageError
from sormctl.models import read_settings, settle_asking
from sormctl.prompts import Prompt
from sormctl.records import to_json
from sormctl.training import refiner, reward_model, student
from sormctl.training.checkpoints import list_checkpoints
from sormctl.training.config import REWARD_MODEL, Dtype, Objective, Optimizer, Packing, TrainConfig
from sormctl.training.token_rows import TrainingExample
from sormctl.training.worker import settled
from sormctl.training.worker.loop import StoppedByUser
from sormctl.training.worker.losses import contrastive_loss, language_model_loss, reward_model_loss
from sormctl.training.worker.metrics_file import read_metrics
from sormctl.training.worker.model import load_language_model, load_reward_model
from sormctl.training.worker.settled import mixed_precision
from tests.asked import PLAIN
from tests.models import add_token, make_model
from tests.unit.training.runs import CONFIG, configured, losses, prepare, sums, train_here

LEARNER = (load_reward_model, contrastive_loss)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("models") / "tiny"))


def references(count: int) -> list[TrainingExample]:
    return [example for x in sums(count) if (example := student.parse(x, PLAIN))]


def judged(count: int) -> list[TrainingExample]:
    return [example for x in sums(count, 0.5) if (example := reward_model.parse(x, PLAIN))]


def student_run(tmp_path: Path, model: str, mode: str | None = None, **fields: Any) -> TrainConfig:
    config = configured(model=model, output=str(tmp_path / "out"), **fields)
    return prepare(config, references(24), mode=mode)


def train_student(
    config: TrainConfig, stop: Callable[[], bool] = lambda: False
) -> list[dict[str, Any]]:
    return train_here(config, load_language_model, language_model_loss, stop)


def weights(config: TrainConfig) -> dict[str, torch.Tensor]:
    return load_file(config.partial / "model" / "model.safetensors")


def assert_equal(one: TrainConfig, other: TrainConfig) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_student_learns(tmp_path: Path, tiny: str, optimizer: Optimizer) -> None:
    """Guessing among 31 tokens costs ln 31 = 3.4."""
    config = student_run(tmp_path, tiny, epochs=10, optimizer=optimizer)
    history = losses(train_student(config))
    assert history[0] == pytest.approx(math.log(31), abs=0.3)
    assert history[-1] < 2.0


def test_a_reward_model_learns_and_loads(tmp_path: Path, tiny: str) -> None:
    config = configured(kind=REWARD_MODEL, model=tiny, output=str(tmp_path / "rm"), epochs=8)
    prepare(config, [replace(x, labels=(1, 1)) for x in judged(24)])
    history = losses(train_here(config, load_reward_model, reward_model_loss))
    assert history[0] == pytest.approx(math.log(2), abs=0.2)
    assert history[-1] < 0.05
    folder = config.partial / "model"
    model = AutoModelForTokenClassification.from_pretrained(folder)
    assert model.config.id2label == {0: "incorrect", 1: "correct"}
    tokens = AutoTokenizer.from_pretrained(folder)("How many apples? 1 + 2", return_tensors="pt")
    assert model(**tokens).logits.softmax(-1)[0, -1, 1] > 0.9


def contrasted(count: int) -> list[TrainingExample]:
    """Pairs of a right and a wrong sum, the wrong one longer."""
    return [
        replace(x, labels=None, rival=("0 + 0 = 0", "1 + 1 = 3", "#### 3")) for x in judged(count)
    ]


def contrastive_run(tmp_path: Path, model: str, **fields: object) -> TrainConfig:
    made: dict[str, object] = {"kind": REWARD_MODEL, "objective": Objective.contrastive, **fields}
    config = configured(model=model, output=str(tmp_path / "out"), **made)
    return prepare(config, contrasted(24))


def test_a_contrastive_reward_model_learns_which_is_better(tmp_path: Path, tiny: str) -> None:
    """Untrained, either is as likely; its score is P(correct) of the same two labels."""
    config = contrastive_run(tmp_path, tiny, epochs=8)
    events = train_here(config, *LEARNER)
    assert (events[0]["rows"], events[0]["left_out"], events[0]["steps"]) == (24, 0, 48)
    assert losses(events)[0] == pytest.approx(math.log(2), abs=0.2)
    assert losses(events)[-1] < 0.05
    model = AutoModelForTokenClassification.from_pretrained(config.partial / "model")
    assert model.config.id2label == {0: "incorrect", 1: "correct"}


def test_a_pair_stays_together_in_the_parts_of_a_batch(tmp_path: Path, tiny: str) -> None:
    """A pair takes some 50 tokens, so with 30 each goes through alone: four passes a step."""
    found = [
        losses(train_here(contrastive_run(tmp_path / name, tiny, max_batch_tokens=most), *LEARNER))
        for name, most in (("whole", 8192), ("parts", 30))
    ]
    assert found[0] == pytest.approx(found[1], abs=1e-4)


def test_three_classes_are_learned_and_named(tmp_path: Path, tiny: str) -> None:
    config = configured(
        kind=REWARD_MODEL, model=tiny, output=str(tmp_path / "prm"), epochs=8, classes=3
    )
    prepare(config, [replace(x, labels=(2, 0)) for x in judged(24)])
    load = partial(load_reward_model, classes=3)
    history = losses(train_here(config, load, reward_model_loss))
    assert history[0] == pytest.approx(math.log(3), abs=0.3)
    assert history[-1] < 0.2
    model = AutoModelForTokenClassification.from_pretrained(config.partial / "model")
    assert model.config.id2label == {0: "incorrect", 1: "neutral", 2: "correct"}


def test_soft_labels_are_learned(tmp_path: Path, tiny: str) -> None:
    """The best that can be learned of a share of 1/4 is its entropy, 0.562."""
    config = configured(kind=REWARD_MODEL, model=tiny, output=str(tmp_path / "rm"), epochs=8)
    prepare(config, [replace(x, labels=(0.25, None)) for x in judged(24)])
    history = losses(train_here(config, load_reward_model, reward_model_loss))
    assert history[-1] == pytest.approx(0.562, abs=0.02)


def test_the_folder_says_what_it_is(tmp_path: Path, tiny: str) -> None:
    config = student_run(tmp_path, tiny, mode="local")
    events = train_student(config)
    folder = config.partial / "model"
    settings = read_settings(folder)
    assert (settings["kind"], settings["prompt"], settings["mode"]) == ("student", "plain", "local")
    assert settings["training"]["lr"] == CONFIG.lr
    assert settle_asking(str(folder), NOTHING_SAID) == PLAIN
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in logged] == [1, 10, 12]
    assert [line["loss"] for line in logged] == losses(events)
    assert logged[-1]["epoch"] == 2.0
    assert (events[0]["rows"], events[0]["left_out"], events[0]["steps"]) == (24, 0, 12)
    assert AutoModelForCausalLM.from_pretrained(folder).config.pad_token_id == 1


def test_parts_of_a_batch_add_up(tmp_path: Path, tiny: str) -> None:
    """The longest row has 22 tokens, so 30 hold one row: four passes a step."""
    whole = student_run(tmp_path / "whole", tiny)
    parts = student_run(tmp_path / "parts", tiny, max_batch_tokens=30)
    assert losses(train_student(whole)) == pytest.approx(losses(train_student(parts)), abs=1e-4)


def test_packing_and_checkpointing_learn_the_same(tmp_path: Path, tiny: str) -> None:
    """One batch, so that the rows of a step are the same in either order."""
    fields: dict[str, Any] = {"epochs": 1, "batch_size": 24}
    plain = student_run(tmp_path / "plain", tiny, **fields)
    expected = losses(train_student(plain))
    on = {**fields, "packing": Packing.on}
    packed = student_run(tmp_path / "packed", tiny, **on)
    parts = student_run(tmp_path / "parts", tiny, max_batch_tokens=50, **on)
    again = student_run(tmp_path / "again", tiny, gradient_checkpointing=True, **fields)
    for config in (packed, parts, again):
        assert losses(train_student(config)) == pytest.approx(expected, abs=1e-4)


def test_the_log_says_what_share_is_useful(tmp_path: Path, tiny: str) -> None:
    """Rows of up to 22 tokens, padded to the longest of four; packed ones need no padding."""
    events = train_student(student_run(tmp_path / "padded", tiny))
    shares = [x["useful_tokens"] for x in events if x["event"] == "step"]
    assert 0.8 < min(shares) < 1.0
    events = train_student(student_run(tmp_path / "packed", tiny, packing=Packing.on))
    assert {x["useful_tokens"] for x in events if x["event"] == "step"} == {1.0}


def test_padding_changes_nothing(tmp_path: Path, tiny: str) -> None:
    """The loss of a mixed batch is that of its rows alone, weighted by their targets."""
    from sormctl.engines.encoding import load_tokenizer
    from sormctl.training.token_rows import encode_example
    from sormctl.training.worker.losses import collate

    tokenizer, model = load_tokenizer(tiny), load_language_model(tiny).eval()
    rows = [encode_example(tokenizer, x) for x in references(9)]
    assert len({len(row.ids) for row in rows}) > 1
    together = language_model_loss(model, collate(rows, 0)).loss
    alone = sum(language_model_loss(model, collate([row], 0)).loss.item() for row in rows)
    assert together.item() == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("optimizer", Optimizer)
def test_a_stopped_run_continues_to_the_same_weights(
    tmp_path: Path, tiny: str, optimizer: Optimizer
) -> None:
    plain = student_run(tmp_path / "plain", tiny, optimizer=optimizer)
    train_student(plain)
    broken = student_run(tmp_path / "broken", tiny, optimizer=optimizer)
    asked = itertools.count(1)
    with pytest.raises(StoppedByUser):
        train_student(broken, stop=lambda: next(asked) == 7)
    assert [path.name for path in list_checkpoints(broken.checkpoints)] == ["step-7"]
    events = train_student(broken)
    assert [x["step"] for x in events if x["event"] == "resumed"] == [7]
    assert_equal(plain, broken)
    logged = [read_metrics(config.metrics) for config in (plain, broken)]
    assert [row["step"] for row in logged[0]] == [1, 10, 12]
    for before, after in zip(*logged, strict=True):  # the means are of the same steps
        assert {**before, "tokens_per_second": 0} == {**after, "tokens_per_second": 0}


@pytest.mark.parametrize(("keep", "kept"), [(1, [12]), (2, [9, 12]), (3, [6, 9, 12])])
def test_the_newest_checkpoints_are_kept(
    tmp_path: Path, tiny: str, keep: int, kept: list[int]
) -> None:
    config = student_run(tmp_path, tiny, save_every="3", keep_checkpoints=keep)
    train_student(config)
    assert {path.name for path in config.checkpoints.iterdir()} == {f"step-{x}" for x in kept}


@pytest.mark.parametrize("limit", [50_000, 100_000])
def test_a_full_disk_ends_in_one_line_and_keeps_the_last_checkpoint(
    tmp_path: Path, tiny: str, limit: int
) -> None:
    """From step 6 on no file may grow beyond a limit: weights take 80 kB, AdamW's state 160."""
    config = student_run(tmp_path, tiny, save_every="3")
    asked = itertools.count(1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def shrink() -> bool:
        if next(asked) == 5:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        return False

    try:
        with pytest.raises(OutputError, match=r"step-6 cannot be written: "):
            train_student(config, stop=shrink)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in config.checkpoints.iterdir()] == ["step-3"]
    train_student(config)
    plain = student_run(tmp_path / "plain", tiny)
    train_student(plain)
    assert_equal(plain, config)


def test_weights_are_saved_in_the_type_they_came_in(tmp_path: Path, tiny: str) -> None:
    half = tmp_path / "half"
    AutoModelForCausalLM.from_pretrained(tiny, dtype="bfloat16").save_pretrained(half)
    AutoTokenizer.from_pretrained(tiny).save_pretrained(half)
    config = student_run(tmp_path, str(half))
    train_student(config)
    saved = weights(config)
    assert {weight.dtype for weight in saved.values()} == {torch.bfloat16}
    assert "lm_head.weight" not in saved  # it is the embedding
    assert AutoModelForCausalLM.from_pretrained(config.partial / "model").dtype is torch.bfloat16


def test_bfloat16_learns_the_same_within_its_precision(tmp_path: Path, tiny: str) -> None:
    full = losses(train_student(student_run(tmp_path / "full", tiny)))
    config = student_run(tmp_path / "half", tiny, dtype=Dtype.bfloat16)
    assert losses(train_student(config)) == pytest.approx(full, abs=0.05)
    assert {weight.dtype for weight in weights(config).values()} == {torch.float32}
    assert "attn" not in (config.partial / "model" / "config.json").read_text().replace(
        "num_attention", ""
    )


def test_dtypes() -> None:
    assert mixed_precision(Dtype.float32) == "no"
    assert mixed_precision(Dtype.bfloat16) == "bf16"
    assert mixed_precision(Dtype.auto) in ("no", "bf16")


def test_rows_over_the_models_context_are_left_out(tmp_path: Path, tiny: str) -> None:
    """The model has 256 positions."""
    long = replace(references(1)[0], steps=("1 + 1 = 2",) * 50)
    config = prepare(
        configured(model=tiny, output=str(tmp_path / "out"), max_length=1000),
        [*references(4), long],
    )
    assert train_student(config)[0] == {
        "event": "rows",
        "rows": 4,
        "left_out": 1,
        "truncated": 0,
        "longest": 256,
        "steps": 2,
    }
    card = (config.partial / "model" / "README.md").read_text()
    assert "| of these left out, being too long | 1 |" in card
    assert read_settings(config.partial / "model")["training"]["left_out"] == 1
    config = structs.replace(config, output=str(tmp_path / "none"), max_length=3)
    prepare(config, references(4))
    with pytest.raises(DataError, match="all 4 examples are over 3 tokens; see --max-length"):
        train_student(config)


def test_a_model_that_cannot_be_loaded(tmp_path: Path, tiny: str) -> None:
    folder = make_model(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="broken: cannot load the model: "):
        train_student(student_run(tmp_path, str(folder)))


def test_a_token_beyond_the_embeddings_matters_where_it_occurs(tmp_path: Path) -> None:
    model = str(add_token(make_model(tmp_path / "tiny")))
    assert train_student(student_run(tmp_path / "good", model, epochs=1))
    config = configured(model=model, output=str(tmp_path / "bad" / "out"))
    shown = TrainingExample(Prompt(text="Question: <image> How many?"), ("#### 1",))
    with pytest.raises(ModelError, match=r"no embedding for the token '<image>' .* in 'Quest.*<i"):
        train_student(prepare(config, [shown]))


def test_a_model_that_looks_ahead_cannot_judge_steps(tmp_path: Path, tiny: str) -> None:
    """It would be trained with the answer in sight, and its judgement would change with padding."""
    size = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}
    tokens = len(AutoTokenizer.from_pretrained(tiny))
    model = BertForTokenClassification(BertConfig(vocab_size=tokens, num_hidden_layers=1, **size))
    model.save_pretrained(tmp_path / "bert")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "bert")
    config = configured(kind=REWARD_MODEL, model=str(tmp_path / "bert"))
    config = prepare(structs.replace(config, output=str(tmp_path / "out")), judged(4))
    with pytest.raises(ModelError, match="this bert model looks ahead"):
        train_here(config, load_reward_model, reward_model_loss)


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path, tiny: str) -> None:
    """Before a checkpoint of it takes the place of a good one."""
    config = student_run(tmp_path, tiny, lr=1e30, warmup=0.0, save_every="1", keep_checkpoints=1)
    with pytest.raises(ModelError, match=r"the loss is nan at step \d+; lower --lr") as caught:
        train_student(config)
    assert not (config.partial / "model").exists()
    (kept,) = list_checkpoints(config.checkpoints)
    assert f"at step {int(kept.name[5:]) + 1};" in str(caught.value)


def test_what_auto_came_to_holds_for_the_whole_run(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that would choose otherwise goes on as the first one began."""
    plain = student_run(tmp_path / "plain", tiny, dtype=Dtype.auto)
    monkeypatch.setattr(settled, "_has_bfloat16", lambda: False)
    train_student(plain)
    broken = student_run(tmp_path / "broken", tiny, dtype=Dtype.auto)
    asked = itertools.count(1)
    with pytest.raises(StoppedByUser):
        train_student(broken, stop=lambda: next(asked) == 7)
    monkeypatch.setattr(settled, "_has_bfloat16", lambda: True)
    train_student(broken)
    assert_equal(plain, broken)
    card = (broken.partial / "model" / "README.md").read_text()
    assert "| dtype | float32 |" in card
    assert "| packing | off |" in card


def test_the_shell_does_not_divide_gradients(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = student_run(tmp_path / "plain", tiny)
    train_student(plain)
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1000")
    other = student_run(tmp_path / "other", tiny)
    train_student(other)
    assert_equal(plain, other)


def test_the_launcher_must_start_what_was_asked_for(tmp_path: Path, tiny: str) -> None:
    with pytest.raises(UsageError, match="--num-processes 2: the launcher started 1"):
        train_student(student_run(tmp_path, tiny, num_processes=2))


def test_a_global_refiner_trains_on_its_pairs(tmp_path: Path, tiny: str) -> None:
    from sormctl.records import Pair

    pairs = [
        Pair(
            task="numeric",
            problem_id=f"p{i}",
            question="1 + 2?",
            draft=("1 + 2 = 4", "#### 4"),
            first_error=None,
            target=("1 + 2 = 3", "#### 3"),
        )
        for i in range(8)
    ]
    config = configured(model=tiny, output=str(tmp_path / "out"), epochs=8)
    prepare(config, [refiner.parse(to_json(pair), PLAIN) for pair in pairs])
    history = losses(train_student(config))
    assert history[-1] < history[0] / 2


def test_a_family_without_gradient_checkpointing_is_one_line(tmp_path: Path, tiny: str) -> None:
    sizes = {"vocab_size": 31, "n_embd": 16, "dff": 32, "n_layer": 1, "n_head": 2}
    CTRLLMHeadModel(CTRLConfig(**sizes)).save_pretrained(tmp_path / "ctrl")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "ctrl")
    config = student_run(tmp_path, str(tmp_path / "ctrl"), gradient_checkpointing=True)
    with pytest.raises(ModelError, match=r"^--gradient-checkpointing: CTRLLMHeadModel does not"):
        train_student(config)


def test_a_model_of_no_numbers_is_not_told_to_learn_slower(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "broken")
    model = AutoModelForCausalLM.from_pretrained(folder)
    torch.nn.init.constant_(model.model.norm.weight, math.nan)
    model.save_pretrained(folder)
    config = student_run(tmp_path, str(folder))
    with pytest.raises(ModelError, match=r"the loss is nan at step 1; the model's own weights"):
        train_student(config)


def test_a_pass_that_the_model_refuses_is_one_line(tmp_path: Path, tiny: str) -> None:
    """Before the first step, where a model is passed through to see what fits in memory."""

    def refuses(*_: object) -> None:
        raise ValueError("this input\nis not for me")

    with pytest.raises(ModelError, match=r"^\S+: cannot be run: this input$"):
        train_here(student_run(tmp_path, tiny, max_batch_tokens=None), load_language_model, refuses)
