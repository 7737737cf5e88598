"""Reward models: a token classifier read at the last token of each step (paper, 3.1 step 2)."""

from __future__ import annotations

from typing import Any

from sormctl.errors import RecordError
from sormctl.records import Json, parse_solution
from sormctl.tasks.prompts import draft_prompt
from sormctl.tasks.registry import get_task
from sormctl.training.data import Example

SKIPPED = "solutions without a labelled step"
LABELS = {0: "incorrect", 1: "correct"}


def parse(data: Json, style: str) -> Example | None:
    """A labelled solution as an example; None if none of its labels is a target."""
    solution = parse_solution(data)
    if solution.labels is None:
        raise RecordError("no `labels`; run `sormctl label-steps` first")
    if all(label is None for label in solution.labels):
        return None
    prompt = draft_prompt(get_task(solution.problem.task), solution.problem.question, style)
    return Example(prompt, solution.steps, solution.labels)


def load(folder: str) -> Any:
    """The model in `folder` with a head that judges tokens, new unless the model has one."""
    from transformers import AutoConfig, AutoModelForTokenClassification

    config = AutoConfig.from_pretrained(folder)
    config.id2label = LABELS
    config.label2id = {name: label for label, name in LABELS.items()}
    config.classifier_dropout = 0.0  # else 0.1, and a run could not be repeated
    return AutoModelForTokenClassification.from_pretrained(folder, config=config, dtype="float32")


if __name__ == "__main__":
    from sormctl.training.losses import reward_model_loss
    from sormctl.training.worker import main

    main(load, reward_model_loss)
