"""JSONL in and out: the driver, order, resume, grouping, progress, manifests."""
