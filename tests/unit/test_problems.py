"""Problems from folders, files, generators and the hub, for which a stand-in speaks."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from sormctl.errors import DataError, UsageError
from sormctl.problems import DEFAULT_LIMIT, read_problems, read_published
from sormctl.records import Json
from sormctl.rows.hub import hub_rows
from sormctl.tasks.fields import Fields

ROWS = [{"question": f"{n} + 1?", "answer": n + 1} for n in range(5)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def lines(rows: Sequence[Json]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def index_of(row: object, index: int) -> int:
    return index


def test_a_published_file_is_read_below_the_data_folder(tmp_path: Path) -> None:
    rows = [{"question": "?", "answer": f"{n} apples\n#### {n}"} for n in range(3)]
    write(tmp_path / "gsm8k/test.jsonl", lines(rows))
    problems = list(read_problems("gsm8k", "test", data_dir=tmp_path, limit=2))
    assert [(p.problem_id, p.answer) for p in problems] == [
        ("gsm8k-test-0", "0"),
        ("gsm8k-test-1", "1"),
    ]


@pytest.mark.parametrize(
    ("file", "indices"),
    [
        ("rows.json", [0, 1, 2, 3, 4]),
        ("rows.json[:2]", [0, 1]),
        ("rows.json[3:]", [3, 4]),
        ("rows.jsonl[1:3]", [1, 2]),
    ],
)
def test_a_file_may_be_sliced_and_rows_keep_their_index(
    tmp_path: Path, file: str, indices: list[int]
) -> None:
    write(tmp_path / "rows.json", json.dumps(ROWS))
    write(tmp_path / "rows.jsonl", lines(ROWS))
    assert list(read_published(tmp_path, file, index_of)) == indices


def test_a_users_file_is_a_benchmark(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", lines(ROWS))
    problems = list(read_problems(str(path), None, answer="numeric"))
    assert [p.answer for p in problems] == ["1", "2", "3", "4", "5"]
    assert {p.task for p in problems} == {"numeric"}
    assert problems[3].problem_id == "mine-3"


def test_a_generated_benchmark_ends_unless_told_how_many() -> None:
    assert sum(1 for _ in read_problems("chain", "test")) == DEFAULT_LIMIT
    assert sum(1 for _ in read_problems("chain", "test", limit=3)) == 3
    first, second = (next(read_problems("chain", "test", seed=seed)) for seed in (0, 1))
    assert first.question != second.question


@pytest.mark.parametrize(
    ("bench", "split", "message"),
    [
        ("gsm8k", "dev", "no split of gsm8k `dev`; known: train, test"),
        ("chain", "dev", "no split of chain `dev`"),
        ("gsm8k", "test", r"no file `.*gsm8k/test.jsonl`; give the published files by --data-dir"),
        ("numeric", "test", "task `numeric` is for your own file"),
        ("mine.jsonl", "test", "no task and no file `mine.jsonl`; known tasks: .*svamp"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, bench: str, split: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_problems(bench, split, data_dir=tmp_path)


def test_a_users_file_needs_a_kind_of_answer(tmp_path: Path) -> None:
    path = str(write(tmp_path / "mine.jsonl", lines(ROWS)))
    with pytest.raises(UsageError, match=r"mine.jsonl: say how .* --answer numeric\|math"):
        read_problems(path, None)
    with pytest.raises(UsageError, match="no kind of answers `regex`"):
        read_problems(path, None, answer="regex")


def test_a_bad_row_is_named_by_file_and_place(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", lines([*ROWS, {"q": 1}]))
    with pytest.raises(DataError, match=r"mine.jsonl:6: no question; .*\(it has `q`\)"):
        list(read_problems(str(path), None, answer="numeric"))
    path = write(tmp_path / "mine.json", json.dumps([*ROWS, {"q": 1}]))
    with pytest.raises(DataError, match=r"mine.json: row 6: no question"):
        list(read_problems(str(path), None, answer="numeric"))


HUB = {"test": ROWS, "train": ROWS[:2]}


def load_dataset(path: str, config: str | None, split: str) -> list[dict[str, object]]:
    """What `datasets` does, where the hub holds one data set."""
    if (path, config) != ("me/sums", "small"):
        raise ValueError(f"Dataset '{path}' doesn't exist on the Hub\nand more of it")
    return HUB[split]


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = SimpleNamespace(disable_progress_bars=lambda: None, load_dataset=load_dataset)
    monkeypatch.setitem(sys.modules, "datasets", fake)


@pytest.mark.usefixtures("fake_hub")
def test_a_data_set_of_the_hub_is_a_benchmark() -> None:
    def ids(split: str | None) -> list[str]:
        found = read_problems("hf:me/sums:small", split, answer="numeric", limit=3)
        return [problem.problem_id for problem in found]

    assert ids(None) == [f"sums-small-test-{n}" for n in range(3)]
    assert ids("train") == ["sums-small-train-0", "sums-small-train-1"]
    with pytest.raises(UsageError, match=r"cannot get me/sums from .*exist on the Hub\); check"):
        read_problems("hf:me/sums", None, answer="numeric")
    with pytest.raises(UsageError, match="hf:sums: give hf:OWNER/NAME"):
        read_problems("hf:sums", None, answer="numeric")


def test_the_hub_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r"^me/sums: pip install 'datasets[^']*'$"):
        read_problems("hf:me/sums", None, answer="numeric")
    with pytest.raises(
        UsageError, match=r"openai/gsm8k: pip install .*, or give the published files"
    ):
        read_problems("gsm8k", None)


def test_the_hub_gives_rows_by_its_own_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is what the hub's library takes for a data set where there is no network."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "data/train.jsonl", lines(ROWS))
    rows = list(hub_rows(str(tmp_path / "data"), None, "train"))
    assert (rows[-1].data["answer"], rows[-1].place.endswith("data train: row 5")) == (5, True)
    with pytest.raises(UsageError, match=r"cannot get .*nowhere from the hub \(.*--data-dir"):
        hub_rows(str(tmp_path / "nowhere"), None, "train", "give --data-dir")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (Fields(choices="options"), "--choices goes with --answer choice, not with numeric"),
        (Fields(question="{Body"), "--question {Body: .*; a brace is written twice"),
        (Fields(question="{} {Body}"), "within braces stands the name of a field"),
        (Fields(question="{Body!r}"), "within braces stands the name of a field"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, fields: Fields, message: str) -> None:
    path = str(write(tmp_path / "mine.jsonl", lines(ROWS)))
    with pytest.raises(UsageError, match=message):
        read_problems(path, None, answer="numeric", fields=fields)


def test_a_benchmark_has_its_own_fields() -> None:
    with pytest.raises(UsageError, match="chain has its own fields; --question and its like"):
        read_problems("chain", None, fields=Fields(id_field="id"))
