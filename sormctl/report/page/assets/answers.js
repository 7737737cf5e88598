// Ways of answering: how often each is right, and what it costs.

const OF_WAYS = "accuracy"; // the section of a row that is a way of answering

/** Ways of answering: accuracy with its interval, and against tokens. */
function answersSection(data) {
  const ways = waysOf(data);
  if (!ways.length) return null;
  const marked = ways.some((way) => way.given) ? " The answer given is marked." : "";
  return h(
    "section",
    { id: "answers" },
    h("h2", "Answers"),
    h("p.lead", `Every way of answering that these solutions allow, with its 95 % interval.${marked}`),
    data.runs.length > 1 &&
      key([
        ["series-0", "new"],
        ["quiet", "old", true],
      ]),
    chart("share of problems answered correctly, %", (width) => accuracies(ways, width)),
    h(
      "div.grid",
      ways.some((way) => way.tokens) &&
        h(
          "div.panel",
          chart("accuracy, %, against tokens generated for one problem", (width) => budget(ways, width)),
        ),
      differences(data),
    ),
  );
}

/** The rows of both runs by name: `sides` has the row of each run that has it. */
function waysOf(data) {
  const named = new Map();
  data.runs.forEach((run, i) => {
    for (const row of run.rows.filter((each) => each.section === OF_WAYS)) {
      if (!named.has(row.name))
        named.set(row.name, { name: row.name, group: groupOf(row.about), given: false, sides: [] });
      const way = named.get(row.name);
      way.given ||= run.given === row.name;
      way.tokens ||= row.tokens;
      way.sides.push({ ...row, old: i < data.runs.length - 1 });
    }
  });
  const most = Math.max(...[...named.values()].map(askedOf));
  for (const way of named.values()) way.isPartial = askedOf(way) < most; // only some problems allow it
  return [...named.values()].sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

const askedOf = (way) => Math.max(...way.sides.map((side) => side.n));

const GROUPS = [
  "one solution",
  "chosen among samples",
  "chosen among draft and refinements",
  "bounds: any candidate is right",
];

function groupOf(about) {
  if (about.chooser === "only" || about.chooser === "each") return GROUPS[0];
  if (about.chooser === "oracle") return GROUPS[3];
  return GROUPS[about.kinds.includes("sample") ? 1 : 2];
}

/** A row for each way: its name, its interval, its figures; names stand above on a narrow screen. */
function accuracies(ways, width) {
  const names = [...ways.map((way) => way.name), ...GROUPS];
  const longest = LETTER * Math.max(...names.map((name) => name.length)) + 14;
  const isNarrow = width < longest + 420;
  const [step, left, right] = isNarrow ? [38, 8, 12] : [24, longest, 150];
  const lows = ways.flatMap((way) => way.sides.map((side) => side.low ?? side.value));
  const range = [Math.max(0, Math.floor(Math.min(...lows) * 10 - 0.5) / 10), 1];
  const groups = GROUPS.filter((group) => ways.some((way) => way.group === group));
  const height = ways.length * step + groups.length * 30 + 40;
  const { svg, x, add } = plane({
    width,
    height,
    x: range,
    xFormat: FORMAT.percent,
    margin: { left, right, top: 0 },
  });
  for (const tick of ticksOf(range, isNarrow ? 3 : 6))
    add(s("line.axis", { x1: x(tick), x2: x(tick), y1: 8, y2: height - 32 }));
  let y = 0;
  for (const group of groups) {
    add(s("text", { x: isNarrow ? left : 0, y: (y += 30) - 8 }, group));
    for (const way of ways.filter((each) => each.group === group))
      add(wayRow(way, { x, y: (y += step) - 10, width, left, isNarrow }));
  }
  return svg;
}

function wayRow(way, { x, y, width, left, isNarrow }) {
  const latest = way.sides.at(-1);
  const figures = `${percent(latest.value)}  (${interval(latest)})${way.isPartial ? `  n ${whole(latest.n)}` : ""}`;
  const isTight = isNarrow && (way.name.length + figures.length + 2) * LETTER > width;
  const [above, beside] = [y - 11, y + 4];
  const name = isNarrow ? { x: left, y: above } : { x: left - 14, y: beside, "text-anchor": "end" };
  return [
    s("text", { class: way.given ? "accent" : "name", ...name }, way.name),
    s(
      "text",
      { x: width, y: isNarrow && !isTight ? above : beside, "text-anchor": "end" },
      isTight ? percent(latest.value) : figures,
    ),
    way.sides.map((side) =>
      whisker({
        x: x(side.value),
        y: y + (side.old ? 5 : 0),
        low: x(side.low ?? NaN),
        high: x(side.high ?? NaN),
        lying: true,
        hollow: side.old || way.isPartial,
        series: seriesOf(way, side),
        title: `${way.name}: ${figures}`,
      }),
    ),
  ];
}

const seriesOf = (way, side) =>
  side.old || way.isPartial || isBound(way) ? "quiet" : way.given ? "accent" : "series-0";
const isBound = (way) => way.group === GROUPS[3];

/** Accuracy against tokens; as many names as there is room for. */
function budget(ways, width) {
  const isPair = ways.some((way) => way.sides.some((side) => side.old));
  const marks = ways
    .filter((way) => way.tokens && !way.isPartial && !(isPair && isBound(way)))
    .flatMap((way) => way.sides.map((side) => ({ way, side })))
    .sort(
      (a, b) => Number(b.way.given) - Number(a.way.given) || Number(isBound(a.way)) - Number(isBound(b.way)),
    );
  const values = marks.map(({ side }) => side.value);
  const { svg, x, y, add } = plane({
    width,
    height: 340,
    x: [0, Math.max(...marks.map(({ side }) => side.tokens)) * 1.08],
    y: [Math.max(0, Math.min(...values) - 0.05), Math.min(1, Math.max(...values) + 0.05)],
    yFormat: FORMAT.percent,
    xName: "tokens",
  });
  const taken = marks.map(({ side }) => around(x(side.tokens) - 5, y(side.value), 10));
  for (const { way, side } of marks) {
    const [px, py, wide] = [x(side.tokens), y(side.value), way.name.length * LETTER];
    const title = `${way.name}: ${percent(side.value)} %, ${whole(side.tokens)} tokens`;
    add(
      whisker({
        x: px,
        y: py,
        series: seriesOf(way, side),
        hollow: side.old || isBound(way),
        radius: 4,
        title,
      }),
    );
    const isFree = (box) =>
      box.left > 40 && box.right < width && (way.given || !taken.some((other) => overlap(box, other)));
    const room = side.old ? null : [around(px + 8, py, wide), around(px - 8 - wide, py, wide)].find(isFree);
    if (!room) continue; // the mark tells its name where there is none
    taken.push(room);
    add(s("text", { class: way.given ? "accent" : "", x: room.left, y: py + 4 }, way.name));
  }
  return svg;
}

const around = (left, y, width) => ({ left, right: left + width, top: y - 7, bottom: y + 7 });
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
