"""One training run from its input to the finished folder, without loading torch.

`OUT.partial` holds the run until its model moves to `OUT`: the examples, the configuration, the
checkpoints and the metrics. It outlives a failure if there is a checkpoint to resume from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sormctl.engines.encoding import SETTINGS_FILE, prompt_style, read_settings, resolve_model
from sormctl.errors import SormctlError, UsageError
from sormctl.streams.output import locked, writing
from sormctl.training import launch
from sormctl.training.checkpoints import list_checkpoints, publish
from sormctl.training.config import (
    REFINER,
    REWARD_MODEL,
    STUDENT,
    TrainConfig,
    first_difference,
    parse_config,
    parse_held_out,
    parse_interval,
    read_config,
    write_config,
)
from sormctl.training.examples import Examples, Found, spool
from sormctl.training.progress import TrainingProgress
from sormctl.training.trackers import check_trackers

COMMANDS = {STUDENT: "train-student", REFINER: "train-refiner", REWARD_MODEL: "train-rm"}


@dataclass(frozen=True, slots=True)
class How:
    """How to run, where it makes no difference to the model."""

    resume: bool = False
    overwrite: bool = False
    quiet: bool = False
    log_format: str = "text"
    accelerate_config: Path | None = None


def run(
    config: TrainConfig, inputs: Sequence[str], examples: Examples, skipped: str, how: How
) -> None:
    """Trains on the `examples` of the inputs and leaves the model at its output.

    `config` has model and prompt as the user typed them. `skipped` names the records for which
    `examples` gives None. Raises UsageError, DataError, ModelError, OutputError, BusyError.
    """
    _check_options(config)
    model = resolve_model(config.model)
    config = replace(config, model=model, prompt=prompt_style(model, config.prompt))
    output = Path(config.output)
    _check_output(output, how)
    with (
        _workspace(config),
        TrainingProgress(COMMANDS[config.kind], how.quiet, how.log_format) as progress,
    ):
        unfinished = bool(list_checkpoints(config.checkpoints))
        if unfinished and not (how.resume or how.overwrite):
            raise UsageError(f"{config.partial} holds an unfinished run; --resume or --overwrite")
        found = spool(config, inputs, examples)
        found.tell(config, skipped, progress)
        config = _with_data(config, found)
        if how.resume and (unfinished or output.exists()):
            _check_same(config, unfinished)
            if not unfinished:
                progress.note(f"{output} is finished already")
                return
        else:
            _clear(config)
        os.replace(found.train.path, config.data)
        os.replace(found.held_out.path, config.held_out_data)
        _train(config, how, progress)
        with writing(output):
            publish(config.partial / "model", output, config.partial / "replaced")


def _check_options(config: TrainConfig) -> None:
    """UsageError for what is wrong whatever the input holds."""
    parse_interval(config.save_every)
    check_trackers(config.track or ())
    if config.held_out:
        parse_held_out(config.held_out)
    elif config.patience or config.evaluate_every:
        raise UsageError("--patience and --evaluate-every need --held-out")


def _with_data(config: TrainConfig, found: Found) -> TrainConfig:
    """`config` with what identifies its examples."""
    return replace(
        config,
        data_sha256=found.train.sha256,
        examples=found.train.examples,
        mode=found.train.mode,
        held_out_sha256=found.held_out.sha256 if config.held_out else "",
        held_out_examples=found.held_out.examples,
    )


def _check_output(output: Path, how: How) -> None:
    if not output.exists():
        return
    if not (how.resume or how.overwrite):
        raise UsageError(f"{output} exists; give another folder, or --overwrite")
    if not (output / SETTINGS_FILE).is_file():
        raise UsageError(f"{output} is not a model that sormctl has trained; give another folder")


@contextmanager
def _workspace(config: TrainConfig) -> Iterator[None]:
    """`OUT.partial`, for this process alone; it stays only if there is something to resume."""
    with writing(config.partial):
        config.partial.mkdir(parents=True, exist_ok=True)
    with locked(config.partial / "lock"):
        try:
            yield
        except BaseException:
            if not list_checkpoints(config.checkpoints):
                shutil.rmtree(config.partial)
            raise
        shutil.rmtree(config.partial)


def _check_same(config: TrainConfig, unfinished: bool) -> None:
    """UsageError if the run to be continued, or already finished, is another one."""
    if unfinished:
        earlier = read_config(config.path)
    else:
        settings = read_settings(Path(config.output)).get("training")
        if settings is None:
            raise UsageError(f"{config.output} was not trained by sormctl; give another folder")
        earlier = parse_config(settings)
    if difference := first_difference(earlier, config):
        raise UsageError(f"cannot --resume: {difference}; give the same, or --overwrite")


def _clear(config: TrainConfig) -> None:
    shutil.rmtree(config.checkpoints, ignore_errors=True)
    config.metrics.unlink(missing_ok=True)


def _train(config: TrainConfig, how: How, progress: TrainingProgress) -> None:
    """Launches the workers; an error of theirs says whether it can be taken up again."""
    gpus = launch.count_gpus()
    if how.accelerate_config is None:
        config = replace(config, num_processes=config.num_processes or max(1, gpus))
    write_config(config)
    try:
        launch.run(
            launch.command(config, gpus, how.accelerate_config),
            launch.environment(config.num_processes or 1, gpus),
            progress.hear,
        )
    except SormctlError as error:
        if kept := list_checkpoints(config.checkpoints):
            raise type(error)(f"{error}; {kept[-1]} is kept, continue with --resume") from error
        raise
