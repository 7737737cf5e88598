"""`sormctl train-student`."""

from __future__ import annotations

from sormctl.training import student
from sormctl.training.command import training_command
from sormctl.training.config import STUDENT


@training_command(STUDENT, student.parse, student.SKIPPED, epochs=3, lr=2e-5)
def train_student() -> None:
    """Fine-tune a language model on correct solutions, or on problems with reference steps.

    After `sample` and `filter` this is one round of expert iteration. Incorrect solutions are
    left out.

    Example: sormctl filter < samples.jsonl | sormctl train-student --model embedded:base -o s1/
    """
