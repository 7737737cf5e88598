"""The first problems of each benchmark, byte for byte: ids and texts are what results refer to."""

from __future__ import annotations

import pytest

from sormctl.records import problem_json
from sormctl.streams.output import encode
from sormctl.streams.rows import read_problems
from tests.golden.compare import check
from tests.published import DATA, needs_data


@needs_data
@pytest.mark.parametrize("bench", ["gsm8k", "svamp"])
def test_published_problems(bench: str) -> None:
    problems = read_problems(bench, "test", data_dir=DATA, limit=3)
    text = b"".join(encode(problem_json(problem)) for problem in problems).decode()
    check(f"problems/{bench}.jsonl", text)
