"""The first problems of each benchmark: ids and texts are what results refer to.

The golden files hold digests; the texts are others' and stay where they were published.
"""

from __future__ import annotations

from hashlib import sha256

import pytest

from sormctl.problems import read_problems
from sormctl.records import encode
from tests.golden.compare import check
from tests.published import DATA, needs_data


@needs_data
@pytest.mark.parametrize("bench", ["gsm8k", "svamp"])
def test_published_problems(bench: str) -> None:
    problems = read_problems(bench, "test", data_dir=DATA, limit=3)
    lines = [encode(problem) for problem in problems]
    digests = "".join(f"{sha256(line).hexdigest()}\n" for line in lines)
    check(f"problems/{bench}.sha256", digests)
