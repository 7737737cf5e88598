// How often answers are right: the header, ways of answering, their tokens, the change between runs.

const OF_WAYS = "accuracy"; // the section of a row that is a way of answering

/** What a person quotes, and what it was made with. */
function header(data) {
  const run = data.runs.at(-1), draft = run.rows[0];
  const lead = run.headline ?? (draft ? `${draft.name} ${percent(draft.value)} % (${interval(draft)}) of ${counted(draft.n, "problem")}` : run.name);
  const gained = data.comparison?.verdict;
  return h("header", { id: "top" },
    h("h1", {}, data.runs.map((each) => each.name).join(" → ")),
    h("p", { class: "quote" }, sentence(gained ?? lead)),
    gained && h("p", { class: "lead" }, data.runs.map((each, i) => each.headline && h("span", {}, `${sideOf(data, i)}: ${each.headline}. `))),
    h("dl", { class: "facts" }, facts(run).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))));
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll(" %", "\u00a0%").replaceAll(" to ", "\u00a0to\u00a0").replaceAll(": +", ":\u00a0+");
const interval = (row) => (row.low === null ? "" : `${percent(row.low)} to ${percent(row.high)}`);
const sideOf = (data, i) => (data.runs.length === 1 ? data.runs[0].name : ["old", "new"][i]);

function facts(run) {
  const tasks = [...new Set(run.problems.map((problem) => problem.task))];
  const models = [...new Set(run.tallies.map((tally) => tally.model))];
  return [
    ["task", tasks.join(", ")],
    ["problems", whole(run.problems.length)],
    ["solutions", whole(run.num_solutions) + (run.unknown ? `, ${whole(run.unknown)} not graded` : "")],
    run.num_tokens > 0 && ["tokens generated", whole(run.num_tokens)],
    ...run.sources.map((source) => [source.kind, [source.model ?? "unknown model", source.temperature ? `at temperature ${source.temperature}` : ""].join(" ")]),
    models.length && ["reward models", models.join(", ")],
    run.given && ["answer given", run.given],
  ].filter(Boolean);
}

/** Ways of answering: accuracy with its interval, and against tokens. */
function answersSection(data) {
  const ways = waysOf(data);
  if (!ways.length) return null;
  const marks = data.runs.length > 1 && key([["series-0", "new"], ["quiet", "old", true]]);
  return h("section", { id: "answers" },
    h("h2", {}, "Answers"),
    h("p", { class: "lead" }, "Every way of answering that these solutions allow, with its 95 % interval. The answer given is marked."),
    marks,
    chart("share of problems answered correctly, %", (width) => accuracies(ways, width)),
    h("div", { class: "grid" },
      ways.some((way) => way.tokens) && h("div", { class: "panel" }, chart("accuracy, %, against tokens generated for one problem", (width) => budget(ways, width))),
      differences(data)));
}

/** The rows of both runs by name: `sides` has the row of each run that has it. */
function waysOf(data) {
  const named = new Map();
  data.runs.forEach((run, i) => {
    for (const row of run.rows.filter((each) => each.section === OF_WAYS)) {
      if (!named.has(row.name)) named.set(row.name, { name: row.name, group: groupOf(row.about), given: false, sides: [] });
      const way = named.get(row.name);
      way.given ||= run.given === row.name;
      way.tokens ||= row.tokens;
      way.sides.push({ ...row, old: i < data.runs.length - 1 });
    }
  });
  return [...named.values()].sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

const GROUPS = ["one solution", "chosen among samples", "chosen among draft and refinements", "bounds: any candidate is right"];

function groupOf(about) {
  if (about.chooser === "only" || about.chooser === "each") return GROUPS[0];
  if (about.chooser === "oracle") return GROUPS[3];
  return GROUPS[about.kinds.includes("sample") ? 1 : 2];
}

function accuracies(ways, width) {
  const longest = LETTER * Math.max(...ways.map((way) => way.name.length)) + 14;
  const isNarrow = width < longest + 420, row = isNarrow ? 38 : 24, left = isNarrow ? 8 : longest, right = isNarrow ? 12 : 150;
  const most = Math.max(...ways.flatMap((way) => way.sides.map((side) => side.n)));
  const lows = ways.flatMap((way) => way.sides.map((side) => side.low ?? side.value));
  const start = Math.max(0, Math.floor(Math.min(...lows) * 10 - 0.5) / 10);
  const groups = [...new Set(ways.map((way) => way.group))];
  const height = ways.length * row + groups.length * 30 + 40;
  const { svg, x, add } = plane({ width, height, x: [start, 1], y: [0, 1], xFormat: FORMAT.percent, margin: { left, right, top: 0 }, yFormat: () => "" });
  svg.querySelectorAll(".axis").forEach((line) => line.remove());
  for (const tick of ticksOf([start, 1], isNarrow ? 3 : 6)) add(s("line", { class: "axis", x1: x(tick), x2: x(tick), y1: 8, y2: height - 32 }));
  let y = 0;
  groups.forEach((group) => {
    add(s("text", { x: isNarrow ? left : 0, y: (y += 30) - 8 }, group));
    for (const way of ways.filter((each) => each.group === group)) {
      const middle = (y += row) - 10, latest = way.sides.at(-1);
      add(s("text", { class: way.given ? "accent" : "name", x: isNarrow ? left : left - 14, y: isNarrow ? middle - 11 : middle + 4, "text-anchor": isNarrow ? "start" : "end" }, way.name));
      const figures = `${percent(latest.value)}  (${interval(latest)})${latest.n < most ? `  n ${whole(latest.n)}` : ""}`;
      const isTight = isNarrow && (way.name.length + figures.length + 2) * LETTER > width;
      add(s("text", { x: width, y: isNarrow ? middle + (isTight ? 4 : -11) : middle + 4, "text-anchor": "end" }, isTight ? percent(latest.value) : figures));
      way.sides.forEach((side) => add(whisker({ x: x(side.value), y: middle + (side.old ? 5 : 0), low: x(side.low ?? NaN), high: x(side.high ?? NaN), lying: true,
        series: side.old ? "quiet" : group === GROUPS[3] ? "quiet" : way.given ? "accent" : "series-0", hollow: side.old, title: `${way.name}: ${figures}` })));
    }
  });
  return svg;
}

function budget(ways, width) {
  const sides = ways.flatMap((way) => way.sides.map((side) => ({ ...side, given: way.given, bound: way.group === GROUPS[3] }))).filter((side) => side.tokens);
  const values = sides.map((side) => side.value);
  const low = Math.max(0, Math.min(...values) - 0.05), high = Math.min(1, Math.max(...values) + 0.05);
  const { svg, x, y, add } = plane({ width, height: 340, x: [0, Math.max(...sides.map((side) => side.tokens)) * 1.08], y: [low, high], yFormat: FORMAT.percent, xName: "tokens" });
  sides.sort((a, b) => Number(b.given) - Number(a.given) || Number(a.bound) - Number(b.bound));
  const taken = sides.map((side) => around(x(side.tokens) - 5, y(side.value), 10));
  for (const side of sides) {
    const [px, py] = [x(side.tokens), y(side.value)], wide = side.name.length * LETTER;
    add(whisker({ x: px, y: py, low: NaN, high: NaN, series: side.bound || side.old ? "quiet" : side.given ? "accent" : "series-0", hollow: side.bound || side.old,
      title: `${side.name}: ${percent(side.value)} %, ${whole(side.tokens)} tokens`, radius: 4 }));
    const isFree = (box) => box.left > 40 && box.right < width && (side.given || !taken.some((other) => overlap(box, other)));
    const room = side.old ? null : [around(px + 8, py, wide), around(px - 8 - wide, py, wide)].find(isFree);
    if (!room) continue; // the mark tells its name where there is none
    taken.push(room);
    add(s("text", { class: side.given ? "accent" : "", x: room.left, y: py + 4 }, side.name));
  }
  return svg;
}

const around = (left, y, width) => ({ left, right: left + width, top: y - 7, bottom: y + 7 });
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** What changes: between two runs as `compare` says it, else what each way gains over others. */
function differences(data) {
  const rows = data.comparison ? comparedRows(data.comparison) : gainedRows(data.runs[0]);
  if (!rows.length) return null;
  const headings = data.comparison ? ["old", "new", "won", "lost", "p"] : [];
  const table = (some, id) => h("div", { class: "scroll" }, h("table", { id },
    h("thead", {}, h("tr", {}, h("th", {}, ""), ["difference", "95 % interval", ...headings].map((text) => h("th", { class: "number" }, text)))),
    h("tbody", {}, some.map((row) => h("tr", {},
      h("td", {}, row.name),
      h("td", { class: `number ${row.low > 0 ? "good" : row.high < 0 ? "bad" : ""}` }, signed(row.value)),
      h("td", { class: "number soft" }, interval(row)),
      row.extra.map((text) => h("td", { class: "number" }, text)))))));
  const [first, others] = [rows.filter((row) => row.first), rows.filter((row) => !row.first)];
  return h("div", { class: "panel" },
    h("figcaption", {}, data.comparison ? "new − old on the same problems, points, as `sormctl compare` has them" : "differences on the same problems, points"),
    first.length > 0 && table(first, "differences"),
    others.length > 0 && (first.length ? h("details", { class: "more" }, h("summary", {}, `${others.length} more`), table(others)) : table(others, "differences")));
}

/** The rows of `compare`; the first decides, or all do. */
function comparedRows({ rows, verdict }) {
  return rows.map((row, i) => ({ name: row.row, value: row.difference, low: row.low, high: row.high, first: i === 0 || !verdict,
    extra: [percent(row.old), percent(row.new), whole(row.won), whole(row.lost), row.p === null ? "" : row.p.toPrecision(2)] }));
}

/** The differences of a run; those of the answer given come first. */
function gainedRows(run) {
  const given = JSON.stringify(run.rows.find((row) => row.name === run.given)?.about);
  return run.rows.filter((row) => row.section === "difference").map((row) => ({ ...row, extra: [], first: JSON.stringify(row.about.first) === given }));
}

const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + percent(Math.abs(value));
