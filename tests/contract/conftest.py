"""Models for the commands that need one."""

from __future__ import annotations

import pytest

from sormctl.models import SETTINGS_FILE
from tests.models import make_model


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A random student and a random reward model, which says that it was trained here."""
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("models")
    student = make_model(folder / "student")
    judge = AutoModelForTokenClassification.from_pretrained(student, num_labels=2)
    judge.save_pretrained(folder / "rm")
    AutoTokenizer.from_pretrained(student).save_pretrained(folder / "rm")
    (folder / "rm" / SETTINGS_FILE).write_text('{"kind": "reward-model", "prompt": "plain"}')
    return {"student": str(student), "rm": str(folder / "rm")}
