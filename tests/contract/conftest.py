"""Models for the commands that need one."""

from __future__ import annotations

import pytest

from tests.models import make_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A random student and a random reward model, as transformers saves them."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("models")
    student = make_model(folder / "student")
    judge = AutoModelForTokenClassification.from_pretrained(student, num_labels=2)
    judge.save_pretrained(folder / "rm")
    AutoTokenizer.from_pretrained(student).save_pretrained(folder / "rm")
    return {"student": str(student), "rm": str(folder / "rm")}
