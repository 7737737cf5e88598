#!/usr/bin/env bash
# Makes the student in sormctl/embedded/student from nothing, on one CPU core, and measures it.
# The same machine and library versions give the same weights; others give nearly the same student.
#
# From the root of the checkout:
#
#   OUT=runs/student bash examples/embedded_student.sh
set -euo pipefail

OUT=${OUT:-runs/student}
export OMP_NUM_THREADS=1

python -m examples.embedded_student -o "$OUT"

sormctl problems chain --split test -n 1000 \
  | sormctl sample --model "$OUT" --greedy \
  | sormctl eval
