"""One threshold, and one reading of what lies below it."""

from __future__ import annotations

from sormctl.adapters.adapter import OWN
from sormctl.formats.base import Exporting, Importing
from sormctl.thresholds import THRESHOLD, first_below


def test_a_step_at_the_threshold_is_accepted() -> None:
    assert first_below((0.9, THRESHOLD, 0.4, 0.1), THRESHOLD) == 2
    assert first_below((0.9, THRESHOLD), THRESHOLD) is None
    assert first_below((), THRESHOLD) is None


def test_one_threshold_is_that_of_all() -> None:
    fields = Importing.__dataclass_fields__["threshold"]
    assert THRESHOLD == OWN.threshold == Exporting().threshold == fields.default
