"""Which model may stand where: a reward model does not draft, a global refiner sees no `[BAD]`.

What sormctl trained says so in its `sormctl.json`; of any other model only the kind is known. It
may be a student or a refiner, for a refiner may be prompted; but it scores on our prompts only if
the user says that it was trained on one.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from sormctl.errors import ModelError
from sormctl.models import read_model_config, read_settings, resolve_model, settings_folder

CLASSIFIER = "ForTokenClassification"
_OTHER_JUDGES = ("ForSequenceClassification", "RewardModel")


class Slot(Enum):
    """What a model is given for; of a refiner, how its training data call what it is shown."""

    student = "student"
    global_refiner = "global"
    local_refiner = "local"
    reward_model = "reward-model"
    pretrained = "pretrained"  # what a student or a refiner is trained from


REFINERS = {
    "global": Slot.global_refiner,
    "local": Slot.local_refiner,
    "value": Slot.local_refiner,  # it is shown `[BAD]`, too
}


def check_slot(model: str, slot: Slot, prompt: str = "auto") -> None:
    """ModelError if a model, as the user names it, was made for something else.

    `prompt` is the style that the user gives. It reads two small files, so it can be called before
    anything else; a model that is in no folder here is looked at by `check_resolved`.
    """
    try:
        folder = resolve_model(model)
    except ModelError:  # whoever loads it says so, if there is a record to work on
        return
    if Path(folder).is_dir():
        _check(model, Path(folder), slot, prompt)


def check_resolved(model: str, slot: Slot, prompt: str = "auto") -> None:
    """The same for a resolved model, which may be one of the hub."""
    _check(model, settings_folder(model), slot, prompt)


def _check(model: str, folder: Path, slot: Slot, prompt: str) -> None:
    kind, mode = _trained_for(read_settings(folder))
    made = _made(folder)
    if slot is Slot.reward_model:
        fault = _no_judge(model, kind, mode, made, prompt)
    elif kind == "reward-model" or made.endswith((CLASSIFIER, *_OTHER_JUDGES)):
        fault = f"{_named(kind, mode, made)} generates nothing"
    elif slot is Slot.pretrained:
        fault = ""
    elif slot is Slot.student:
        fault = _no_student(mode) if kind == "refiner" else ""
    else:
        fault = _no_refiner(kind, mode, slot, prompt)
    if fault:
        raise ModelError(f"{model}: {fault}")


def is_trained_here(model: str) -> bool:
    """Whether sormctl trained a resolved model, which then knows how it is asked."""
    kind, _ = _trained_for(read_settings(settings_folder(model)))
    return bool(kind)


def _no_judge(model: str, kind: str, mode: str, made: str, prompt: str) -> str:
    if kind == "reward-model":
        return ""
    if kind or not made.endswith(CLASSIFIER):
        return (
            f"{_named(kind, mode, made)} judges no steps; give a reward model, such as makes: "
            f"sormctl train-rm --model {model}"
        )
    if prompt == "auto":
        return (
            "a token classifier that sormctl did not train: on a prompt that it never saw its "
            "scores mean nothing; if it was trained on one of sormctl's, give --prompt STYLE"
        )
    return ""


def _no_student(mode: str) -> str:
    return f"{_named('refiner', mode)} was trained to mend drafts; give a student"


def _no_refiner(kind: str, mode: str, slot: Slot, prompt: str) -> str:
    if kind == "student" and prompt == "auto":
        return (
            "a student was not trained to refine; give a refiner, or say by --prompt how it is "
            "asked to be one"
        )
    if kind == "refiner" and mode and slot.value not in mode.split("+"):
        shown = "no `[BAD]`" if slot is Slot.local_refiner else "`[BAD]` in each draft"
        return f"{_named(kind, mode)} saw {shown} in training; give a {slot.value} one"
    return ""


def _named(kind: str, mode: str, made: str = "") -> str:
    """What a model is, in words."""
    if kind == "refiner":
        return f"a {mode} refiner" if mode else "a refiner"
    if kind:
        return f"a {kind.replace('-', ' ')}"
    if made.endswith(CLASSIFIER):
        return "a token classifier"
    return "a language model" if not made or made.endswith("ForCausalLM") else f"a {made}"


def _trained_for(settings: dict[str, Any]) -> tuple[str, str]:
    """The kind and mode that sormctl noted; "" where it did not train the model."""
    training = settings.get("training")
    noted = {**(training if isinstance(training, dict) else {}), **settings}
    kind, mode = noted.get("kind"), noted.get("mode")
    known = ("student", "refiner", "reward-model")
    return (kind if kind in known else ""), (mode if isinstance(mode, str) else "")


def _made(folder: Path) -> str:
    """The architecture that a model's configuration names."""
    names = read_model_config(folder).get("architectures")
    return str(names[0]) if isinstance(names, list) and names else ""
