"""`sormctl train-refiner`."""

from __future__ import annotations

from sormctl.training import refiner
from sormctl.training.command import training_command
from sormctl.training.config import REFINER


@training_command(REFINER, refiner.parse, "", epochs=1, lr=5e-5)
def train_refiner() -> None:
    """Fine-tune a language model to turn wrong drafts into correct solutions.

    Pairs that name a first error make a local refiner, the others a global one.

    Example: sormctl make-refine-pairs --mode global samples.jsonl \\
        | sormctl train-refiner --model embedded:base -o global/
    """
