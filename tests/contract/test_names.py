"""A name that nothing has: one exit code and one form of message, whatever it should name."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from tests.contract.commands import CORRECT, PROBLEM

STUDENT = "embedded:student"
UNKNOWN = [
    ("problems gsm8", "task and no file", "gsm8", "gsm8k"),
    ("problems chain --split tset", "split of chain", "tset", "test"),
    ("problems gsm8k --split tset", "split of gsm8k", "tset", "test"),
    ("problems mine.jsonl --answer numerc", "kind of answers", "numerc", "numeric"),
    ("problems mime.jsonl", "task and no file", "mime.jsonl", "mine.jsonl"),
    (f"eval --bench chian --student {STUDENT}", "task and no file", "chian", "chain"),
    ("grade --task numerc", "task", "numerc", "numeric"),
    ("import procesbench mine.jsonl", "format", "procesbench", "processbench"),
    ("filter mime.jsonl", "file", "mime.jsonl", "mine.jsonl"),
    ("show ./mime.jsonl", "file", "./mime.jsonl", "./mine.jsonl"),
    ("sample --model embedded:studnet mine.jsonl", "model", "embedded:studnet", STUDENT),
    ("sample --model ./studnet mine.jsonl", "model", "./studnet", "./student"),
    ("sample --model studnet mine.jsonl", "model", "studnet", "student"),
    ("score --rm studnet solutions.jsonl", "model", "studnet", "student"),
    ("train-student --model ./studnet solutions.jsonl", "model", "./studnet", "./student"),
    ("train-student --model studnet solutions.jsonl", "model", "studnet", "student"),
    (f"sample --model {STUDENT} --prompt plian", "style (--prompt)", "plian", "plain"),
    (
        "sample --model x --engine openai --engine-arg tiemout=3 --prompt plain mine.jsonl",
        "argument of engine openai",
        "tiemout",
        "timeout",
    ),
    ("grade --steps line", "way to cut steps (--steps)", "line", "lines"),
    ("rerank --scores orm --agg fnal", "aggregation (--agg)", "fnal", "final"),
    ("eval --min-accuracy 0 --gate acuracy solutions.jsonl", "row (--gate)", "acuracy", "accuracy"),
    (
        "compare --row acuracy solutions.jsonl solutions.jsonl",
        "row of the old run",
        "acuracy",
        "accuracy",
    ),
    (
        f"train-student --model {STUDENT} --track tensorbord solutions.jsonl",
        "tracker (--track)",
        "tensorbord",
        "tensorboard",
    ),
    (
        f"train-student --model {STUDENT} --held-out mime.jsonl solutions.jsonl",
        "share and no file (--held-out)",
        "mime.jsonl",
        "mine.jsonl",
    ),
]


@pytest.mark.parametrize(("line", "kind", "name", "meant"), UNKNOWN, ids=lambda text: text[:40])
def test_an_unknown_name(
    line: str, kind: str, name: str, meant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("SORMCTL_DATA", raising=False)
    (tmp_path / "student").mkdir()
    (tmp_path / "mine.jsonl").write_bytes(orjson.dumps(PROBLEM))
    draft = {**CORRECT, "source": {"kind": "draft", "temperature": 0}}
    (tmp_path / "solutions.jsonl").write_bytes(orjson.dumps(draft))
    argv = line.split() + (["-o", "out"] if line.startswith("train") else [])
    result = CliRunner().invoke(app, argv)
    assert result.exit_code == 2, result.output
    told = re.escape(f"sormctl {argv[0]}: no {kind} `{name}`; did you mean `{meant}`")
    assert re.search(rf"^{told}[^\n]*\n\Z", result.stderr, re.MULTILINE), result.stderr


def test_where_nothing_is_near_it_says_what_to_give() -> None:
    argv = ["sample", "--model", "~nobody-of-that-name/x"]
    result = CliRunner().invoke(app, argv, orjson.dumps(PROBLEM))
    told = "no model `~nobody-of-that-name/x`; give a folder, or a name of the hub"
    assert (result.exit_code, result.stderr) == (2, f"sormctl sample: {told}\n")


def test_a_record_that_names_no_task_is_bad_data() -> None:
    line = orjson.dumps({**PROBLEM, "task": "numerc"})
    result = CliRunner().invoke(app, ["sample", "--model", STUDENT], line)
    assert result.exit_code == 65
    assert "<stdin>:1: no task `numerc`; did you mean `numeric`?" in result.stderr


@pytest.mark.parametrize("asked", ["", "--prompt plain"])
def test_a_served_model_of_no_tokenizer_here(asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    served = f"--engine openai --base-url http://127.0.0.1:9/v1 --model qwen {asked}"
    result = CliRunner().invoke(app, ["sample", *served.split()], orjson.dumps(PROBLEM))
    assert result.exit_code == 2, result.output
    *_, line = result.stderr.splitlines()
    told = "of a server: --engine-arg tokenizer= names its tokenizer, api=chat needs none"
    assert line.startswith("sormctl sample: no model `qwen`") and line.endswith(told)
