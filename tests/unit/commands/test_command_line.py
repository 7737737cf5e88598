"""Manners of the command line: help, completion, settings of a file and of the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner

from sormctl.cli import COMMANDS, app
from sormctl.option_groups import ARGUMENTS, by_title
from sormctl.records import to_json
from sormctl.streams.journal import JOURNAL_SUFFIX
from tests.unit.examples import solution

GROUP: Any = typer.main.get_command(app)


def run(*argv: str, **env: str) -> Any:
    return CliRunner().invoke(app, argv, env=env)


def context(name: str) -> Any:
    return GROUP.commands[name].make_context(name, [], resilient_parsing=True)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_summaries_are_whole() -> None:
    text = " ".join(run("-h", COLUMNS="80").stdout.split())
    for name in COMMANDS:
        summary = GROUP.commands[name].help.partition("\n\n")[0]
        assert f"{name} {' '.join(summary.split())}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_options_stand_under_at_most_six_titles(name: str) -> None:
    groups = by_title(GROUP.commands[name], context(name))
    titles = [title for title in groups if title != ARGUMENTS]
    assert 1 <= len(titles) <= 6
    assert titles[-1] == "Output and settings"
    assert "Options" not in titles[1:]
    shown = [option for records in groups.values() for option, _ in records]
    assert not any(re.search(r"<(int|str|path|float)\b", option) for option in shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_short_help(name: str) -> None:
    assert run(name, "-h").stdout == run(name, "--help").stdout != ""


@pytest.mark.parametrize(
    "argv, message",
    [
        (("evl",), "sormctl: No such command 'evl'. Did you mean 'eval'? See sormctl --help"),
        (("--resume",), "sormctl: No such option: --resume; see sormctl --help"),
        (("sample",), "sormctl sample: Missing option '--model'; see sormctl sample --help"),
        (("eval", "--x"), "sormctl eval: No such option: --x; see sormctl eval --help"),
        (
            ("refine", "--mode", "locl"),
            "sormctl refine: Invalid value for '--mode': 'locl' is ",
        ),
        (("eval", "-n", "x"), "sormctl eval: Invalid value for '-n' / '--limit': "),
    ],
)
def test_a_wrong_command_line_gets_one_line(argv: tuple[str, ...], message: str) -> None:
    result = run(*argv)
    assert result.exit_code == 2 and result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1 and result.stderr.endswith("--help\n")


COMPLETED = [
    ("sample --engine ", "hf openai ray vllm"),
    ("sample --prompt ", "auto plain chat one-shot"),
    ("problems ch", "chain chain-hard choice"),
    ("problems x --answer m", "math"),
    ("eval --bench gs", "gsm8k"),
    ("rerank --agg me", "mean"),
    ("label-steps --by o", "outcome oracle"),
]


@pytest.mark.parametrize("typed, values", COMPLETED, ids=[typed for typed, _ in COMPLETED])
def test_values_complete(typed: str, values: str) -> None:
    words = f"sormctl {typed}"
    env = {"_SORMCTL_COMPLETE": "complete_bash", "COMP_WORDS": words}
    result = CliRunner().invoke(
        app, [], prog_name="sormctl", env={**env, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    )
    assert result.stdout.split() == values.split()


def problems(*argv: str, **env: str) -> list[str]:
    result = run("problems", "chain", *argv, **env)
    assert result.exit_code == 0, result.stderr
    return [orjson.loads(line)["problem_id"] for line in result.stdout.splitlines()]


def test_typed_comes_before_environment_before_table_before_top() -> None:
    Path("sormctl.toml").write_text("seed = 1\nlimit = 4\n")
    assert problems() == [f"chain-test-1-{n}" for n in range(4)]
    Path("sormctl.toml").write_text("seed = 1\n[problems]\nseed = 2\nn = 1\n")
    assert problems() == ["chain-test-2-0"]
    assert problems(SORMCTL_PROBLEMS_SEED="3") == ["chain-test-3-0"]
    assert problems("--seed", "4", SORMCTL_PROBLEMS_SEED="3") == ["chain-test-4-0"]


def test_a_file_that_is_named_comes_before_the_one_found() -> None:
    Path("sormctl.toml").write_text("no such option = 1\n")
    Path("run.toml").write_text("limit = 1\nseed = 7\n")
    assert problems("--config", "run.toml") == ["chain-test-7-0"]
    assert problems(SORMCTL_CONFIG="run.toml") == ["chain-test-7-0"]


def test_what_a_file_gives_is_said_and_kept() -> None:
    Path("sormctl.toml").write_text("[problems]\nlimit = 1\nseed = 7\n")
    result = run("problems", "chain", "--seed", "8", "-o", "x.jsonl")
    assert result.stderr.startswith("problems: sormctl.toml gives --limit\n")
    kept = orjson.loads(Path("x.jsonl.manifest.json").read_bytes())["arguments"]
    assert (kept["limit"], kept["seed"]) == (1, 8)
    assert run("problems", "chain", "-q").stderr == ""


def test_the_models_of_eval_may_stand_in_a_file() -> None:
    missing = run("eval", "--bench", "chain")
    assert missing.exit_code == 2 and "[eval]" in missing.stderr
    Path("sormctl.toml").write_text(
        '[eval]\nstudent = "embedded:student"\nglobal = "embedded:student"\nlimit = 2\n'
    )
    result = run("eval", "--bench", "chain")
    assert "not trained to refine" in result.stderr, result.stderr


@pytest.mark.parametrize(
    "text, message",
    [
        ("sed = 1", "f.toml: no option or command `sed`; did you mean `seed`?"),
        ("[problems]\nsed = 1", "f.toml: [problems]: no option or command `sed`; did you mean"),
        ("[smaple]\nseed = 1", "f.toml: no option or command `smaple`; did you mean `sample`"),
        ("problems = 1", "f.toml: `problems` is a command; its options go under [problems]"),
        ("seed = 'x'", "f.toml: Invalid value for '--seed'"),
        ("seed = [1, 2]", "f.toml: `seed` takes one value"),
        ("seed = ", "f.toml: cannot be read: Invalid value"),
        ("config = 'g.toml'", "f.toml: no option or command `config`"),
    ],
)
def test_a_wrong_file_gets_one_line(text: str, message: str) -> None:
    Path("f.toml").write_text(text)
    result = run("problems", "chain", "--config", "f.toml")
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"sormctl problems: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("refine --mode global --scores rm", "--scores locates an error, and --mode global shows"),
        ("refine --mode global --rm no/such", "--rm locates an error"),
        ("refine --mode global -T 0.4", "--threshold locates an error"),
        ("label-steps --by outcome --model no/such", "--model goes with --by rollouts; drop it"),
        ("label-steps --by outcome -k 3", "-k goes with --by rollouts"),
        ("label-steps --by oracle --temperature 0.1", "--temperature goes with --by rollouts"),
        ("label-steps --by outcome --skip-failed", "--skip-failed goes with --by rollouts"),
        ("label-steps --by outcome --strategy bisect", "--strategy goes with --by rollouts"),
    ],
)
def test_what_would_do_nothing_is_refused_where_it_is_typed(typed: str, message: str) -> None:
    model = ["--model", "no/such"] if typed.startswith("refine") else []
    result = CliRunner().invoke(app, [*typed.split(), *model], json.dumps(to_json(solution())))
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_what_a_file_or_the_environment_says_for_rollouts_hinders_no_other_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sormctl.toml").write_text('[label-steps]\nmodel = "no/such"\nskip-failed = true\n')
    env = {"SORMCTL_LABEL_STEPS_STRATEGY": "bisect"}
    typed, line = ["label-steps", "--by", "outcome"], json.dumps(to_json(solution()))
    result = CliRunner().invoke(app, typed, line, env=env)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["labels"] == [1, 1]


def test_a_run_does_not_go_on_with_another_chat_template(tmp_path: Path) -> None:
    folder, made, none = tmp_path / "m", tmp_path / "made.jsonl", tmp_path / "none.jsonl"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    none.touch()
    typed = ("sample", "--model", "m", "-o", made.name, none.name)
    for template, message in (("{{ a }}", ""), ("{{ b }}", "cannot --resume: chat_template is ")):
        (folder / "chat_template.jinja").write_text(template)
        result = run(*typed, *(["--resume"] if message else []))
        assert (result.exit_code, message in result.stderr) == (2 if message else 0, True)
        made.write_text("{}\n")  # as if it had begun
        assert made.with_name(made.name + JOURNAL_SUFFIX).exists()
