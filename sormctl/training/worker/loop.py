"""The one training loop, run by every process that the launcher starts.

The processes share each batch, and the loss of a step is the mean over the targets of the whole
batch, so the number of processes and of parts does not change what is learned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from msgspec.structs import replace
from torch import Tensor

from sormctl.engines.encoding import check_embedded, load_tokenizer
from sormctl.errors import DataError, UsageError
from sormctl.training import checkpoints, events
from sormctl.training.config import (
    Optimizer,
    Packing,
    TooLong,
    TrainConfig,
    as_json,
    parse_interval,
    read_data,
    read_settled,
)
from sormctl.training.events import HELD_OUT_LOSS, Event
from sormctl.training.token_rows import Row, Rows, plan_batches, read_token_rows
from sormctl.training.trackers import close_trackers, tracked_accelerator
from sormctl.training.worker.failures import refusing
from sormctl.training.worker.held_out import BestSoFar, HeldOutRows
from sormctl.training.worker.lora import add_lora, halve_frozen, leave_out_frozen
from sormctl.training.worker.losses import Loss
from sormctl.training.worker.memory import tokens_that_fit
from sormctl.training.worker.meter import Meter
from sormctl.training.worker.model import load_model, model_limits, what_to_know
from sormctl.training.worker.optimizers import build_optimizers, learning_rate
from sormctl.training.worker.passes import Passes
from sormctl.training.worker.probe import choose_mode
from sormctl.training.worker.saving import save_model, try_saving
from sormctl.training.worker.settled import mixed_precision, settle
from sormctl.training.worker.targets import find_untrained

Load = Callable[[str, torch.dtype], Any]

MAX_GRADIENT_NORM = 1.0
EVALUATIONS = 4  # an epoch, unless the run says how often


class StoppedByUser(Exception):
    """The user asked to stop; a checkpoint has been kept."""


def train(
    config: TrainConfig,
    load: Load,
    loss: Loss,
    report: Callable[[Event], None],
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Trains as `config` says and leaves the finished model in `config.model_to_be`.

    Continues from the newest checkpoint. Reports events from the first process only. `stop` is
    asked after every step; StoppedByUser is raised once a checkpoint has been kept. With `patience`
    the model is that of the best evaluation, else that of the last step.
    """
    # 1. the processes, and the seed of all that they draw: a new head, matrices of LoRA, dropout
    settled, data = read_settled(config), read_data(config.path)
    precision = mixed_precision(settled.dtype)
    accelerator = tracked_accelerator(config, as_json(config, data), precision)
    _check_processes(config, accelerator)
    torch.manual_seed(config.seed)
    # 2. the model and the rows; which of these are too long depends on the model
    tokenizer = load_tokenizer(config.model)
    max_length, dtype = model_limits(config)
    halves = _halves_frozen(config, accelerator)
    loaded = torch.bfloat16 if halves and dtype == torch.bfloat16 else torch.float32
    model = load_model(config.model, load, loaded, tokenizer)
    try_saving(config.model, model, tokenizer)
    rows, held_out = _read(config, tokenizer, max_length)
    embeddings = model.get_input_embeddings().num_embeddings
    for row in (*rows.rows, *held_out.rows):
        for sequence in row.sequences:
            check_embedded(tokenizer, sequence.ids, embeddings, config.model)
    settled = settle(model, settled, config, accelerator, max_length)
    # 3. what is trained of it, and by what
    notes = what_to_know(config, model)
    if config.lora:
        model = add_lora(model, config)
        notes += find_untrained(model).notes
        if halves:
            halve_frozen(model)
        leave_out_frozen(accelerator)
    model, *optimizers = accelerator.prepare(model, *build_optimizers(model, config))
    model.train()
    # 4. the steps
    pad, packed = tokenizer.pad_token_id, settled.packing is Packing.on
    with refusing(f"{config.model}: cannot be run"):
        most = config.max_batch_tokens or tokens_that_fit(
            model, loss, rows.rows, accelerator, pad, packed
        )
        notes += choose_mode(model, rows.rows, accelerator, pad, packed, most)
    config = replace(config, max_batch_tokens=most)  # for the model's card
    passes = Passes(accelerator, pad, packed, most)
    unseen = HeldOutRows(held_out.rows, config, loss, passes)
    run = _Run(config, accelerator, model, optimizers, loss, rows.rows, unseen, passes, report)
    left_out = rows.too_long + held_out.too_long
    told = events.RowsRead(len(rows.rows), left_out, rows.truncated, max_length, run.num_steps)
    run.meter.say(told)
    for note in notes:
        run.meter.say(events.Noted(note))
    run.go(stop)
    # 5. the finished folder, when the trackers have closed the files that go with it
    close_trackers(accelerator)
    data = replace(data, left_out=rows.too_long, truncated=rows.truncated)
    save_model(accelerator, model, tokenizer, config, settled, data, dtype, notes)


def _halves_frozen(config: TrainConfig, accelerator: Accelerator) -> bool:
    """Whether frozen weights are kept as they are multiplied. Sharding wants one type for all."""
    sharded = accelerator.distributed_type is DistributedType.FSDP
    return bool(config.lora) and accelerator.mixed_precision == "bf16" and not sharded


def _read(config: TrainConfig, tokenizer: Any, max_length: int) -> tuple[Rows, Rows]:
    """The rows to train on and the held-out ones; DataError if all are too long."""
    truncate = config.too_long is TooLong.truncate
    found = read_token_rows(config.data, tokenizer, max_length, truncate)
    held_out = (
        read_token_rows(config.held_out_data, tokenizer, max_length) if config.held_out else Rows()
    )
    for part in (found, held_out):
        if part.too_long and not part.rows:
            raise DataError(
                f"all {part.too_long} examples are over {max_length} tokens; see --max-length"
            )
    return found, held_out


@dataclass(slots=True)
class _Run:
    """What the steps of one run share."""

    config: TrainConfig
    accelerator: Accelerator
    model: Any
    optimizers: Sequence[Any]
    loss: Loss
    rows: Sequence[Row]
    held_out: HeldOutRows
    passes: Passes
    report: Callable[[Event], None]
    meter: Meter = field(init=False)
    best: BestSoFar | None = None

    def __post_init__(self) -> None:
        self.meter = Meter(self.config, self.accelerator, self.num_steps, self.report)
        self.accelerator.register_for_checkpointing(self.meter)
        if self.config.patience:
            self.best = BestSoFar(self.config.patience)
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
            self.meter.say(events.Resumed(first))
        self.meter.resume(first)
        self._steps(first, stop)
        if self.best:
            self._load(self.best.step)
            self.meter.say(events.Best(self.best.step, self.best.loss))

    def _steps(self, first: int, stop: Callable[[], bool]) -> None:
        config = self.config
        save_steps, save_seconds = parse_interval(config.save_every)
        saved = time.monotonic()
        sizes, packed = [row.size for row in self.rows], self.passes.packed
        plan = plan_batches(sizes, config.batch_size, config.epochs, config.seed, packed)
        for step, numbers in enumerate(islice(plan, first, None), first + 1):
            lr = learning_rate(config, step - 1, self.num_steps)
            batch = [self.rows[number] for number in numbers]
            tokens = sum(row.tokens for row in batch)
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
                raise StoppedByUser

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
        figures = self.held_out.measure(self.model)
        self.meter.evaluated(step, figures, time.monotonic() - start)
        return self.best.add(step, figures[HELD_OUT_LOSS]) if self.best else False

    def _step(self, batch: Sequence[Row], lr: float) -> Tensor:
        """One update; this process's share () of the mean loss over the targets of the batch."""
        # 1. this process's parts of the batch, and what a target of the whole of it weighs
        accelerator = self.accelerator
        share = 1 / sum(len(row.targets) for row in batch)
        parts = self.passes.parts(batch)
        # 2. forward and backward, part by part; gradients add up, and meet those of the other
        #    processes at the last part only
        total = torch.zeros((), device=accelerator.device)
        for i, (part, counts) in enumerate(parts, 1):
            with nullcontext() if i == len(parts) else accelerator.no_sync(self.model):
                tensors = self.passes.batch(part)  # ids (B, T), targets (N,)
                self.meter.passed(part, tensors.ids.numel())
                judged = self.loss(self.model, tensors)  # (), (N, C)
                loss = judged.loss * (share if counts else 0.0)
                # the processes' gradients are averaged, but their losses are to be summed
                accelerator.backward(loss * accelerator.num_processes)
            total += loss.detach()
        # 3. the update
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
