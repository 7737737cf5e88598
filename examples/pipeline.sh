#!/usr/bin/env bash
# The whole method: from a student and problems with final answers to a table of what checking and
# refining its own solutions gains (paper, 3.1 and 3.2). demo.sh and gsm8k.sh set the variables.
#
# Every stage writes a file with a manifest beside it; run the script again to continue a run that
# was interrupted. On a CPU, trainings that do not need each other run side by side.
set -euo pipefail

BENCH=$BENCH                             # a task: chain, gsm8k, svamp, or one of your own
STUDENT=$STUDENT                         # drafts, samples and rollouts come from it
BASE=${BASE:-$STUDENT}                   # reward models and refiners start from it
OUT=$OUT                                 # where everything is kept
TRAIN_PROBLEMS=${TRAIN_PROBLEMS:-4000}   # problems to learn from, SAMPLES solutions each
SAMPLES=${SAMPLES:-4}
LABELLED=${LABELLED:-2}                  # of the solutions of each problem, labelled step by step
TEST_PROBLEMS=${TEST_PROBLEMS:-1000}
K=${K:-8}                                # rollouts from a prefix
MAX_TOKENS=${MAX_TOKENS:-300}
RM_EPOCHS=${RM_EPOCHS:-2}
REFINER_EPOCHS=${REFINER_EPOCHS:-3}
TRAIN_OPTIONS=${TRAIN_OPTIONS:---lr 1e-3 --batch-size 32}
SEED=${SEED:-0}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # more threads than free cores cost more than they give

GENERATE=(--seed "$SEED" --max-tokens "$MAX_TOKENS" --resume)
# shellcheck disable=SC2206
TRAIN=(--model "$BASE" --seed "$SEED" --resume $TRAIN_OPTIONS)

mkdir -p "$OUT"
cd "$OUT"
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # a stage that failed takes its neighbour along
beside() { command -v nvidia-smi > /dev/null && wait "$1" || true; } # a GPU has room for one model

echo "── 1. problems, and the student's samples" >&2
sormctl problems "$BENCH" --split train -n "$TRAIN_PROBLEMS" --seed "$SEED" --overwrite -o train.jsonl
sormctl problems "$BENCH" --split test -n "$TEST_PROBLEMS" --seed "$SEED" --overwrite -o test.jsonl
sormctl sample --model "$STUDENT" -n "$SAMPLES" "${GENERATE[@]}" train.jsonl -o samples.jsonl

echo "── 2. reward models: labels by outcome (ORM), labels by rollouts from every prefix (SORM)" >&2
sormctl label-steps --by outcome samples.jsonl --overwrite -o outcomes.jsonl
sormctl train-rm "${TRAIN[@]}" --epochs "$RM_EPOCHS" outcomes.jsonl -o orm &
orm=$!
beside $orm
sormctl filter --max-per-problem "$LABELLED" samples.jsonl --overwrite -o labelled.jsonl
sormctl label-steps --by rollouts --model "$STUDENT" -k "$K" "${GENERATE[@]}" labelled.jsonl -o steps.jsonl
sormctl balance --by prefix-length steps.jsonl --overwrite -o balanced.jsonl
sormctl train-rm "${TRAIN[@]}" --epochs "$RM_EPOCHS" balanced.jsonl -o sorm
wait $orm

echo "── 3. refiners: global pairs from samples, local pairs from verifying traces" >&2
sormctl make-refine-pairs --mode global samples.jsonl --overwrite -o global-pairs.jsonl
sormctl make-refine-pairs --mode local steps.jsonl samples.jsonl --overwrite -o local-pairs.jsonl
sormctl train-refiner "${TRAIN[@]}" --epochs "$REFINER_EPOCHS" global-pairs.jsonl -o global &
global=$!
beside $global
sormctl train-refiner "${TRAIN[@]}" --epochs "$REFINER_EPOCHS" local-pairs.jsonl -o local
wait $global

echo "── 4. test time: draft, refine both ways, keep the best of the three" >&2
sormctl sample --greedy --model "$STUDENT" "${GENERATE[@]}" test.jsonl -o drafts.jsonl
sormctl refine --mode global --model global "${GENERATE[@]}" drafts.jsonl -o global.jsonl
sormctl refine --mode local --model local --rm sorm "${GENERATE[@]}" drafts.jsonl -o local.jsonl
sormctl rerank --rm orm --resume drafts.jsonl global.jsonl local.jsonl -o best.jsonl

echo "── 5. the table: every way of answering, and the reward models step by step" >&2
sormctl sample -n 3 --model "$STUDENT" "${GENERATE[@]}" test.jsonl -o best-of-3.jsonl
sormctl label-steps --by rollouts --model "$STUDENT" -k "$K" "${GENERATE[@]}" drafts.jsonl -o draft-steps.jsonl
sormctl score --rm sorm --resume draft-steps.jsonl -o draft-sorm.jsonl
sormctl score --rm orm --resume draft-sorm.jsonl global.jsonl local.jsonl best-of-3.jsonl -o scored.jsonl
sormctl eval scored.jsonl --stages . --overwrite -o results.json 2> table.txt
cat table.txt >&2
sormctl report . --overwrite -o report.html

echo "── $(grep -m 1 ^refined table.txt)" >&2
echo "── every step with its scores: $PWD/report.html" >&2
