# All of GSM8K and 96 samples, as in the paper; how long and how fast to train is our choice. demo.mk says what each size is.

SEEDS ?= 1 2 3

PROBLEMS ?= 7473
SAMPLES ?= 96
LABELLED ?= 6
VALUED ?= 10000
TESTED ?= 1319
MANY ?= 96
MANY_PROBLEMS ?= 1319

TRAINING ?= --lr $(LR) --batch-size 128
# balancing keeps nearly all of 96 samples a problem
BALANCED_EPOCHS ?= $(RM_EPOCHS)
CONTRASTIVE_EPOCHS ?= $(RM_EPOCHS)

RL ?= --steps 200 --samples 8 --lr 1e-5 --max-tokens 300 --micro-batch 16
