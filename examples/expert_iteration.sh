#!/usr/bin/env bash
# Expert iteration (paper, 3.1 step 1): sample, keep what is correct, drop duplicates, add what
# earlier rounds kept, and fine-tune the base model again.
#
#   BENCH=chain BASE=embedded:student OUT=runs/ei ROUNDS=2 bash examples/expert_iteration.sh
#   BENCH=svamp BASE=path/or/hub-name PROMPT=one-shot bash examples/expert_iteration.sh
#
# SVAMP has no worked solutions: its first round samples the pretrained model with one example.
set -euo pipefail

BENCH=$BENCH
BASE=$BASE
OUT=${OUT:-runs/expert-iteration}
ROUNDS=${ROUNDS:-2}
TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-4000}
TEST_PROBLEMS=${TEST_PROBLEMS:-1000}
SAMPLES=${SAMPLES:-4}
PROMPT=${PROMPT:-auto}                    # how the first student is asked
MAX_TOKENS=${MAX_TOKENS:-300}
TRAIN_OPTIONS=${TRAIN_OPTIONS:---lr 1e-3 --batch-size 32 --epochs 2}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

mkdir -p "$OUT"
for split in train test; do
  count=$([ $split = train ] && echo "$TRAIN_PROBLEMS" || echo "$TEST_PROBLEMS")
  [ -e "$OUT/$split.jsonl" ] || sormctl problems "$BENCH" --split $split -n "$count" -o "$OUT/$split.jsonl"
done

student=$BASE
for round in $(seq "$ROUNDS"); do
  sormctl sample --model "$student" --prompt "$PROMPT" -n "$SAMPLES" --seed "$round" \
    --max-tokens "$MAX_TOKENS" "$OUT/train.jsonl" -o "$OUT/samples-$round.jsonl" --resume
  # D_i = R_i ∪ D_(i-1): the samples of all rounds so far
  # shellcheck disable=SC2086
  [ -d "$OUT/student-$round" ] || cat $(seq -f "$OUT/samples-%g.jsonl" "$round") \
    | sormctl filter --correct --unique \
    | sormctl train-student --model "$BASE" -o "$OUT/student-$round" --resume $TRAIN_OPTIONS
  student=$OUT/student-$round
  PROMPT=auto
  sormctl sample --greedy --model "$student" --max-tokens "$MAX_TOKENS" "$OUT/test.jsonl" \
    -o "$OUT/drafts-$round.jsonl" --resume
  sormctl eval "$OUT/drafts-$round.jsonl" --overwrite -o "$OUT/accuracy-$round.json"
done
