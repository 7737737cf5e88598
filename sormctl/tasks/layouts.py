"""How published data sets lay out a problem: the names of their fields, and questions in parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sormctl.errors import RecordError
from sormctl.tasks.answers.choices import LETTERS
from sormctl.tasks.fields import Fields, RowFields, about, is_blank, template_parts, text_of
from sormctl.tasks.lettering import Options, holds_one, made, options_of
from sormctl.tasks.svamp import join_question

# in the order in which they are tried
QUESTION = ("question", "problem", "prompt", "input", "sQuestion", "original_text", "question_stem")
ANSWER = (
    "answer", "target", "final_answer", "answerKey", "correct_answer", "answer_number",
    "final_ans", "ans", "lSolutions", "expected_answer", "ground_truth", "output_answer", "result",
    "gold",
)  # fmt: skip
CHOSEN = ("correct", "correct_option", "label", "answer_idx", "answer_index")
VERDICTS = ("result", "correct")  # on an answer, where these are true or false
SCORES = "target_scores"  # of each option, of which the best is the answer, as BIG-bench has them
CHOICES = ("choices", "options", "answer_choices", "endings", "candidates")
IDENTITY = ("problem_id", "id", "unique_id", "question_id", "iIndex")
REFERENCE = ("reference", "solution", "rationale")
BODY, NUMBERS, STEM, PASSAGE = "body", "numbers", "stem", "passage"
PARTS = (  # of a question, beside which they stand
    BODY, PASSAGE, "passages", "context", "contexts", "paragraph", "paragraphs", "premise",
    "premises", "theory", "story", "stories", "narrative", "article", "background", "scenario",
    "text", "pre_text", "post_text", "document", "documents", "table", "tables", "image", "images",
    "figure", "diagram", "instruction", *QUESTION,
)  # fmt: skip
_PLACEHOLDER = re.compile(r"\b(?:N_|number|num|temp_)(\d{1,2})\b")
_SHORT_ANSWER = re.compile(r"[A-R]|[-+]?[\d.,/]*\d")
LONGEST_NAME = 24  # characters of a column's name; a longer one is rather a question
_COLUMN = re.compile(r"(option|choice|opt?|)[ _-]?([a-j])", re.IGNORECASE)


def asks(data: Mapping[str, Any]) -> bool:
    """Whether an object asks something, and so is a row; not one that holds a list of such."""
    lists = (value for value in data.values() if isinstance(value, list) and value)
    has_rows = any(isinstance(found[0], Mapping) and asks(found[0]) for found in lists)
    return not has_rows and RowFields(data).find(QUESTION) is not None


def question_of(row: RowFields, fields: Fields) -> str:
    """The question of a row, made of all its parts; RecordError names one that would be lost."""
    if fields.question is not None:
        return _filled(row, fields.question)
    if row.find(QUESTION) is None:
        _refuse_row_as_header([*row])
    name = row.require(QUESTION, "question", "--question")
    value = row.use(name)
    with about(name):
        question = text_of(value.get(STEM) if isinstance(value, Mapping) else value)
    body = _part(row, BODY)
    if body and not _holds(question, body):
        question = body if _holds(body, question) else join_question(body, question)
    if row.find(CHOICES) and row.find(("label",)) and (passage := _part(row, PASSAGE)):
        question = f"{passage}\n{question}"  # as AGIEval has them
    numbers = row.named(NUMBERS)
    if numbers and _PLACEHOLDER.search(question):
        question = _with_numbers(question, row.use(numbers))
    _refuse_loss(row, name, question)
    return question


def answer_names(row: RowFields, *, of_a_choice: bool) -> tuple[str, ...]:
    """The fields that are tried for the answer of a row, without those that hold a verdict.

    Beside scores of the options all others are explanations.
    """
    if row.find((SCORES,)):
        return (SCORES,)
    names = (*ANSWER, *(CHOSEN if of_a_choice else ()))
    verdicts = [name for name in VERDICTS if isinstance(row.get(name), bool)]
    return tuple(name for name in names if name not in verdicts)


def answer_in(row: RowFields, name: str) -> Any:
    """The answer that a field holds; of options with scores it is the best one."""
    value = row.use(name)
    return _best(value) if name == row.named(SCORES) else value


def choices_of(row: RowFields, fields: Fields) -> Options | None:
    """The options of a choice problem; None where the row has none beside its question."""
    if fields.choices is not None:
        return _chosen_fields(row, fields.choices)
    name = row.find(CHOICES)
    if name is not None:
        return _options(row.use(name), name)
    question = row.find(QUESTION)
    if question is not None and isinstance(row[question], Mapping):  # as AI2 has them
        inner = RowFields(row[question])
        if found := inner.find(CHOICES):
            return _options(inner[found], f"{question}.{found}")
    if scores := row.find((SCORES,)):
        return _options([*_scores(row.use(scores))], scores)
    return _columns(row)


def refuse_unread_choices(row: RowFields) -> None:
    """Refuses options that a kind of answer without letters has no use for."""
    name = row.find((*CHOICES, SCORES))
    if name is not None and _holds_options(row, name):
        asked = row.find(QUESTION) or "FIELD"
        raise RecordError(
            f"`{name}` would be lost; give --answer choice, or --question {asked} to leave it out"
        )


def _refuse_row_as_header(names: Sequence[str]) -> None:
    """Refuses a table that has no header, so that its first row was taken for one.

    It is known by a question, which no column is called by, and an answer behind all else.
    """
    if len(names) < 2 or len(names[0]) <= LONGEST_NAME or not _SHORT_ANSWER.fullmatch(names[-1]):
        return
    header = ", ".join(("question", *LETTERS[: len(names) - 2], "answer"))
    raise RecordError(
        f"no question; line 1 looks like a row: put a header above, separated like it: {header}"
    )


def _holds_options(row: RowFields, name: str) -> bool:
    with about(name):
        return options_of(row[name]) is not None


def _filled(row: RowFields, template: str) -> str:
    texts = []
    for text, name in template_parts(template):
        texts.append(text)
        if name is not None:
            texts.append(_field_text(row.at(name, "--question"), name))
    question = "".join(texts).strip()
    if not question:
        raise RecordError("--question makes an empty question of it")
    return question


def _field_text(value: Any, name: str) -> str:
    if is_blank(value):
        return ""
    with about(name):
        options = options_of(value) if isinstance(value, list | Mapping) else None
        return options.shown() if options else text_of(value)


def _part(row: RowFields, name: str) -> str | None:
    found = row.find((name,))
    if found is None or not isinstance(row[found], str):
        return None
    return str(row.use(found)).strip()


def _with_numbers(question: str, numbers: Any) -> str:
    """The question with MAWPS's numbers, `8.0 3.0`, in the places that are kept for them."""
    given = numbers if isinstance(numbers, list) else re.split(r"[\s,]+", str(numbers).strip(" []"))

    def number(place: re.Match[str]) -> str:
        index = int(place[1])
        if index >= len(given):
            raise RecordError(f"`{place[0]}` has no number; there are {len(given)}")
        return re.sub(r"\.0+$", "", str(given[index]))

    return _PLACEHOLDER.sub(number, question)


def _refuse_loss(row: RowFields, name: str, question: str) -> None:
    for found in row.among(PARTS):
        value = row[found]
        if found in row.used or is_blank(value):
            continue
        if isinstance(value, str) and _holds(question, value):
            continue
        is_whole = isinstance(value, str) and _holds(value, question)
        both = found if is_whole else f"'{{{found}}} {{{name}}}'"
        asked = f"--question {both}, or " if isinstance(value, str) else ""
        raise RecordError(f"`{found}` would be lost; give {asked}--question {name} to leave it out")


def _holds(question: str, part: str) -> bool:
    """Whether the words of a text stand together in the question."""
    words = rf"(?<!\w){re.escape(' '.join(part.split()))}(?!\w)"
    return re.search(words, " ".join(question.split())) is not None


def _chosen_fields(row: RowFields, names: str) -> Options:
    if row.named(names) is None and "," in names:
        values = [row.at(name.strip(), "--choices") for name in names.split(",")]
        with about(names):
            if found := made(values, surely_text=False):
                return found
            raise RecordError("hold fewer than two options")
    return _options(row.at(names, "--choices"), names)


def _options(value: Any, name: str) -> Options:
    with about(name):
        if found := options_of(value):
            return found
        if holds_one(value):
            raise RecordError("holds one option; a choice needs two")
        raise RecordError("holds no options: a list of texts, or `(A) … (B) …`")


def _scores(value: Any) -> Mapping[str, float]:
    if isinstance(value, Mapping) and all(isinstance(each, int | float) for each in value.values()):
        return value
    raise RecordError(f"`{SCORES}` must give each option a score")


def _best(value: Any) -> str:
    """The option with the highest score."""
    scores = _scores(value)
    best = [option for option, score in scores.items() if score == max(scores.values())]
    if len(best) > 1:
        raise RecordError(f"`{SCORES}` has {len(best)} options of the highest score; keep one")
    return best[0]


def _columns(row: RowFields) -> Options | None:
    """Options that have a field each: `A`, `B` …, or `option_a`, `option_b` …"""
    groups: dict[str, dict[str, str]] = {}
    for name in row:
        if found := _COLUMN.fullmatch(name):
            groups.setdefault(found[1].lower(), {})[found[2].upper()] = name
    for group in groups.values():
        if {"A", "B"} <= {label for label, name in group.items() if not is_blank(row[name])}:
            labels = sorted(group)
            with about(",".join(group[label] for label in labels)):
                texts = [row.use(group[label]) for label in labels]
                return made(texts, labels, surely_text=False)
    return None
