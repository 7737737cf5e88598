"""Trackers of experiments, through accelerate: wandb, tensorboard and others."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sormctl.errors import UsageError
from sormctl.missing import no_such
from sormctl.records import Json
from sormctl.training.config import TrainConfig

if TYPE_CHECKING:
    from accelerate import Accelerator

PROJECT = "sormctl"
# those of accelerate, told here so that a command need not load it to know them
TRACKERS = (
    *("aim", "clearml", "comet_ml", "dvclive", "mlflow", "swanlab", "tensorboard", "trackio"),
    "wandb",
)
_MODULES = {"tensorboard": ("tensorboard", "tensorboardX")}  # the others are called as they are


def check_trackers(names: Sequence[str]) -> None:
    """UsageError if a tracker is unknown, or if its package is missing."""
    for name in names:
        if name not in TRACKERS:
            raise UsageError(no_such("tracker (--track)", name, TRACKERS))
        if not any(map(_is_installed, _MODULES.get(name, (name,)))):
            package = name.replace("_", "-")
            raise UsageError(f"--track {name} needs a package; pip install {package}")


def tracked_accelerator(config: TrainConfig, settings: Json, mixed_precision: str) -> Accelerator:
    """An accelerator that logs to the trackers of `config`, if there are any, with the `settings`.

    UsageError if this accelerate cannot use one of them; it would go on without.
    """
    from accelerate import Accelerator
    from accelerate.tracking import get_available_trackers
    from accelerate.utils import GradientAccumulationPlugin, ProjectConfiguration

    for name in set(config.track or ()) - {str(tracker) for tracker in get_available_trackers()}:
        raise UsageError(f"--track {name}: accelerate cannot use the versions installed here")
    accelerator = Accelerator(
        mixed_precision=mixed_precision,
        log_with=config.track or None,
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        project_config=ProjectConfiguration(logging_dir=str(config.tracking)),
    )
    if config.track:
        name = Path(config.output).name
        accelerator.init_trackers(PROJECT, _plain(settings), {"wandb": {"name": name}})
    return accelerator


def close_trackers(accelerator: Accelerator) -> None:
    """Lets every tracker finish what it has in hand."""
    for tracker in accelerator.trackers:
        tracker.finish()


def _is_installed(module: str) -> bool:
    """Not by a mere folder of that name, such as the one in which wandb keeps its runs."""
    spec = find_spec(module)
    return spec is not None and spec.origin is not None


def _plain(settings: Json) -> dict[str, int | float | bool | str]:
    """Settings in the types that every tracker takes."""
    given = {name: x for name, x in settings.items() if x is not None}
    return {name: x if type(x) in (int, float, bool) else str(x) for name, x in given.items()}
