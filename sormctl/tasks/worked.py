"""Worked examples for few-shot prompts, in our own words: the best one for a task first."""

from __future__ import annotations

from sormctl.asking import WorkedExample

BAKER = WorkedExample(
    "A baker makes 6 trays of 12 rolls. She sells 50 rolls at $2 each and gives the rest "
    "to her neighbours. How many rolls do the neighbours get?",
    "The baker makes 6 * 12 = 72 rolls.\nThe neighbours get 72 - 50 = 22 rolls.",
    "22",
)
MARBLES = WorkedExample(
    "Tom had 15 marbles. He lost 4 of them and then bought 3 bags with 6 marbles each. "
    "How many marbles does Tom have now?",
    "After losing some Tom had 15 - 4 = 11 marbles.\nHe bought 3 * 6 = 18 marbles.\n"
    "Now Tom has 11 + 18 = 29 marbles.",
    "29",
)
BOOKS = WorkedExample(
    "A shelf holds 4 rows of 9 books. 7 books are taken away. How many books are left?",
    "The shelf holds 4 * 9 = 36 books.\nThere are 36 - 7 = 29 books left.",
    "29",
)
TAXI = WorkedExample(
    "A taxi costs $3 and another $2 for each mile. Lea pays with a $50 note and gets $23 back. "
    "How many miles did she ride?",
    "Lea paid 50 - 23 = 27 dollars.\nFor the miles she paid 27 - 3 = 24 dollars.\n"
    "She rode 24 / 2 = 12 miles.",
    "12",
)
CLASS = WorkedExample(
    "Of the 30 pupils of a class 40% walk to school. A third of the others come by bus. How many "
    "pupils come by bus?",
    "30 * 40 / 100 = 12 pupils walk.\nThe others are 30 - 12 = 18 pupils.\n"
    "By bus come 18 / 3 = 6 pupils.",
    "6",
)
NUMERIC = (BOOKS, TAXI, MARBLES, CLASS, BAKER)

MATH = (
    WorkedExample(
        "What is the positive solution of $x^2 = \\frac{9}{16}$?",
        "The solutions are $x = \\pm\\sqrt{\\frac{9}{16}} = \\pm\\frac{3}{4}$.\n"
        "The positive one is $\\frac{3}{4}$.",
        "\\frac{3}{4}",
    ),
    WorkedExample(
        "How many two-digit numbers are divisible by 7?",
        "The smallest is $14 = 2 \\cdot 7$ and the largest $98 = 14 \\cdot 7$.\n"
        "From 2 to 14 there are $14 - 2 + 1 = 13$ factors.",
        "13",
    ),
    WorkedExample(
        "Expand $(x + 2)(x - 5)$.",
        "$x \\cdot x = x^2$, $-5x + 2x = -3x$ and $2 \\cdot (-5) = -10$.",
        "x^2 - 3x - 10",
    ),
    WorkedExample(
        "Two fair dice are rolled. What is the probability that the sum is 4?",
        "There are $6 \\cdot 6 = 36$ equally likely outcomes.\n"
        "The sum is 4 for $(1, 3)$, $(2, 2)$ and $(3, 1)$.\n"
        "The probability is $\\frac{3}{36} = \\frac{1}{12}$.",
        "\\frac{1}{12}",
    ),
)
EXACT = (
    WorkedExample(
        "Ann is older than Bob and Bob is older than Cem. Who is the youngest of the three?",
        "Bob is younger than Ann.\nCem is younger than Bob.",
        "Cem",
    ),
    WorkedExample(
        "Today is Wednesday. Which day of the week is it in 9 days?",
        "After 7 days it is Wednesday again.\nTwo days later it is Friday.",
        "Friday",
    ),
)
CHOICE = (
    WorkedExample(
        "What is 12 divided by 4? (A) 2 (B) 3 (C) 4 (D) 8",
        "12 / 4 = 3.\nThat is choice B.",
        "B",
    ),
    WorkedExample(
        "Which of these animals is a bird? (A) bat (B) whale (C) penguin (D) butterfly",
        "Bats and whales are mammals, and butterflies are insects.\n"
        "Penguins have feathers and lay eggs: they are birds.\nThat is choice C.",
        "C",
    ),
)
CHAIN = (
    WorkedExample(
        "Ann has 14 pears. Then she buys 3 more pears. One pear costs 2 dollars. "
        "How many dollars are all the pears of Ann worth?",
        "14 + 3 = 17\n17 * 2 = 34",
        "34",
    ),
)
