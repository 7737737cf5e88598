"""What all tests need of the process that runs them."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# One thread, as in the commands that tests run: beside other work two that wait for each other
# take ten times as long. Before torch is loaded, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more of what else the machine does than of the code: no deadline.
# A change is judged by the same examples each time, so that what fails is the change. New ones are
# tried by `make test-all`, which prints how to repeat what it finds.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("search", deadline=None, max_examples=300, print_blob=True)
settings.load_profile("same")

# A script's background job starts with Ctrl-C ignored, and so would every process that it starts:
# tests of interrupts would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
