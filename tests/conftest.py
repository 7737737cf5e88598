"""What all tests need of the process that runs them."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A script's background job starts with Ctrl-C ignored, and so would every process that it starts:
# tests of interrupts would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
