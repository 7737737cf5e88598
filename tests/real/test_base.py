"""A model without a chat template: told of once, and ended where it begins to ask by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.shell import Record, records, sormctl, text

pytestmark = pytest.mark.real

GREEDY = ("--greedy", "--max-tokens", "120")


@pytest.fixture(scope="module")
def shown(base: Path, problems: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """Drafts of a model that was shown three worked examples."""
    path = tmp_path_factory.mktemp("shown") / "drafts.jsonl"
    sormctl("sample", "--model", base, *GREEDY, "--examples", 3, "-o", path, problems)
    return records(path)


def test_it_is_said_once_that_it_is_asked_plainly(
    base: Path, problems: Path, tmp_path: Path
) -> None:
    path = tmp_path / "drafts.jsonl"
    run = sormctl("sample", "--model", base, *GREEDY, "-o", path, problems)
    assert run.err.count("no chat template: asked plainly; see --prompt one-shot\n") == 1
    assert run.peak_gib < 2
    assert not [draft for draft in records(path) if "Question:" in text(draft)]


def test_examples_teach_it_how_to_answer(shown: list[Record]) -> None:
    """It knows little, but it ends as the examples do."""
    announced = [draft for draft in shown if draft["steps"][-1].startswith("#### ")]
    assert len(announced) >= 9
    for draft in announced:
        assert draft["predicted"] is not None
        assert [step.startswith("#### ") for step in draft["steps"]].count(True) == 1


def test_a_question_that_it_invents_is_not_read(shown: list[Record]) -> None:
    assert not [draft for draft in shown if "Question:" in text(draft)]
    assert [draft["source"]["finish"] for draft in shown].count("stop") >= 9
