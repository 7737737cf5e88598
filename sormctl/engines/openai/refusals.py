"""What a server means that refuses a request. Pure: a status and a body in, an error out."""

from __future__ import annotations

import re
from typing import Any

from sormctl.engines.openai.credentials import Credentials
from sormctl.engines.openai.faults import Fault
from sormctl.errors import EngineError, TooLongError
from sormctl.records import Json

_MESSAGE_CHARACTERS = 300
_PERIOD = r"\b(per|each|every|this|in a)[ -](second|sec|minute|min|hour|day|month)\b"
_RATE = re.compile(
    r"\brate.?limit|too many requests|quota|\b[tr]p[mdhs]\b"
    rf"|\b(tokens?|requests?|limit)\b[^.;]{{0,30}}{_PERIOD}",
    re.I,
)
# what is too much is what the model shall write, whatever it reads
_ANSWER = re.compile(
    r"max_(new_|completion_|output_)?tokens\W{0,4} ((is|are) too|must)"
    r"|\b(completion|output|new|generated) tokens",
    re.I,
)
_READS = re.compile(r"\b(inputs?|prompt|messages)\b(?! validation)", re.I)
_TEXT = (  # pydantic calls any value an input
    r"\b(prompt|inputs?(?! should be)|messages?|context|sequence|text|string|content|tokens?)\b"
)
_TOO_LONG = re.compile(
    # who speaks of the room says that there is too little
    r"context[ _]?(length|size|window|limit)|max_(model|seq|input|prompt)_len"
    r"|max(imum)?( allowed| model| input| prompt| sequence| context)* length|model token limit"
    r"|range of input length"
    # the text is too much
    rf"|{_TEXT}[^.;:]{{0,60}}\b(too (long|large|big)|(long|larg|great)er than|exceed)"
    r"|\b(request|payload|entity)( \([^)]*\))?( body| size)? (is )?(too (long|large|big)|exceeds)"
    r"|\binputs\b\W?( tokens)?( \+ \S+)? must (be|have)"
    rf"|{_TEXT}[^.;:]{{0,60}}\b(at most|maximum of|limit of|limited to|up to) \(?\d"
    rf"|{_TEXT}[^.;:]{{0,40}} (must|should|can) be (at most|less|fewer|below|under|within)"
    r"|too many (input |prompt )?tokens|too large for model"
    # what would help
    r"|\b(reduce|shorten|decrease|shorter)\b[^.;:]{0,40}\b(prompt|input|messages?)\b",
    re.I,
)
_PASSING = (408, 409, 423, 424, 425, 499)  # 424: TGI failed to generate
_LOADING = re.compile(
    r"\b(is|still|currently) loading|\bbeing loaded|not (yet loaded|loaded yet)|temporar"
    r"|\b(retry|try again) (later|in )",
    re.I,
)
_LENGTHS = (400, 413, 422, 424, 500)  # who is out of money or lost may speak of lengths, too
_FILTERS = (400, 403, 422, 451)
_KEY = re.compile(
    r"(invalid|incorrect|missing|no) api.?key"
    r"|api.?key\b[^.]{0,20}(invalid|not valid|expired|missing)",
    re.I,
)
_SHUT_OUT = re.compile(
    r"\b(account|organi[sz]ation|workspace|key|access) (has been|was|is) (been |temporarily )?"
    r"(deactivated|suspended|disabled|banned|blocked|terminated|restricted)",
    re.I,
)
_NO_MONEY = re.compile(
    r"insufficient_(user_)?quota|insufficient_balance|exceeded_current_quota"
    r"|pre_consume_token_quota",
    re.I,
)
_NEVER_LENGTH = re.compile(r"(took|takes|taking|waited|waiting|been|for|queued) too long", re.I)
_FILTERED = re.compile(
    r"content[ _-]?(filter|management|moderation|policy)|moderation|(was|been|input|prompt) flagged"
    r"|usage polic|safety (filter|system|polic|settings)|responsible ai|blocked .*safety",
    re.I,
)
_TEXT_ALONE = re.compile(
    r"unmarshal array|expect\w*,? (a )?str(ing)?\b|must be (a |of type )?(valid )?str(ing)?\b"
    r"|valid string|invalid type: sequence|enum prompt|(str|string) type expected|not a string"
    r"|list of strings nor a string|TextInputSequence"
    r"|token ids? (are|is) not|not support\w* (token|pre-?tokenized|array|list)|type string",
    re.I,
)
_BY_CHAT = re.compile(r"chat model|chat[ /]completions?|use (the )?chat", re.I)
_NO_MODEL = re.compile(
    r"model\b.{0,80}(not exist|not found|unknown|no such|no access)|no endpoints found", re.I
)
_ELSEWHERE = re.compile(r"only available when using", re.I)  # at another address
_UNSTREAMED = re.compile(r"max_tokens > (\d+) must have stream", re.I)
_UNWANTED = re.compile(
    r"support|recogni[sz]|unknown|expected|permitted|allowed|accept|forbidden|extra|invalid|must"
    r"|should|cannot|can't|only|available|implement|disallow|deprecated|less than|greater|range"
    r"|unmarshal|type",
    re.I,
)
_NOT_KNOWN = re.compile(
    r"unmarshal|deserializ|unexpected keyword|unrecogni|is unsupported"
    r"|unsupported.?(param|value|argument|field|prompt|input|content|type|format)",
    re.I,
)

_NO_BLANK_END = re.compile(r"\btrailing white ?space", re.I)
_NO_PREFILL = re.compile(
    r"prefill|must (be|end with) an? user message|(last|final) message[^.]* must be"
    r"|must end with a (message of )?user",
    re.I,
)


class RefusedError(EngineError):
    """A server refuses a request for good.

    `says` is its message, which may hold a key and is not shown; `param` what it names apart.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        says: str = "",
        param: str = "",
        has_key: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.says = says
        self.param = param
        self.has_key = has_key  # whether a key was sent

    @property
    def is_for_all(self) -> bool:
        """Whether no other request would fare better: no such model, nothing there, no money."""
        is_all = self.status in (401, 402, 403, 404, 405, 407, 501)
        return is_all or self.is_of_key or bool(_ELSEWHERE.search(self.says))

    @property
    def is_of_key(self) -> bool:
        """Whether it is for the key."""
        return self.status == 401 or (self.status in (400, 403) and bool(_KEY.search(self.says)))

    @property
    def most_unstreamed(self) -> int | None:
        """The most tokens that it gives in one piece, where it is for more."""
        found = _UNSTREAMED.search(self.says)
        return int(found[1]) if found else None

    @property
    def wants_text(self) -> bool:
        """Whether it is for a prompt of token ids where the server takes text."""
        return bool(_TEXT_ALONE.search(self.says))

    @property
    def wants_chat(self) -> bool:
        """Whether the server has no completions but those of chats."""
        missing = self.status in (404, 405, 501) and not _NO_MODEL.search(self.says)
        return missing or bool(_BY_CHAT.search(self.says))

    @property
    def wants_no_blank_end(self) -> bool:
        """Whether it is for white space at the end of a message."""
        return bool(_NO_BLANK_END.search(self.says))

    @property
    def forbids_prefill(self) -> bool:
        """Whether it is for a last message that is the assistant's."""
        return bool(_NO_PREFILL.search(self.says))

    def names(self, parameter: str) -> bool:
        """Whether it is for a parameter."""
        if self.param.split(".")[-1] == parameter:
            return True
        if len(parameter) > 1:
            named = rf"(?<![\w-]){parameter}(?![\w-])"
        else:  # a letter alone may be anything
            named = rf"[`'\"]{parameter}[`'\"]|\b{parameter} (must|should|is|>|=)"
            named += rf"|(argument|parameter|field|option)s?\b[^.]{{0,20}}[: ]{parameter}\b"
        return bool(re.search(named, self.says) and _UNWANTED.search(self.says))


class FilteredError(RefusedError):
    """A server refuses a request for what it says: its content filter forbids it."""


def refusal(
    status: int,
    body: Any,
    place: str,
    credentials: Credentials,
    after: float | None = None,
    way: str = "",
) -> Exception:
    """What an error means: a `Fault` may pass, an EngineError stays.

    It is that of a `place`. `credentials` are never shown. `after` are the seconds that the server
    asks for; `way` says how the request went.
    """
    if isinstance(body, list) and body and isinstance(body[0], dict):  # Gemini's
        body = body[0]
    says = _said(body)
    meant = f"{says} {_code(body)}"
    shown = credentials.hidden(says)[:_MESSAGE_CHARACTERS]
    message = f"{shown or 'no reason given'} ({status})"
    if status in (407, 503):
        message += way
    if status in (400, 403, 429) and _NO_MONEY.search(_code(body)):  # no waiting helps
        return RefusedError(f"{place}: {message}", status=402, says=says)
    if status in (429, 498, 503) or (status in (400, 403) and _RATE.search(meant)):
        return Fault(message, is_overload=True, after=after)  # 498: Groq has no room
    if status in (502, 504):  # a proxy speaks: the server behind it does not
        return Fault(f"{message}{way}", is_down=True)
    if is_too_long(status, meant):
        return TooLongError(message)
    if status in _FILTERS and _FILTERED.search(meant) and not _SHUT_OUT.search(says):
        return FilteredError(f"{place}: {message}", status=status, says=says)
    if _may_pass(status, says):
        return Fault(message)
    told = f"{place}: {message}"
    has_key = credentials.has_key
    return RefusedError(told, status=status, says=says, param=_param(body), has_key=has_key)


def _may_pass(status: int, says: str) -> bool:
    if status >= 500:
        return status != 501 and not _is_misunderstood(says)
    return status in _PASSING or (
        status in (400, 403, 404) and bool(_LOADING.search(says)) and not _SHUT_OUT.search(says)
    )


def is_too_long(status: int, says: str) -> bool:
    """Whether a server refuses a prompt, or a solution, because it is too long for the model."""
    if _RATE.search(says) or _NEVER_LENGTH.search(says):
        return False
    if _ANSWER.search(says) and not _READS.search(says):
        return False
    return status == 413 or (status in _LENGTHS and bool(_TOO_LONG.search(says)))


def error_in(answer: Json) -> tuple[int, Json] | None:
    """The error that an answer is in spite of its status 200, and the status it should have had.

    A proxy whose server breaks off puts it into a choice, behind what was written till then, or
    beside the choices.
    """
    choices = answer.get("choices") or ()
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("error"):
            return error_in({"error": choice["error"]})
    error = answer.get("error")
    is_told = bool(error) and (_says_something(error) or not choices)
    if choices and not is_told:
        return None
    codes = (_status_in(found) for found in (error, answer))
    status = next((code for code in codes if code), 0)
    if not (status or is_told or answer.get("object") == "error"):
        return None
    return status or 500, answer


def _says_something(error: Any) -> bool:
    """Whether an error beside choices is one: some write an empty one beside a good answer."""
    if isinstance(error, dict):
        return any(error.get(name) for name in ("message", "type", "code"))
    return isinstance(error, str) and error.casefold() not in ("none", "null", "success")


def _status_in(found: Any) -> int:
    """The status that an error names, or an answer that has nothing else; 0 for none."""
    for name in ("code", "status", "status_code"):
        code = str(found.get(name)) if isinstance(found, dict) else ""
        if re.fullmatch("[45][0-9][0-9]", code):
            return int(code)
    return 0


def _is_misunderstood(says: str) -> bool:
    """Whether a server that says that it failed does not know what was asked."""
    return bool(_NOT_KNOWN.search(says) or _TEXT_ALONE.search(says))


def _said(body: Any) -> str:
    """The server's own words in one line."""
    found = body
    for name in ("error", "message", "detail", "msg"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    if isinstance(found, list):  # what pydantic finds wrong, each with its place
        found = "; ".join(filter(None, map(_problem, found))) or found
    return " ".join(str(found).split())


def _problem(item: Any) -> str:
    if not isinstance(item, dict) or "msg" not in item:
        return ""
    loc = item.get("loc")
    place = [str(part) for part in loc if part != "body"] if isinstance(loc, list) else []
    return f"`{'.'.join(place)}`: {item['msg']}"


def _param(body: Any) -> str:
    return _field(body, "param")


def _code(body: Any) -> str:
    return " ".join(_field(body, name) for name in ("code", "type", "error_type"))


def _field(body: Any, name: str) -> str:
    for found in (body.get("error"), body) if isinstance(body, dict) else ():
        if isinstance(found, dict) and isinstance(found.get(name), str):
            return str(found[name])
    return ""
