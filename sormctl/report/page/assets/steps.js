// How well reward models judge: reliability, scores by label, first-error F1 at any threshold.

const TRUTHS = {
  labels: "labels of steps",
  oracle: "exact oracle of steps",
  answers: "answers: the last score",
};

/** The reward models, and the slider that moves the threshold of the whole page. */
function stepsSection(data, threshold) {
  if (!data.runs.some((run) => run.tallies.length)) return null;
  let side = data.runs.length - 1;
  const truths = Object.keys(TRUTHS).filter((truth) =>
    data.runs.some((run) => run.tallies.some((tally) => tally.truth === truth)),
  );
  let truth = truths[0];
  const models = h("div");
  const shown = threshold.group();
  const draw = () => {
    shown.forget();
    const run = data.runs[side];
    const names = [...new Set(run.tallies.map((tally) => tally.model))];
    const found = run.tallies.filter((tally) => tally.truth === truth);
    models.replaceChildren(
      ...found.map((tally) => modelPanel(tally, names.indexOf(tally.model), rowsOn(tally, run), shown)),
    );
  };
  draw();
  return h(
    "section",
    { id: "steps" },
    h("h2", "Reward models"),
    h(
      "p.lead",
      "Step scores held against the truth. A step that scores below the threshold counts as wrong; the first of these is where a solution is refined.",
    ),
    h(
      "div.choices",
      choices(
        truths.map((name) => [name, TRUTHS[name]]),
        truth,
        (value) => {
          truth = value;
          draw();
        },
        "truth",
      ),
      data.runs.length > 1 &&
        choices(
          [
            [0, "old"],
            [1, "new"],
          ],
          side,
          (value) => {
            side = value;
            draw();
          },
          "run",
        ),
    ),
    slider(threshold),
    models,
  );
}

function slider(threshold) {
  const input = h("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: 100,
    step: 1,
    oninput: () => {
      threshold.value = (Number(input.value) * TICKS) / 100;
    },
  });
  const output = h("output", { for: "threshold" });
  threshold.listen((value) => {
    input.value = String((value * 100) / TICKS);
    output.textContent = (value / TICKS).toFixed(2);
  });
  return h("div.threshold", h("label", { for: "threshold" }, "threshold"), input, output);
}

/** What `eval` says of a reward model that no threshold changes. */
function rowsOn({ model, truth }, run) {
  const isOurs = ({ about }) =>
    about.model === model && about.truth === truth && UNMOVED.includes(about.figure);
  return run.rows.filter(isOurs).map((row) => ` · ${row.about.figure} ${percent(row.value)}`);
}

const UNMOVED = ["AUC", "calibration error"];

function modelPanel(tally, index, unmoved, threshold) {
  const series = `series-${index % 4}`;
  const { points, best } = sweep(tally);
  const bySteps = tally.truth !== "answers";
  const figures = h("p.figures");
  const tables = h("div");
  const charts = [
    chart("reliability: share right, %, by score", (width) => reliabilityChart(tally, series, width)),
    bySteps &&
      chart("by step: share right (filled), mean score (hollow), %", (width) =>
        positionChart(tally, series, width),
      ),
    chart(`${bySteps ? "steps" : "solutions"} by score: right (green), wrong (red)`, (width) =>
      histogramChart(tally, threshold.value, width),
    ),
    bySteps &&
      chart("first-error F1 by threshold, %; faint: errors found (red), clean passed (green)", (width) =>
        sweepChart(points, best, threshold.value, series, width),
      ),
  ].filter(Boolean);
  threshold.listen((value) => {
    const found = judge(tally, value);
    figures.replaceChildren(
      ...(bySteps
        ? firstErrors(found, best, threshold)
        : [`accuracy of the last score ${percent(found.accuracy)} %`]),
      ...unmoved,
    );
    tables.replaceChildren(bySteps ? confusion(found) : verdicts(found));
    charts.slice(-2).forEach((figure) => figure.redraw());
  });
  return h(
    "div.model",
    { "data-model": tally.model },
    h(
      "h3",
      tally.model,
      h("span.soft.small", ` against ${tally.truth}, ${counted(tally.lengths.length, "solution")}`),
    ),
    figures,
    h("div.grid.four", charts),
    tables,
  );
}

function firstErrors(found, best, threshold) {
  return [
    "first-error F1 ",
    h("strong.f1", percent(found.f1)),
    ` (found ${percent(found.located)}, clean ${percent(found.clean)}); best `,
    h(
      "button",
      {
        type: "button",
        class: "best",
        title: "move the threshold there",
        onclick: () => {
          threshold.value = best.threshold;
        },
      },
      `${percent(best.f1)} at ${(best.threshold / TICKS).toFixed(2)}`,
    ),
    ` · step accuracy ${percent(found.accuracy)}`,
  ];
}

/** Where the model sees the first error, by where there is one; and which steps it accepts. */
function confusion(found) {
  const [good, bad] = ["good", "bad"].map((tone) => (n) => toned(tone, whole(n)));
  const seen = table(
    ["first error seen", "#at its step", "#too early", "#too late", "#nowhere"],
    [
      ["there is one", good(found.right), bad(found.early), bad(found.late), bad(found.missed)],
      ["there is none", null, bad(found.alarmed), null, good(found.passed)],
    ],
    { class: "confusion" },
  );
  return h("div.tables", seen, verdicts(found));
}

function verdicts({ steps }) {
  const [good, bad] = ["good", "bad"].map((tone) => (n) => toned(tone, whole(n)));
  return table(
    ["", "#accepted", "#refused"],
    [
      ["right", good(steps.tp), bad(steps.fn)],
      ["wrong", bad(steps.fp), good(steps.tn)],
    ],
    { class: "verdicts" },
  );
}
