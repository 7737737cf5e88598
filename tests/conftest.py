"""What all tests need of the process that runs them."""

from __future__ import annotations

import signal

# A script's background job starts with Ctrl-C ignored, and so would every process that it starts:
# tests of interrupts would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
