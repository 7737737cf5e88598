"""The process behind `algebra`: a pair of expressions a line, and whether they are equal."""

from __future__ import annotations

import resource
import signal
import sys
from dataclasses import replace

import orjson
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

MEMORY = 2 << 30  # bytes that it may use
_LATEX = LatexExtractionConfig()
# `normalise_latex` has removed the units; what is left of `4m` is a product
_NO_UNITS = replace(_LATEX.normalization_config, units=False)
_TARGETS = [replace(_LATEX, normalization_config=_NO_UNITS), ExprExtractionConfig()]


def decide(first: str, second: str) -> bool | None:
    """Whether either finds the other equal; None if one of them cannot be read."""
    one, two = (parse(f"${text}$", _TARGETS, parsing_timeout=None) for text in (first, second))
    if not one or not two:
        return None
    return any(verify(*pair, timeout_seconds=None) for pair in ((one, two), (two, one)))


def main() -> None:
    """Answers until its input ends; a pair that takes longer than it may is its end."""
    limit = float(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends who asks, and then the input
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    _say("ready")
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            are_equal = decide(*orjson.loads(line))
        except Exception:  # of sympy: whatever it stumbles over is not decided
            are_equal = None
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(orjson.dumps(are_equal).decode())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
