"""The one training loop, run by every process that the launcher starts.

The processes share each batch, and the loss of a step is the mean over the targets of the whole
batch, so the number of processes and of parts does not change what is learned.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor

from sormctl.engines.encoding import load_tokenizer
from sormctl.errors import DataError, UsageError
from sormctl.training import checkpoints
from sormctl.training.config import Dtype, TrainConfig, parse_interval
from sormctl.training.data import Row, plan_batches, read_rows, split_batch
from sormctl.training.lora import add_lora
from sormctl.training.losses import Batch, collate
from sormctl.training.models import load_model, model_limits, save_model
from sormctl.training.optimizers import build_optimizers, learning_rate
from sormctl.training.packing import use_packing

Event = dict[str, Any]
Load = Callable[[str], Any]
Loss = Callable[[Any, Batch], Tensor]

LOG_EVERY = 10
LOG_SECONDS = 10.0
MAX_GRADIENT_NORM = 1.0


class Stopped(Exception):
    """The user asked to stop; a checkpoint has been kept."""


def train(
    config: TrainConfig,
    load: Load,
    loss: Loss,
    report: Callable[[Event], None],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Trains as `config` says and leaves the finished model in `config.partial / "model"`.

    Continues from the newest checkpoint. Reports events from the first process only; `stop` is
    asked after every step, and raises Stopped once a checkpoint has been kept.
    """
    accelerator = Accelerator(mixed_precision=mixed_precision(config.dtype))
    _check_processes(config, accelerator)
    torch.manual_seed(config.seed)
    tokenizer = load_tokenizer(config.model)
    max_length, dtype = model_limits(config)
    model = load_model(config.model, load, tokenizer)
    rows, too_long = read_rows(config.data, tokenizer, max_length)
    if not rows:
        raise DataError(f"all {too_long} examples are over {max_length} tokens; see --max-length")
    half = accelerator.mixed_precision == "bf16"
    packed = use_packing(model, config.packing, max_length, half)
    if not packed and half and accelerator.device.type == "cpu":
        # the fused kernel's backward pass takes half of the time there
        model.set_attn_implementation("eager")
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if config.lora:
        model = add_lora(model, config)
    model, *optimizers = accelerator.prepare(model, *build_optimizers(model, config))
    model.train()
    run = _Run(config, accelerator, model, optimizers, loss, rows, tokenizer.pad_token_id, packed)
    if accelerator.is_main_process:
        report({"event": "rows", "rows": len(rows), "too_long": too_long, "steps": run.num_steps})
        run.report = report
    first = checkpoints.load_checkpoint(accelerator, config.checkpoints)
    if first and run.report:
        run.report({"event": "resumed", "step": first})
    run.go(first, stop)
    save_model(accelerator, model, tokenizer, config, dtype)


def mixed_precision(dtype: Dtype) -> str:
    """What accelerate calls it. `auto` is bfloat16 where the hardware multiplies it natively.

    The weights stay float32: in bfloat16 the small updates of fine-tuning would be rounded away.
    """
    if dtype is Dtype.auto:
        dtype = Dtype.bfloat16 if _has_bfloat16() else Dtype.float32
    return "bf16" if dtype is Dtype.bfloat16 else "no"


def _has_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    cpu = torch.cpu.get_capabilities()
    return bool(cpu.get("avx512_bf16") or cpu.get("amx_bf16"))


@dataclass(slots=True)
class _Run:
    """What the steps of one run share."""

    config: TrainConfig
    accelerator: Accelerator
    model: Any
    optimizers: Sequence[Any]
    loss: Loss
    rows: Sequence[Row]
    pad: int
    packed: bool
    report: Callable[[Event], None] | None = None
    lengths: list[int] = field(init=False)
    slots: int = 0  # that went through this process's model, padding included
    useful: int = 0  # those of them that are tokens of rows

    def __post_init__(self) -> None:
        self.lengths = [row.size for row in self.rows]

    @property
    def num_steps(self) -> int:
        return self.config.epochs * math.ceil(len(self.rows) / self.config.batch_size)

    def go(self, first: int, stop: Callable[[], bool]) -> None:
        """Every step from `first` on, with logs and checkpoints."""
        config = self.config
        meter = _Meter(self, first)
        save_steps, save_seconds = parse_interval(config.save_every)
        saved = time.monotonic()
        plan = plan_batches(
            self.lengths, config.batch_size, config.epochs, config.seed, self.packed
        )
        for step, batch in enumerate(islice(plan, first, None), first + 1):
            lr = learning_rate(config, step - 1, self.num_steps)
            meter.add(step, batch, self._step(batch, lr), lr)
            overdue = save_seconds is not None and time.monotonic() - saved > save_seconds
            due, stopped = self._any(overdue, stop())
            if due or stopped or (save_steps and step % save_steps == 0):
                kept = config.keep_checkpoints
                checkpoints.save_checkpoint(self.accelerator, config.checkpoints, step, kept)
                saved = time.monotonic()
            if stopped:
                raise Stopped

    def _step(self, batch: Sequence[int], lr: float) -> Tensor:
        """One update; this process's share of the mean loss over the targets of the batch."""
        accelerator = self.accelerator
        mine = batch[accelerator.process_index :: accelerator.num_processes]
        share = 1 / sum(len(self.rows[row].targets) for row in batch)
        if not mine:  # a last batch smaller than the number of processes
            mine, share = batch[:1], 0.0
        parts = split_batch(self.lengths, mine, self.config.max_batch_tokens, self.packed)
        total = torch.zeros((), device=accelerator.device)
        for i, part in enumerate(parts, 1):
            last = i == len(parts)
            with nullcontext() if last else accelerator.no_sync(self.model):
                rows = [self.rows[row] for row in part]
                batch_of = collate(rows, self.pad, self.packed)
                self.slots += batch_of.ids.numel()
                self.useful += sum(row.tokens for row in rows)
                loss = self.loss(self.model, batch_of.to(accelerator.device)) * share
                # the processes' gradients are averaged, but their losses are to be summed
                accelerator.backward(loss * accelerator.num_processes)
            total += loss.detach()
        accelerator.clip_grad_norm_(self.model.parameters(), MAX_GRADIENT_NORM)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad()
        return total

    def _any(self, *flags: bool) -> tuple[bool, ...]:
        """Each flag: whether any process has raised it, so that all act alike."""
        if self.accelerator.num_processes == 1:
            return flags
        raised = torch.tensor(flags, dtype=torch.float32, device=self.accelerator.device)
        return tuple(bool(flag) for flag in self.accelerator.reduce(raised, "sum"))


class _Meter:
    """Logs the mean loss and the speed since the last log."""

    def __init__(self, run: _Run, first: int) -> None:
        self._run = run
        if run.report:
            checkpoints.truncate_metrics(run.config.metrics, first)
        self._begin(first)

    def _begin(self, step: int) -> None:
        self._last = step
        self._start = time.monotonic()
        self._tokens = 0
        self._run.slots = self._run.useful = 0
        self._loss = torch.zeros((), device=self._run.accelerator.device)

    def add(self, step: int, batch: Sequence[int], loss: Tensor, lr: float) -> None:
        """Counts one step, and logs if a log is due."""
        self._loss += loss
        self._tokens += sum(self._run.rows[row].tokens for row in batch)
        if step % LOG_EVERY == 0 or step == 1 or step == self._run.num_steps:
            self._log(step, lr)
            self._begin(step)

    def _log(self, step: int, lr: float) -> None:
        run = self._run
        loss = run.accelerator.reduce(self._loss, "sum").item() / (step - self._last)
        if not run.report:
            return
        logged = {
            "step": step,
            "epoch": round(step * run.config.epochs / run.num_steps, 4),
            "loss": round(loss, 6),
            "lr": lr,
            "tokens_per_second": round(self._tokens / (time.monotonic() - self._start)),
            "useful_tokens": round(run.useful / run.slots, 4),
        }
        with run.config.metrics.open("a", encoding="utf-8") as file:
            file.write(json.dumps(logged) + "\n")
        run.report({"event": "step", "steps": run.num_steps, **logged})


def _check_processes(config: TrainConfig, accelerator: Accelerator) -> None:
    """UsageError if the run cannot be what was asked for.

    `accelerate launch --cpu` starts one process, however many it is asked for.
    """
    asked, started = config.num_processes, accelerator.num_processes
    if asked not in (None, started):
        raise UsageError(f"--num-processes {asked}: the launcher started {started}")
    sharded = accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED)
    if config.lora and config.merge_lora and sharded:
        raise UsageError("--lora: a sharded model cannot be merged; add --no-merge-lora")
