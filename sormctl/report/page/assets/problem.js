// One problem: question, draft and refinements beside each other, votes, samples.

const VERDICTS = new Map([
  [true, ["good", "✓"]],
  [false, ["bad", "✗"]],
  [undefined, ["", "?"]],
  [null, ["", "?"]],
]);

/** Everything of a problem; `sides` are the same problem in each run, or null where it has it not. */
function problemView(entry, data, threshold) {
  const problem = entry.sides.findLast(Boolean);
  const filters = FILTERS.filter(([name]) => entry.filters.has(name));
  return h(
    "article",
    { id: "problem", "data-id": problem.id },
    h(
      "p.small",
      h("span.mono.soft", problem.id),
      " ",
      filters.map(([name, text]) => [h("span", { class: `badge ${TONES[name] ?? ""}` }, text), " "]),
    ),
    h("p.question", problem.question),
    h("p", h("span.soft", "reference "), h("strong.mono", problem.answer ?? "unknown")),
    problem.reference &&
      h(
        "details",
        h("summary", "reference steps"),
        h(
          "ol",
          problem.reference.map((step) => h("li", step)),
        ),
      ),
    data.runs.length > 1 && answersGiven(entry, threshold),
    entry.sides.map(
      (side, i) =>
        side &&
        oneRun(side, data.runs.length > 1 ? `${sideOf(data, i)} · ${data.runs[i].name}` : "", threshold),
    ),
  );
}

function oneRun(problem, title, threshold) {
  const main = problem.solutions.filter((solution) => solution.kind !== "sample");
  const samples = problem.solutions.filter((solution) => solution.kind === "sample");
  if (problem.given) samples.push(problem.given);
  const left = problem.left_out ? `, ${whole(problem.left_out)} more voted` : "";
  return h(
    "div.more",
    title && h("h3", title),
    main.length > 0 && beside(main, problem, threshold, true),
    problem.votes.map(votesTable),
    samples.length > 0 &&
      h(
        "details.more",
        { open: main.length === 0 },
        h("summary", `${counted(samples.length, "sample")}${left}`),
        chunks(samples, 3).map((some) => beside(some, problem, threshold, false)),
      ),
  );
}

/** The answers that the two runs give, the new one marked where it differs. */
function answersGiven(entry, threshold) {
  const given = entry.sides.map((side) => side && givenOf(side));
  if (!given.every(Boolean)) return null;
  return h(
    "div.more",
    h("h3", "the answers given, old and new"),
    beside(given, { given_id: null }, threshold, true),
  );
}

const givenOf = (problem) =>
  problem.given ?? problem.solutions.find((solution) => solution.id === problem.given_id);
const draftOf = (problem) => problem.solutions.find((solution) => solution.kind === "draft");
const chunks = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Solutions as columns. Where they are `compared`, equal steps share a line, and what is changed is marked. */
function beside(solutions, problem, threshold, compared) {
  const [first, ...others] = solutions;
  const { rows, total } = compared
    ? aligned(
        first.steps,
        others.map((other) => other.steps),
      )
    : inOrder(solutions);
  const before = new Map(rows[0].map((row, i) => [row, first.steps[i]]));
  return h(
    "div.beside",
    { style: { "--columns": solutions.length, "--rows": total + 2 } },
    solutions.map((solution, k) => {
      const bad =
        k === 0 ? others.filter((other) => other.kind !== "global" && other.first_error !== undefined) : [];
      const steps = solution.steps.map((text, i) =>
        stepCell(solution, i, {
          row: rows[k][i] + 2,
          threshold,
          ...(k && compared ? changesIn(before.get(rows[k][i]), text) : { state: "", parts: [{ text }] }),
          marks: bad
            .filter((other) => other.first_error === i)
            .map((other) => h("span.badge.bad.mono", `[BAD] for ${other.kind}`)),
        }),
      );
      return h(
        "div",
        { class: `solution ${solution.id === problem.given_id ? "given" : ""}`, "data-kind": solution.kind },
        solutionHeader(solution, problem),
        steps,
        solutionFooter(solution, total + 2),
      );
    }),
  );
}

const inOrder = (solutions) => ({
  rows: solutions.map((solution) => solution.steps.map((_, i) => i)),
  total: Math.max(...solutions.map((solution) => solution.steps.length)),
});

/** A step in parts, by the step that it took the place of; `state` says what became of that as a whole. */
function changesIn(before, after) {
  if (before === after) return { state: "same", parts: [{ text: after }] };
  const parts = before === undefined ? [] : changedWords(before, after);
  const kept = parts.reduce((sum, part) => sum + (part.changed ? 0 : part.text.length), 0);
  return kept < after.length / 3 ? { state: "new", parts: [{ text: after }] } : { state: "", parts };
}

function solutionHeader(solution, problem) {
  return h(
    "header",
    { style: { "grid-row": 1 } },
    h("h3", solution.kind),
    solution.id === problem.given_id && h("span.badge.accent", "answer given"),
    solution.cut_off && h("span.badge.bad", "cut off"),
    h("span.small.soft", solution.tokens ? counted(solution.tokens, "token") : ""),
    Object.entries(solution.rewards ?? {}).map(([model, reward]) =>
      h("span.small.soft.reward", `${model} ${reward === null ? "too long" : reward.toFixed(2)}`),
    ),
  );
}

function solutionFooter(solution, row) {
  const [tone, mark] = VERDICTS.get(solution.correct);
  return h(
    "footer",
    { class: tone, style: { "grid-row": row } },
    `${mark} ${solution.predicted ?? "no answer"}`,
    solution.thought &&
      h("details", h("summary.small", "thought before it"), h("p.small.soft.question", solution.thought)),
  );
}

/** A step: its text, a bar for each reward model, its label, and who sees the first error here. */
function stepCell(solution, i, { row, threshold, state, parts, marks }) {
  const truth = solution.labels ? solution.labels[i] : solution.exact?.[i];
  const meta = h("div.meta");
  threshold.listen((value) => meta.replaceChildren(...metaOf(solution, i, value), ...marks));
  return h(
    "div",
    { class: `step ${TRUTHS_OF_STEP.get(truth) ?? ""} ${state}`, style: { "grid-row": row } },
    h(
      "div.text",
      parts.map((part) => (part.changed ? h("mark", part.text) : part.text)),
    ),
    meta,
  );
}

const TRUTHS_OF_STEP = new Map([
  [1, "right"],
  [0, "wrong"],
]);

function metaOf(solution, i, threshold) {
  const scores = Object.entries(solution.scores ?? {});
  const seen = [
    ["labels", firstBad(solution.labels ?? [])],
    ["oracle", firstBad(solution.exact ?? [])],
    ...scores.map(([model, values]) => [model, firstBelow(values, threshold)]),
  ];
  const said = seen.filter(([, at]) => at === i).map(([name]) => name);
  const [succeeded, tried] = solution.rollouts?.[i] ?? [];
  return [
    ...scores.map(([model, values]) => scoreBar(model, values[i], threshold)),
    sign(
      solution.labels?.[i],
      tried ? `label ${succeeded}/${tried}` : "label",
      tried && "rollouts that succeeded, of those tried",
    ),
    !solution.labels && sign(solution.exact?.[i], "oracle", "the exact truth of this step"),
    said.length > 0 && h("span.badge.bad.first-error", `first error: ${said.join(", ")}`),
  ].filter(Boolean);
}

/** Whether a step is right, by somebody who knows; nothing where nobody does. */
function sign(truth, who, title) {
  if (truth !== 0 && truth !== 1) return null;
  return h("span", { class: truth ? "good" : "bad", title }, `${truth ? "✓" : "✗"} ${who}`);
}

function scoreBar(model, score, threshold) {
  const share = (value) => `${(100 * value) / TICKS}%`;
  return h(
    "span",
    { class: `score ${score < threshold ? "low" : ""}`, title: `${model}: ${(score / TICKS).toFixed(4)}` },
    model,
    h("i", h("b", { style: { width: share(score) } }), h("u", { style: { left: share(threshold) } })),
    (score / TICKS).toFixed(2),
  );
}

/** The answers with their votes and weights; ◂ marks what wins. */
function votesTable({ of, models, answers }) {
  const headings = [`answers of ${of}`, "#votes", ...models.map((model) => `#weight by ${model}`)];
  const rows = answers.map(({ answer, correct, votes, weights, wins }) => {
    const [tone, mark] = VERDICTS.get(correct);
    const figure = (text, name) => [text, wins.includes(name) ? h("strong", " ◂") : "\u2003"];
    return [
      toned(`mono ${tone}`, `${mark} ${answer}`),
      figure(votes, ""),
      ...weights.map((weight, i) => figure(weight.toFixed(2), models[i])),
    ];
  });
  return h("div.more", table(headings, rows, { class: "votes" }));
}
