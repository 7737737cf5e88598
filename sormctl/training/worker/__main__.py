"""A process of a training run, as launchers start it; what it does is in `process.py`."""

from __future__ import annotations

from sormctl.training.worker.orphans import die_with_command

if __name__ == "__main__":
    die_with_command()
    from sormctl.training.worker.process import main  # loads torch, which takes seconds

    main()
