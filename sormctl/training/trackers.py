"""Trackers of experiments, through accelerate: wandb, tensorboard and others."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration

from sormctl.errors import UsageError
from sormctl.training.config import TrainConfig

PROJECT = "sormctl"
_PACKAGES = {"comet_ml": "comet-ml"}  # the others are called as they are


def tracked_accelerator(config: TrainConfig, mixed_precision: str) -> Accelerator:
    """An accelerator that logs to the trackers of `config`, if there are any.

    UsageError if one is unknown or its package is missing: accelerate would go on without.
    """
    for name in config.track or ():
        _check(name)
    accelerator = Accelerator(
        mixed_precision=mixed_precision,
        log_with=config.track or None,
        project_config=ProjectConfiguration(logging_dir=str(config.tracking)),
    )
    if config.track:
        name = Path(config.output).name
        accelerator.init_trackers(PROJECT, _settings(config), {"wandb": {"name": name}})
    return accelerator


def close_trackers(accelerator: Accelerator) -> None:
    """Lets every tracker finish what it has in hand."""
    for tracker in accelerator.trackers:
        tracker.finish()


def _check(name: str) -> None:
    from accelerate.tracking import get_available_trackers
    from accelerate.utils import LoggerType

    known = sorted(set(LoggerType.list()) - {"all"})
    if name not in known:
        raise UsageError(f"--track {name}: must be one of {', '.join(known)}")
    if LoggerType(name) not in get_available_trackers():
        package = _PACKAGES.get(name, name)
        raise UsageError(f"--track {name} needs a package; pip install {package}")


def _settings(config: TrainConfig) -> dict[str, Any]:
    """The configuration in the types that every tracker takes."""
    plain = {name: x for name, x in asdict(config).items() if x is not None}
    return {name: x if type(x) in (int, float, bool) else str(x) for name, x in plain.items()}
