"""How final answers are announced, read and compared, by kind of answer."""

from sormctl.tasks.answers.kinds import (
    CHOICE,
    EXACT,
    KINDS,
    MATH,
    NUMERIC,
    AnswerKind,
    Reader,
    equal_numbers,
    equal_text,
    get_kind,
    read_exact,
    read_number,
    reference_answer,
)

# what a package that adds a benchmark needs
__all__ = [
    "CHOICE",
    "EXACT",
    "KINDS",
    "MATH",
    "NUMERIC",
    "AnswerKind",
    "Reader",
    "equal_numbers",
    "equal_text",
    "get_kind",
    "read_exact",
    "read_number",
    "reference_answer",
]
