"""One line of JSON: an object, or a refusal in words that help its author."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import MsgspecError, json

from sormctl.errors import RecordError
from sormctl.explaining import AS_IT_IS, explain_line

FAILED = "sormctl_failed"  # the one field of a stream's last line whose writer has failed
TOO_DEEP = "a field is nested too deep; up to 900 levels always pass"


def load_object(line: bytes) -> Mapping[str, Any]:
    """The object on a line; RecordError if there is none."""
    try:
        data = json.decode(line)  # keeps whole numbers of any size
    except RecursionError:
        raise RecordError(TOO_DEEP) from None
    except (MsgspecError, UnicodeDecodeError):
        try:
            data = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise RecordError(explain_line(line, error)) from None
    if isinstance(data, list) and data and isinstance(data[0], dict):
        raise RecordError("an array of JSON objects; jq -c '.[]' writes one a line" + AS_IT_IS)
    if not isinstance(data, dict):
        raise RecordError("not a JSON object; every line must be one")
    if FAILED in data:
        raise RecordError(f"the stream ends here: `sormctl {data[FAILED]}` failed")
    return data


def failure_line(command: str, error: str) -> bytes:
    """The last line of a stream whose writer has failed: every reader refuses it.

    >>> failure_line("grade", "no space")
    b'{"sormctl_failed":"grade","error":"no space"}\\n'
    """
    return json.encode({FAILED: command, "error": error}) + b"\n"
