"""The streaming commands hold in memory what `docs/pipelines.md` says, for a file of 2 GB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from benchmarks.streams import NUM_SAMPLES, solution

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read there"),
]

NUM_BYTES = 2 << 30
MB = 1 << 20
# bytes of Python with its libraries, with numpy; of lines or blocks that are grouped; of a problem
PYTHON, NUMPY, LINES, PROBLEM = 64 * MB, 128 * MB, 80 * MB, 200
WAYS, STEPS = 8, 6  # rows of accuracy; labels of a solution
RUN = """
import sys
from sormctl.cli import main
try:
    main()
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(int(peak.split()[1]) * 1024, file=sys.stderr)
"""


SCRIPTED = """
import pytest
from tests.unit.test_test_time import Failing
Failing(pytest.MonkeyPatch())  # models that answer at once
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A file of 2 GB in which no problem stands together, and the number of its problems."""
    path = tmp_path_factory.mktemp("big") / "solutions.jsonl"
    number = 777_777
    samples = [
        orjson.dumps(solution(number, sample), option=orjson.OPT_APPEND_NEWLINE)
        for sample in range(NUM_SAMPLES)
    ]
    num_problems = NUM_BYTES // sum(map(len, samples)) + 1
    with open(path, "wb") as out:
        for half in samples[::2], samples[1::2]:
            lines = b"".join(half)
            for problem in range(num_problems):
                out.write(lines.replace(b"%d" % number, b"%06d" % problem))
    assert path.stat().st_size >= NUM_BYTES
    return path, num_problems


@pytest.mark.parametrize(
    ("command", "fixed", "each"),
    [
        ("filter --correct", PYTHON, 0),
        ("filter --unique", PYTHON, 100 * NUM_SAMPLES),
        ("filter --max-per-problem 2", PYTHON, 100),
        ("balance", PYTHON, 0),
        ("filter-labels --by orm", PYTHON, 0),
        ("balance --by question", PYTHON + LINES, PROBLEM),
        ("rerank --scores orm", PYTHON + LINES, PROBLEM),
        ("make-refine-pairs --mode local", PYTHON + LINES, PROBLEM),
        ("eval", NUMPY + LINES, PROBLEM + WAYS * 24 + NUM_SAMPLES * (16 + STEPS * 50)),
    ],
)
def test_memory_is_bounded(
    big: tuple[Path, int], command: str, fixed: int, each: int, tmp_path: Path
) -> None:
    """`fixed` bytes, and `each` of these for each problem."""
    path, num_problems = big
    check_peak(RUN, f"{command} -q -o /dev/null {path}", fixed + each * num_problems)


def test_a_benchmark_is_never_in_memory(tmp_path: Path) -> None:
    """Of each problem: 200 bytes, 130 of each solution, 24 of each of thirty ways of answering."""
    num_problems, solutions, ways = 20_000, 6, 30
    models = "--student s --orm o --sorm so --global g --local l"
    command = f"eval -q --bench chain -n {num_problems} {models} -o {tmp_path / 'run'}"
    each = PROBLEM + 130 * solutions + 24 * ways
    check_peak(SCRIPTED + RUN, command, NUMPY + LINES + each * num_problems)


def check_peak(program: str, command: str, most: int) -> None:
    argv = [sys.executable, "-c", program, *command.split()]
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peak = int(done.stderr.splitlines()[-1])
    sys.stdout.write(f"{command}: {peak / MB:.0f} MB\n")  # `pytest -rP` shows it
    assert peak < most, f"{peak / MB:.0f} MB"
