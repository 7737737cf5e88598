"""The real models, and problems for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.published import DATA
from tests.real.shell import Run, sormctl

NUM_PROBLEMS = 12
OWN = (
    ("Ann has 3 boxes of 8 pens. She gives 5 pens away. How many pens has she left?", "19"),
    ("A book has 120 pages. Bob has read 45 of them. How many pages are left to read?", "75"),
    ("Tickets cost 6 dollars each. How many dollars do 7 tickets cost?", "42"),
    ("Cem picked 14 apples and Dora picked 9 apples. How many apples did they pick?", "23"),
    ("A rope of 36 meters is cut into 4 equal parts. How many meters long is each?", "9"),
    ("Eve had 50 dollars. She bought 2 shirts for 15 dollars each. What is left?", "20"),
    ("A bus carries 31 people. 12 get off and 5 get on. How many are on the bus now?", "24"),
    ("There are 6 rows of 7 chairs. 4 chairs are broken. How many chairs are whole?", "38"),
    ("Finn is 11 years old. His sister is 4 years older. How old is his sister?", "15"),
    ("Gita bakes 48 rolls and fills bags of 6. How many bags does she fill?", "8"),
    ("Hugo ran 5 kilometers on each of 6 days. How many kilometers did he run?", "30"),
    ("A tank holds 90 liters. 35 liters leak out. How many liters are in the tank?", "55"),
)


@pytest.fixture(scope="session")
def models() -> Path:
    """The folder that tests/real/models.py filled."""
    folder = os.environ.get("SORMCTL_MODELS")
    if not folder:
        pytest.skip("SORMCTL_MODELS names no folder of real models; run `make test-real`")
    return Path(folder)


@pytest.fixture(scope="session")
def qwen(models: Path) -> Path:
    """Qwen2.5-Coder-0.5B-Instruct, a chat model that can do sums."""
    return models / "qwen"


@pytest.fixture(scope="session")
def smollm2(models: Path) -> Path:
    """SmolLM2-135M-Instruct, a chat model that is quickly trained and knows little."""
    return models / "smollm2"


@pytest.fixture(scope="session")
def base(smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same without its chat template: what a base model looks like."""
    folder = tmp_path_factory.mktemp("base")
    for path in smollm2.iterdir():
        if path.name != "chat_template.jinja":
            (folder / path.name).symlink_to(path.resolve())
    return folder


@pytest.fixture(scope="session")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SVAMP's, where they are at hand."""
    folder = tmp_path_factory.mktemp("problems")
    path = folder / "problems.jsonl"
    if DATA.is_dir():
        source = ("svamp", "--split", "test")
    else:
        rows = [json.dumps({"question": question, "answer": answer}) for question, answer in OWN]
        (folder / "own.jsonl").write_text("\n".join(rows) + "\n")
        source = (str(folder / "own.jsonl"), "--answer", "numeric")
    sormctl("problems", *source, "-n", NUM_PROBLEMS, "-o", path)
    return path


@pytest.fixture(scope="session")
def drafting(
    qwen: Path, problems: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Run]:
    """Greedy solutions by the chat model, and what was said meanwhile.

    The limit is for time; few of them are longer.
    """
    path = tmp_path_factory.mktemp("drafts") / "drafts.jsonl"
    options = ("--greedy", "--max-tokens", 400)
    return path, sormctl("sample", "--model", qwen, *options, "-o", path, problems)


@pytest.fixture(scope="session")
def drafts(drafting: tuple[Path, Run]) -> Path:
    return drafting[0]
