"""The one training loop, run by every process that the launcher starts.

The processes share each batch, and the loss of a step is the mean over the targets of the whole
batch, so the number of processes and of parts does not change what is learned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor

from sormctl.engines.encoding import load_tokenizer
from sormctl.errors import DataError, UsageError
from sormctl.training import checkpoints
from sormctl.training.config import (
    HELD_OUT_LOSS,
    Dtype,
    Optimizer,
    Packing,
    TooLong,
    TrainConfig,
    parse_interval,
)
from sormctl.training.data import Row, Rows, plan_batches, process_parts, read_rows
from sormctl.training.trackers import close_trackers, tracked_accelerator
from sormctl.training.worker.held_out import Best, HeldOut
from sormctl.training.worker.lora import add_lora, leave_out_frozen
from sormctl.training.worker.losses import Batch, Judged, collate
from sormctl.training.worker.meter import Event, Meter
from sormctl.training.worker.model import load_model, model_limits, save_model
from sormctl.training.worker.optimizers import build_optimizers, learning_rate
from sormctl.training.worker.packing import use_packing

Load = Callable[[str], Any]
Loss = Callable[[Any, Batch], Judged]

MAX_GRADIENT_NORM = 1.0
EVALUATIONS = 4  # an epoch, unless the run says how often


class Stopped(Exception):
    """The user asked to stop; a checkpoint has been kept."""


def train(
    config: TrainConfig,
    load: Load,
    loss: Loss,
    report: Callable[[Event], None],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Trains as `config` says and leaves the finished model in `config.model_to_be`.

    Continues from the newest checkpoint. Reports events from the first process only; `stop` is
    asked after every step, and raises Stopped once a checkpoint has been kept. With `patience` the
    model is that of the best evaluation, else that of the last step.
    """
    settled = checkpoints.read_settled(config)
    accelerator = tracked_accelerator(settled, mixed_precision(settled.dtype))
    _check_processes(config, accelerator)
    torch.manual_seed(config.seed)
    tokenizer = load_tokenizer(config.model)
    max_length, dtype = model_limits(config)
    model = load_model(config.model, load, tokenizer)
    rows, held_out = _read(config, tokenizer, max_length)
    packed = _fit(model, settled, accelerator, max_length)
    settled = _settle(settled, accelerator, packed)
    settled = replace(settled, left_out=rows.too_long, truncated=rows.truncated)
    if config.lora:
        model = add_lora(model, config)
        leave_out_frozen(accelerator)
    model, *optimizers = accelerator.prepare(model, *build_optimizers(model, config))
    model.train()
    pad = tokenizer.pad_token_id
    unseen = HeldOut(held_out.rows, config, accelerator, loss, pad, packed)
    run = _Run(config, accelerator, model, optimizers, loss, rows.rows, unseen, pad, packed, report)
    counts = {
        "left_out": rows.too_long + held_out.too_long,
        "truncated": rows.truncated,
        "longest": max_length,
    }
    run.meter.say("rows", rows=len(rows.rows), **counts, steps=run.num_steps)
    run.go(stop)
    close_trackers(accelerator)  # before their files go with the model
    save_model(accelerator, model, tokenizer, config, settled, dtype)


def _read(config: TrainConfig, tokenizer: Any, max_length: int) -> tuple[Rows, Rows]:
    """The rows to train on and the held-out ones; DataError if all are too long."""
    truncate = config.too_long is TooLong.truncate
    found = read_rows(config.data, tokenizer, max_length, truncate)
    held_out = read_rows(config.held_out_data, tokenizer, max_length) if config.held_out else Rows()
    for part in (found, held_out):
        if part.too_long and not part.rows:
            raise DataError(
                f"all {part.too_long} examples are over {max_length} tokens; see --max-length"
            )
    return found, held_out


def _fit(model: Any, config: TrainConfig, accelerator: Accelerator, max_length: int) -> bool:
    """Makes `model` compute as the run wants it to, and says whether batches are packed."""
    half = accelerator.mixed_precision == "bf16"
    packed = use_packing(model, config.packing, max_length, half)
    if not packed and half and accelerator.device.type == "cpu":
        # the fused kernel's backward pass takes half of the time there
        model.set_attn_implementation("eager")
    if config.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return packed


def _settle(config: TrainConfig, accelerator: Accelerator, packed: bool) -> TrainConfig:
    """`config` without `auto`; kept, because another machine would choose otherwise."""
    half = accelerator.mixed_precision == "bf16"
    settled = replace(
        config,
        dtype=Dtype.bfloat16 if half else Dtype.float32,
        packing=Packing.on if packed else Packing.off,
    )
    if accelerator.is_main_process:
        checkpoints.write_settled(settled)
    return settled


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
    held_out: HeldOut
    pad: int
    packed: bool
    report: Callable[[Event], None]
    lengths: list[int] = field(init=False)
    meter: Meter = field(init=False)
    best: Best | None = None

    def __post_init__(self) -> None:
        self.lengths = [row.size for row in self.rows]
        self.meter = Meter(self.config, self.accelerator, self.num_steps, self.report)
        if self.config.patience:
            self.best = Best(self.config.patience)
            self.accelerator.register_for_checkpointing(self.best)

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.rows) / self.config.batch_size)

    @property
    def num_steps(self) -> int:
        return self.config.epochs * self.steps_per_epoch

    def go(self, stop: Callable[[], bool]) -> None:
        """Every step after the newest checkpoint, with logs, evaluations and checkpoints.

        Leaves the weights to be published in the model.
        """
        first = self._load()
        if first:
            self.meter.say("resumed", step=first)
        self.meter.resume(first)
        self._steps(first, stop)
        if self.best:
            self._load(self.best.step)
            self.meter.say("best", step=self.best.step, loss=self.best.loss)

    def _steps(self, first: int, stop: Callable[[], bool]) -> None:
        config = self.config
        save_steps, save_seconds = parse_interval(config.save_every)
        saved = time.monotonic()
        plan = plan_batches(
            self.lengths, config.batch_size, config.epochs, config.seed, self.packed
        )
        for step, batch in enumerate(islice(plan, first, None), first + 1):
            lr = learning_rate(config, step - 1, self.num_steps)
            tokens = sum(self.rows[row].tokens for row in batch)
            self.meter.add(step, tokens, self._step(batch, lr), lr)
            improved = self._evaluate(step)
            if self.best and self.best.exhausted:
                return
            overdue = save_seconds is not None and time.monotonic() - saved > save_seconds
            due, stopped = self._any(overdue, stop())
            if due or stopped or improved or (save_steps and step % save_steps == 0):
                self._save(step)
                saved = time.monotonic()
            if stopped:
                raise Stopped

    def _load(self, step: int | None = None) -> int:
        folder, whole = self.config.checkpoints, not self.config.lora
        return checkpoints.load_checkpoint(self.accelerator, folder, step, whole)

    def _save(self, step: int) -> None:
        self.meter.check(step)  # else checkpoints that are good would make place for it
        keep, best = self.config.keep_checkpoints, self.best.step if self.best else None
        checkpoints.save_checkpoint(
            self.accelerator, self.config.checkpoints, step, keep, precious=best
        )

    def _evaluate(self, step: int) -> bool:
        """Measures the model on the held-out rows, if that is due; whether it is the best so far.

        The last step always is due, so that a run does not end unmeasured.
        """
        every = self.config.evaluate_every or math.ceil(self.steps_per_epoch / EVALUATIONS)
        if not self.held_out.rows or (step % every and step < self.num_steps):
            return False
        start = time.monotonic()
        measured = self.held_out.measure(self.model)
        self.meter.evaluated(step, measured, time.monotonic() - start)
        return self.best.add(step, measured[HELD_OUT_LOSS]) if self.best else False

    def _step(self, batch: Sequence[int], lr: float) -> Tensor:
        """One update; this process's share of the mean loss over the targets of the batch."""
        accelerator = self.accelerator
        share = 1 / sum(len(self.rows[row].targets) for row in batch)
        parts = process_parts(
            self.lengths,
            batch,
            accelerator.process_index,
            accelerator.num_processes,
            self.config.max_batch_tokens,
            self.packed,
        )
        total = torch.zeros((), device=accelerator.device)
        for i, (part, counts) in enumerate(parts, 1):
            last = i == len(parts)
            with nullcontext() if last else accelerator.no_sync(self.model):
                rows = [self.rows[row] for row in part]
                batch_of = collate(rows, self.pad, self.packed)
                self.meter.passed(rows, batch_of.ids.numel())
                judged = self.loss(self.model, batch_of.to(accelerator.device))
                loss = judged.loss * (share if counts else 0.0)
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


def _check_processes(config: TrainConfig, accelerator: Accelerator) -> None:
    """UsageError if the run cannot be what was asked for.

    `accelerate launch --cpu` starts one process, however many it is asked for.
    """
    asked, started = config.num_processes, accelerator.num_processes
    if asked not in (None, started):
        raise UsageError(f"--num-processes {asked}: the launcher started {started}")
    if accelerator.distributed_type is not DistributedType.FSDP:
        return
    if config.lora and config.merge_lora:
        raise UsageError("--lora: a sharded model cannot be merged; add --no-merge-lora")
    if config.optimizer is Optimizer.muon:
        raise UsageError("--optimizer muon works on whole matrices, not on sharded ones; use adamw")
