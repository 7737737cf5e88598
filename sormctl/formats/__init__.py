"""Other tools' data: one module a format, how its rows become solutions and solutions its rows."""
