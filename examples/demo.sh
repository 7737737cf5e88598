#!/usr/bin/env bash
# The method on the embedded benchmark, from a student that is right about half of the time to a
# table of what checking and refining its own solutions gains. Nothing is downloaded.
#
#   make demo                                            # or: bash examples/demo.sh
#   STUDENT=my/student OUT=runs/mine bash examples/demo.sh
#
# Every stage writes a file with a manifest beside it; run the script again to continue a run that
# was interrupted. Stages that do not need each other run side by side.
set -euo pipefail

STUDENT=${STUDENT:-embedded:student}
OUT=${OUT:-runs/demo}
TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-4000}   # problems sampled to train on, SAMPLES solutions each
SAMPLES=${SAMPLES:-4}
LABELLED=${LABELLED:-8000}               # of these solutions, labelled step by step
TEST_PROBLEMS=${TEST_PROBLEMS:-1000}
SEED=${SEED:-0}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

[ -d "$STUDENT" ] && STUDENT=$(realpath "$STUDENT")
mkdir -p "$OUT"
cd "$OUT"

# A finished model is kept; `--resume` continues an interrupted training or starts a new one.
train() {
  local command=$1 folder=$2
  shift 2
  [ -d "$folder" ] && { cat > /dev/null; return; }
  sormctl "$command" --model "$STUDENT" -o "$folder" --resume --seed "$SEED" --lr 1e-3 --batch-size 32 "$@"
}
both() { wait "$1" && wait "$2"; }
keep() { [ -e "$1" ] && cat > /dev/null || sormctl "${@:2}" -o "$1"; }

echo "── 1. problems, and the student's samples"
keep train.jsonl problems chain --split train -n "$TRAIN_PROBLEMS" --seed "$SEED"
keep test.jsonl problems chain --split test -n "$TEST_PROBLEMS" --seed "$SEED"
sormctl sample --model "$STUDENT" -n "$SAMPLES" --seed "$SEED" -o samples.jsonl --resume train.jsonl

echo "── 2. reward models: labels by outcome (ORM), labels by rollouts from every prefix (SORM)"
sormctl label-steps --by outcome samples.jsonl | train train-rm orm --epochs 2 &
orm=$!
{
  head -n "$LABELLED" samples.jsonl \
    | sormctl label-steps --by rollouts --model "$STUDENT" -k 8 --seed "$SEED" -o steps.jsonl --resume
  sormctl balance --by prefix-length steps.jsonl | train train-rm sorm --epochs 2
} &
both "$orm" $!

echo "── 3. refiners: global pairs from samples, local pairs from verifying traces"
sormctl make-refine-pairs --mode global samples.jsonl | train train-refiner global --epochs 3 &
global=$!
sormctl make-refine-pairs --mode local steps.jsonl | train train-refiner local --epochs 3 &
both "$global" $!

echo "── 4. test time: draft, refine both ways, and three samples to compare with"
sormctl sample --model "$STUDENT" --greedy -o drafts.jsonl --resume test.jsonl
sormctl refine --mode global --model global -o global.jsonl --resume drafts.jsonl
sormctl refine --mode local --model local --rm sorm -o local.jsonl --resume drafts.jsonl
sormctl sample --model "$STUDENT" -n 3 --seed "$SEED" -o best-of-3.jsonl --resume test.jsonl
cat drafts.jsonl global.jsonl local.jsonl | sormctl rerank --rm orm -o best.jsonl --resume

echo "── 5. the table: every way of answering, and the reward models step by step"
sormctl label-steps --by rollouts --model "$STUDENT" -k 8 --seed "$SEED" -o test-steps.jsonl --resume drafts.jsonl
sormctl score --rm sorm -o test-sorm.jsonl --resume test-steps.jsonl
cat test-sorm.jsonl global.jsonl local.jsonl best-of-3.jsonl \
  | sormctl score --rm orm -o scored.jsonl --resume
sormctl eval --overwrite -o results.json --stages . scored.jsonl
