// The problems of all runs: which filters each meets, and what is searched in it.

// Names are those of sormctl/report/filters.py. The two on steps follow the threshold; the last two need two runs.
const FILTERS = [
  ["fixed", "fixed by refinement"],
  ["broken", "broken by it"],
  ["chosen-wrongly", "chosen wrongly"],
  ["wrong", "answered wrong"],
  ["models-disagree", "reward models disagree"],
  ["labels-disagree", "label and model disagree"],
  ["cut-off", "cut off"],
  ["no-answer", "no answer"],
  ["won", "won"],
  ["lost", "lost"],
];
const OF_RUNS = {
  won: "the new run is right where the old one is not",
  lost: "the old run is right where the new one is not",
};
// how a badge looks
const TONES = {
  fixed: "good",
  broken: "bad",
  "chosen-wrongly": "bad",
  wrong: "bad",
  won: "good",
  lost: "bad",
};

/** The problems of all runs by task and id, in the order of the newest. */
function entriesOf(data) {
  const found = new Map();
  [...data.runs].reverse().forEach((run, back) => {
    for (const problem of run.problems) {
      const name = `${problem.task}\0${problem.id}`;
      if (!found.has(name)) found.set(name, { id: problem.id, sides: data.runs.map(() => null) });
      found.get(name).sides[data.runs.length - 1 - back] = problem;
    }
  });
  return [...found.values()].map((entry) => ({ ...entry, filters: filtersOf(entry) }));
}

function filtersOf({ sides }) {
  const filters = new Set(sides.findLast(Boolean).filters);
  if (sides.length > 1 && sides.every(Boolean)) {
    const [old, now] = sides.map((side) => givenOf(side)?.correct);
    if (now === true && old === false) filters.add("won");
    if (now === false && old === true) filters.add("lost");
  }
  return filters;
}

/** Sets the two filters that ask where the first error of a solution is seen. */
function findDisagreements(entry, threshold) {
  const set = (name, holds) => (holds ? entry.filters.add(name) : entry.filters.delete(name));
  const solutions = entry.sides.findLast(Boolean).solutions.map((solution) => ({
    seen: new Set(Object.values(solution.scores ?? {}).map((scores) => firstBelow(scores, threshold))),
    label: firstError(solution.labels ?? [null]),
  }));
  set(
    "models-disagree",
    solutions.some(({ seen }) => seen.size > 1),
  );
  set(
    "labels-disagree",
    solutions.some(({ seen, label }) => label !== undefined && [...seen].some((at) => at !== label)),
  );
}

/** All that is searched, made when it is first wanted. */
function textOf(entry) {
  entry.text ??= entry.sides
    .filter(Boolean)
    .flatMap((problem) => [
      problem.id,
      problem.question,
      problem.answer,
      ...problem.solutions.flatMap((solution) => [...solution.steps, solution.predicted]),
    ])
    .join("\n")
    .toLowerCase();
  return entry.text;
}
