"""Problems from folders, files and generators. The hub needs a network, so only its absence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sormctl.errors import DataError, UsageError
from sormctl.problems import DEFAULT_LIMIT, read_file, read_hub, read_problems, read_published
from sormctl.tasks.answers import NUMERIC
from sormctl.tasks.base import Hub
from sormctl.tasks.files import parse

ROWS = [{"question": f"{n} + 1?", "answer": n + 1} for n in range(5)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def lines(rows: list[dict[str, object]]) -> str:
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
        ("gsm8k", "dev", "gsm8k has no split `dev`; choose one of train, test"),
        ("chain", "dev", "chain has no split `dev`"),
        ("gsm8k", "test", r"no file .*gsm8k/test.jsonl; give the published files by --data-dir"),
        ("numeric", "test", "task `numeric` is for your own file"),
        ("mine.jsonl", "test", "no file and no task `mine.jsonl`; known tasks: .*svamp"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, bench: str, split: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_problems(bench, split, data_dir=tmp_path)


def test_a_users_file_needs_a_kind_of_answer(tmp_path: Path) -> None:
    path = str(write(tmp_path / "mine.jsonl", lines(ROWS)))
    with pytest.raises(UsageError, match=r"mine.jsonl: say how .* --answer numeric\|math"):
        read_problems(path, None)
    with pytest.raises(UsageError, match="no answer kind `regex`"):
        read_problems(path, None, answer="regex")


def test_a_bad_row_is_named_by_file_and_place(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.jsonl", lines([*ROWS, {"q": 1}]))
    with pytest.raises(DataError, match=r"mine.jsonl:6: no question; .*\(it has \['q'\]\)"):
        list(read_problems(str(path), None, answer="numeric"))
    path = write(tmp_path / "mine.json", json.dumps([*ROWS, {"q": 1}]))
    with pytest.raises(DataError, match=r"mine.json: row 5: no question"):
        list(read_problems(str(path), None, answer="numeric"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"a": 1},\n  oops]', r"rows.json:2: not JSON"),
        ('{"a": 1}', "rows.json: holds no JSON array"),
        ("[1]", "rows.json: row 0: not an object"),
    ],
)
def test_a_bad_array_is_explained(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "rows.json", text)
    with pytest.raises(DataError, match=message):
        list(read_file(path, index_of))


def test_the_hub_gives_rows_by_its_own_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder is what the hub's library takes for a data set where there is no network."""
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "data/train.jsonl", lines(ROWS))
    hub = Hub(str(tmp_path / "data"), None, {"train": "train"})
    assert list(read_hub(hub, "train", lambda row, index: (index, row["answer"])))[-1] == (4, 5)
    with pytest.raises(DataError, match="data train: row 0: no answer"):
        list(read_hub(hub, "train", lambda row, index: parse(NUMERIC, {"question": "?"}, "", 0)))
    with pytest.raises(UsageError, match=r"cannot get .*nowhere from the hub \(.*--data-dir"):
        read_hub(Hub(str(tmp_path / "nowhere")), "train", index_of)
