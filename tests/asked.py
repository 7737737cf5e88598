"""How the models of the tests are asked, unless a test is about just that."""

from __future__ import annotations

from sormctl.asking import default_asking

PLAIN = default_asking("plain").taught()
