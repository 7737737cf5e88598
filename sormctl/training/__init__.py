"""Training as a command sees it: examples, configuration, launch, checkpoints."""
