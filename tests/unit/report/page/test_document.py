"""The file: whole in itself, and nothing in the data is markup."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re

from sormctl.report.page.document import as_document
from tests.unit.report.runs_shown import ATTACK, ESCAPES

DATA = {"text": f"{ATTACK} @script@ {ESCAPES}"}


def test_the_data_are_in_it_and_no_markup() -> None:
    page = as_document(DATA)
    (packed,) = re.findall(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', page)
    assert json.loads(gzip.decompress(base64.b64decode(packed))) == DATA
    assert ATTACK not in page
    assert page == as_document(DATA)  # byte by byte


def test_it_loads_nothing_and_runs_one_script() -> None:
    page = as_document(DATA)
    assert page.count("<script") == 2
    assert not re.search(r"\b(src|href)=|url\(|@import|innerHTML|\beval\(", page)
    assert re.findall(r"https?://[^\s\"]+", page) == ["http://www.w3.org/2000/svg"]  # a name
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    for kind in ("style", "script"):
        (text,) = re.findall(f"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
