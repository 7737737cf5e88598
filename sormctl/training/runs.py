"""One training run from its input to the finished folder, without loading torch.

`OUT.partial` holds the run until its model moves to `OUT`: the examples, the configuration, the
checkpoints and the metrics. It outlives a failure if there is a checkpoint to resume from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sormctl.engines.encoding import SETTINGS_FILE, prompt_style, read_settings, resolve_model
from sormctl.errors import DataError, SormctlError, UsageError
from sormctl.records import Json
from sormctl.streams.jsonl import read_records
from sormctl.streams.output import encode, locked, writing
from sormctl.training import launch
from sormctl.training.checkpoints import list_checkpoints, publish
from sormctl.training.config import (
    CLASS_NAMES,
    REFINER,
    REWARD_MODEL,
    STUDENT,
    TrainConfig,
    first_difference,
    parse_config,
    parse_interval,
    read_config,
    write_config,
)
from sormctl.training.data import Example, example_json
from sormctl.training.progress import TrainingProgress

COMMANDS = {STUDENT: "train-student", REFINER: "train-refiner", REWARD_MODEL: "train-rm"}

Examples = Callable[[Sequence[str], str], Iterator[Example | None]]  # (inputs, prompt style)


@dataclass(frozen=True, slots=True)
class How:
    """How to run, where it makes no difference to the model."""

    resume: bool = False
    overwrite: bool = False
    quiet: bool = False
    log_format: str = "text"
    accelerate_config: Path | None = None


def one_each(parse: Callable[[Json, str], Example | None]) -> Examples:
    """The examples that `parse` makes of the records, one of each."""
    return lambda inputs, style: read_records(inputs, lambda data: parse(data, style))


def run(
    config: TrainConfig, inputs: Sequence[str], examples: Examples, skipped: str, how: How
) -> None:
    """Trains on the `examples` of the inputs and leaves the model at its output.

    `config` has model and prompt as the user typed them. `skipped` names the records for which
    `examples` gives None. Raises UsageError, DataError, ModelError, OutputError, BusyError.
    """
    parse_interval(config.save_every)
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
        spool = config.partial / "new.jsonl"
        found = _spool(examples(inputs, config.prompt), spool)
        found.tell(config, skipped, progress)
        config = replace(config, data_sha256=found.sha256, examples=found.examples, mode=found.mode)
        if how.resume and (unfinished or output.exists()):
            _check_same(config, unfinished)
            if not unfinished:
                progress.note(f"{output} is finished already")
                return
        else:
            _clear(config)
        os.replace(spool, config.data)
        _train(config, how, progress)
        with writing(output):
            publish(config.partial / "model", output, config.partial / "replaced")


@dataclass(slots=True)
class _Found:
    """What there was in the input."""

    sha256: str
    examples: int = 0
    skipped: int = 0
    modes: set[str] = field(default_factory=set)
    labels: Counter[float | None] = field(default_factory=Counter)

    @property
    def mode(self) -> str | None:
        return "+".join(sorted(self.modes)) or None

    def tell(self, config: TrainConfig, skipped: str, progress: TrainingProgress) -> None:
        """Says what was found; DataError if that is nothing to train on."""
        if not self.examples:
            why = f"all {self.skipped} records are {skipped}" if self.skipped else "no records"
            raise DataError(f"nothing to train on: {why}")
        left_out = f"; left out: {self.skipped:,} {skipped}" if self.skipped else ""
        progress.note(f"{self.examples:,} examples{left_out}")
        if self.labels:
            progress.note(f"step labels: {self._describe_labels(config)}")
            if len(self.labels.keys() - {None}) == 1:
                progress.note("all labels are the same: the model will learn to say just that")

    def _describe_labels(self, config: TrainConfig) -> str:
        if config.soft_labels:
            shares = Counter({share: n for share, n in self.labels.items() if share is not None})
            mean = sum(share * n for share, n in shares.items()) / shares.total()
            return f"{shares.total():,} shares of successes, {mean:.2f} on average"
        names = reversed(list(enumerate(CLASS_NAMES[config.classes])))
        return ", ".join(f"{self.labels[label]:,} {name}" for label, name in names)


def _spool(examples: Iterable[Example | None], path: Path) -> _Found:
    """Writes the examples to `path` for the workers, who cannot share a pipe."""
    digest = hashlib.sha256()
    found = _Found("")
    with writing(path), path.open("wb") as file:
        for example in examples:
            if example is None:
                found.skipped += 1
                continue
            line = encode(example_json(example))
            file.write(line)
            digest.update(line)
            found.examples += 1
            found.labels.update(example.labels or ())
            if example.mode:
                found.modes.add(example.mode)
    found.sha256 = digest.hexdigest()
    return found


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
