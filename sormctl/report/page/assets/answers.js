// Ways of answering: how often each is right, and what it costs.

const OF_WAYS = "accuracy"; // the section of a row that is a way of answering

/** Ways of answering: accuracy with its interval, and against tokens. */
function answersSection(data) {
  const ways = waysOf(data);
  if (!ways.length) return null;
  const marks =
    data.runs.length > 1 &&
    key([
      ["series-0", "new"],
      ["quiet", "old", true],
    ]);
  return h(
    "section",
    { id: "answers" },
    h("h2", "Answers"),
    h(
      "p.lead",
      `Every way of answering that these solutions allow, with its 95 % interval.${ways.some((way) => way.given) ? " The answer given is marked." : ""}`,
    ),
    marks,
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
  return [...named.values()].sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group));
}

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

function accuracies(ways, width) {
  const longest =
    LETTER * Math.max(...[...ways.map((way) => way.name), ...GROUPS].map((name) => name.length)) + 14;
  const isNarrow = width < longest + 420;
  const row = isNarrow ? 38 : 24;
  const left = isNarrow ? 8 : longest;
  const right = isNarrow ? 12 : 150;
  const most = Math.max(...ways.flatMap((way) => way.sides.map((side) => side.n)));
  const lows = ways.flatMap((way) => way.sides.map((side) => side.low ?? side.value));
  const start = Math.max(0, Math.floor(Math.min(...lows) * 10 - 0.5) / 10);
  const groups = [...new Set(ways.map((way) => way.group))];
  const height = ways.length * row + groups.length * 30 + 40;
  const { svg, x, add } = plane({
    width,
    height,
    x: [start, 1],
    y: [0, 1],
    xFormat: FORMAT.percent,
    margin: { left, right, top: 0 },
    yFormat: () => "",
  });
  svg.querySelectorAll(".axis").forEach((line) => line.remove());
  for (const tick of ticksOf([start, 1], isNarrow ? 3 : 6))
    add(s("line.axis", { x1: x(tick), x2: x(tick), y1: 8, y2: height - 32 }));
  let y = 0;
  groups.forEach((group) => {
    add(s("text", { x: isNarrow ? left : 0, y: (y += 30) - 8 }, group));
    for (const way of ways.filter((each) => each.group === group)) {
      const middle = (y += row) - 10;
      const latest = way.sides.at(-1);
      add(
        s(
          "text",
          {
            class: way.given ? "accent" : "name",
            x: isNarrow ? left : left - 14,
            y: isNarrow ? middle - 11 : middle + 4,
            "text-anchor": isNarrow ? "start" : "end",
          },
          way.name,
        ),
      );
      const figures = `${percent(latest.value)}  (${interval(latest)})${latest.n < most ? `  n ${whole(latest.n)}` : ""}`;
      const isTight = isNarrow && (way.name.length + figures.length + 2) * LETTER > width;
      add(
        s(
          "text",
          { x: width, y: isNarrow ? middle + (isTight ? 4 : -11) : middle + 4, "text-anchor": "end" },
          isTight ? percent(latest.value) : figures,
        ),
      );
      way.sides.forEach((side) =>
        add(
          whisker({
            x: x(side.value),
            y: middle + (side.old ? 5 : 0),
            low: x(side.low ?? NaN),
            high: x(side.high ?? NaN),
            lying: true,
            series: side.old ? "quiet" : group === GROUPS[3] ? "quiet" : way.given ? "accent" : "series-0",
            hollow: side.old,
            title: `${way.name}: ${figures}`,
          }),
        ),
      );
    }
  });
  return svg;
}

function budget(ways, width) {
  const isPair = ways.some((way) => way.sides.some((side) => side.old));
  const sides = ways
    .map((way) => ({ ...way, bound: way.group === GROUPS[3] }))
    .filter((way) => way.tokens && !(isPair && way.bound)) // two runs are enough to look at
    .flatMap(({ given, bound, sides }) => sides.map((side) => ({ ...side, given, bound })));
  const values = sides.map((side) => side.value);
  const low = Math.max(0, Math.min(...values) - 0.05);
  const high = Math.min(1, Math.max(...values) + 0.05);
  const { svg, x, y, add } = plane({
    width,
    height: 340,
    x: [0, Math.max(...sides.map((side) => side.tokens)) * 1.08],
    y: [low, high],
    yFormat: FORMAT.percent,
    xName: "tokens",
  });
  sides.sort((a, b) => Number(b.given) - Number(a.given) || Number(a.bound) - Number(b.bound));
  const taken = sides.map((side) => around(x(side.tokens) - 5, y(side.value), 10));
  for (const side of sides) {
    const [px, py] = [x(side.tokens), y(side.value)];
    const wide = side.name.length * LETTER;
    add(
      whisker({
        x: px,
        y: py,
        low: NaN,
        high: NaN,
        series: side.bound || side.old ? "quiet" : side.given ? "accent" : "series-0",
        hollow: side.bound || side.old,
        title: `${side.name}: ${percent(side.value)} %, ${whole(side.tokens)} tokens`,
        radius: 4,
      }),
    );
    const isFree = (box) =>
      box.left > 40 && box.right < width && (side.given || !taken.some((other) => overlap(box, other)));
    const room = side.old ? null : [around(px + 8, py, wide), around(px - 8 - wide, py, wide)].find(isFree);
    if (!room) continue; // the mark tells its name where there is none
    taken.push(room);
    add(s("text", { class: side.given ? "accent" : "", x: room.left, y: py + 4 }, side.name));
  }
  return svg;
}

const around = (left, y, width) => ({ left, right: left + width, top: y - 7, bottom: y + 7 });
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
