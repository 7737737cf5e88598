import socket

import pytest

from sormctl.engines.ray import RayEngine, RayOptions
from sormctl.errors import EngineError

pytest.importorskip("ray")


@pytest.mark.parametrize("scheme", ["", "ray://"])
async def test_a_cluster_that_is_not_there_is_told_of(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"{scheme}127.0.0.1:{port}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(EngineError, match=f"no Ray cluster at RAY_ADDRESS={address}: .*refused"):
        async with RayEngine("embedded:student", RayOptions("hf"), verbose=False):
            pass


async def test_a_cluster_that_wants_a_token_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray logs that none was sent; what it raises does not say so."""

    def refuse(*args: object, **settings: object) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    monkeypatch.setattr("ray.init", refuse)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(EngineError, match=r"10\.0\.0\.1:6379; .* set RAY_AUTH_MODE=token"):
        async with RayEngine("embedded:student", RayOptions("hf"), verbose=False):
            pass
