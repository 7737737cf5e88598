"""What is known about a benchmark: questions, prompts, steps, answers, its oracle."""
