// Paired differences: between two runs, or between the ways of answering of one.

/** What changes: between two runs as `compare` says it, else what each way gains over others. */
function differences(data) {
  const rows = data.comparison ? comparedRows(data.comparison) : gainedRows(data.runs.at(-1));
  if (!rows.length) return null;
  const headings = [
    "",
    "#difference",
    "#95 % interval",
    ...(data.comparison ? ["#old", "#new", "#won", "#lost", "#p"] : []),
  ];
  const listed = (some, id) => table(headings, some.map(cellsOf), { id });
  const [first, others] = [rows.filter((row) => row.first), rows.filter((row) => !row.first)];
  return h(
    "div.panel",
    h(
      "figcaption",
      data.comparison
        ? "new − old on the same problems, points, as `sormctl compare` has them"
        : "differences on the same problems, points",
    ),
    first.length > 0 && listed(first, "differences"),
    others.length > 0 &&
      (first.length
        ? h("details.more", h("summary", `${others.length} more`), listed(others))
        : listed(others, "differences")),
  );
}

const cellsOf = (row) => [
  row.name,
  toned(row.low > 0 ? "good" : row.high < 0 ? "bad" : "", signed(row.value)),
  toned("soft", interval(row)),
  ...row.extra,
];

/** The rows of `compare`; the first decides, or all do. */
function comparedRows({ rows, verdict }) {
  return rows.map((row, i) => ({
    name: row.row,
    value: row.difference,
    low: row.low,
    high: row.high,
    first: i === 0 || !verdict,
    extra: [
      percent(row.old),
      percent(row.new),
      whole(row.won),
      whole(row.lost),
      row.p === null ? "" : row.p.toPrecision(2),
    ],
  }));
}

/** The differences of a run; those of the answer given come first. */
function gainedRows(run) {
  const given = JSON.stringify(run.rows.find((row) => row.name === run.given)?.about);
  return run.rows
    .filter((row) => row.section === "difference")
    .map((row) => ({ ...row, extra: [], first: JSON.stringify(row.about.first) === given }));
}

const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + percent(Math.abs(value));
