#!/usr/bin/env bash
# The method on the embedded benchmark, from a student that three rounds of expert iteration have
# taken from 37 to some 60 %. Nothing is downloaded; it takes minutes on two idle cores. `make demo`
# runs it; with BENCH=chain it starts from a student whose errors were planted.
#
#   bash examples/demo.sh
set -euo pipefail

export BENCH=${BENCH:-chain-hard}
if [ "$BENCH" = chain ]; then
  export STUDENT=${STUDENT:-embedded:student}
else
  export STUDENT=${STUDENT:-embedded:hard-student} BASE=${BASE:-embedded:hard-base}
fi
export SEED=${SEED:-2} # the students have learned from problems of seeds 0 and 1
export OUT=${OUT:-runs/demo}
export TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-3000} SAMPLES=${SAMPLES:-4} LABELLED=${LABELLED:-2}
export TEST_PROBLEMS=${TEST_PROBLEMS:-1000}
[ ! -d "$STUDENT" ] || STUDENT=$(realpath "$STUDENT")
bash "$(dirname "$0")/pipeline.sh"
