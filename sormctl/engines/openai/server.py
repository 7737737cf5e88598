"""One server as the pool sees it: its limit, its dialect, its pauses. Nothing here waits."""

from __future__ import annotations

from urllib.parse import urlsplit

from sormctl.engines.openai.counting import PromptCounts
from sormctl.engines.openai.dialect import Dialect
from sormctl.engines.openai.echo import Echo

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_KNOWN = ("vllm", "sglang", "llamacpp")  # as servers call themselves in their list of models


class Limit:
    """How many requests a server may have at once: additive increase, multiplicative decrease."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._value = float(most)  # a server that queues by itself never has to be slowed down
        self.age = 0  # how often it was halved

    @property
    def value(self) -> int:
        """Requests at once."""
        return int(self._value)

    def answered(self) -> None:
        """A request was answered: one more at once for every `value` of these."""
        self._value = min(self._most, self._value + 1 / self._value)

    def refused(self, age: int) -> None:
        """A request sent at `age` was too much: half as many, once for all that were sent then."""
        if age == self.age:
            self._value = max(1.0, self._value / 2)
            self.age += 1


def pause(failures: int, uniform: float) -> float:
    """Seconds to wait after so many failures: exponential, with full jitter by `uniform`."""
    return uniform * min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures, 30))


class Server:
    """One server: where it is, what it serves, and how it is doing."""

    def __init__(self, url: str, name: str, most: int) -> None:
        self.url = url
        self.name = name  # for messages: the URL without credentials
        self.limit = Limit(most)
        self.outstanding = 0
        self.error: str | None = None  # why it is left out
        self.falls = 0  # how often it was left out since it last answered a request
        self.is_gone = False  # whether it refuses all that comes: it is not probed any more
        self.has_answered = False  # whether a text, or scores, have come from it
        self.refused = 0  # records that it has refused for what they are
        self.last_refusal = ""
        self.model = ""
        self.owner = ""  # the kind of server, if it tells
        self.is_listed = True  # whether it has a list of models
        self.room: int | None = None  # tokens of prompt and completion, if it tells
        self.dialect = Dialect()
        self.hides_thoughts = False  # whether the user knows that its texts may lack their tags
        self.counts = PromptCounts()
        self.echo = Echo()

    def has_refused(self, reason: str) -> None:
        """Notes that it has refused a record for what that is."""
        self.refused += 1
        self.last_refusal = reason

    @property
    def is_known(self) -> bool:
        """Whether it is of a make that is known to say what is so, and to understand its words."""
        return self.owner in _KNOWN

    @property
    def takes_vllms(self) -> bool:
        """Whether it takes seeds of 64 bits and parameters that vLLM added to OpenAI's API."""
        return self.owner in ("vllm", "sglang")

    @property
    def is_vllm(self) -> bool:
        """Whether it counts the seeds of a request up, and tells the tokens of each completion."""
        return self.owner == "vllm"

    @property
    def root(self) -> str:
        """Where the paths begin that are not of OpenAI's API."""
        return self.url.removesuffix("/v1")

    @property
    def is_free(self) -> bool:
        """Whether it may get one more request."""
        return self.error is None and self.outstanding < self.limit.value


def is_url(url: str) -> bool:
    """Whether it is one of a server, such as `http://host:8000/v1`, and not of one of its paths."""
    try:
        parts = urlsplit(url)
        is_path = parts.path.endswith(("/completions", "/v1/models", "/responses"))
        is_plain = parts.port != 0 and not parts.query and not is_path
        return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain
    except ValueError:  # a port that is no number
        return False


def redacted(url: str) -> str:
    """A URL, or what was meant for one, without the credentials that may be in it."""
    start, mark, rest = url.partition("?")[0].rpartition("://")
    place, slash, path = rest.partition("/")
    return f"{start}{mark}{place.rpartition('@')[2]}{slash}{path}"
