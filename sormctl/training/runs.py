"""One training run from its input to the finished folder, without loading torch.

`OUT.partial` holds the run until its model moves to `OUT`: the examples, the configuration, the
checkpoints and the metrics. It outlives a failure if there is something to resume from: a
checkpoint, or the trained model, which then has only to move.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from sormctl import hub
from sormctl.errors import SormctlError, UsageError
from sormctl.models import SETTINGS_FILE, model_digest, read_settings, template_digest
from sormctl.streams.output import locked, writing
from sormctl.training import launch
from sormctl.training.checkpoints import list_checkpoints, publish
from sormctl.training.config import (
    REFINER,
    REWARD_MODEL,
    STUDENT,
    Data,
    TrainConfig,
    as_json,
    first_difference,
    parse_held_out,
    parse_interval,
    write_config,
)
from sormctl.training.events import Event, RowsRead
from sormctl.training.examples import ReadExamples, spool
from sormctl.training.machines import machine_rank
from sormctl.training.options import RunOptions
from sormctl.training.progress import TrainingProgress
from sormctl.training.trackers import check_trackers

_LOCK = "sormctl.lock"
TRAINED_BY = {STUDENT: "train-student", REFINER: "train-refiner", REWARD_MODEL: "train-rm"}


def run(
    config: TrainConfig,
    inputs: Sequence[str] | None,
    examples: ReadExamples,
    skipped: str,
    options: RunOptions,
) -> None:
    """Trains on the `examples` of the inputs and leaves the model at its output.

    `skipped` names the records for which `examples` gives None. Raises UsageError, DataError,
    ModelError, OutputError, BusyError.
    """
    _check_options(config)
    if options.accelerate_config and (rank := machine_rank(options.accelerate_config)):
        _help(config, rank, options)
        return
    output = Path(config.output)
    _check_output(output, options)
    with _workspace(config), _progress(config, options) as progress:
        unfinished = _is_unfinished(config)
        if unfinished and not (options.resume or options.overwrite):
            raise UsageError(f"{config.partial} holds an unfinished run; --resume or --overwrite")
        found = spool(config, inputs or (), examples)
        found.tell(config, skipped, progress)
        data = replace(
            found.data,
            weights=model_digest(config.model),
            chat_template=template_digest(config.model),
        )
        if options.resume and (unfinished or output.exists()):
            _check_same(config, data, unfinished)
            if not unfinished:
                progress.note(f"{output} is finished already")
                return
        else:
            _clear(config)
        os.replace(found.train.path, config.data)
        os.replace(found.held_out.path, config.held_out_data)
        if config.model_to_be.exists():
            progress.note("the model is trained; it is put in place")
        else:
            _train(config, data, options, progress)
        with writing(output):
            publish(config.model_to_be, output, config.partial / "replaced")
        progress.wrote(config.output.rstrip("/"))


def _help(config: TrainConfig, rank: int, options: RunOptions) -> None:
    """Runs this machine's workers for machine 0, which does the rest.

    They start when all machines have met, and read what machine 0 has written to the shared folder.
    """
    with _progress(config, options) as progress:
        progress.note(f"machine {rank}: works for machine 0, which tells how it goes")
        _launch(config, options, progress.hear)


def _check_options(config: TrainConfig) -> None:
    """UsageError for what is wrong whatever the input holds."""
    parse_interval(config.save_every)
    check_trackers(config.track or ())
    if config.held_out:
        parse_held_out(config.held_out)
    elif config.patience or config.evaluate_every:
        raise UsageError("--patience and --evaluate-every need --held-out")
    if not (config.lora or config.merge_lora):
        raise UsageError("--no-merge-lora needs --lora")


def _progress(config: TrainConfig, options: RunOptions) -> TrainingProgress:
    return TrainingProgress(TRAINED_BY[config.kind], options.quiet, options.log_format)


def _check_output(output: Path, options: RunOptions) -> None:
    if not output.exists():
        if output.is_symlink():
            raise UsageError(f"{output} is a link to nothing; give another folder")
        return
    if not (options.resume or options.overwrite):
        raise UsageError(f"{output} exists; give another folder, or --overwrite")
    if not (output / SETTINGS_FILE).is_file():
        raise UsageError(f"{output} is not a model that sormctl has trained; give another folder")


@contextmanager
def _workspace(config: TrainConfig) -> Iterator[None]:
    """`OUT.partial`, for this process alone; it stays only if there is something to resume."""
    partial, lock = config.partial, config.partial / _LOCK
    if partial.is_symlink():
        raise UsageError(f"{partial} is a link, and is needed for the run; remove it")
    if partial.exists() and any(partial.iterdir()) and not lock.exists():
        raise UsageError(f"{partial} is needed for the unfinished run, and is not of one")
    with writing(partial):
        partial.mkdir(parents=True, exist_ok=True)
    with locked(lock):
        try:
            yield
        except BaseException:
            if not _is_unfinished(config):
                _remove(config)
            raise
        _remove(config)


def _check_same(config: TrainConfig, data: Data, unfinished: bool) -> None:
    """UsageError if the run to be continued, or already finished, is another one."""
    if unfinished:
        earlier = json.loads(config.path.read_bytes())
    else:
        earlier = read_settings(Path(config.output)).get("training")
    if earlier is None:
        raise UsageError(f"{config.output} was not trained by sormctl; give another folder")
    try:
        difference = first_difference(earlier, as_json(config, data))
    except msgspec.ValidationError as error:
        difference = f"the earlier run cannot be read: {error}"
    if difference:
        raise UsageError(f"cannot --resume: {difference}; give the same, or --overwrite")


def _is_unfinished(config: TrainConfig) -> bool:
    """Whether there is something to resume."""
    return config.model_to_be.exists() or bool(list_checkpoints(config.checkpoints))


def _clear(config: TrainConfig) -> None:
    for folder in (config.checkpoints, config.model_to_be, config.tracking):
        shutil.rmtree(folder, ignore_errors=True)
    for file in (config.metrics, config.settled):
        file.unlink(missing_ok=True)


def _remove(config: TrainConfig) -> None:
    """Removes `OUT.partial`, the lock last: it says whose folder it is, however far this comes."""
    _clear(config)
    for path in config.partial.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _LOCK:
            path.unlink()
    shutil.rmtree(config.partial)


def _train(
    config: TrainConfig, data: Data, options: RunOptions, progress: TrainingProgress
) -> None:
    """Launches the workers; an error of theirs says whether it can be taken up again."""
    if options.accelerate_config is None:
        processes = config.num_processes or max(1, launch.count_gpus())
        config = replace(config, num_processes=processes)
    write_config(config, data)

    def hear(event: Event) -> None:
        if options.push and isinstance(event, RowsRead):  # the workers have found nothing wrong
            hub.prepare(options.push, is_model=True)
        progress.hear(event)

    try:
        _launch(config, options, hear)
    except SormctlError as error:
        if kept := list_checkpoints(config.checkpoints):
            raise type(error)(f"{error}; {kept[-1]} is kept, continue with --resume") from error
        raise


def _launch(config: TrainConfig, options: RunOptions, listen: Callable[[Event], None]) -> None:
    gpus = launch.count_gpus()
    launch.run_workers(
        launch.command(config, gpus, options.accelerate_config),
        launch.environment(config.num_processes, gpus),
        listen,
    )
