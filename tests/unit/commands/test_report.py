"""`sormctl report`: one file, and what it says of one run and of two."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from sormctl.records import Solution, to_json
from tests.unit.report.runs_shown import refined, whole_run
from tests.unit.training.runs import write_jsonl


def sormctl(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def data_of(page: Path) -> Any:
    (packed,) = re.findall(r'id="data">([^<]*)<', page.read_text("utf-8"))
    return json.loads(gzip.decompress(base64.b64decode(packed)))


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders: the new run has one problem more right, and one that the old one lacks."""
    old, new = tmp_path / "old", tmp_path / "new"
    write(old / "scored.jsonl", [*whole_run(), refined("p-4", "7", "7", "7", best="global")])
    write(new / "scored.jsonl", [*whole_run(), refined("p-4", "7", "6", "7", best="global"),
                                 refined("p-5", "6", "6", "6", best="draft")])  # fmt: skip
    return old, new


def write(path: Path, groups: list[list[Solution]]) -> None:
    path.parent.mkdir(exist_ok=True)
    write_jsonl(path, [to_json(each) for group in groups for each in group])


def test_the_rows_are_those_of_eval(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page, file = tmp_path / "report.html", runs[1] / "scored.jsonl"
    result = sormctl("report", file, "-o", page)
    assert result.exit_code == 0
    assert re.fullmatch(r"wrote \S+report.html: 6 problems, 33 solutions, 0.\d MB\n", result.stderr)
    (run,) = data_of(page)["runs"]
    assert run["rows"] == json.loads(sormctl("eval", file).stdout)["rows"]
    assert run["name"] == str(file)


def test_two_folders_are_compared(runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert sormctl("report", *runs, "-o", page).exit_code == 0
    data = data_of(page)
    files = [folder / "scored.jsonl" for folder in runs]
    compared = sormctl("compare", *files, "--common", "--format", "json").stdout.splitlines()
    assert data["comparison"]["rows"] == [json.loads(line) for line in compared]
    assert "+20.0" in data["comparison"]["verdict"]
    assert [len(run["problems"]) for run in data["runs"]] == [5, 6]
    page.unlink()
    assert sormctl("report", files[1], "--against", files[0], "-o", page).exit_code == 0
    assert data_of(page)["comparison"] == data["comparison"]


def test_where_nothing_says_the_answer_given_a_row_names_it(tmp_path: Path) -> None:
    group = [each for each in refined("p", "7", "6", "7", best="global") if each.scores]
    both = [
        Solution(**{**{n: getattr(each, n) for n in each.__struct_fields__},
                    "scores": {"orm": each.scores["orm"], "sorm": each.scores["orm"]}})
        for each in group
    ]  # fmt: skip
    write(tmp_path / "run" / "s.jsonl", [both])
    page, row = tmp_path / "report.html", "draft + global + local by sorm"
    result = sormctl("report", tmp_path / "run", "-o", page)
    for model in ("orm", "sorm"):  # as a shell reads it
        assert f" --row 'draft + global + local by {model}'" in result.stderr
    assert data_of(page)["runs"][0]["headline"] is None
    result = sormctl("report", tmp_path / "run", "-o", page, "--overwrite", "--row", row)
    assert result.stderr.count("\n") == 1
    (run,) = data_of(page)["runs"]
    assert run["given"] == row
    assert run["headline"].startswith("refined 100.0 %, draft 0.0 %")
    result = sormctl("report", tmp_path / "run", "-o", page, "--overwrite", "--row", "none")
    assert "no row (--row) `none`" in result.stderr


def test_a_page_goes_into_a_pipe_and_leaves_it_one(runs: tuple[Path, Path], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as threads:
        read = threads.submit(pipe.read_text)
        result = sormctl("report", runs[0], "-o", pipe)
        assert result.exit_code == 0, result.stderr
        assert "</html>" in read.result()
    assert pipe.is_fifo()


def test_a_page_goes_where_a_link_leads_and_never_over_a_folder(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    link, page = tmp_path / "link", tmp_path / "page.html"
    link.symlink_to(page)
    assert sormctl("report", runs[0], "-o", link).exit_code == 0
    assert link.is_symlink() and "</html>" in page.read_text()
    again = sormctl("report", runs[0], "-o", link)
    assert (again.exit_code, again.stderr.count("exists; give --overwrite")) == (2, 1)
    folder = sormctl("report", runs[0], "-o", runs[1])
    assert folder.exit_code == 2
    assert f"{runs[1]} is a folder; give a file" in folder.stderr


def test_results_of_eval_alone_are_shown(runs: tuple[Path, Path], tmp_path: Path) -> None:
    folder, page = runs[1], tmp_path / "report.html"
    file, results = folder / "scored.jsonl", folder / "results.json"
    assert sormctl("eval", file, "-o", results).exit_code == 0
    file.unlink()
    for name in (folder, results):
        assert sormctl("report", name, "-o", page, "--overwrite").exit_code == 0
        (run,) = data_of(page)["runs"]
        assert run["rows"] == json.loads(results.read_text())["rows"]
        assert run["headline"].startswith("refined")
        assert run["problems"] == []
    result = sormctl("report", folder / "results.json.manifest.json", "-o", page, "--overwrite")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "has no results of eval" in result.stderr


def test_samples_are_left_out_where_the_page_would_be_too_large(
    runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "report.html"
    monkeypatch.setattr("sormctl.commands.report.MAX_BYTES", 1000)
    result = sormctl("report", runs[0], "-o", page)
    assert "0 samples of each problem are shown; --samples asks for more" in result.stderr
    first = data_of(page)["runs"][0]["problems"][0]
    assert (len(first["solutions"]), first["left_out"]) == (3, 3)
    result = sormctl("report", runs[0], "-o", page, "--overwrite", "--samples", "2")
    assert len(data_of(page)["runs"][0]["problems"][0]["solutions"]) == 5


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("{folder}",), 2, "no solutions in"),
        (("{folder}/none.jsonl",), 2, "no file `"),
        (("{folder}/empty.jsonl",), 2, "nothing to look at"),
        (("{folder}/bad.jsonl",), 65, "bad.jsonl:1: not a JSON object"),
        (("{folder}/empty.jsonl", "--agg", "none"), 2, "no aggregation (--agg) `none`; known: "),
        (("{folder}/empty.jsonl", "-o", "{folder}/bad.jsonl"), 2, "give --overwrite"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    arguments: tuple[str, ...], code: int, told: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "bad.jsonl").write_text("[]\n")
    (folder / "empty.jsonl").write_text("")
    result = sormctl("report", *(each.format(folder=folder) for each in arguments))
    assert (result.exit_code, result.stderr.count("\n")) == (code, 1)
    assert told in result.stderr
    assert not (tmp_path / "report.html").exists()
