"""`sormctl train-student`."""

from __future__ import annotations

from sormctl.model_options import AskingOptions
from sormctl.training import student
from sormctl.training.config import STUDENT
from sormctl.training.examples import one_each
from sormctl.training.options import Epochs, LearningRate, RunOptions, Training
from sormctl.training.runs import run


def train_student(
    training: Training,
    asking: AskingOptions,
    options: RunOptions,
    epochs: Epochs = 3,
    lr: LearningRate = 2e-5,
) -> None:
    """Fine-tune a language model on correct solutions, or on problems with reference steps.

    After `sample` and `filter` this is one round of expert iteration. Solutions that are
    incorrect or were cut off are left out.

    Example: sormctl filter < samples.jsonl | sormctl train-student --model embedded:student -o s1/
    """
    config = training.config(STUDENT, epochs, lr, asking.settings())
    run(config, training.inputs, one_each(student.parse), student.SKIPPED, options)
