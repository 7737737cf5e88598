// What a person quotes, what it was made with, and what refinement did.

function header(data, picked) {
  const run = data.runs.at(-1);
  const draft = run.rows[0];
  const lead =
    run.headline ??
    (draft
      ? `${draft.name} ${percent(draft.value)} % (${interval(draft)}) of ${counted(draft.n, "problem")}`
      : run.name);
  const gained = data.comparison?.verdict;
  return h(
    "header",
    { id: "top" },
    h("h1", data.runs.map((each) => each.name).join(" → ")),
    h("p.quote", sentence(gained ?? lead)),
    gained &&
      h(
        "div",
        data.runs.map((each, i) => each.headline && h("p.lead", `${sideOf(data, i)}: ${each.headline}`)),
      ),
    h(
      "div.below",
      h(
        "dl.facts",
        facts(run).map(([name, value]) => h("div", h("dt", name), h("dd", value))),
      ),
      outcomes(data, picked),
    ),
  );
}

const sentence = (text) =>
  text.charAt(0).toUpperCase() +
  text
    .slice(1)
    .replaceAll(" %", "\u00a0%")
    .replaceAll(" to ", "\u00a0to\u00a0")
    .replaceAll(": +", ":\u00a0+");
const interval = (row) => (row.low === null ? "" : `${percent(row.low)} to ${percent(row.high)}`);
const sideOf = (data, i) => (data.runs.length === 1 ? data.runs[0].name : ["old", "new"][i]);

function facts(run) {
  const tasks = [...new Set(run.problems.map((problem) => problem.task))];
  const models = [...new Set(run.tallies.map((tally) => tally.model))];
  const asked = run.rows.filter((row) => row.section === OF_WAYS).map((row) => row.n);
  return [
    tasks.length && ["task", tasks.join(", ")],
    ["problems", whole(run.problems.length || Math.max(...asked))],
    run.num_solutions > 0 && [
      "solutions",
      whole(run.num_solutions) + (run.unknown ? `, ${whole(run.unknown)} not graded` : ""),
    ],
    run.num_tokens > 0 && ["tokens generated", whole(run.num_tokens)],
    ...run.sources.map((source) => [
      source.kind,
      [
        source.model ?? "unknown model",
        source.temperature ? `at temperature ${source.temperature}` : "",
      ].join(" "),
    ]),
    models.length && ["reward models", models.join(", ")],
    run.given && ["answer given", run.given],
  ].filter(Boolean);
}

/** How many drafts were right and wrong, and what became of them; or the old run's answers and the new one's. */
function outcomes(data, picked) {
  const isPair = data.runs.length > 1;
  const counts = { kept: 0, lost: 0, won: 0, missed: 0 };
  for (const { sides } of entriesOf(data)) {
    const [before, after] = isPair
      ? sides.map((side) => side && givenOf(side))
      : [draftOf(sides[0]), givenOf(sides[0])];
    if (typeof before?.correct !== "boolean" || typeof after?.correct !== "boolean") continue;
    counts[before.correct ? (after.correct ? "kept" : "lost") : after.correct ? "won" : "missed"]++;
  }
  if (!Object.values(counts).some(Boolean)) return null;
  const [one, two, lost, won] = isPair
    ? ["old answer", "new answer", "lost", "won"]
    : ["draft", "answer given", "broken", "fixed"];
  const pick = (n, filter, tone) =>
    h(
      "button",
      { type: "button", class: tone, title: "show these", onclick: () => (picked.value = filter) },
      whole(n),
    );
  return table(
    ["", `#${two} right`, "#wrong"],
    [
      [`${one} right`, whole(counts.kept), pick(counts.lost, lost, "bad")],
      [`${one} wrong`, pick(counts.won, won, "good"), whole(counts.missed)],
    ],
    { class: "outcomes" },
  );
}
