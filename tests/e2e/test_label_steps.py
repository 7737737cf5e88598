"""`label-steps --by rollouts` as it is typed, with the embedded student."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from sormctl.cli import app

STUDENT = ("--model", "embedded:student", "--max-tokens", "60", "-k", "2")


def sormctl(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


def write(path: Path, records: Sequence[Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in records))
    return path


def read(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Three of each of two problems, in the order of the problems."""
    folder = tmp_path_factory.mktemp("samples")
    sormctl("problems", "chain", "-n", "2", "-q", "-o", folder / "problems.jsonl")
    sormctl(
        *("sample", "--model", "embedded:student", "-n", "3", "--max-tokens", "60", "-q"),
        *(folder / "problems.jsonl", "-o", folder / "samples.jsonl"),
    )
    return read(folder / "samples.jsonl")


def test_the_rest_of_a_problem_is_labelled_beside_what_is_finished(
    samples: list[Any], tmp_path: Path
) -> None:
    """Of the second problem one sample was there at first; as siblings count all three."""
    label = ("label-steps", *STUDENT, "--siblings", tmp_path / "in.jsonl")
    write(tmp_path / "in.jsonl", samples)
    sormctl(*label, "-o", tmp_path / "whole.jsonl")
    write(tmp_path / "in.jsonl", samples[:4])
    sormctl(*label, "-o", tmp_path / "grown.jsonl")
    write(tmp_path / "in.jsonl", samples)
    sormctl(*label, "-o", tmp_path / "grown.jsonl", "--resume")
    whole, grown = read(tmp_path / "whole.jsonl"), read(tmp_path / "grown.jsonl")
    assert [record["solution_id"] for record in grown] == [s["solution_id"] for s in samples]
    assert grown[4:] == whole[4:]
    assert grown[3] != whole[3]  # it was labelled alone


def test_exhaustive_has_two_names_and_is_one_strategy(samples: list[Any], tmp_path: Path) -> None:
    label = ("label-steps", *STUDENT, write(tmp_path / "in.jsonl", samples[:2]))
    out = ("-o", tmp_path / "out.jsonl")
    sormctl(*label, "--exhaustive", *out)
    sormctl(*label, "--strategy", "exhaustive", *out, "--resume")
    sormctl(*label, "--exhaustive", "--strategy", "exhaustive", *out, "--resume")
    assert "strategy is" in sormctl(*label, *out, "--resume", code=2).stderr


def test_scattered_solutions_are_told_of_and_can_be_gathered(
    samples: list[Any], tmp_path: Path
) -> None:
    order = [0, 3, 1, 4, 2, 5]
    label = ("label-steps", *STUDENT, write(tmp_path / "in.jsonl", [samples[i] for i in order]))
    apart = sormctl(*label, "-o", tmp_path / "apart.jsonl")
    assert "4 times a problem came again after others" in apart.stderr
    together = sormctl(*label, "--gather", "-o", tmp_path / "together.jsonl")
    assert "came again" not in together.stderr
    write(tmp_path / "in.jsonl", samples)
    sormctl(*label, "-o", tmp_path / "sorted.jsonl")
    assert read(tmp_path / "together.jsonl") == read(tmp_path / "sorted.jsonl")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "global"}, "in.jsonl:2: a global solution; --siblings needs samples alone"),
        ({"temperature": 0.1}, "in.jsonl:2: sampled at temperature 0.1"),
        ({"kind": "draft", "temperature": 0.0}, "in.jsonl:2: sampled at temperature 0.0"),
        ({"model": "another"}, "in.jsonl:2: samples of several models"),
    ],
)
def test_siblings_are_samples_of_one_policy(
    samples: list[Any], tmp_path: Path, source: dict[str, Any], message: str
) -> None:
    first, second = samples[:2]
    mixed = [first, {**second, "source": {**second["source"], **source}}]
    label = ("label-steps", *STUDENT, write(tmp_path / "in.jsonl", mixed))
    assert message in sormctl(*label, "--siblings", code=65).stderr
    sormctl(*label, "-q")


def test_who_trades_labels_is_told_so(samples: list[Any], tmp_path: Path) -> None:
    label = ("label-steps", *STUDENT, write(tmp_path / "in.jsonl", samples))
    exact = sormctl(*label, "-o", tmp_path / "exact.jsonl").stderr
    assert "all rollouts would have been about" in exact
    assert "not the exact ones" not in exact
    bisect = sormctl(*label, "--strategy", "bisect", "-o", tmp_path / "bisect.jsonl").stderr
    assert "some labels are not the exact ones" in bisect
    assert (
        "labels that are not the exact ones: "
        in sormctl(*label, "--strategy", "bisect", "--plan").stderr
    )
    made = orjson.loads((tmp_path / "bisect.jsonl.manifest.json").read_bytes())
    assert made["arguments"]["strategy"] == "bisect"
    assert 0 < made["generated_tokens"] < made["plain_tokens"]
