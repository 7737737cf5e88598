#!/usr/bin/env bash
# The whole method: from a student and problems with final answers to a table of what checking and
# refining its own solutions gains (paper, 3.1 and 3.2). demo.sh and gsm8k.sh set the variables.
#
# Every stage writes a file with a manifest beside it; run the script again to continue a run that
# was interrupted. Stages that do not need each other run side by side.
set -euo pipefail

BENCH=$BENCH                             # a task, or your own JSONL file with ANSWER=numeric
STUDENT=$STUDENT                         # drafts, samples and rollouts come from it
BASE=${BASE:-$STUDENT}                   # reward models and refiners start from it
OUT=$OUT                                 # where everything is kept
TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-4000}   # problems to learn from, SAMPLES solutions each
SAMPLES=${SAMPLES:-4}
LABELLED=${LABELLED:-8000}               # of these solutions, labelled step by step
TEST_PROBLEMS=${TEST_PROBLEMS:-1000}
K=${K:-8}                                # rollouts from a prefix
MAX_TOKENS=${MAX_TOKENS:-300}
RM_EPOCHS=${RM_EPOCHS:-2}
REFINER_EPOCHS=${REFINER_EPOCHS:-3}
TRAIN_OPTIONS=${TRAIN_OPTIONS:---lr 1e-3 --batch-size 32}
SEED=${SEED:-0}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

mkdir -p "$OUT"
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT  # a stage that failed takes its neighbour along

problems() { # SPLIT COUNT
  [ -e "$OUT/$1.jsonl" ] || sormctl problems "$BENCH" --split "$1" -n "$2" --seed "$SEED" \
    ${ANSWER:+--answer "$ANSWER"} -o "$OUT/$1.jsonl"
}
generate() { # COMMAND OPTIONS: one of the commands that run the student or a refiner
  sormctl "$@" --seed "$SEED" --max-tokens "$MAX_TOKENS" --resume
}
train() { # COMMAND MODEL OPTIONS: a finished model is kept, an unfinished one is continued
  [ -d "$OUT/$2" ] && cat > /dev/null && return
  # shellcheck disable=SC2086
  sormctl "$1" --model "$BASE" -o "$OUT/$2" --resume --seed "$SEED" $TRAIN_OPTIONS "${@:3}"
}

echo "── 1. problems, and the student's samples" >&2
problems train "$TRAIN_PROBLEMS"
problems test "$TEST_PROBLEMS"
generate sample --model "$STUDENT" -n "$SAMPLES" "$OUT/train.jsonl" -o "$OUT/samples.jsonl"

echo "── 2. reward models: labels by outcome (ORM), labels by rollouts from every prefix (SORM)" >&2
sormctl label-steps --by outcome "$OUT/samples.jsonl" | train train-rm orm --epochs "$RM_EPOCHS" &
orm=$!
head -n "$LABELLED" "$OUT/samples.jsonl" \
  | generate label-steps --by rollouts --model "$STUDENT" -k "$K" -o "$OUT/steps.jsonl"
sormctl balance --by prefix-length "$OUT/steps.jsonl" | train train-rm sorm --epochs "$RM_EPOCHS"
wait "$orm"

echo "── 3. refiners: global pairs from samples, local pairs from verifying traces" >&2
sormctl make-refine-pairs --mode global "$OUT/samples.jsonl" \
  | train train-refiner global --epochs "$REFINER_EPOCHS" &
global=$!
sormctl make-refine-pairs --mode local "$OUT/steps.jsonl" \
  | train train-refiner local --epochs "$REFINER_EPOCHS"
wait "$global"

echo "── 4. test time: draft, refine both ways, keep the best of the three" >&2
generate sample --greedy --model "$STUDENT" "$OUT/test.jsonl" -o "$OUT/drafts.jsonl"
generate refine --mode global --model "$OUT/global" "$OUT/drafts.jsonl" -o "$OUT/global.jsonl"
generate refine --mode local --model "$OUT/local" --rm "$OUT/sorm" "$OUT/drafts.jsonl" \
  -o "$OUT/local.jsonl"
cat "$OUT"/{drafts,global,local}.jsonl \
  | sormctl rerank --rm "$OUT/orm" --resume -o "$OUT/best.jsonl"

echo "── 5. the table: every way of answering, and the reward models step by step" >&2
generate sample -n 3 --model "$STUDENT" "$OUT/test.jsonl" -o "$OUT/best-of-3.jsonl"
generate label-steps --by rollouts --model "$STUDENT" -k "$K" "$OUT/drafts.jsonl" \
  -o "$OUT/draft-steps.jsonl"
sormctl score --rm "$OUT/sorm" "$OUT/draft-steps.jsonl" --resume -o "$OUT/draft-sorm.jsonl"
cat "$OUT"/{draft-sorm,global,local,best-of-3}.jsonl \
  | sormctl score --rm "$OUT/orm" --resume -o "$OUT/scored.jsonl"
sormctl eval "$OUT/scored.jsonl" --stages "$OUT" --overwrite -o "$OUT/results.json"
