"""The engine on transformers: continuous batching over the slots of one cache."""
