# A real language model of half a billion parameters, by one core: nights. demo.mk says what each size is.

SAMPLES ?= 4
LABELLED ?= 4
VALUED ?= 0
MANY ?= 8
# the paper's rounds, until they no longer help; HELD problems of the train part say so
ROUNDS ?= 3
HELD ?= 100

ifeq ($(BENCH),gsm8k)
SEEDS ?= 1
PROBLEMS ?= 1500
TESTED ?= 500
MANY_PROBLEMS ?= 500
else  # SVAMP has 700 problems to learn from, and 300 to test
SEEDS ?= 1 2
PROBLEMS ?= 600
TESTED ?= 300
MANY_PROBLEMS ?= 300
MAX_TOKENS ?= 200
endif

# asked as the samples were, without their example; in 4 GiB of memory
TRAINING ?= --lr 3e-4 --lora 16 --batch-size 16 --max-batch-tokens 512 --prompt plain
BALANCED_EPOCHS ?= $(RM_EPOCHS)
CONTRASTIVE_EPOCHS ?= $(RM_EPOCHS)

APPENDICES ?=
RL ?=
