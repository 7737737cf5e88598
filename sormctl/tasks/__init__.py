"""What is known about a benchmark: its rows, questions, prompts, steps, answers, its oracle."""
