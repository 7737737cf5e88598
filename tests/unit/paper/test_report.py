"""A small graph collected and rendered; the committed page as its files say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from examples.paper.report.__main__ import to_json
from examples.paper.report.collect import collect
from examples.paper.report.page import render
from examples.paper.report.read import outcomes
from tests.unit.paper.tree import ORM, make_tree, write_model, write_result

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("out")
    make_tree(out)
    found: dict[str, Any] = json.loads(to_json(collect(out, ["BENCH=chain", "SCALE=demo"])))
    return found


def test_rows_are_over_the_seeds(run: dict[str, Any]) -> None:
    rows = run["results"]["sft/main"]
    assert rows["draft"]["by_seed"] == [0.5, 0.25]
    assert (rows["draft"]["value"], rows["draft"]["n"]) == (0.375, 8)
    assert rows["draft"]["low"] < 0.375 < rows["draft"]["high"]
    assert rows["global: fixed"]["by_seed"] == [0.5, pytest.approx(2 / 3, abs=1e-5)]
    assert (rows[ORM]["value"], rows[ORM]["n"]) == (0.5, 32)
    assert rows["orm against labels: AUC"]["value"] == 0.8
    assert "low" not in rows["orm against labels: AUC"]


def test_outcomes_are_enough_to_check_a_figure(tmp_path: Path) -> None:
    make_tree(tmp_path)
    kept = [row for row in outcomes(tmp_path) if row["result"] == "sft/main" and row["seed"] == 2]
    assert sum(row["outcomes"]["draft"] for row in kept) / len(kept) == 0.25


def test_claims_are_paired_differences(run: dict[str, Any]) -> None:
    """Global fixes p2 of the first seed, p1 and p2 of the second; local p3 of the first."""
    (found,) = run["claims"]["similar-shares"]["sft"]
    assert found["by_seed"] == [0.0, pytest.approx(2 / 3, abs=1e-5)]
    assert found["mcnemar"] == {"first": 3, "second": 1, "p": 0.62}
    assert found["n"] == 5
    (steps,) = run["claims"]["sorm-steps"]["sft"]
    assert (steps["value"], steps["n"]) == (0.25, 32)
    assert "mcnemar" not in steps


def test_seeds_that_share_their_problems(run: dict[str, Any], tmp_path: Path) -> None:
    """Of p1, p2, p3 global fixed p2 in two seeds, p1 in one; local p3 in one: each counts once."""
    make_tree(tmp_path / "out", shared=True)
    shared = json.loads(to_json(collect(tmp_path / "out", ["BENCH=chain", "SCALE=demo"])))
    assert (shared["shared_problems"], run["shared_problems"]) == (True, False)
    (found,) = shared["claims"]["similar-shares"]["sft"]
    assert found["mcnemar"] == {"first": 2, "second": 1, "p": 1.0}
    assert "a replicate draws problems once" in pages(shared, tmp_path)["small-claims"]
    (tmp_path / "own").mkdir()
    assert "each seed has its own test problems" in pages(run, tmp_path / "own")["small-claims"]


def test_seeds_are_named_where_some_have_no_figure(tmp_path: Path) -> None:
    make_tree(tmp_path / "out")
    write_result(
        tmp_path / "out" / "2" / "sft" / "prompted.json",
        [
            {
                "task": "chain",
                "problem_id": "2-0",
                "outcomes": {"draft": 0, "global": 1},
                "steps": {},
            }
        ],
    )
    found = json.loads(to_json(collect(tmp_path / "out", ["BENCH=chain", "SCALE=demo"])))
    assert found["results"]["sft/prompted"]["global"]["seeds"] == ["2"]
    assert "seeds" not in found["results"]["sft/main"]["global"]
    prompted = found["claims"]["ei-refiner"][""][1]
    assert (prompted["second"], prompted["seeds"]) == (["sft/prompted", "global"], ["2"])
    assert "| 100.0 (seed 2) |" in pages(found, tmp_path)["small-tables"]


def test_models_and_commits_are_told(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_tree(out)
    how: dict[str, Any] = {"model": "/home/me/sormctl/embedded/student", "output": "runs/1/sft/orm"}
    how |= {"examples": 12000, "epochs": 2, "batch_size": 32, "lr": 0.001}
    write_model(out / "1" / "sft" / "orm", {"training": how}, [{"step": 740}, {"step": 750}])
    (out / "commits").write_text(
        "2026-11-01T10:00:00+00:00 abc1234\n2026-11-02T10:00:00+00:00 abc1235\n"
    )
    made = pages(collect(out, ["BENCH=chain", "SCALE=demo"]), tmp_path)
    row = "`sft/orm` | `embedded:student` | `sft/outcomes.jsonl` | 12,000 | 2 | 32 | 750 | 0.001"
    assert f"| {row} |  | 1 |" in made["small-commands"]
    assert "Made by commit abc1234 (from 2026-11-01 10:00 UTC); collected" in made["small-claims"]
    assert "abc1235" not in made["small-claims"]  # nothing was made after it
    assert "/home/me" not in "".join(made.values())


def test_a_student_that_has_no_result_yet_may_have_models(tmp_path: Path) -> None:
    make_tree(tmp_path / "out")
    how = {"model": "a", "output": "b", "examples": 9, "epochs": 2, "batch_size": 3, "lr": 1e-3}
    write_model(tmp_path / "out" / "1" / "ei" / "model", {"training": how}, [{"step": 6}])
    found = pages(collect(tmp_path / "out", ["SCALE=demo"]), tmp_path)
    assert "| `ei/model` |" in found["small-commands"]


def test_what_was_not_run_is_missing(run: dict[str, Any]) -> None:
    assert run["claims"]["value"] == {"": []}
    assert run["claims"]["reranked-draft"] == {"sft": []}
    assert run["claims"]["expert-iteration"] == {"": []}


def test_every_figure_leads_to_its_commands(run: dict[str, Any], tmp_path: Path) -> None:
    made = pages(run, tmp_path)
    headings = {
        f"{name}.md#" + re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for name, text in made.items()
        for line in text.splitlines()
        if line.startswith("#")
    }
    links = {
        link if link.partition("#")[0] else f"{name}.md{link}"
        for name, text in made.items()
        for link in re.findall(r"\]\(([^)]*#[^)]+)\)", text)
        if not link.startswith("..")
    }
    assert "small-commands.md#sftmainjson" in links
    assert links <= headings
    block = made["small-commands"].split("### sft/main.json")[1].split("```")[1]
    assert "sormctl eval --overwrite" in block
    assert "-o $OUT/1/sft/main.json  # 2 records, 3 s" in block
    assert "sormctl train-rm" in block and "not run" in made["small-claims"]


@pytest.mark.parametrize("name", ["main.json", "main.outcomes.jsonl", "main.json.manifest.json"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    make_tree(tmp_path)
    (tmp_path / "2" / "sft" / name).write_text('{"rows": [')
    with pytest.raises(ValueError, match=rf"2/sft/{re.escape(name)} cannot be read"):
        collect(tmp_path, ["SCALE=demo"])


def test_settings_must_be_those_of_the_graph(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "settings").write_text("K=4\n")
    with pytest.raises(ValueError, match=r"settings says K=4; give that"):
        collect(tmp_path, ["SCALE=demo"])


def test_each_result_must_have_a_command(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "1" / "sft" / "main.json").rename(tmp_path / "1" / "sft" / "other.json")
    manifest = tmp_path / "1" / "sft" / "main.json.manifest.json"
    manifest.rename(manifest.with_name("other.json.manifest.json"))
    with pytest.raises(ValueError, match="no command makes sft/other; give the settings"):
        collect(tmp_path, ["SCALE=demo"])


def test_nothing_is_rendered_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no collected results"):
        render(tmp_path / "missing")
    (tmp_path / "small.json").write_text('{"settings": ')
    with pytest.raises(ValueError, match=r"small\.json cannot be read"):
        render(tmp_path)


def test_fragments_have_their_places(run: dict[str, Any], tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    names = ("intro", "small", "small.table-1", "end-2", "end-1")
    (results / "fragments").mkdir()
    for name in names:
        (results / "fragments" / f"{name}.md").write_text(f"fragment {name}")
    made = pages(run, tmp_path).items()
    found = {name: re.findall(r"fragment (\S+)", text) for name, text in made}
    assert {name: each for name, each in found.items() if each} == {
        "index": ["intro"],
        "small-why": ["small"],
        "small-tables": ["small.table-1"],
        "single-runs": ["end-1", "end-2"],
    }


def pages(run: dict[str, Any], folder: Path) -> dict[str, str]:
    results = folder / "results"
    results.mkdir(exist_ok=True)
    (results / "small.json").write_text(to_json(run))
    return render(results)


def test_committed_pages_are_fresh() -> None:
    """`make results` makes them."""
    committed = {path.stem: path.read_text("utf-8") for path in RESULTS.glob("*.md")}
    assert {"index": (ROOT / "docs" / "results.md").read_text("utf-8")} | committed == render(
        RESULTS
    )


@pytest.mark.parametrize(
    "page",
    [
        *RESULTS.glob("*.md"),
        *(ROOT / "docs" / "experiments").glob("*.md"),
        *(ROOT / "docs" / "benchmarks").glob("*.md"),
    ],
    ids=lambda page: page.stem,
)
def test_pages_are_short(page: Path) -> None:
    assert len(prose(page)) < 1500


@pytest.mark.parametrize("name", ["results", "experiments", "benchmarks"])
def test_indexes_fit_on_one_screen(name: str) -> None:
    assert len(prose(ROOT / "docs" / f"{name}.md")) < 300


@pytest.mark.parametrize("page", ["engines.md", "engines/servers.md"])
def test_pages_on_engines_are_short(page: str) -> None:
    assert len((ROOT / "docs" / page).read_text("utf-8").split()) < 2300


def test_words_behind_a_table_count(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\ntwo words\n\n```sh\nls\n```\n\n| a | b |\n\nand three more\n")
    assert prose(page) == ["two", "words", "and", "three", "more"]


def prose(page: Path) -> list[str]:
    """The words of a page without tables, lists, headings and commands."""
    text = page.read_text("utf-8")
    return re.sub(r"(?s:```.*?```)|^[|!#<-].*$", "", text, flags=re.MULTILINE).split()
