"""Step labels: which rollouts are made, what they come to, what they will cost."""
