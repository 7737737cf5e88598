"""The report in a browser: as somebody uses it who looks for a draft that refinement broke."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sormctl.evaluation.steps import StepTally
from sormctl.report.filters import filters_met
from sormctl.report.page.shown_problem import TICKS
from tests.unit.report.runs_shown import ATTACK, whole_run
from tests.unit.report.test_filters import GIVEN

pytestmark = pytest.mark.browser
Opened = Callable[..., Any]


def listed(page: Any) -> list[str]:
    """The ids of the problems in the list."""
    found: list[str] = page.eval_on_selector_all(
        "#list li:not([hidden]) .id", "found => found.map(each => each.textContent)"
    )
    return found


def shown(page: Any) -> str:
    return str(page.get_attribute("#problem", "data-id"))


def move_threshold(page: Any, value: int) -> None:
    page.eval_on_selector(
        "#threshold", f"each => {{ each.value = {value}; each.dispatchEvent(new Event('input')) }}"
    )


def test_the_header_is_that_of_eval(report: Path, opened: Opened) -> None:
    page = opened(report)
    said = page.inner_text(".quote").replace("\u00a0", " ")
    assert said.startswith("Refined 25.0 %, draft 25.0 %: +0.0 (")
    assert page.title().endswith("sormctl report")
    assert page.locator("#answers svg circle").count() > 8
    assert page.locator("#files").count() == 0  # there is no manifest


def test_filters_and_search(report: Path, opened: Opened) -> None:
    page = opened(report)
    assert len(listed(page)) == 4
    page.click("[data-filter=broken]")
    assert listed(page) == ["p-broken"] == [shown(page)]
    assert page.inner_text("#count") == "1 of 4 problems"
    page.click("[data-filter=broken]")
    page.fill("#search", "5 + 2 = 6")
    assert listed(page) == ["p-fixed", "p-broken", "p-wrong"]
    page.click("[data-filter=fixed]")
    assert listed(page) == ["p-fixed"]


def test_the_table_of_drafts_leads_to_its_problems(report: Path, opened: Opened) -> None:
    page = opened(report)
    cells = page.inner_text(".outcomes tbody").split()
    assert cells == ["draft", "right", "0", "1", "draft", "wrong", "1", "2"]
    page.click(".outcomes button.bad")
    assert listed(page) == ["p-broken"]
    page.click(".outcomes button.good")
    assert listed(page) == ["p-fixed"]


def test_the_filters_are_those_of_the_command(report: Path, opened: Opened) -> None:
    page = opened(report)
    for threshold in (0.5, 0.6, 0.0):
        move_threshold(page, int(100 * threshold))
        for name in page.eval_on_selector_all("[data-filter]", "e => e.map(x => x.dataset.filter)"):
            met = [g[0].problem_id for g in whole_run() if name in filters_met(g, GIVEN, threshold)]
            found = page.evaluate("name => document.querySelector(`[data-filter=${name}] .soft`)"
                                  ".textContent.trim()", name)  # fmt: skip
            assert (name, found) == (name, str(len(met)))


def test_keys(report: Path, opened: Opened) -> None:
    page = opened(report)
    for key, problem in (("j", "p-broken"), ("j", "p-wrong"), ("k", "p-broken"), ("k", "p-fixed")):
        page.keyboard.press(key)
        assert shown(page) == problem
    page.keyboard.press("k")
    assert shown(page) == "p-fixed"
    page.keyboard.press("/")
    page.keyboard.type("jj")  # typed, and no key
    assert (page.input_value("#search"), listed(page)) == ("jj", [])
    page.fill("#search", "attack")
    page.fill("#search", "")
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    assert shown(page) == "p-wrong"
    assert page.url.endswith("#problem=p-wrong")


def test_the_list_is_one_stop_of_tab_and_arrows_walk_it(report: Path, opened: Opened) -> None:
    page = opened(report)
    page.focus("#search")
    page.keyboard.press("Tab")
    for key, problem in (
        ("ArrowDown", "p-broken"),
        ("ArrowDown", "p-wrong"),
        ("ArrowUp", "p-broken"),
    ):
        page.keyboard.press(key)
        assert shown(page) == problem
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#list')")


def test_an_address_opens_its_problem(report: Path, opened: Opened) -> None:
    assert shown(opened(report, "#problem=p-wrong")) == "p-wrong"
    assert shown(opened(report, "#problem=%")) == "p-fixed"  # no address of ours


def test_draft_and_refinements_stand_beside_each_other(report: Path, opened: Opened) -> None:
    page = opened(report, viewport={"width": 1400, "height": 900})
    boxes = [page.locator(f"#problem [data-kind={kind}]").first.bounding_box()
             for kind in ("draft", "global", "local")]  # fmt: skip
    assert len({box["y"] for box in boxes}) == 1
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    assert page.inner_text("[data-kind=global] mark >> nth=0") == "4"  # 2 + 2 = 5 before
    local = page.locator("[data-kind=local] .step")
    assert "same" in local.nth(0).get_attribute("class")
    draft = page.inner_text("[data-kind=draft] .step >> nth=0")
    assert "[BAD] for local" in draft
    assert "first error: labels, sorm" in draft
    assert "label 0/8" in draft
    assert page.locator(".solution.given").get_attribute("data-kind") == "global"
    assert page.inner_text(".votes >> nth=0 >> tr >> nth=1").split() == ["✗", "7", "2", "◂", "0.50"]


def test_samples_tell_their_rewards(report: Path, opened: Opened) -> None:
    page = opened(report)
    page.click("details summary >> text=2 samples, 1 more voted")
    assert page.locator(".reward").all_inner_texts() == ["skywork -1.25", "skywork too long"]


def test_a_reward_model_has_the_figures_of_eval(report: Path, opened: Opened) -> None:
    found = dict(tally_of("sorm").estimates())
    said = opened(report).inner_text("[data-model=sorm] .figures")
    for name, text in (
        ("AUC", "AUC {}"),
        ("calibration error", "calibration error {}"),
        ("step accuracy", "step accuracy {}"),
        ("first error found", "(found {},"),
    ):
        assert text.format(f"{100 * found[name].value:.1f}") in said


def tally_of(model: str) -> StepTally:
    """Its scores beside the labels."""
    tally = StepTally()
    for solution in (solution for group in whole_run() for solution in group):
        if solution.labels is not None and model in solution.scores:
            tally.add(solution.scores[model], solution.labels)
    return tally


def test_the_slider_moves_everything(report: Path, opened: Opened) -> None:
    page = opened(report)
    sorm = page.locator("[data-model=sorm]")
    before = sorm.locator(".confusion").inner_text()
    move_threshold(page, 0)
    assert page.inner_text("output") == "0.00"
    assert sorm.locator(".confusion").inner_text() != before
    assert page.locator("[data-kind=draft] .first-error").inner_text() == "first error: labels"
    sorm.locator(".best").click()
    best = sorm.locator(".best").inner_text()
    assert best == f"{sorm.locator('.f1').inner_text()} at {page.inner_text('output')}"


@pytest.mark.parametrize("seed", range(5))
def test_the_page_counts_as_eval_does(seed: int, report: Path, opened: Opened) -> None:
    random_ = random.Random(seed)
    tally = StepTally()
    for _ in range(40):
        length, share = random_.randint(1, 6), random_.choice((0.6, 1.0))
        labels = [
            random_.choice((int(random_.random() < share),) * 9 + (None,)) for _ in range(length)
        ]
        tally.add([random_.randint(0, TICKS) / TICKS for _ in range(length)], labels)
    page = opened(report)
    packed = {
        "scores": [round(score * TICKS) for score in tally.scores],
        "labels": "".join("01?"[label] for label in tally.labels),
        "lengths": [*tally.lengths],
    }
    ours = dict(tally.estimates())
    found = page.evaluate(f"tally => judge(tally, {TICKS // 2})", packed)
    assert found["f1"] == pytest.approx(ours["first-error F1"].value)
    assert found["located"] == pytest.approx(ours["first error found"].value)
    assert found["clean"] == pytest.approx(ours["no error where there is none"].value)
    assert found["accuracy"] == pytest.approx(ours["step accuracy"].value)
    bins = [b for b in page.evaluate("tally => reliability(tally)", packed) if b["n"]]
    error = sum(b["n"] * abs(b["score"] - b["share"]) for b in bins) / sum(b["n"] for b in bins)
    assert error == pytest.approx(ours["calibration error"].value)
    best = page.evaluate("tally => sweep(tally).best", packed)
    assert best["f1"] >= found["f1"] or math.isnan(best["f1"])


def test_what_a_model_wrote_is_shown_and_not_run(report: Path, opened: Opened) -> None:
    page = opened(report, "#problem=p-attack")
    assert page.evaluate("window.run") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert ATTACK in page.inner_text(".question")
    assert ATTACK in page.inner_text("[data-kind=draft] .step >> nth=0")
    assert ATTACK in page.inner_text(".facts")
    text = page.inner_text("body")
    assert not {c for c in text if ord(c) < 32 or ord(c) == 0x202E} - {"\n", "\t"}
    assert "\ufffd[31mred\ufffd" in text


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_on_wide_and_narrow_screens(
    report: Path, opened: Opened, scheme: str, width: int
) -> None:
    page = opened(report, color_scheme=scheme, viewport={"width": width, "height": 800})

    def brightness() -> int:
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.strip("rgb()").split(","))

    assert (brightness() > 600) == (scheme == "light")
    page.keyboard.press("t")
    assert (brightness() > 600) == (scheme == "dark")
    page.click("#theme")
    assert (brightness() > 600) == (scheme == "light")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_light_and_without_what_is_pressed(report: Path, opened: Opened) -> None:
    page = opened(report, color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.is_visible("#list")
    assert not page.is_visible("nav")
    assert page.is_visible("#problem .question")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(252, 252, 250)"


def test_a_browser_that_is_too_old_is_told(report: Path, browser: Any) -> None:
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(report.as_uri())
    assert "This browser cannot draw the report" in page.inner_text(".failed")
    page.close()


def test_changes_are_laid_out_without_a_loss(report: Path, opened: Opened) -> None:
    """Laws of any two lists of steps, and of any two texts."""
    random_ = random.Random(0)
    pairs = [
        ["".join(random_.choices("abcd", k=random_.randint(0, 8))) for _ in range(2)]
        for _ in range(300)
    ]
    page = opened(report)
    for one, two in pairs:
        found = page.evaluate("([one, two]) => aligned([...one], [[...two]])", [one, two])
        first, second = found["rows"]
        assert first == sorted({*first}) and second == sorted({*second})
        assert all(row < found["total"] for row in (*first, *second))
        shared = page.evaluate("([one, two]) => common([...one], [...two])", [one, two])
        assert all(first[i] == second[j] and one[i] == two[j] for i, j in shared)
        parts = page.evaluate("([one, two]) => changedWords(one, two)", [" ".join(one), two])
        assert "".join(part["text"] for part in parts) == two
    parts = page.evaluate("changedWords('a b c 1', 'a x y 1')")
    assert [part["text"] for part in parts if part["changed"]] == ["x y"]


@pytest.mark.parametrize(
    ("first", "second", "rows"),
    [
        (["a", "b", "c"], ["a", "x", "c"], [0, 1, 2]),
        (["a", "c"], ["a", "b", "c"], [0, 1, 2]),
        (["a", "b", "c"], ["c"], [2]),
        ([], ["a"], [0]),
        (["a"], ["x", "y", "z"], [0, 1, 2]),
    ],
)
def test_equal_steps_stand_on_one_line(
    report: Path, opened: Opened, first: list[str], second: list[str], rows: list[int]
) -> None:
    found = opened(report).evaluate("([one, two]) => aligned(one, [two])", [first, second])
    assert found["rows"][1] == rows
    assert found["total"] >= max(rows) + 1
