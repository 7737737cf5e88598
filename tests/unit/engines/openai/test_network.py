"""What the environment says of the way to a server: a broken one is one line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sormctl.engines.base import Sampling
from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.http import Http
from sormctl.engines.openai.network import Proxy, proxy_for
from sormctl.errors import SormctlError, UsageError
from tests.unit.engines.openai.server import serving
from tests.unit.engines.openai.test_engine import PROMPT, Naps, engine_of

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir")
HERE = ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:8/v1", "http://127.9.9.9/v1"]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "sslkeylogfile"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("url", [*HERE, "http://0.0.0.0:8000/v1", "https://a.localhost/v1"])
def test_no_proxy_reaches_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "socks5://p:1")
    assert proxy_for(url) is None


@pytest.mark.parametrize(
    ("url", "variable"),
    [
        ("http://node7:8000/v1", "HTTP_PROXY"),
        ("https://api.example.com/v1", "all_proxy"),
        ("http://10.1.2.3/v1", None),
        ("http://11.1.2.3/v1", "HTTP_PROXY"),
        ("http://gpu.cluster/v1", None),
        ("http://a.gpu.cluster/v1", None),
        ("http://agpu.cluster/v1", "HTTP_PROXY"),
        ("http://b.wide.org/v1", None),
        ("http://ported:8000/v1", None),
        ("http://ported:8001/v1", "HTTP_PROXY"),
    ],
)
def test_whom_a_proxy_serves(
    monkeypatch: pytest.MonkeyPatch, url: str, variable: str | None
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy:3128")
    monkeypatch.setenv("all_proxy", "http://other:1")
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8, gpu.cluster,*.wide.org,ported:8000")
    found = proxy_for(url)
    assert (found and found.variable) == variable
    if variable == "HTTP_PROXY":
        assert found == Proxy("HTTP_PROXY", "http://proxy:3128")


def test_no_proxy_may_be_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy:3128")
    monkeypatch.setenv("NO_PROXY", "*")
    assert proxy_for("http://a/v1") is None


BROKEN = [
    ("ALL_PROXY", "socks5://127.0.0.1:1080", r"ALL_PROXY: .* pip install 'httpx\[socks\]'"),
    ("HTTPS_PROXY", "ftp://p", "HTTPS_PROXY: no proxy that can be used"),
    ("HTTPS_PROXY", "http://p:port", "HTTPS_PROXY: no proxy that can be used"),
    ("SSL_CERT_FILE", "{folder}/none.pem", "SSL_CERT_FILE=.*none.pem: must name a file"),
    ("SSL_CERT_FILE", "{folder}/empty.pem", "SSL_CERT_FILE=.*empty.pem: must name a file"),
    ("SSL_CERT_FILE", "{folder}", "SSL_CERT_FILE=.*: must name a file"),
    ("SSL_CERT_DIR", "{folder}/none", "SSL_CERT_DIR=.*none: must name a folder"),
    ("SSLKEYLOGFILE", "{folder}/none/keys", "SSLKEYLOGFILE=.*keys: must name a file that can be"),
]


@pytest.mark.parametrize(("variable", "value", "message"), BROKEN)
def test_a_broken_environment_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv(variable, value.format(folder=tmp_path))
    with pytest.raises(UsageError, match=message) as told:
        Http(Credentials(), 1.0, ["https://api.example.com/v1"])
    assert "\n" not in str(told.value)


async def test_a_server_on_this_machine_needs_no_working_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as script:
        async with engine_of(script) as engine:
            assert await engine.sample(PROMPT, Sampling())


async def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with serving() as script:
        script.url = "http://node7.invalid:8000/v1"
        with pytest.raises(
            SormctlError, match=r"no connection: .* that http_proxy names: NO_PROXY"
        ):
            async with engine_of(script, naps=Naps(), patience=0):
                pass
