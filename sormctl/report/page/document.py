"""The file: markup, style and script around compressed data."""

from __future__ import annotations

import gzip
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

import orjson

from sormctl.records import Json

STYLES = ("page", "charts", "problems", "media")
SCRIPTS = (
    "dom", "judging", "changes", "charts", "header", "answers", "differences", "scorecharts",
    "steps", "training", "entries", "problem", "problems", "page",
)  # fmt: skip
_ASSETS = files(__package__) / "assets"


def as_document(data: Json) -> str:
    """The page that shows `data`, whole in itself; nothing in `data` is read as markup."""
    style = "\n".join(_read(f"{name}.css") for name in STYLES)
    script = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    packed = b64encode(gzip.compress(orjson.dumps(data), mtime=0)).decode()
    parts = {
        "@policy@": "; ".join((
            "default-src 'none'", f"style-src {_hash(style)}", f"script-src {_hash(script)}",
            "base-uri 'none'", "form-action 'none'",
        )),
        "@style@": style,
        "@script@": script,
        "@data@": packed,
    }  # fmt: skip
    page = _read("page.html")
    for name, text in parts.items():
        page = page.replace(name, text)
    return page


def _read(name: str) -> str:
    return (_ASSETS / name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a content security policy lets in: this text and no other."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
