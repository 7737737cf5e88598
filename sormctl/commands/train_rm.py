"""`sormctl train-rm`."""

from __future__ import annotations

from functools import partial

from sormctl import targets
from sormctl.errors import UsageError
from sormctl.model_options import AskingOptions
from sormctl.training import reward_model
from sormctl.training.config import REWARD_MODEL, Objective, TooLong
from sormctl.training.examples import one_each
from sormctl.training.options import Epochs, LearningRate, RunOptions, Target, Training
from sormctl.training.reward_model import TargetsOf
from sormctl.training.runs import run


def train_rm(
    target: Target,
    training: Training,
    asking: AskingOptions,
    options: RunOptions,
    epochs: Epochs = 1,
    lr: LearningRate = 1e-5,
) -> None:
    """Train a reward model on solutions: an ORM or a SORM, as their labels say.

    The model judges each step at its last token; labels that are null are not trained on. The
    folder holds a token classifier of transformers with the labels incorrect and correct. Its
    score is 1 - P(incorrect), whatever it was trained for.

    Soft labels are those of an import, or need all rollouts of every prefix: a walk that stopped
    at the first success tells nothing of shares, and is refused.

    Example: sormctl train-rm --model embedded:student -o sorm/ --epochs 2 < steps.jsonl
    """
    is_contrastive = target.objective is Objective.contrastive
    if [is_contrastive, target.soft_labels, target.classes == 3].count(True) > 1:
        raise UsageError("give one of --objective contrastive, --soft-labels and --classes 3")
    if is_contrastive and target.too_long is TooLong.truncate:
        raise UsageError("--too-long truncate: a pair is judged at its last steps; use skip")
    config = training.config(REWARD_MODEL, epochs, lr, asking.settings(), target)
    if is_contrastive:
        pairs = partial(reward_model.pairs, seed=training.seed)
        run(config, training.inputs, pairs, reward_model.UNPAIRED, options)
        return
    targets_of: TargetsOf = targets.step_labels
    if target.soft_labels:
        targets_of = targets.soft_labels
    elif target.classes == 3:
        targets_of = targets.rated_labels
    examples = one_each(partial(reward_model.parse, targets_of=targets_of))
    run(config, training.inputs, examples, reward_model.SKIPPED, options)
