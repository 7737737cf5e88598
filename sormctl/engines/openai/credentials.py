"""What servers are shown so that they let us in: a key and headers, which nobody else sees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sormctl.errors import UsageError

_KEY = re.compile(r"[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_OURS = (
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
)
_SECRET = re.compile(r"(?=.*\d).{16,}")  # one that no text holds by chance, as it may "EMPTY"
_SCHEME = re.compile(r"(?:Bearer|Basic) +(\S+)", re.IGNORECASE)
_LONG = 6  # characters; of less a header tells no secret, and a line would lose numbers
_HIDDEN = "***"


class Credentials:
    """A key, and headers as typed, `NAME:VALUE`; UsageError, without them, for what is none."""

    def __init__(self, key: str = "", headers: Sequence[str] = ()) -> None:
        if key and not _KEY.fullmatch(key):  # an error of the HTTP library would quote it
            raise UsageError("OPENAI_API_KEY: no key; it has blanks or letters beyond ASCII")
        typed = dict(map(_header, headers))
        if len(typed) < len(headers):
            raise UsageError("--engine-arg header=: each NAME may be given once")
        self.headers = {**({"authorization": f"Bearer {key}"} if key else {}), **typed}
        self.has_key = "authorization" in self.headers
        values = [value for value in typed.values() if len(value) >= _LONG]
        tokens = [found[1] for value in values if (found := _SCHEME.fullmatch(value))]
        self._secrets = sorted({key, *values, *tokens} - {""}, key=len, reverse=True)

    def hidden(self, text: str) -> str:
        """A line without what is secret."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    def masked(self, body: bytes) -> bytes:
        """What a server says without the secrets that it quotes, as far as they are no words."""
        for secret in filter(_SECRET.fullmatch, self._secrets):
            body = body.replace(secret.encode(), _HIDDEN.encode())
        return body


def _header(typed: str) -> tuple[str, str]:
    name, _, value = (part.strip() for part in typed.partition(":"))
    if not (_NAME.fullmatch(name) and value):
        raise UsageError("--engine-arg header=: must be header=NAME:VALUE")
    if name.casefold() in _OURS:
        raise UsageError(f"--engine-arg header={name}: is set by sormctl itself")
    if not _VALUE.fullmatch(value):
        raise UsageError(f"--engine-arg header={name}: its value has letters beyond ASCII")
    return name.casefold(), value
