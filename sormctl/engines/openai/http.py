"""HTTP to a server of the OpenAI API, and what its refusals mean."""

from __future__ import annotations

import re
from contextlib import suppress
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit
from typing import TYPE_CHECKING, Any

from sormctl.engines.base import Completion, Sampling
from sormctl.engines.openai.server import Fault, redacted
from sormctl.errors import EngineError, TooLongError, UsageError
from sormctl.records import MAX_COUNT, Json

if TYPE_CHECKING:
    import httpx

_TOO_LONG = re.compile(
    r"context (length|size|window)|maximum (model |context )?length|longer than|too long", re.I
)
_KEY = re.compile(r"[!-~]+")
_CONNECT_SECONDS = 10.0
# servers close idle connections after 5 s; to meet the closing of one looks like a death
_IDLE_SECONDS = 2.0
_MESSAGE_CHARACTERS = 300
_OTHER_FILES = 64  # open beside connections
_LEAST_VLLM = "0.10.2"  # the first that knows `return_token_ids` (vllm-project/vllm#22587)


class Http:
    """The client of all servers. `timeout` is in seconds; `key` never appears in a message."""

    def __init__(self, key: str, timeout: float) -> None:
        import httpx

        if key and not _KEY.fullmatch(key):  # an error of the HTTP library would quote it
            raise UsageError("OPENAI_API_KEY: no key; it has blanks or letters beyond ASCII")
        self._key = key
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=_CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(keepalive_expiry=_IDLE_SECONDS),
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def models(self, url: str) -> list[Json]:
        """What a server says that it serves; empty if it does not say."""
        response = await self._request("GET", f"{url}/models", timeout=_CONNECT_SECONDS)
        if response.status_code == 404:
            return []
        listed = self._json(response).get("data")
        found = listed if isinstance(listed, list) else []
        return [item for item in found if isinstance(item, dict) and "id" in item]

    async def complete(self, url: str, payload: Json) -> Json:
        """The answer to a request for a completion."""
        return self._json(await self._request("POST", f"{url}/completions", json=payload))

    async def _request(self, method: str, url: str, **options: Any) -> httpx.Response:
        import httpx

        try:
            return await self._client.request(method, url, **options)
        except httpx.TimeoutException as error:
            raise Fault("no answer in time", is_down=True) from error
        except httpx.RequestError as error:  # refused, dropped, half an answer
            what = str(error) or type(error).__name__
            raise Fault(f"no connection: {what}", is_down=True) from error

    def _json(self, response: httpx.Response) -> Json:
        status = response.status_code
        if status >= 400:
            raise self._refusal(response)
        if response.has_redirect_location:
            place, target = redacted(str(response.url)), redacted(response.headers["location"])
            raise EngineError(f"{place}: moved to {target}; give that as --base-url")
        try:
            found = response.json()
        except ValueError:
            found = None
        if status != 200 or not isinstance(found, dict):  # a page of a proxy, half an answer
            raise Fault(f"not an answer of the OpenAI API ({status})", is_down=True)
        return found

    def _refusal(self, response: httpx.Response) -> Exception:
        status = response.status_code
        if status in (401, 403):
            state = "is refused" if self._key else "is missing"
            return EngineError(
                f"{response.url.host}: the key {state} ({status}); set OPENAI_API_KEY"
            )
        message = f"{self._message(response)} ({status})"
        if status in (429, 503):
            return Fault(message, is_overload=True, after=_retry_after(response))
        if status in (502, 504):  # a proxy speaks: the server behind it does not
            return Fault(message, is_down=True)
        if status >= 500 or status == 408:
            return Fault(message)
        if status in (400, 413, 422) and _TOO_LONG.search(message):
            return TooLongError(message)
        return EngineError(f"{response.url.host}: {message}")

    def _message(self, response: httpx.Response) -> str:
        """The server's own words in one line."""
        try:
            found = response.json()
        except ValueError:
            found = response.text
        for name in ("error", "message", "detail"):
            if isinstance(found, dict) and name in found:
                found = found[name]
        line = " ".join(str(found).split())
        if self._key:
            line = line.replace(self._key, "***")
        return line[:_MESSAGE_CHARACTERS] or "no reason given"


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


def settings(params: Sampling, seeds: range, limit: int) -> dict[str, object]:
    """How completions are drawn, in the words of the API; several are in those of vLLM."""
    asked: dict[str, object] = {"max_tokens": limit, "n": len(seeds), "temperature": 0.0}
    if len(seeds) > 1:
        asked["return_token_ids"] = True  # the API counts the tokens of all of them together
    if not params.is_greedy:
        asked |= {"temperature": params.temperature, "top_p": params.top_p, "seed": seeds.start}
    if params.logprobs:
        asked["logprobs"] = 1  # to some servers, 0 means none
    return asked | ({"stop": list(params.stop)} if params.stop else {})


def completions(answer: Json, asked: Json) -> list[Completion]:
    """A server's answer to what was asked; EngineError if it is none."""
    try:
        usage = answer.get("usage") or {}
        details = usage.get("prompt_tokens_details") or {}
        written = 0 if isinstance(asked["prompt"], str) else len(asked["prompt"])
        prompt = _count(usage, "prompt_tokens") or written, _count(details, "cached_tokens")
        choices = sorted(answer["choices"], key=lambda choice: choice.get("index", 0))
        if len(choices) != asked["n"]:
            raise ValueError("other than the number asked for")
        alone = _count(usage, "completion_tokens") if len(choices) == 1 else None
        return [_completion(choice, asked, prompt, alone) for choice in choices]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineError("the server's answer is not one of the completions API") from error


def _completion(
    choice: Json, asked: Json, prompt: tuple[int, int], alone: int | None
) -> Completion:
    """One of the answer's choices; `alone` are the tokens of a single one."""
    text, finish = choice["text"], choice["finish_reason"]
    if not isinstance(text, str):
        raise TypeError("`text` is no text")
    if finish == "abort":  # the server is shutting down
        raise Fault("the server aborted the request", is_down=True)
    if finish not in ("stop", "length"):
        raise EngineError(f"the server ended a completion for the reason `{finish}`")
    generated = _count_tokens(choice) if alone is None else alone
    logprob = _logprob(choice) if "logprobs" in asked else None
    whole = text.encode(errors="replace").decode()  # a letter may have been cut in two
    return Completion(whole, finish, *prompt, generated, logprob)


def _count(counts: Json, name: str) -> int:
    """Tokens; 0 where the server does not tell, ValueError for what no record can hold."""
    number = int(counts.get(name) or 0)
    if not 0 <= number <= MAX_COUNT:
        raise ValueError(f"{number} tokens")
    return number


def _count_tokens(choice: Json) -> int:
    if choice.get("token_ids") is None:  # older servers overlook that we ask for them
        raise EngineError(
            "the server returns no token ids, which several completions in one request need; "
            f"it must be vLLM {_LEAST_VLLM} or newer"
        )
    return len(choice["token_ids"])


def _logprob(choice: Json) -> float:
    listed = (choice.get("logprobs") or {}).get("token_logprobs")
    if listed is None:
        raise EngineError("the server gives no log-probabilities")
    return float(sum(listed))


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; a date, which no server of this kind sends, counts as not given."""
    text = response.headers.get("retry-after", "")
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
