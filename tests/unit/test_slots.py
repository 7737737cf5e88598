"""A model stands where it was made for: told by two small files, before anything is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.errors import ModelError
from sormctl.records import encode
from sormctl.slots import REFINERS, Slot, check_slot, is_trained_here
from tests.unit.examples import PROBLEM, wrong

CAUSAL, TOKENS = "LlamaForCausalLM", "LlamaForTokenClassification"
MODELS: dict[str, tuple[str | None, dict[str, Any]]] = {  # architecture, sormctl.json
    "student": (CAUSAL, {"kind": "student"}),
    "global": (CAUSAL, {"kind": "refiner", "mode": "global"}),
    "local": (CAUSAL, {"training": {"kind": "refiner", "mode": "local"}}),
    "both": (CAUSAL, {"kind": "refiner", "mode": "global+local"}),
    "rm": (TOKENS, {"kind": "reward-model", "mode": None}),
    "language": (CAUSAL, {}),
    "unnamed": (None, {"kind": ["mine"], "training": 7}),
    "tokens": (TOKENS, {}),
    "sequences": ("Qwen2ForSequenceClassification", {}),
    "prm": ("Qwen2ForProcessRewardModel", {}),
    "outcome": ("LlamaForSequenceClassification", {}),
}
LABELS = {"outcome": {"0": "LABEL_0"}}
FITS = {
    Slot.student: {"student", "language", "unnamed"},
    Slot.global_refiner: {"global", "both", "language", "unnamed"},
    Slot.local_refiner: {"local", "both", "language", "unnamed"},
    Slot.reward_model: {"rm", "prm", "outcome"},
    Slot.locator: {"rm", "prm"},
    Slot.pretrained: {"student", "global", "local", "both", "language", "unnamed"},
}
FITS_IF_PROMPTED = {  # by --prompt
    **{slot: fits | {"student"} for slot, fits in FITS.items()},
    Slot.student: FITS[Slot.student],
    Slot.reward_model: {"rm", "tokens", "prm", "outcome"},
    Slot.locator: {"rm", "tokens", "prm"},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders that hold no weights."""
    folders = {}
    for name, (architecture, settings) in MODELS.items():
        folder = tmp_path_factory.mktemp(name)
        config: dict[str, object] = {"architectures": architecture and [architecture]}
        config |= {"id2label": LABELS[name]} if name in LABELS else {}
        (folder / "config.json").write_text(json.dumps(config))
        if settings:
            (folder / "sormctl.json").write_text(json.dumps(settings))
        folders[name] = str(folder)
    return folders


@pytest.mark.parametrize(("prompt", "fits"), [("auto", FITS), ("one-shot", FITS_IF_PROMPTED)])
@pytest.mark.parametrize("slot", Slot, ids=lambda slot: slot.value)
@pytest.mark.parametrize("name", MODELS)
def test_what_fits(
    models: dict[str, str], name: str, slot: Slot, prompt: str, fits: dict[Slot, set[str]]
) -> None:
    if name in fits[slot]:
        check_slot(models[name], slot, prompt, is_hosted=False)
        return
    with pytest.raises(ModelError) as refused:
        check_slot(models[name], slot, prompt, is_hosted=False)
    assert str(refused.value).startswith(f"{models[name]}: a")
    assert "\n" not in str(refused.value)


def test_what_is_in_no_folder_is_looked_at_later() -> None:
    for name in ("no/such/model", "embedded:teacher", "/no/such/folder"):
        check_slot(name, Slot.reward_model, is_hosted=False)
    check_slot("embedded:student", Slot.student, is_hosted=False)
    with pytest.raises(ModelError, match=r"^embedded:student: a student judges no steps; give"):
        check_slot("embedded:student", Slot.reward_model, is_hosted=False)


def test_modes_have_slots() -> None:
    """A value refiner is trained and asked like a local one."""
    assert [mode for mode, slot in REFINERS.items() if slot is Slot.local_refiner] == [
        "local",
        "value",
    ]


def test_what_sormctl_trained_knows_its_prompt(models: dict[str, str]) -> None:
    known = {name for name, folder in models.items() if is_trained_here(folder)}
    assert known == {"student", "global", "local", "both", "rm"}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("sample --model {rm}", "{rm}: a reward model generates nothing"),
        ("sample --model {local}", "{local}: a local refiner was trained to mend drafts"),
        ("sample --model {sequences}", "Qwen2ForSequenceClassification generates nothing"),
        ("label-steps --model {global}", "{global}: a global refiner was trained to mend"),
        ("refine --mode local --model {global} --rm {rm}", "{global}: a global refiner saw no"),
        ("refine --mode value --model {global} --rm {rm}", "{global}: a global refiner saw no"),
        ("refine --mode global --model {local}", "{local}: a local refiner saw `[BAD]`"),
        ("refine --mode global --model {rm}", "{rm}: a reward model generates nothing"),
        ("refine --mode global --model {student}", "{student}: a student was not trained to"),
        ("refine --mode local --model {local} --rm {student}", "{student}: a student judges no"),
        ("score --rm {both}", "{both}: a global+local refiner judges no steps; give a reward"),
        ("score --rm {tokens}", "{tokens}: a token classifier that sormctl did not train: say"),
        (
            "score --rm {language}",
            "{language}: a language model judges no steps by itself; say how",
        ),
        ("score --rm {sequences}", "Qwen2ForSequenceClassification judges no steps by itself"),
        ("refine --mode local --model {local} --rm {outcome}", "{outcome}: a model that judges"),
        ("eval --bench chain --student {student} --sorm {outcome}", "{outcome}: a model that"),
        ("train-student --model {rm}", "{rm}: a reward model generates nothing"),
        ("train-refiner --model {tokens}", "{tokens}: a token classifier generates nothing"),
        ("rerank --rm {tokens}", "{tokens}: a token classifier that sormctl did not train"),
        ("eval --bench chain --student {rm}", "{rm}: a reward model generates nothing"),
        ("eval --bench chain --student {student} --orm {student}", "{student}: a student judges"),
        ("eval --bench chain --student {student} --sorm {tokens}", "{tokens}: a token class"),
        ("eval --bench chain --student {student} --global {local}", "{local}: a local refiner"),
        (
            "eval --bench chain --student {student} --sorm {rm} --local {global}",
            "{global}: a global refiner saw no `[BAD]` in training; give a local one",
        ),
    ],
)
def test_every_slot_is_looked_at_before_anything_is_written(
    models: dict[str, str], tmp_path: Path, command: str, message: str
) -> None:
    output = tmp_path / "out.jsonl"
    argv = [*command.format(**models).split(), "-o", str(output)]
    given = encode(PROBLEM if argv[0] == "sample" else wrong()) * (argv[0] != "eval")
    result = CliRunner().invoke(app, argv, given)
    assert result.exit_code == 1, result.stderr
    assert message.format(**models) in result.stderr
    assert result.stderr.startswith(f"sormctl {argv[0]}: ") and result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        "sample --model {rm}",
        "label-steps --model {global}",
        "refine --mode local --model {global} --rm {student}",
        "score --rm {student}",
        "rerank --rm {student}",
        "eval --bench chain -n 1 --student {rm}",
    ],
)
def test_of_a_model_that_is_served_a_folder_of_its_name_says_nothing(
    models: dict[str, str], command: str
) -> None:
    engine = [
        "--engine",
        "openai",
        "--base-url",
        "http://127.0.0.1:9",
        "--engine-arg",
        "tokenizer=x/y",
    ]
    data = "" if "--bench" in command else "\n"
    typed = [*command.format(**models).split(), *engine]
    result = CliRunner().invoke(app, typed, data)
    assert not any(
        word in result.stderr for word in ("judges no", "generates nothing", "was trained")
    )
