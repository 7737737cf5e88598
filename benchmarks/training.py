"""`train-rm` and `train-refiner` against TRL's PRMTrainer and SFTTrainer: useful tokens a second.

    python -m benchmarks.training --prm-python PRM/bin/python --sft-python SFT/bin/python
    python -m benchmarks.training --model HuggingFaceTB/SmolLM2-135M-Instruct --task gsm8k \\
        --rows 256 …

TRL runs in environments of its own, because the release that last had a PRMTrainer (1.13) is not
the current one. Both sides train the same rows of token ids from the same weights, as many rows a
step, in the same precision, with the same optimizer, learning rates and clipping; both are timed
from the first step to the last, without start-up. TRL first tries its settings on a part of the
rows; then both sides take turns, ours against its defaults and against its best, each round with
another seed. Only tokens of the rows count, not padding. What was learned is judged on held-out
rows, whose differences are paired by row, all rounds together.

Reward models learn to find a slip of one digit in worked solutions; refiners to mend it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Any

from sormctl.asking import NOTHING_SAID, Asking
from sormctl.engines.encoding import load_tokenizer
from sormctl.evaluation.metrics import clustered_difference
from sormctl.models import resolve_model, settle_asking
from sormctl.problems import read_problems
from sormctl.records import Pair, Problem, Steps, to_json
from sormctl.records import encode as encode_json
from sormctl.training import refiner, reward_model
from sormctl.training.config import (
    REFINER,
    REWARD_MODEL,
    Data,
    Dtype,
    Optimizer,
    TrainConfig,
    read_config,
    write_config,
)
from sormctl.training.events import Event, RowsRead, Step
from sormctl.training.launch import count_gpus, environment
from sormctl.training.token_rows import Row, TrainingExample, encode_example, example_json
from sormctl.training.worker.model import load_language_model, load_reward_model
from sormctl.training.worker.optimizers import FINAL_SHARE

WARMUP = 0.03
PLAIN = {"gradient_checkpointing": False}
GROUPED = {**PLAIN, "train_sampling_strategy": "group_by_length"}
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    REWARD_MODEL: {"default": {}, "no checkpointing": PLAIN, "grouped by length": GROUPED},
    REFINER: {
        "default": {},
        "no checkpointing": PLAIN,
        "grouped by length": GROUPED,
        "padding-free": {**PLAIN, "padding_free": True, "max_length": None},
        "packed": {**PLAIN, "packing": True, "max_length": 1024},
    },
}


def main() -> None:
    """Compares reward models, then refiners, for each side that has a Python."""
    if sys.argv[1:2] == ["--ours"]:
        ours(read_config(Path(sys.argv[2])))
        return
    options = parse_options()
    with tempfile.TemporaryDirectory() as folder:
        for kind, python in ((REWARD_MODEL, options.prm_python), (REFINER, options.sft_python)):
            if python:
                Comparison(options, kind, python, Path(folder) / kind).run()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prm-python", help="a Python with a TRL that has PRMTrainer (1.13)")
    parser.add_argument("--sft-python", help="a Python with a TRL that has SFTTrainer")
    parser.add_argument("--model", default="embedded:student")
    parser.add_argument("--task", default="chain")
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("SORMCTL_DATA"))
    parser.add_argument("--rows", type=int, default=3200)
    parser.add_argument("--tuning-rows", type=int, default=640)
    parser.add_argument("--held-out", type=int, default=2000, help="rows to judge on")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dtype", type=Dtype, default=Dtype.bfloat16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settings", nargs="+", help="of TRL's settings, those to try; else all")
    return parser.parse_args()


def slipped(problem: Problem) -> tuple[Steps, int | None]:
    """The reference steps, half of the time with a wrong last digit in one of them, and which."""
    random = Random(problem.problem_id)
    steps = list(problem.reference or ())
    error = random.randrange(len(steps))
    digits = list(re.finditer(r"\d", steps[error]))
    if random.random() < 0.5 or not digits:
        return tuple(steps), None
    at = digits[-1].start()
    wrong = (int(steps[error][at]) + random.randint(1, 9)) % 10
    steps[error] = f"{steps[error][:at]}{wrong}{steps[error][at + 1 :]}"
    return tuple(steps), error


def example(kind: str, problem: Problem, asking: Asking) -> TrainingExample | None:
    """What the command would make of a slipped solution; None where a refiner has nothing to do."""
    steps, error = slipped(problem)
    if kind == REFINER:
        if error is None:
            return None
        pair = Pair(
            task=problem.task,
            problem_id=problem.problem_id,
            question=problem.question,
            draft=steps,
            first_error=error,
            target=problem.reference or (),
        )
        return refiner.parse(to_json(pair), asking)
    labels = tuple(int(error is None or i < error) for i in range(len(steps)))
    solution = problem.solved(solution_id="s", steps=steps, correct=error is None, labels=labels)
    return reward_model.parse(to_json(solution), asking)


@dataclass(frozen=True)
class Took:
    """What one training took, and what came of it on held-out rows."""

    tokens: int
    seconds: float
    cpu_seconds: float
    loss: float
    hits: tuple[int, ...]  # targets that are right, of each held-out row

    @property
    def rates(self) -> tuple[float, float]:
        """Useful tokens per second and per CPU second."""
        return self.tokens / self.seconds, self.tokens / self.cpu_seconds


class Comparison:
    """One kind of model, trained by both sides."""

    def __init__(self, options: argparse.Namespace, kind: str, python: str, folder: Path) -> None:
        self.options, self.kind, self.python, self.folder = options, kind, python, folder
        folder.mkdir()
        self.model = resolve_model(options.model)
        self.asking = settle_asking(self.model, NOTHING_SAID)
        self.tokenizer = load_tokenizer(self.model)
        self.examples = self._examples("train", options.rows)
        self.rows = [encode_example(self.tokenizer, x) for x in self.examples]
        self.held_out = [
            encode_example(self.tokenizer, x) for x in self._examples("test", options.held_out)
        ]
        self.version = ""

    def run(self) -> None:
        """Tunes TRL, then alternates, and prints a line for each training and the ratios."""
        tokens = sum(len(row.ids) for row in self.rows)
        print(f"\n{self.kind}: {len(self.rows)} rows of {tokens / len(self.rows):.0f} tokens")
        print(f"{'untrained':67}held-out loss {self._judge(Path(self.model))[0]:.4f}")
        count = min(self.options.tuning_rows, len(self.rows))
        wanted = self.options.settings or SETTINGS[self.kind]
        tried = {name: self._theirs(name, count, None) for name in wanted}
        best = max(tried, key=lambda name: tried[name].rates[1])
        print(f"TRL {self.version} is best when {best}")
        sides = ("default", best) if best != "default" else (best,)
        took: dict[str, list[Took]] = {name: [] for name in ("ours", *sides)}
        for turn in range(self.options.rounds):
            took["ours"].append(self._ours(turn))
            for name in sides:
                took[name].append(self._theirs(name, len(self.rows), turn))
        for name in sides:
            self._compare(took["ours"], name, took[name])

    def _compare(self, ours: Sequence[Took], name: str, theirs: Sequence[Took]) -> None:
        wall, cpu = (
            median(t.rates[at] for t in ours) / median(t.rates[at] for t in theirs) for at in (0, 1)
        )
        who = f"ours over TRL {self.version}, {name}"
        print(f"{who}: {wall:.2f} a second, {cpu:.2f} a CPU second")
        for what, measure in (("loss", attrgetter("loss")), ("accuracy", self._accuracy)):
            mine, other = (spread(map(measure, side)) for side in (ours, theirs))
            print(f"    held-out {what} {mine} against {other}")
        totals = self._totals(len(ours))
        e = clustered_difference(over_rounds(ours), over_rounds(theirs), totals)
        print(f"    by {100 * e.value:+.2f} points ({100 * e.low:+.2f} to {100 * e.high:+.2f})")

    def _totals(self, rounds: int = 1) -> list[int]:
        return [rounds * len(row.targets) for row in self.held_out]

    def _accuracy(self, took: Took) -> float:
        return sum(took.hits) / sum(self._totals())

    def _examples(self, split: str, count: int) -> list[TrainingExample]:
        """The first examples that the task's problems give, at most `count`."""
        options = self.options
        found: list[TrainingExample] = []
        for problem in read_problems(
            options.task, split, data_dir=options.data_dir, limit=count * 3
        ):
            made = example(self.kind, problem, self.asking)
            if made is not None and len(found) < count:
                found.append(made)
        return found

    def _ours(self, turn: int) -> Took:
        config = TrainConfig(
            kind=self.kind,
            model=self.model,
            output=str(self.folder / f"ours-{turn}"),
            asking=self.asking,
            epochs=self.options.epochs,
            lr=self.options.lr,
            batch_size=self.options.batch_size,
            max_length=4096,
            max_batch_tokens=8192,
            warmup=WARMUP,
            weight_decay=0.0,
            optimizer=Optimizer.adamw,
            dtype=self.options.dtype,
            seed=turn,
            save_every="1000m",
        )
        config.partial.mkdir()
        config.data.write_bytes(b"".join(encode_json(example_json(x)) for x in self.examples))
        write_config(config, Data())
        arguments = [sys.executable, "-m", "benchmarks.training", "--ours", str(config.path)]
        return self._child(
            f"round {turn}, ours", arguments, len(self.rows), config.partial / "model"
        )

    def _theirs(self, name: str, count: int, turn: int | None) -> Took:
        when = "tried" if turn is None else f"round {turn}"
        output = self.folder / f"{when} {name}"
        output.mkdir()
        rows = [json.dumps(plain_row(row, self.kind)) for row in self.rows[:count]]
        (output / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")
        settings = {**self._settings(count, output), **SETTINGS[self.kind][name], "seed": turn or 0}
        if settings.get("packing"):  # a row then holds several of ours
            packed = settings["max_length"] / mean(len(row.ids) for row in self.rows)
            rows_a_step = max(1, round(self.options.batch_size / packed))
            settings["per_device_train_batch_size"] = rows_a_step
        job = {
            "kind": self.kind,
            "model": self.model,
            "rows": str(output / "rows.jsonl"),
            "output": str(output / "model"),
            "settings": settings,
        }
        (output / "job.json").write_text(json.dumps(job), encoding="utf-8")
        script = str(Path(__file__).with_name("training_trl.py"))
        arguments = [self.python, script, str(output / "job.json")]
        return self._child(f"{when}, TRL {name}", arguments, count, output / "model")

    def _settings(self, count: int, output: Path) -> dict[str, Any]:
        """Arguments of TRL's trainers that make it do what ours does."""
        steps = self.options.epochs * math.ceil(count / self.options.batch_size)
        return {
            "output_dir": str(output),
            "per_device_train_batch_size": self.options.batch_size,
            "num_train_epochs": self.options.epochs,
            "learning_rate": self.options.lr,
            "lr_scheduler_type": "cosine_with_min_lr",
            "lr_scheduler_kwargs": {"min_lr_rate": FINAL_SHARE},
            "warmup_steps": math.ceil(WARMUP * steps),
            "adam_beta2": 0.95,
            "bf16": self.options.dtype is Dtype.bfloat16,
            "use_cpu": not count_gpus(),
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }

    def _child(self, name: str, arguments: list[str], count: int, model: Path) -> Took:
        """Runs one training in a process of its own."""
        env = {**os.environ, **environment(1, count_gpus()), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(arguments, env=env, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} does not run:\n{done.stderr}")
        result = json.loads(done.stdout.splitlines()[-1])
        self.version = result.get("version", self.version)
        tokens = sum(len(row.ids) for row in self.rows[:count]) * self.options.epochs
        took = Took(tokens, result["seconds"], result["cpu_seconds"], *self._judge(model))
        wall, cpu = took.rates
        print(
            f"{name:32}{wall:8.0f} tokens/s {cpu:8.0f} tokens/CPU s   "
            f"held-out loss {took.loss:.4f}, accuracy {self._accuracy(took):.1%}",
            flush=True,
        )
        return took

    def _judge(self, folder: Path) -> tuple[float, tuple[int, ...]]:
        """Mean loss over the targets, and right targets, of the held-out rows, in float32."""
        import torch
        from transformers.utils import logging

        from sormctl.training.worker.losses import collate

        load = load_reward_model if self.kind == REWARD_MODEL else load_language_model
        torch.manual_seed(0)
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        model = load(str(folder)).eval()
        total, hits = 0.0, []
        for row in self.held_out:
            batch = collate([row], 0)
            with torch.no_grad():
                logits = model(input_ids=batch.ids, use_cache=False).logits[0, batch.positions]
            total += torch.nn.functional.cross_entropy(
                logits, batch.targets, reduction="sum"
            ).item()
            hits.append(int((logits.argmax(-1) == batch.targets).sum()))
        return total / sum(self._totals()), tuple(hits)


def spread(values: Iterable[float]) -> str:
    """The mean, and the extremes."""
    found = list(values)
    return f"{mean(found):.4f} ({min(found):.4f} to {max(found):.4f})"


def over_rounds(side: Sequence[Took]) -> list[int]:
    """Right targets of each held-out row, summed over the rounds."""
    return [sum(hits) for hits in zip(*(took.hits for took in side), strict=True)]


def plain_row(row: Row, kind: str) -> dict[str, list[int]]:
    """A row as every trainer on transformers takes it: a label where there is a target, else -100.

    A language model's loss shifts the labels by itself.
    """
    labels = [-100] * len(row.ids)
    for position, target in zip(row.positions, row.targets, strict=True):
        labels[position + (kind != REWARD_MODEL)] = int(target)
    return {"input_ids": list(row.ids), "labels": labels}


def ours(config: TrainConfig) -> None:
    """Our side of the comparison: what the worker of a training command runs, timed."""
    from sormctl.training.worker.loop import train
    from sormctl.training.worker.losses import language_model_loss, reward_model_loss

    ticks: list[tuple[float, float]] = []

    def report(event: Event) -> None:
        if isinstance(event, RowsRead) or (isinstance(event, Step) and event.step == event.steps):
            ticks.append((time.perf_counter(), time.process_time()))

    if config.kind == REWARD_MODEL:
        train(config, load_reward_model, reward_model_loss, report)
    else:
        train(config, load_language_model, language_model_loss, report)
    (start, cpu_start), (end, cpu_end) = ticks
    print(json.dumps({"seconds": end - start, "cpu_seconds": cpu_end - cpu_start}))


if __name__ == "__main__":
    main()
