"""How a worker process talks with the command that launched it.

It reports events as JSON lines on standard output, among them the one line of a user's error, and
listens on standard input: a byte asks it to keep a checkpoint and end, and the end of the stream
means that the command is gone, so the worker ends too and no orphan trains on.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import warnings
from functools import partial
from pathlib import Path

import msgspec
import torch

from sormctl.errors import SormctlError, UsageError
from sormctl.training import events
from sormctl.training.config import REWARD_MODEL, Objective, TrainConfig, read_config
from sormctl.training.worker import losses
from sormctl.training.worker.failures import as_user_error
from sormctl.training.worker.loop import Load, StoppedByUser, train
from sormctl.training.worker.model import load_language_model, load_reward_model
from sormctl.training.worker.orphans import started_by_command

_PEER_IS_GONE = re.compile(r"Connection (reset|closed) by peer", re.I)


def main() -> None:
    """Trains what the configuration says that `sys.argv` names."""
    logging.getLogger("accelerate").setLevel(logging.ERROR)  # it warns that tied weights are tied
    # peft uses a name that transformers 5.23 has given up
    warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
    stop = threading.Event()
    if started_by_command():
        threading.Thread(target=_listen, args=(stop,), daemon=True).start()
    report_event(events.Started())
    try:
        config = _config(Path(sys.argv[1]))
        train(config, *_learner(config), report_event, stop.is_set)
    except StoppedByUser:
        if os.environ.get("RANK", "0") == "0":  # all of them have
            report_event(events.Stopped())
    except (SormctlError, OSError, RuntimeError, MemoryError) as error:
        if _PEER_IS_GONE.search(str(error)):  # its launcher tells what that one died of
            sys.stderr.write("another process of this run has gone\n")
            sys.exit(1)
        known = as_user_error(error)
        if known is None:
            raise
        report_event(events.Failed(type(known).__name__, str(known)))
        sys.exit(known.exit_code)
    if torch.distributed.is_initialized():  # else a thread of gloo's now and then aborts the exit
        torch.distributed.destroy_process_group()


def _learner(config: TrainConfig) -> tuple[Load, losses.Loss]:
    """What loads the model of a run, and its loss."""
    if config.kind != REWARD_MODEL:
        return load_language_model, losses.language_model_loss
    contrastive = config.objective is Objective.contrastive
    loss = losses.contrastive_loss if contrastive else losses.reward_model_loss
    return partial(load_reward_model, classes=config.classes), loss


def _config(path: Path) -> TrainConfig:
    if not path.exists():
        raise UsageError(f"{path}: no such file; the machines of a run share the folder of -o")
    return read_config(path)


def report_event(event: events.Event) -> None:
    """Tells the command; if that is gone, there is nobody to work for."""
    try:
        sys.stdout.write(json.dumps(msgspec.to_builtins(event)) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)


def _listen(stop: threading.Event) -> None:
    while os.read(0, 1):
        stop.set()
    os._exit(1)
