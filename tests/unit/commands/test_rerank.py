"""`sormctl rerank` on solutions that stand in the input more than once."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.records import to_json
from tests.unit.examples import solution, wrong


def test_a_solution_that_comes_twice_has_one_vote() -> None:
    group = [wrong("a"), wrong("a"), wrong("a"), solution("b"), solution("c")]
    lines = "\n".join(json.dumps(to_json(each)) for each in group)
    result = CliRunner().invoke(app, ["rerank", "-q", "--vote", "majority"], lines)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["solution_id"] == "b"
