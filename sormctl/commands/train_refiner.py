"""`sormctl train-refiner`."""

from __future__ import annotations

from sormctl.model_options import AskingOptions
from sormctl.training import refiner
from sormctl.training.config import REFINER
from sormctl.training.examples import one_each
from sormctl.training.options import Epochs, LearningRate, RunOptions, Training
from sormctl.training.runs import run


def train_refiner(
    training: Training,
    asking: AskingOptions,
    options: RunOptions,
    epochs: Epochs = 1,
    lr: LearningRate = 5e-5,
) -> None:
    """Fine-tune a language model to turn wrong drafts into correct solutions.

    Pairs that name a first error make a local refiner, the others a global one.

    Example: sormctl make-refine-pairs --mode global samples.jsonl
    | sormctl train-refiner --model embedded:student -o global/
    """
    config = training.config(REFINER, epochs, lr, asking.settings())
    run(config, training.inputs, one_each(refiner.parse), "", options)
