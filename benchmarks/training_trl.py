"""TRL's side of `benchmarks/training.py`, run by a Python that has TRL and need not have sormctl.

    python benchmarks/training_trl.py JOB.json

The job says what to train on which rows of token ids; the trained model goes to its `output`. The
last line printed is JSON: TRL's version, and the seconds and CPU seconds from the first step to
the last.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import transformers
import trl
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback


class Clock(TrainerCallback):
    """Elapsed time and CPU time of the training loop alone."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.start = time.perf_counter(), time.process_time()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.perf_counter() - self.start[0]
        self.cpu_seconds = time.process_time() - self.start[1]


def main(job: dict[str, Any]) -> None:
    """Trains, saves and prints what it took."""
    transformers.logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(job["model"])
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    with Path(job["rows"]).open(encoding="utf-8") as lines:
        rows = Dataset.from_list([json.loads(line) for line in lines])
    clock = Clock()
    make = reward_model_trainer if job["kind"] == "reward-model" else refiner_trainer
    trainer = make(job, train_dataset=rows, processing_class=tokenizer, callbacks=[clock])
    trainer.train()
    trainer.save_model(job["output"])
    result = {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}
    print(json.dumps({"version": trl.__version__, **result}))


def reward_model_trainer(job: dict[str, Any], **given: Any) -> Any:
    from transformers import AutoModelForTokenClassification
    from trl.experimental.prm import PRMConfig, PRMTrainer

    model = AutoModelForTokenClassification.from_pretrained(job["model"], dtype="float32")
    return PRMTrainer(model=model, args=PRMConfig(**job["settings"]), **given)


def refiner_trainer(job: dict[str, Any], **given: Any) -> Any:
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    model = AutoModelForCausalLM.from_pretrained(job["model"], dtype="float32")
    return SFTTrainer(model=model, args=SFTConfig(**job["settings"]), **given)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
