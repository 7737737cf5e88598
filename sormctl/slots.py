"""Which model may stand where: a reward model does not draft, a global refiner sees no `[BAD]`.

What sormctl trained says so in its `sormctl.json`; of any other model only the kind is known. It
may be a student or a refiner, for a refiner may be prompted. A reward model is read by an adapter:
that of its family, or the one that the user names.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

from sormctl.adapters.adapter import OWN, Adapter
from sormctl.adapters.registry import find_adapter, theirs
from sormctl.errors import ModelError, SormctlError
from sormctl.models import read_model_config, read_settings, resolve_model, settings_folder

CLASSIFIER = "ForTokenClassification"
_GENERATES = "ForCausalLM"
_OTHER_JUDGES = ("ForSequenceClassification", "RewardModel")


class Slot(Enum):
    """What a model is given for; of a refiner, how its training data call what it is shown."""

    student = "student"
    global_refiner = "global"
    local_refiner = "local"
    reward_model = "reward-model"
    locator = "locator"  # a reward model that says which step is wrong
    pretrained = "pretrained"  # what a student or a refiner is trained from


REFINERS = {
    "global": Slot.global_refiner,
    "local": Slot.local_refiner,
    "value": Slot.local_refiner,  # it is shown `[BAD]`, too
}


def check_slot(
    model: str,
    slot: Slot,
    prompt: str = "auto",
    adapter: Adapter | None = None,
    *,
    is_hosted: bool,
) -> Adapter | None:
    """ModelError if a model, as the user names it, was made for something else.

    `prompt` is the style, and `adapter` the adapter, that the user gives. It reads two small files,
    so it can be called before anything else; a model that is in no folder here is looked at by
    `check_resolved`. Gives the adapter of a reward model, where that is known. Of a hosted model a
    folder of its name says nothing.
    """
    if is_hosted:
        return adapter
    try:
        folder = resolve_model(model)
    except SormctlError:  # whoever loads it says so, if there is a record to work on
        return adapter
    return _check(model, Path(folder), slot, prompt, adapter) if Path(folder).is_dir() else adapter


def check_resolved(
    model: str, slot: Slot, prompt: str = "auto", adapter: Adapter | None = None
) -> Adapter | None:
    """The same for a resolved model, which may be one of the hub."""
    return _check(model, settings_folder(model), slot, prompt, adapter)


def served_adapter(folder: Path | None, adapter: Adapter | None) -> Adapter:
    """How a hosted reward model is read: as the user says, else as its folder, if it is here."""
    return adapter or (folder and find_adapter(read_model_config(folder))) or OWN


def _check(
    model: str, folder: Path, slot: Slot, prompt: str, adapter: Adapter | None
) -> Adapter | None:
    kind, mode = _trained_for(read_settings(folder))
    made = _made(folder)
    if slot in (Slot.reward_model, Slot.locator):
        adapter = adapter or _adapter_of(folder, kind, made, prompt)
        fault = _no_judge(model, kind, mode, made, adapter, slot)
    elif kind == "reward-model" or made.endswith((CLASSIFIER, *_OTHER_JUDGES)):
        fault = f"{_named(kind, mode, made)} generates nothing; give a language model"
    elif slot is Slot.pretrained:
        fault = ""
    elif slot is Slot.student:
        fault = _no_student(mode) if kind == "refiner" else ""
    else:
        fault = _no_refiner(kind, mode, slot, prompt)
    if fault:
        raise ModelError(f"{model}: {fault}")
    return adapter


def is_trained_here(model: str) -> bool:
    """Whether sormctl trained a resolved model, which then knows how it is asked."""
    kind, _ = _trained_for(read_settings(settings_folder(model)))
    return bool(kind)


def _adapter_of(folder: Path, kind: str, made: str, prompt: str) -> Adapter | None:
    """The adapter of a reward model; None where it is none, or its family is not certain."""
    if kind:
        return OWN if kind == "reward-model" else None
    found = find_adapter(read_model_config(folder))
    return OWN if not found and made.endswith(CLASSIFIER) and prompt != "auto" else found


def _no_judge(
    model: str, kind: str, mode: str, made: str, adapter: Adapter | None, slot: Slot
) -> str:
    if adapter is not None:
        if slot is Slot.locator and adapter.judges_whole:
            return "a model that judges whole solutions locates no error; give one for steps"
        return ""
    if not kind and made.endswith(CLASSIFIER):
        return (
            "a token classifier that sormctl did not train: say how it was trained to read, by "
            "--rm-adapter trl, pure, or a file; or by --prompt STYLE, if on sormctl's prompts"
        )
    if not kind:
        trains = f"; or train one: sormctl train-rm --model {model}"
        return (
            f"{_named(kind, mode, made)} judges no steps by itself; say how it is read as a reward "
            f"model, by --rm-adapter {', '.join(theirs())}, or a file"
            f"{trains if not made or made.endswith(_GENERATES) else ''}"
        )
    return (
        f"{_named(kind, mode, made)} judges no steps; give a reward model; to train one: "
        f"sormctl train-rm --model {model}"
    )


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
    if not made or made.endswith(_GENERATES):
        return "a language model"
    return f"{'an' if made[0] in 'AEIO' else 'a'} {made}"


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
