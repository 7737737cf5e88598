// The list of problems: filters, search, keys, and the problem that is open.

// as sormctl/report/filters.py; the two on steps follow the threshold, the last two need two runs
const FILTERS = [
  ["fixed", "fixed by refinement", "the draft is wrong, the answer given is right"],
  ["broken", "broken by it", "the draft is right, the answer given is wrong"],
  ["chosen-wrongly", "chosen wrongly", "the answer given is wrong, another candidate is right"],
  ["wrong", "answered wrong", "the answer given is wrong"],
  ["models-disagree", "reward models disagree", "they see the first error of a solution at different steps"],
  [
    "labels-disagree",
    "label and model disagree",
    "a reward model sees the first error at another step than the labels",
  ],
  ["cut-off", "cut off", "a solution ended at the token limit"],
  ["no-answer", "no answer", "a solution states no answer"],
  ["won", "won", "the new run is right where the old one is not"],
  ["lost", "lost", "the old run is right where the new one is not"],
];
const TONES = {
  fixed: "good",
  broken: "bad",
  "chosen-wrongly": "bad",
  wrong: "bad",
  won: "good",
  lost: "bad",
};

function problemsSection(data, threshold, picked) {
  const entries = entriesOf(data);
  const wanted = new Set();
  const search = h("input", {
    type: "search",
    id: "search",
    placeholder: "search problems, steps, answers",
    "aria-label": "search",
    oninput: () => update(),
  });
  const list = h(
    "ul.list",
    { id: "list" },
    entries.map(
      (entry, i) =>
        (entry.item = h(
          "li",
          itemOf(entry, () => open(i)),
        )),
    ),
  );
  const count = h("p.small.soft", { id: "count", "aria-live": "polite" });
  const chips = FILTERS.map(([name, text, title]) =>
    h(
      "button",
      { type: "button", title, "data-filter": name, "aria-pressed": "false", onclick: () => press(name) },
      text,
    ),
  );
  const detail = h("div.panel");
  const shown = threshold.group();
  let visible = [];
  let current = null;

  function press(name) {
    if (!wanted.delete(name)) wanted.add(name);
    update();
  }

  function update() {
    const words = search.value.toLowerCase().trim();
    visible = entries.filter(
      (entry) =>
        [...wanted].every((name) => entry.filters.has(name)) && (!words || textOf(entry).includes(words)),
    );
    const seen = new Set(visible);
    entries.forEach((entry) => {
      entry.item.hidden = !seen.has(entry);
    });
    chips.forEach((chip) => {
      const n = entries.filter((entry) => entry.filters.has(chip.dataset.filter)).length;
      chip.hidden = !n && !wanted.has(chip.dataset.filter);
      chip.setAttribute("aria-pressed", String(wanted.has(chip.dataset.filter)));
      chip.replaceChildren(
        FILTERS.find(([name]) => name === chip.dataset.filter)[1],
        h("span.soft", ` ${whole(n)}`),
      );
    });
    count.textContent =
      visible.length === entries.length
        ? counted(entries.length, "problem")
        : `${whole(visible.length)} of ${counted(entries.length, "problem")}`;
    if (visible.length && !seen.has(current)) open(entries.indexOf(visible[0]), false);
  }

  function open(index, told = true) {
    current?.item.firstChild.removeAttribute("aria-current");
    current = entries[index];
    current.item.firstChild.setAttribute("aria-current", "true");
    shown.forget();
    detail.replaceChildren(problemView(current, data, shown));
    if (!told) return;
    current.item.scrollIntoView({ block: "nearest" });
    history.replaceState(null, "", `#problem=${encodeURIComponent(current.id)}`);
  }

  function move(by) {
    const next = visible[visible.indexOf(current) + by];
    if (next) open(entries.indexOf(next));
    if (detail.getBoundingClientRect().top < 0 || detail.getBoundingClientRect().top > innerHeight / 2)
      section.scrollIntoView();
  }

  const section = h(
    "section",
    { id: "problems" },
    h("h2", "Problems"),
    h("div.choices", { role: "group", "aria-label": "filters" }, chips),
    h(
      "div.browser.more",
      h(
        "div.finder",
        search,
        h(
          "div.small.soft",
          count,
          h("span.hints", h("kbd", "j"), " ", h("kbd", "k"), " next, previous · ", h("kbd", "/"), " search"),
        ),
        list,
      ),
      detail,
    ),
  );
  threshold.listen((value) => {
    for (const entry of entries) findDisagreements(entry, value);
    update();
  });
  picked.listen((name) => {
    if (!name) return;
    wanted.clear();
    search.value = "";
    press(name);
    section.scrollIntoView();
  });
  keys({
    j: () => move(1),
    k: () => move(-1),
    "/": () => {
      section.scrollIntoView();
      search.focus();
    },
  });
  requestIdleCallback(() => entries.forEach(textOf)); // the first search is quick, too
  const asked = decodeURIComponent(location.hash.match(/^#problem=(.*)/)?.[1] ?? "");
  const index = entries.findIndex((entry) => entry.id === asked);
  if (index >= 0) {
    open(index);
    requestAnimationFrame(() => section.scrollIntoView());
  }
  return section;
}

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
    label: solution.labels ? firstBad(solution.labels) : undefined,
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

function itemOf(entry, open) {
  const problem = entry.sides.findLast(Boolean);
  const draft = draftOf(problem);
  const given = givenOf(problem);
  const sides = entry.sides.length > 1 ? entry.sides.map((side) => side && givenOf(side)) : [draft, given];
  const signs = sides.filter(Boolean).map((solution) => VERDICTS.get(solution.correct));
  return h(
    "button",
    { type: "button", onclick: open },
    h(
      "span.dots",
      signs.map(([tone, sign], i) => [i > 0 && h("span.soft", "→"), h("span", { class: tone }, sign)]),
    ),
    h("span.said", problem.question),
    h("span.id.mono.said", problem.id),
  );
}
