"""A real browser, or a reason why there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sormctl.cli import app
from sormctl.records import to_json
from tests.unit.report.runs_shown import whole_run
from tests.unit.training.runs import write_jsonl

NAMES = ("chromium-headless-shell", "chromium", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by playwright.

    While it is open an event loop runs, so no other module may meet it.
    """
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no chromium; `make browser` installs Debian's")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as driver:
        alone = [] if os.geteuid() else ["--no-sandbox"]  # which root has no use for
        yield (found := driver.chromium.launch(executable_path=path, args=alone))
        found.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a small run."""
    folder = tmp_path_factory.mktemp("run")
    solutions = [to_json(solution) for group in whole_run() for solution in group]
    write_jsonl(folder / "scored.jsonl", solutions)
    report = folder / "report.html"
    made = CliRunner().invoke(app, ["report", str(folder), "--samples", "2", "-o", str(report)])
    assert made.exit_code == 0
    return report


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file; fails at the end if the page has raised an error or loaded anything else."""
    contexts, faults = [], []

    def open_page(path: Path, fragment: str = "", **options: Any) -> Any:
        contexts.append(context := browser.new_context(**options))
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: faults.append(request.url)
                if not request.url.startswith("file:") else None)  # fmt: skip
        page.goto(f"{path.as_uri()}{fragment}")
        page.wait_for_selector("#problem")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
