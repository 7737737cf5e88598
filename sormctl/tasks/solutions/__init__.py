"""From the text of a completion to its thought, steps and answer, and to graded solutions."""
