// Paired differences: between two runs, or between the ways of answering of one.

/** What changes: between two runs as `compare` says it, else what each way gains over others. */
function differences(data) {
  const rows = data.comparison ? comparedRows(data.comparison) : gainedRows(data.runs.at(-1));
  if (!rows.length) return null;
  const headings = data.comparison ? ["old", "new", "won", "lost", "p"] : [];
  const table = (some, id) =>
    h(
      "div.scroll",
      h(
        "table",
        { id },
        h(
          "thead",
          h(
            "tr",
            h("th", ""),
            ["difference", "95 % interval", ...headings].map((text) => h("th.number", text)),
          ),
        ),
        h(
          "tbody",
          some.map((row) =>
            h(
              "tr",
              h("td", row.name),
              h(
                "td",
                { class: `number ${row.low > 0 ? "good" : row.high < 0 ? "bad" : ""}` },
                signed(row.value),
              ),
              h("td.number.soft", interval(row)),
              row.extra.map((text) => h("td.number", text)),
            ),
          ),
        ),
      ),
    );
  const [first, others] = [rows.filter((row) => row.first), rows.filter((row) => !row.first)];
  return h(
    "div.panel",
    h(
      "figcaption",
      data.comparison
        ? "new − old on the same problems, points, as `sormctl compare` has them"
        : "differences on the same problems, points",
    ),
    first.length > 0 && table(first, "differences"),
    others.length > 0 &&
      (first.length
        ? h("details.more", h("summary", `${others.length} more`), table(others))
        : table(others, "differences")),
  );
}

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
