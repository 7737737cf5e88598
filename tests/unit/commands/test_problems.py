"""`sormctl problems` on benchmarks as people have them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app
from tests.zstandard import zstd


def sormctl(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), input=stdin)


def problems(kind: str, *arguments: str | Path, stdin: bytes = b"") -> list[dict[str, Any]]:
    result = sormctl("problems", *arguments, "--answer", kind, "-q", stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


KINDS: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    "a point in front is a decimal point": [
        ("math", {"problem": "p", "answer": ".625"}, ".625"),
        ("math", {"problem": "p", "answer": "-.5"}, "-.5"),
        ("math", {"problem": "p", "solution": "Hence $\\boxed{.0049}$."}, ".0049"),
    ],
    "a box in every spelling holds the answer of a solution": [
        ("math", {"problem": "p", "solution": "So $x=9$, and\n$\\boxed 9$."}, "9"),
        ("math", {"problem": "p", "solution": "It is $\\fbox{9}$."}, "9"),
        ("math", {"problem": "p", "solution": "\\[\\boxed{\n\\frac{2}{3}\n}\\]"}, "\\frac{2}{3}"),
    ],
    "of an answer of several numbers the whole counts": [
        ("numeric", {"question": "q", "answer": "2:5"}, "2:5"),
        ("numeric", {"question": "q", "answer": [4, "5"]}, "4, 5"),
        ("numeric", {"question": "q", "answer": "7:15 p.m."}, "7:15 pm"),
        ("numeric", {"question": "q", "answer": "2 hours 5 minutes"}, "2 hours 5 minutes"),
    ],
    "numbers keep their digits": [
        ("numeric", {"question": "q", "answer": 10**24 + 1}, f"{10**24 + 1}"),
        ("numeric", {"question": "q", "answer": [2**64, 2**65]}, f"{2**64}, {2**65}"),
        ("exact", {"question": "q", "answer": -(2**70)}, f"{-(2**70)}"),
    ],
    "an option becomes its letter": [
        ("choice", {"question": "q", "choices": ["5", "6", "7"], "answer": 0}, "A"),
        ("choice", {"question": "q", "choices": ["5", "6", "7"], "answer": "6"}, "B"),
        ("choice", {"question": "q", "options": ["A)5", "B)6"], "correct": "B"}, "B"),
    ],
    "names have capitals": [
        ("numeric", {"Question": "q", "Answer": 12}, "12"),
        ("numeric", {"Body": "A pen costs 3.", "Question": "And 2?", "Answer": 6.0}, "6"),
        ("math", {"PROBLEM": "p", "Final Answer": "x^2"}, "x^2"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_of_every_kind_of_row(tmp_path: Path, kind: str, compact: bool) -> None:
    for answers, row, expected in KINDS[kind]:
        path = tmp_path / ("mine.jsonl" if compact else "mine.json")
        path.write_text(
            json.dumps(row if compact else {"rows": [row]}, indent=None if compact else 1)
        )
        (found,) = problems(answers, path)
        assert found["answer"] == expected
        for option in row.get("choices", ()):
            assert f") {option}" in found["question"]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("numeric", {"question": "q", "rationale": "A bag has 4 figs; with 5 bags that is 20."}),
        ("choice", {"question": "q", "rationale": "Option A tempts, but D fits."}),
        ("math", {"question": "q", "solution": "We find $x=2$, therefore $x+1=3$."}),
    ],
)
def test_a_solution_that_announces_nothing_gives_no_answer(kind: str, row: dict[str, Any]) -> None:
    result = sormctl("problems", "-", "--answer", kind, stdin=json.dumps(row).encode())
    assert result.exit_code == 65
    assert "<stdin>:1: `" in result.stderr and "announces no answer" in result.stderr


ROW = b'{"question": "2 + 2?", "answer": "4"}'


@pytest.mark.parametrize(
    "content",
    [
        ROW,
        ROW + b"\n",
        b"\xef\xbb\xbf" + ROW,
        b"\xef\xbb\xbf[" + ROW + b"]",
        b"\xef\xbb\xbf\n[\n" + ROW + b"\n]\n",
        b'{"data": [' + ROW + b"]}",
        b"question,answer\n2 + 2?,4\n",
        b"\xef\xbb\xbfQuestion;Answer\r\n2 + 2?;4\r\n",
        gzip.compress(ROW, mtime=0),
        zstd.compress(ROW),
    ],
)
def test_whatever_comes_through_a_pipe(content: bytes) -> None:
    (found,) = problems("numeric", "-", stdin=content)
    assert found == {
        "task": "numeric",
        "problem_id": "stdin-0",
        "question": "2 + 2?",
        "answer": "4",
    }


def test_fields_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text('no,text,ask,key,one,two\n7,"Two ""figs"",\nhere",Which?,two,fig,date\n')
    options = ("--question", "{Text} {Ask}", "--answer-field", "key", "--id-field", "no")
    (found,) = problems("choice", path, *options, "--choices", "one,two", "--answer-field", "two")
    assert found["problem_id"] == "7"
    assert found["question"] == 'Two "figs",\nhere Which?\n(A) fig\n(B) date'
    assert found["answer"] == "B"
    assert found["key"] == "two"


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        ("a,b\n1,2\n", [], 65, "mine.csv:2: no question; name its field by --question (it has `a`"),
        (
            "Ann has 9 pens and gives 4 away.\t5\nBob has 2.\t2",
            [],
            65,
            "mine.csv:2: no question; line 1 looks like a row: put a header above, separated li",
        ),
        (
            "A fig is a fruit. Which of these is one too?,nut,date,stone,B\nq,1,2,3,C",
            [],
            65,
            "put a header above, separated like it: question, A, B, C, answer\n",
        ),
        ("What is the column of the question?,A,B\n1,2,3\n", ["--answer-field", "B"], 65, "put a"),
        (
            "a column that has a name of so many words,b\n1,2\n",
            [],
            65,
            "`a column that has a name of so many wor…`",
        ),
        ("Is it four?,4,4,A\nq,1,2,B\n", [], 65, "twice; give each column a name, in a line above"),
        ("question,b\n1,2\n", [], 65, "mine.csv:2: no answer; name its field by --answer-field"),
        ("question,answer\n1\n", [], 65, "mine.csv:2: 1 fields, but the header names 2"),
        ("context,question,answer\nc,q,1\n", [], 65, "mine.csv:2: `context` would be lost; give -"),
        (
            "question,answer\nq,1\n",
            ["--question", "{q}"],
            65,
            "`q`, which is not there; it has",
        ),
        ("question,answer\nq,1\n", ["--question", "{q"], 2, "--question {q: expected '}'"),
        ("question,answer\nq,1\n", ["--choices", "q"], 2, "--choices goes with --answer choice"),
        ("question,answer\nq,1\n", ["--split", "test"], 2, "a file has no splits"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, content: str, options: list[str], code: int, message: str
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(content)
    result = sormctl("problems", path, "--answer", "numeric", *options)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (code, "", 1)
    assert message in result.stderr


WITHOUT_ANSWER = [
    {"question": "2 + 2?", "answer": "4"},
    *[{"question": "Who?", "answer": "None"}] * 4,
    {"question": "3 + 3?", "answer": "6"},
]


def test_rows_that_cannot_be_read_are_left_out_on_request(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in WITHOUT_ANSWER))
    command = ("problems", path, "--answer", "numeric")
    refused = sormctl(*command)
    assert refused.exit_code == 65
    assert refused.stderr.endswith("; --skip-unreadable leaves such rows out\n")
    result = sormctl(*command, "--skip-unreadable")
    assert result.exit_code == 0
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["problem_id"] for row in found] == ["mine-0", "mine-5"]
    told = [line for line in result.stderr.splitlines() if "left out" in line]
    assert [line.partition("mine.jsonl:")[2][:2] for line in told] == ["2:", "3:", "4:", ""]
    assert told[-1] == "problems: left out: 4 of 6 rows, which cannot be read"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"q": "2 + 2?"}\n{"q": "3 + 3?"}', "mine.jsonl:1: no question; name its field by --que"),
        ('{"question": "2 + 2?", "answer": 4}\n{"question": ', "mine.jsonl:2: not JSON"),
    ],
)
def test_what_is_no_matter_of_single_rows_ends_the_run(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(content)
    command = ("problems", path, "--answer", "numeric")
    refused, left_out = sormctl(*command), sormctl(*command, "--skip-unreadable")
    assert refused.exit_code == left_out.exit_code == 65
    assert message in left_out.stderr and "--skip" not in refused.stderr


def test_several_files_are_one_benchmark(tmp_path: Path) -> None:
    for name in ("a/1.jsonl", "a/2.jsonl", "b/1.jsonl.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ROW)
    paths = sorted(tmp_path.glob("*/*"))
    found = problems("numeric", *paths[:2], "--limit", "2")
    assert [row["problem_id"] for row in found] == ["1-0", "2-0"]
    found = problems("numeric", *paths)  # of which two have one name
    assert [row["problem_id"] for row in found] == ["a/1-0", "a/2-0", "b/1-0"]


def test_a_file_of_which_nothing_can_be_read_is_left_out(tmp_path: Path) -> None:
    for name, content in (("a.jsonl", b'{"question": "?", "answer": "x"}'), ("b.jsonl", ROW)):
        (tmp_path / name).write_bytes(content)
    (found,) = problems("numeric", *sorted(tmp_path.iterdir()), "--skip-unreadable")
    assert found["problem_id"] == "b-0"


def test_a_benchmark_stands_alone() -> None:
    result = sormctl("problems", "gsm8k", "svamp")
    assert result.exit_code == 2 and "give one benchmark, or files of your own" in result.stderr


def test_only_rows_of_the_user_are_left_out() -> None:
    result = sormctl("problems", "gsm8k", "--skip-unreadable")
    assert result.exit_code == 2 and "gsm8k has its own fields" in result.stderr


def test_the_same_options_name_the_fields_of_a_benchmark_to_evaluate(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("question,answer\nq,1\n")
    options = ("--bench", path, "--student", "nowhere", "--answer", "numeric", "--question", "{x}")
    result = sormctl("eval", *options)
    assert result.exit_code == 65
    assert "mine.csv:2: --question names `x`, which is not there" in result.stderr
