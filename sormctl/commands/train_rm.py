"""`sormctl train-rm`."""

from __future__ import annotations

from sormctl.training import reward_model
from sormctl.training.config import REWARD_MODEL
from sormctl.training.options import Epochs, LearningRate, Training


def train_rm(training: Training, epochs: Epochs = 1, lr: LearningRate = 1e-5) -> None:
    """Train a reward model on labelled solutions: an ORM or a SORM, as the labels say.

    The model judges each step at its last token; labels that are null are not trained on. The
    folder holds a token classifier of transformers with the labels incorrect and correct.

    Example: sormctl train-rm --model embedded:student -o sorm/ --epochs 2 < steps.jsonl
    """
    training.run(REWARD_MODEL, epochs, lr, reward_model.parse, reward_model.SKIPPED)
