"""A chat model that nobody trained for this: asked as it was taught, read as it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.real.shell import Record, Run, records, sormctl, text, write

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def texts(drafts: Path) -> list[Record]:
    return records(drafts)


def test_it_solves_what_it_can_solve(drafting: tuple[Path, Run], texts: list[Record]) -> None:
    """About seven of twelve; four where it is told to answer in words that it was not taught."""
    assert sum(draft["correct"] for draft in texts) >= 5
    assert [draft["source"]["finish"] for draft in texts].count("stop") >= 11
    assert drafting[1].peak_gib < 3


def test_what_it_boxes_is_its_answer(texts: list[Record]) -> None:
    boxed = {d["problem_id"]: re.findall(r"\\boxed\{(\d+)\}", text(d)) for d in texts}
    answers = {d["problem_id"]: d["predicted"] for d in texts}
    found = {name: values[-1] for name, values in boxed.items() if values}
    assert len(found) >= 6
    assert {name: answers[name] for name in found} == found
    assert list(answers.values()).count(None) <= 1


def test_no_heading_is_an_answer(texts: list[Record]) -> None:
    """Nor is it a step of its own."""
    for draft in texts:
        for step in draft["steps"][:-1]:
            assert not re.fullmatch(r"(#+ .*|\*\*[^*]+\*\*:?|[^\n]*:)", step), step


def test_no_display_is_cut(texts: list[Record]) -> None:
    displays = [re.findall(r"\\\[.*?\\\]", text(draft), re.DOTALL) for draft in texts]
    assert sum(map(len, displays)) >= 3
    for draft in texts:
        for step in draft["steps"]:
            assert step.count("\\[") == step.count("\\]"), step


def test_no_mark_of_the_template_is_in_the_text(texts: list[Record]) -> None:
    assert not [draft for draft in texts if "<|im_" in text(draft)]


def test_a_prefix_continues_the_text(qwen: Path, texts: list[Record], tmp_path: Path) -> None:
    """Greedy rollouts from each prefix of a greedy text come to its answer."""
    correct = [draft for draft in texts if draft["correct"] and len(draft["steps"]) > 2][:2]
    source, labelled = write(tmp_path / "correct.jsonl", correct), tmp_path / "labelled.jsonl"
    greedy = ("--strategy", "exhaustive", "-k", 1, "--temperature", 0, "--max-tokens", 400)
    sormctl("label-steps", "--model", qwen, *greedy, "-o", labelled, source)
    labels = [label for solution in records(labelled) for label in solution["labels"]]
    assert sum(labels) >= 0.9 * len(labels)


def test_what_is_cut_off_is_said(smollm2: Path, problems: Path, tmp_path: Path) -> None:
    """By the command that cut, and by the table."""
    path = tmp_path / "cut.jsonl"
    run = sormctl(
        "sample", "--model", smollm2, "--greedy", "--max-tokens", 20, "-o", path, problems
    )
    assert "12 of 12 solutions (100.0%) were cut off at the token limit; raise --max-tokens" in (
        run.err
    )
    (row,) = json.loads(sormctl("eval", path).out)["rows"]
    assert (row["cut_off"], row["no_answer"]) == (1, 1)


def test_the_words_are_the_users(smollm2: Path, problems: Path, tmp_path: Path) -> None:
    """Texts are like those of the examples, and steps are cut as it was said."""
    path = tmp_path / "shown.jsonl"
    shots = write(
        tmp_path / "shots.jsonl",
        [
            {"question": question, "solution": f"Well then: {answer}.\n\n#### {answer}"}
            for question, answer in (("2 + 2?", 4), ("3 + 4?", 7), ("5 - 3?", 2))
        ],
    )
    words = ("--system", "You add.", "--instruction", "{question}", "--examples", shots)
    options = (*words, "--steps", "paragraphs", "--greedy", "--max-tokens", 40)
    sormctl("sample", "--model", smollm2, *options, "-o", path, problems)
    shown = [s for s in records(path) if s["steps"][-1].startswith("#### ")]
    assert len(shown) >= 6
    assert sum(text(s).startswith("Well then: ") for s in shown) >= 3
    assert all(len(s["steps"]) == 2 and s["predicted"] for s in shown)
