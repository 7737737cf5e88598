"""Rows of every format, as their users have them: trained on, scored, reported and exported."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.formats.registry import format_names, get_format
from tests.e2e.trainings import SMALL, sormctl
from tests.golden.compare import FILES

READ = [name for name in format_names() if get_format(name).read]
pytestmark = pytest.mark.slow
SCORED = FILES / "formats" / "scored.jsonl"
WRITTEN = [name for name in format_names() if not get_format(name).read or get_format(name).write]


def run(*argv: str | Path) -> str:
    result = CliRunner().invoke(app, [*map(str, argv), "-q"])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format's rows as solutions, and a reward model trained on their labels."""
    folder = tmp_path_factory.mktemp("formats")
    for name in READ:
        packed = folder / f"{name}.jsonl.gz"
        packed.write_bytes(gzip.compress((FILES / "formats" / f"{name}.rows.jsonl").read_bytes()))
        (folder / f"{name}.solutions").write_text(run("import", name, packed))
    labelled = [f"{name}.solutions" for name in READ if name != "completions"]
    training = ("train-rm", "--model", "embedded:student", "-o", "rm", *SMALL)
    code, _, err = sormctl(folder, *training, *labelled)
    assert code == 0, err
    return folder


@pytest.mark.parametrize("name", READ)
def test_imported_rows_are_scored_and_reported(name: str, folder: Path) -> None:
    scored = run("score", "--rm", folder / "rm", folder / f"{name}.solutions")
    (folder / f"{name}.scored").write_text(scored)
    judged = [json.loads(line) for line in scored.splitlines()]
    assert all(len(s["scores"]["rm"]) == len(s["steps"]) for s in judged)
    report = run("eval", "--by", "source", "--format", "json", folder / f"{name}.scored")
    assert ("first-error F1" in report) == (name != "completions")
    unknown = sum(solution["correct"] is None for solution in judged)
    assert json.loads(report)["unknown"] == unknown


@pytest.mark.parametrize("name", WRITTEN)
def test_exported_rows_are_a_data_set(name: str, folder: Path, tmp_path: Path) -> None:
    """The reader of JSON of `datasets` takes them, as trainers do."""
    datasets = pytest.importorskip("datasets")
    rows = run("export", name, SCORED)
    (tmp_path / "rows.jsonl").write_text(rows)
    loaded = datasets.load_dataset(
        "json", data_files=str(tmp_path / "rows.jsonl"), split="train", cache_dir=str(tmp_path)
    )
    assert list(loaded) == [json.loads(line) for line in rows.splitlines()]


def test_stepwise_rows_come_back_from_parquet(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = [json.loads(line) for line in run("export", "stepwise", SCORED).splitlines()]
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    imported = run("import", "stepwise", tmp_path / "rows.parquet")
    made = [json.loads(line) for line in imported.splitlines()]
    texts = [(solution["question"], solution["steps"]) for solution in made]
    assert texts == [(row["prompt"], row["completions"]) for row in rows]
    assert [[bool(label) for label in s["labels"]] for s in made] == [r["labels"] for r in rows]
