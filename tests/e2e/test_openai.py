"""Engine `openai` against real vLLM servers, one of which dies."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pytest

from sormctl.engines.encoding import load_tokenizer
from sormctl.models import resolve_model
from tests.engines.servers import ENVIRONMENT, Server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vllm is not installed"),
]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            found.append(Server())
            stack.callback(found[-1].kill)
        for server in found:
            server.wait()
        yield found


@contextmanager
def sormctl(*arguments: str, stdout: int | IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-m", "sormctl", *arguments]
    with subprocess.Popen(argv, env=os.environ | ENVIRONMENT, stdout=stdout) as process:
        yield process


def output(*arguments: str) -> list[dict[str, Any]]:
    with sormctl(*arguments, stdout=subprocess.PIPE) as process:
        text, _ = process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in text.splitlines()]


def by_problem(records: list[dict[str, object]]) -> dict[object, object]:
    return {record["problem_id"]: (record["steps"], record["source"]) for record in records}


def test_a_server_gives_the_greedy_text_of_hf(servers: list[Server], tmp_path: Path) -> None:
    problems = write_problems(tmp_path, 40)
    greedy = ("sample", str(problems), "--model", "embedded:student", "--temperature", "0")
    served = output(*greedy, "--engine", "openai", "--base-url", servers[0].url)
    assert by_problem(served) == by_problem(output(*greedy))


def test_no_record_is_lost_when_a_server_dies(servers: list[Server], tmp_path: Path) -> None:
    problems, found = write_problems(tmp_path, 200), tmp_path / "found.jsonl"
    urls = [word for server in servers for word in ("--base-url", server.url)]
    sample = ("sample", str(problems), "-n", "4", "--model", "embedded:student", "--engine")
    with found.open("wb") as file, sormctl(*sample, "openai", *urls, stdout=file) as process:
        while process.poll() is None and found.stat().st_size == 0:
            time.sleep(0.1)
        assert process.poll() is None  # in the middle
        servers[1].kill()
    assert process.returncode == 0
    ids = [json.loads(line)["solution_id"] for line in found.read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 800


@pytest.fixture(scope="module")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Samples of the embedded student, by engine hf."""
    folder = tmp_path_factory.mktemp("drafts")
    problems, path = write_problems(folder, 20), folder / "drafts.jsonl"
    with path.open("wb") as file:
        typed = ("sample", str(problems), "-n", "2", "--model", "embedded:student")
        with sormctl(*typed, stdout=file) as process:
            pass
    assert process.returncode == 0
    return path


@contextmanager
def serving(model: Path) -> Iterator[Server]:
    """A server of a model folder, under a name that says nothing."""
    server = Server(str(model), "served")
    try:
        server.wait()
        yield server
    finally:
        server.kill()


def test_a_served_reward_model_scores_as_hf(drafts: Path, tmp_path: Path) -> None:
    model = make_reward_model(tmp_path / "rm")
    score = ("score", str(drafts), "--rm", str(model), "--prompt", "plain", "--name", "rm")
    with serving(model) as server:
        served = output(*score, "--engine", "openai", "--base-url", server.url)
    for got, expected in zip(served, output(*score), strict=True):
        assert got["scores"]["rm"] == pytest.approx(expected["scores"]["rm"], abs=1e-4)


def test_a_chat_is_sampled_and_continued_as_by_token_ids(drafts: Path, tmp_path: Path) -> None:
    """Greedy drafts, and labels by rollouts from their prefixes."""
    model = make_chatty(tmp_path / "chatty")
    asked = ("--model", str(model), "--max-tokens", "100")
    draft = ("sample", str(write_problems(tmp_path, 20)), "--greedy", *asked)
    label = ("label-steps", str(drafts), "-k", "2", *asked)
    with serving(model) as server:
        hosted = ("--engine", "openai", "--base-url", server.url)
        chat = (*hosted, "--engine-arg", "api=chat")
        assert output(*draft, *chat) == output(*draft, *hosted)
        assert output(*label, *chat) == output(*label, *hosted)


def make_reward_model(folder: Path) -> Path:
    """The embedded student with the head of a reward model, untrained."""
    import torch
    from transformers import AutoModelForTokenClassification

    student = resolve_model("embedded:student")
    torch.manual_seed(3)
    model = AutoModelForTokenClassification.from_pretrained(student, num_labels=2)
    torch.nn.init.normal_(model.score.weight, std=0.5)
    model.save_pretrained(folder)
    load_tokenizer(student).save_pretrained(folder)
    return folder


def make_chatty(folder: Path) -> Path:
    """The embedded student with a chat template that asks it as it was trained."""
    shutil.copytree(resolve_model("embedded:student"), folder)
    (folder / "sormctl.json").write_text('{"prompt": "chat"}')
    settings = folder / "tokenizer_config.json"
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content.split('\n\n')[-1] }}\n"
        "Answer:\n{% else %}{{ m.content }}{% endif %}{% endfor %}"
    )
    known = json.loads(settings.read_text())
    settings.write_text(json.dumps({**known, "chat_template": template}))
    return folder


def write_problems(folder: Path, n: int) -> Path:
    path = folder / "problems.jsonl"
    with path.open("wb") as file, sormctl("problems", "chain", "-n", str(n), stdout=file):
        pass
    return path
