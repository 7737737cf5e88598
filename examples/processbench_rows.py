"""Solutions of chain, whose task knows which step is wrong, as rows of ProcessBench.

sormctl problems chain -n 100 | sormctl sample --model embedded:student -n 4 \
  | python examples/processbench_rows.py > chain.jsonl
"""

from __future__ import annotations

import sys
from signal import SIG_DFL, SIGPIPE, signal

from msgspec.structs import replace

from sormctl.errors import SormctlError
from sormctl.formats.base import Exporting
from sormctl.formats.processbench import write
from sormctl.records import Solution, encode
from sormctl.streams.jsonl import read_records
from sormctl.tasks.registry import get_task


def main() -> None:
    """Reads solutions on standard input and writes rows on standard output."""
    for number, solution in enumerate(read_records([], Solution)):
        oracle = get_task(solution.task).oracle
        if oracle is None or not solution.steps:
            continue
        source = {**solution.source, "id": f"{solution.task}-{number}"}
        labelled = replace(solution, labels=tuple(oracle(solution)), source=source)
        if (row := write(labelled, Exporting())) is not None:
            sys.stdout.buffer.write(encode(row))


if __name__ == "__main__":
    signal(SIGPIPE, SIG_DFL)  # `| head` ends it silently
    try:
        main()
    except SormctlError as error:
        sys.exit(f"processbench_rows: {error}")
