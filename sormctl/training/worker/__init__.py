"""Training as a launched process does it: model, batches, losses, the loop."""
