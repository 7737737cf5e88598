"""HTTP to servers of the OpenAI API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.network import proxy_for, transports, trusted_certificates
from sormctl.engines.openai.refusals import error_in, refusal
from sormctl.engines.openai.server import redacted
from sormctl.errors import DeadEngineError, one_line
from sormctl.records import Json

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS = 10.0
# servers close idle connections after 5 s; to meet the closing of one looks like a death
_IDLE_SECONDS = 2.0
_NO_LIST = (400, 403, 404, 405, 406, 410, 415, 422, 500, 501)
_PATH = re.compile(
    r"/((chat/)?completions|models|pooling)/?$"
)  # what is asked for below a base URL
_OTHER_FILES = 64  # open beside connections
# bytes of a body: of an error the rest is not read, any other that is longer is no answer
_LONGEST, _LONGEST_ERROR = 1 << 26, 1 << 16
_QUOTED = 80  # characters of what is no answer


@dataclass(frozen=True, slots=True)
class _Response:
    """What a server answered to a request to `url`."""

    url: str
    status: int
    body: bytes
    location: str  # where it has moved to
    after: float | None  # the seconds that it asks for

    def read(self) -> Any:
        """The JSON of the body; what is none, as text."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode(errors="replace")


class Http:
    """The client of all servers. `timeout` is in seconds; no message shows the credentials."""

    def __init__(self, credentials: Credentials, timeout: float, urls: Sequence[str]) -> None:
        import httpx

        self._credentials = credentials
        self._timeout = timeout
        certificates = trusted_certificates(urls)
        limits = httpx.Limits(keepalive_expiry=_IDLE_SECONDS)
        self._client = httpx.AsyncClient(
            headers={
                "Accept-Encoding": "identity",  # a small body may be a large one that is packed
                **credentials.headers,
            },
            timeout=httpx.Timeout(timeout, connect=_CONNECT_SECONDS, pool=None),
            limits=limits,
            verify=certificates,
            mounts=transports(urls, certificates, limits),
            trust_env=False,  # what the environment says is read by us, who can name it
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def models(self, url: str) -> list[Json] | None:
        """What a server says that it serves; None where it has no list."""
        response = await self._request("GET", f"{url}/models", timeout=_CONNECT_SECONDS)
        if response.status in _NO_LIST:  # if it is not there, a request will say so
            return None
        listed = self._answer(response)
        if isinstance(listed, dict):
            listed = listed.get("data") or listed.get("models")
        found = listed if isinstance(listed, list) else []
        items = ({"id": item} if isinstance(item, str) else item for item in found)
        return [item for item in items if isinstance(item, dict) and _is_named(item.get("id"))]

    async def post(self, url: str, sent: Json) -> Json:
        """The answer to a request, a JSON object; an error inside it is raised as what it is."""
        response = await self._request("POST", url, json=sent)
        answer = self._answer(response)
        if not isinstance(answer, dict):
            raise self._no_answer(response)
        if (error := error_in(answer)) is not None:
            raise self._refusal(response, *error)
        return answer

    async def _request(self, method: str, url: str, **options: Any) -> _Response:
        import httpx

        try:
            async with (
                asyncio.timeout(options.get("timeout", self._timeout)),  # however it drips
                self._client.stream(method, url, **options) as response,
            ):
                return await self._received(response, url)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise Fault(f"no answer in time{_by_way_of(url)}", is_down=True) from error
        except httpx.RequestError as error:  # refused, dropped, half an answer
            what = str(error) or type(error).__name__
            if "CERTIFICATE_VERIFY_FAILED" in what:
                raise DeadEngineError(
                    f"{redacted(url)}: its certificate is not trusted ({what}); "
                    "SSL_CERT_FILE=FILE names those that are"
                ) from error
            raise Fault(f"no connection: {what}{_by_way_of(url)}", is_down=True) from error

    async def _received(self, response: httpx.Response, url: str) -> _Response:
        """A response without a secret that it quotes; a `Fault` if it has no end."""
        is_error = response.status_code >= 400
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if is_error and len(body) > _LONGEST_ERROR:
                break
            if len(body) > _LONGEST:
                raise Fault(f"an answer of more than {_LONGEST >> 20} MiB", is_down=True)
        location = response.headers.get("location", "") if response.has_redirect_location else ""
        place = redacted(self._credentials.hidden(location))
        said = self._credentials.masked(bytes(body))
        return _Response(url, response.status_code, said, place, _retry_after(response))

    def _answer(self, response: _Response) -> Any:
        found = response.read()
        if response.status >= 400:
            raise self._refusal(response, response.status, found)
        if response.location:
            place = redacted(response.url)
            moved = _PATH.sub("", urljoin(place, response.location))
            raise DeadEngineError(f"{place}: moved to {moved}; give that as --base-url")
        if response.status != 200 or isinstance(found, str):  # a page, half an answer
            raise self._no_answer(response)
        return found

    def _no_answer(self, response: _Response) -> Fault:
        way = _by_way_of(response.url)
        said = " ".join(response.body.decode(errors="replace").split())
        quoted = one_line(self._credentials.hidden(said), _QUOTED)
        shown = f": {quoted}" if quoted else ""
        said = f"not an answer of the OpenAI API ({response.status}){shown}{way}"
        return Fault(said, is_down=True)

    def _refusal(self, response: _Response, status: int, body: Any) -> Exception:
        way = _by_way_of(response.url)
        place = redacted(response.url)
        return refusal(status, body, place, self._credentials, response.after, way)


def _is_named(name: Any) -> bool:
    return isinstance(name, str) and bool(name) and name.isprintable()


def _by_way_of(url: str) -> str:
    """How a request went, where that may be what is wrong with it."""
    proxy = proxy_for(url)
    if proxy is None:
        return ""
    return f"; it went to the proxy that {proxy.variable} names: NO_PROXY names servers without one"


def connections(wanted: int) -> int:
    """How many of `wanted` may be open at once. Each is a file, of which a shell allows few.

    The limit is raised as far as the system lets us.
    """
    soft, hard = getrlimit(RLIMIT_NOFILE)
    if soft != RLIM_INFINITY and soft < wanted + _OTHER_FILES:
        most = wanted + _OTHER_FILES
        with suppress(ValueError, OSError):  # some systems allow less than they say
            setrlimit(RLIMIT_NOFILE, (most if hard == RLIM_INFINITY else min(most, hard), hard))
        soft, _ = getrlimit(RLIMIT_NOFILE)
    return wanted if soft == RLIM_INFINITY else max(1, min(wanted, soft - _OTHER_FILES))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; a date, which no server of this kind sends, counts as not given."""
    text = response.headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
