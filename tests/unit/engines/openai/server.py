"""A small HTTP server that answers as it is told, in the place of an OpenAI server."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, Any, dict[str, str]]  # status; what becomes JSON, or bytes as they are; headers
DROP: Reply = (0, {}, {})  # the connection is closed without an answer
PAGE: Reply = (200, b"<html>back soon</html>", {})
USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 2,
    "prompt_tokens_details": {"cached_tokens": 4},
}


def ok(text: str = "1 + 1 = 2\n#### 2", finish: str = "stop", **usage: Any) -> Reply:
    counts = {**USAGE, **usage}
    return 200, {"choices": [{"text": text, "finish_reason": finish}], "usage": counts}, {}


def said(content: Any, finish: str = "stop", **more: Any) -> Reply:
    """An answer of the chat API."""
    choice = {"message": {"role": "assistant", "content": content, **more}, "finish_reason": finish}
    return 200, {"choices": [choice], "usage": USAGE}, {}


def refusal(status: int, message: str = "no", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"error": {"message": message}}, named


@dataclass
class Script:
    """What a server answers to completions, in order; after that, `ok()`.

    What `rule(path, body)` answers comes before these. It serves `models`, unless `listed` is what
    it says to who asks. `is_dead` drops every connection. `asked` are the bodies of the requests,
    `paths` where they went; `keys` and `headers` are those of all, the list of models included.
    """

    replies: list[Reply] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "m"}])
    listed: Reply | None = None
    is_dead: bool = False
    rule: Callable[[str, dict[str, Any]], Reply | None] = lambda path, body: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, body: dict[str, Any] | None, key: str | None) -> Reply:
        with self.lock:
            self.keys.append(key)
            if self.is_dead:
                return DROP
            if body is None:
                return self.listed or (200, {"data": self.models}, {})
            self.asked.append(body)
            self.paths.append(path)
        if (ruled := self.rule(path, body)) is not None:  # which may take its time
            return ruled
        with self.lock:
            return self.replies.pop(0) if self.replies else ok()


@contextmanager
def serving(*replies: Reply, **settings: Any) -> Iterator[Script]:
    """A server on the loopback in a thread, and its script."""
    script = Script(list(replies), **settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: dict[str, Any] | None) -> None:
            script.headers.append(self.headers)  # type: ignore[arg-type]
            status, found, headers = script.answer(
                self.path, body, self.headers.get("Authorization")
            )
            if not status:
                self.close_connection = True
                return
            data = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        script.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:  # else a test that fails would leave a thread that never ends
            server.shutdown()
            thread.join()
