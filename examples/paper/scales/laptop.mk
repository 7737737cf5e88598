# A real language model of half a billion parameters, by one core: two nights (README). demo.mk says what each size is.

SEEDS ?= 1 2

# of 700 problems of SVAMP's train part the first are learned from, the rest says which round is the best
PROBLEMS ?= 600
HELD ?= 100
ROUNDS ?= 3
SAMPLES ?= 4
LABELLED ?= 4
VALUED ?= 0
TESTED ?= 300
MANY ?= 8
MANY_PROBLEMS ?= 300
MAX_TOKENS ?= 200

# at most 5 GiB of memory; asked as in the samples, without their example
TRAINING ?= --lr 3e-4 --lora 16 --batch-size 16 --max-batch-tokens 512 --prompt plain
BALANCED_EPOCHS ?= $(RM_EPOCHS)
CONTRASTIVE_EPOCHS ?= $(RM_EPOCHS)

APPENDICES ?=
RL ?=
