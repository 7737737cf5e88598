"""What is said of names that nothing has, and of packages that are not installed."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from sormctl import missing
from sormctl.missing import install, no_such, no_such_path


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("gsm8", ["chain", "gsm8k"], "no task `gsm8`; did you mean `gsm8k`? known: chain, gsm8k"),
        ("cahin", ["chain", "gsm8k"], "no task `cahin`; did you mean `chain`? known: chain, gsm8k"),
        ("x", ["chain"], "no task `x`; known: chain"),
        ("x", [], "no task `x`"),
        ("abx", ["aby", "abz"], "no task `abx`"),
        ("t8", [f"t{i}x" for i in range(40)], "no task `t8`; did you mean `t8x`?"),
    ],
)
def test_a_name(name: str, known: list[str], message: str) -> None:
    assert no_such("task", name, known).startswith(message)


def test_a_remedy_takes_the_place_of_the_list() -> None:
    assert no_such("scores", "or", ["orm"], "score first") == (
        "no scores `or`; did you mean `orm`? score first"
    )


def test_a_path_is_looked_for_where_it_should_be(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").touch()
    told = no_such_path("file", str(tmp_path / "sampels.jsonl"))
    assert told.endswith(f"; did you mean `{tmp_path / 'samples.jsonl'}`?")
    assert no_such_path("file", "/no/such/place", "look") == "no file `/no/such/place`; look"
    assert no_such_path("file", "a\0b") == "no file `a\0b`"


def test_a_long_name_takes_no_time() -> None:
    began = time.process_time()
    no_such("task", "x" * 10_000_000, ["y" * 10_000_000])
    assert time.process_time() - began < 1


def test_an_extra_is_installed_by_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["orjson>=3", "psutil>=5.9; extra == 'ray'", 'ray<3,>=2.50; extra == "ray"']
    monkeypatch.setattr(missing, "requires", lambda name: wanted)
    assert install("ray") == "pip install 'psutil>=5.9' 'ray<3,>=2.50'"


def test_a_checkout_is_installed_from_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_there(name: str) -> None:
        raise PackageNotFoundError

    monkeypatch.setattr(missing, "requires", not_there)
    assert install("hub") == "pip install '.[hub]' in the checkout of sormctl"


def test_nobody_else_says_what_is_near_or_how_to_install_an_extra() -> None:
    package = Path(missing.__file__).parent
    for path in package.rglob("*.py"):
        text = path.read_text("utf-8")
        assert "sormctl[" not in text, path
        assert "get_close_matches" not in text or path.name == "missing.py", path
