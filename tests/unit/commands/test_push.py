"""`--push`, to a hub on this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from sormctl import hub
from sormctl.cli import app


class Hub:
    """The part of the hub's API that an upload of small files takes."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.refuses = False

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self.refuses:
            return 403, {"error": "no write token"}
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            return 200, {"url": f"{self.url}/datasets/me/x"}
        if "/preupload/" in path:
            files = [
                {**file, "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return 200, {"files": files}
        lines = [json.loads(line) for line in body.splitlines()]
        for item in (line["value"] for line in lines if line["key"] == "file"):
            self.files[f"{path}: {item['path']}"] = base64.b64decode(item["content"])
        return 200, {"commitUrl": f"{self.url}/me/x/commit/1", "commitOid": "1"}

    url = ""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    made = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            code, answer = made.answer(self.path, body)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", made.url)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_x")
    yield made
    server.shutdown()
    server.server_close()


def problems(*argv: str) -> Any:
    return CliRunner().invoke(app, ["problems", "chain", "-n", "2", *argv])


def test_records_go_to_a_data_set_with_their_manifest(fake: Hub, tmp_path: Path) -> None:
    out = tmp_path / "two.jsonl"
    result = problems("-o", str(out), "--push", "me/x")
    assert result.exit_code == 0, result.stderr
    (made,) = fake.created
    assert (made["organization"], made["name"], made["type"]) == ("me", "x", "dataset")
    assert made.get("private") or made["visibility"] == "private"
    names = ["two.jsonl", "two.jsonl.manifest.json"]
    assert [*fake.files] == [f"/api/datasets/me/x/commit/main: {name}" for name in names]
    assert next(iter(fake.files.values())) == out.read_bytes()
    assert "problems: pushed to " in result.stderr


def test_a_model_goes_without_paths_of_this_machine(fake: Hub, tmp_path: Path) -> None:
    training = {"model": str(tmp_path / "base"), "output": str(tmp_path / "rm"), "epochs": 2}
    (tmp_path / "base").mkdir()
    (tmp_path / "rm").mkdir()
    (tmp_path / "rm" / "sormctl.json").write_text(json.dumps({"kind": "x", "training": training}))
    (tmp_path / "rm" / "model.safetensors").write_bytes(b"weights")
    hub.push(tmp_path / "rm", "me/rm", True)
    where = "/api/models/me/rm/commit/main: "
    assert fake.files[where + "model.safetensors"] == b"weights"
    settings = json.loads(fake.files[where + "sormctl.json"])
    assert settings == {"kind": "x", "training": {"model": "base", "epochs": 2}}


def test_who_may_not_push_is_told_before_the_work(fake: Hub, tmp_path: Path) -> None:
    fake.refuses = True
    result = problems("-o", str(tmp_path / "x.jsonl"), "--push", "me/x")
    assert result.exit_code == 1 and not [*tmp_path.iterdir()]
    assert result.stderr.startswith("sormctl problems: --push me/x: ")
    assert result.stderr.count("\n") == 1


def test_a_stream_cannot_be_pushed() -> None:
    result = problems("--push", "me/x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "sormctl problems: --push needs what was made; give -o\n"
