# Does the graph work? Minutes.

SEEDS ?= 1

# problems to learn from, and samples of each
PROBLEMS ?= 100
SAMPLES ?= 4
# how many of these are labelled by rollouts; how many of all that is labelled get all rollouts
LABELLED ?= 4
VALUED ?= 100
# test problems; samples for best of many, and how many problems have so many
TESTED ?= 50
MANY ?= 4
MANY_PROBLEMS ?= 20

TRAINING ?= --lr $(LR) --batch-size 32
BALANCED_EPOCHS ?= 6
CONTRASTIVE_EPOCHS ?= 16

# options of rl_refiner.py
RL ?= --steps 2 --drafts-per-step 8 --max-tokens 40
