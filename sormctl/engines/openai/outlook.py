"""What a refusal means for the requests that still come. Nothing here waits."""

from __future__ import annotations

from sormctl.engines.openai.faults import Fault
from sormctl.engines.openai.refusals import RefusedError
from sormctl.engines.openai.server import Server
from sormctl.errors import DeadEngineError

_NOWHERE = (404, 405)
_NO_PREFILL = (
    "; so it does not continue a solution, as rollouts need: try another --engine-arg prefill=, "
    "or a server with completions"
)


def may_come_back(error: RefusedError, server: Server) -> bool:
    """Whether what a server says not to have was there before: a proxy may have lost it."""
    return server.has_answered and error.status in _NOWHERE


def outlook(error: RefusedError, server: Server, *, is_begun: bool = False) -> Exception:
    """What a refusal that nothing helps comes to.

    A `Fault` where it may pass, DeadEngineError where a server refuses all that comes, else the
    error of one record. `is_begun` says that the request was for the rest of a message.
    """
    if may_come_back(error, server):
        return Fault(str(error), is_brief=True)
    is_ones = error.status == 403 and server.has_answered  # a firewall's, of what this one says
    advice = _NO_PREFILL if is_begun and error.forbids_prefill else _advice(error, server)
    if is_ones or not (error.is_for_all or advice):
        return error
    return DeadEngineError(f"{error}{advice}")


def _advice(error: RefusedError, server: Server) -> str:
    if error.is_of_key:
        return f"; the key is {'refused' if error.has_key else 'missing'}: set OPENAI_API_KEY"
    if error.status == 403:
        return "; set OPENAI_API_KEY, or a header that it wants: --engine-arg header=NAME:VALUE"
    if error.names("temperature"):
        return "; give --temperature 1"
    if most := error.most_unstreamed:
        return f"; give --max-tokens {most}, since answers are not streamed"
    return _elsewhere(error, server) if error.wants_chat else ""


def _elsewhere(error: RefusedError, server: Server) -> str:
    """Where what is not there may be: at another URL, or in the other API."""
    is_odd = error.status == 404 and not (server.is_listed and server.url.endswith("/v1"))
    advice = "; is --base-url right? Most end in /v1" if is_odd else ""
    if server.is_listed and not server.dialect.is_chat:
        advice += "; if it takes chats alone, give --engine-arg api=chat"
    return advice
