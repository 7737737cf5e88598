r"""The little LaTeX that answers are written in: `\boxed{}`, fractions, units, spacing."""

from __future__ import annotations

import re

_BRACED_FRACTION = re.compile(r"\\[dtc]?frac\{([^{}]*)\}\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\frac([0-9])([0-9])")
_SHORT_ROOT = re.compile(r"\\sqrt([0-9])")
_DIGIT_THEN_FRACTION = re.compile(r"(?<=[0-9])(?=\\[dtc]?frac)")
_UNIT = re.compile(r"(?<=[0-9}])\\(?:text|mathrm|mbox)\{\s[^{}]*\}")
_WRAPPER = re.compile(r"\\(?:text|mathrm|mathbf|mbox)\{([^{}]*)\}")
_NOISE = re.compile(
    r"\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[!,;: $]|\^\\circ|\^\{\\circ\}|\$"
)
_SPACE = re.compile(r"(?<![0-9]) | (?![0-9]+/[0-9])")  # but not the one of `1 1/2`
_ASSIGNMENT = re.compile(r"^[a-zA-Z]=")


def boxed(text: str) -> str | None:
    r"""What the last `\boxed{…}` holds, braces balanced; None if there is none that closes."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    start += len("\\boxed{")
    depth = 1
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start:end]
    return None


def plain_fractions(text: str) -> str:
    r"""The text with `\frac{1}{2}` written as `1/2`, and `1\frac{1}{2}` as `1 1/2`."""
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    return _BRACED_FRACTION.sub(r"\1/\2", _DIGIT_THEN_FRACTION.sub(" ", text))


def normalise_latex(text: str) -> str:
    r"""One spelling for expressions that differ in spacing, `\left`, `\text`, units or `\dfrac`.

    A fraction of plain terms becomes `a/b`; an assignment `x=` in front is dropped.
    """
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    text = text.replace("\\%", "").replace("%", "").replace("\N{MINUS SIGN}", "-")
    text = text.replace("{,}", ",")
    text = _WRAPPER.sub(r"\1", _UNIT.sub("", _NOISE.sub("", text)))
    text = plain_fractions(_SHORT_ROOT.sub(r"\\sqrt{\1}", text))
    text = _SPACE.sub("", " ".join(text.strip(" .").split()))
    return _ASSIGNMENT.sub("", text)
