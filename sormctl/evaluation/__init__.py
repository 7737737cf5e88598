"""What a report says: ways of answering, reward models step by step, their metrics."""
