"""Accelerate's launcher, or torchrun, that ends as the worker did which failed first.

By themselves both end with 1, whatever a worker died of, below a traceback of their own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from subprocess import CalledProcessError

from sormctl.training.worker.orphans import die_with_command


def main() -> None:
    """Runs `main` of the module named first; a worker killed by signal N gives code 128 + N."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        import_module(sys.argv.pop(1)).main()
    except CalledProcessError as error:  # one process
        code = error.returncode
    except ChildFailedError as error:  # several
        code = error.get_first_failure()[1].exitcode
    else:
        return
    sys.exit(code if code > 0 else 128 - code)


if __name__ == "__main__":
    die_with_command()
    main()
