// How well reward models judge: reliability, scores by label, first-error F1 at any threshold.

const POSITIONS = 8; // the last takes all later steps
const TRUTHS = { labels: "labels of steps", oracle: "exact oracle of steps", answers: "answers: the last score" };

/** The reward models, and the slider that moves the threshold of the whole page. */
function stepsSection(data, threshold) {
  if (!data.runs.some((run) => run.tallies.length)) return null;
  let side = data.runs.length - 1;
  const truths = Object.keys(TRUTHS).filter((truth) => data.runs.some((run) => run.tallies.some((tally) => tally.truth === truth)));
  let truth = truths[0];
  const models = h("div");
  const shown = threshold.group();
  const draw = () => {
    shown.forget();
    const found = data.runs[side].tallies.filter((tally) => tally.truth === truth);
    const names = [...new Set(data.runs[side].tallies.map((tally) => tally.model))];
    models.replaceChildren(...found.map((tally) => modelPanel(tally, names.indexOf(tally.model), shown)));
  };
  draw();
  return h("section", { id: "steps" },
    h("h2", {}, "Reward models"),
    h("p", { class: "lead" }, "Step scores held against the truth. A step that scores below the threshold counts as wrong; the first of these is where a solution is refined."),
    h("div", { class: "choices" },
      choices(truths.map((name) => [name, TRUTHS[name]]), truth, (value) => { truth = value; draw(); }, "truth"),
      data.runs.length > 1 && choices([[0, "old"], [1, "new"]], side, (value) => { side = value; draw(); }, "run")),
    slider(threshold),
    models);
}

function slider(threshold) {
  const input = h("input", { type: "range", id: "threshold", min: 0, max: 100, step: 1, oninput: () => { threshold.value = (Number(input.value) * TICKS) / 100; } });
  const output = h("output", { for: "threshold" });
  threshold.listen((value) => {
    input.value = String((value * 100) / TICKS);
    output.textContent = (value / TICKS).toFixed(2);
  });
  return h("div", { class: "threshold" }, h("label", { for: "threshold" }, "threshold"), input, output);
}

function modelPanel(tally, index, threshold) {
  const series = `series-${index % 4}`, { points, best } = sweep(tally), bySteps = tally.truth !== "answers";
  const figures = h("p", { class: "figures" }), table = h("div", { class: "scroll" });
  const charts = [
    chart("reliability: share right, %, by score", (width) => reliabilityChart(tally, series, width)),
    bySteps && chart("by step: share right (filled), mean score (hollow), %", (width) => positionChart(tally, series, width)),
    chart(`${bySteps ? "steps" : "solutions"} by score: right (green), wrong (red)`, (width) => histogramChart(tally, threshold.value, width)),
    bySteps && chart("first-error F1, %, by threshold", (width) => sweepChart(points, best, threshold.value, series, width)),
  ].filter(Boolean);
  threshold.listen((value) => {
    const found = judge(tally, value);
    figures.replaceChildren(...(bySteps ? firstErrors(found, best, threshold) : [`accuracy of the last score ${percent(found.accuracy)} %`]));
    table.replaceChildren(bySteps ? confusion(found) : verdicts(found));
    charts.slice(-2).forEach((figure) => figure.redraw());
  });
  return h("div", { class: "model", "data-model": tally.model },
    h("h3", {}, tally.model, h("span", { class: "soft small" }, ` against ${tally.truth}, ${counted(tally.lengths.length, "solution")}`)),
    figures,
    h("div", { class: "grid four" }, charts),
    table);
}

function firstErrors(found, best, threshold) {
  return [
    "first-error F1 ", h("strong", { class: "f1" }, percent(found.f1)), ` (found ${percent(found.located)}, clean ${percent(found.clean)}); best `,
    h("button", { type: "button", class: "best", title: "move the threshold there", onclick: () => { threshold.value = best.threshold; } },
      `${percent(best.f1)} at ${(best.threshold / TICKS).toFixed(2)}`),
    ` · step accuracy ${percent(found.accuracy)}`];
}

/** Where the model sees the first error, by what the labels say. */
function confusion(found) {
  const row = (name, cells) => h("tr", {}, h("th", {}, name), cells.map(([n, tone]) => h("td", { class: `number ${tone ?? ""}` }, n === null ? "" : whole(n))));
  return h("div", { class: "tables" },
    h("table", { class: "confusion" },
      h("thead", {}, h("tr", {}, h("th", {}, "first error seen"), ["at its step", "too early", "too late", "nowhere"].map((text) => h("th", { class: "number" }, text)))),
      h("tbody", {},
        row("there is one", [[found.right, "good"], [found.early, "bad"], [found.late, "bad"], [found.missed, "bad"]]),
        row("there is none", [[null], [found.alarmed, "bad"], [null], [found.passed, "good"]]))),
    verdicts(found));
}

function verdicts({ steps }) {
  const row = (name, good, bad, tones) => h("tr", {}, h("th", {}, name), [good, bad].map((n, i) => h("td", { class: `number ${tones[i]}` }, whole(n))));
  return h("table", { class: "verdicts" },
    h("thead", {}, h("tr", {}, h("th", {}, ""), ["accepted", "refused"].map((text) => h("th", { class: "number" }, text)))),
    h("tbody", {}, row("right", steps.tp, steps.fn, ["good", "bad"]), row("wrong", steps.fp, steps.tn, ["bad", "good"])));
}

function reliabilityChart(tally, series, width) {
  const { svg, x, y, add } = plane({ width, height: 240, x: [0, 1], y: [0, 1], xName: "score, %", xFormat: FORMAT.percent, yFormat: FORMAT.percent });
  const bins = reliability(tally).filter((bin) => bin.n), most = Math.max(...bins.map((bin) => bin.n));
  add(s("line", { class: "even", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    path(bins.map((bin) => [x(bin.score), y(bin.share)]), { class: `curve faint ${series}` }),
    bins.map((bin) => whisker({ x: x(bin.score), y: y(bin.share), low: y(bin.low), high: y(bin.high), series, radius: 2.5 + 3.5 * Math.sqrt(bin.n / most),
      title: `score ${percent(bin.score)} %: ${percent(bin.share)} % right, of ${whole(bin.n)}` })));
  return svg;
}

function positionChart(tally, series, width) {
  const bins = byPosition(tally, POSITIONS).filter((bin) => bin.n);
  const { svg, x, y, add } = plane({ width, height: 240, x: [0.5, bins.length + 0.5], y: [0, 1], xName: "step", yFormat: FORMAT.percent, xTicks: bins.map((bin) => bin.index + 1), xFormat: (v) => (v === POSITIONS ? `${v}+` : v) });
  add(path(bins.map((bin) => [x(bin.index + 1), y(bin.score)]), { class: `curve faint ${series}` }),
    bins.map((bin) => [
      whisker({ x: x(bin.index + 1), y: y(bin.score), low: NaN, high: NaN, series, hollow: true, title: `step ${bin.index + 1}: mean score ${percent(bin.score)} %` }),
      whisker({ x: x(bin.index + 1), y: y(bin.share), low: y(bin.low), high: y(bin.high), series, title: `step ${bin.index + 1}: ${percent(bin.share)} % right, of ${whole(bin.n)}` })]));
  return svg;
}

function histogramChart(tally, threshold, width) {
  const bins = histogram(tally), most = Math.max(...bins.map((bin) => bin.good + bin.bad));
  const { svg, x, y, add } = plane({ width, height: 240, x: [0, 1], y: [0, most], xName: "score, %", xFormat: FORMAT.percent });
  const each = 1 / bins.length, wide = Math.max(1, x(each) - x(0) - 1.5);
  bins.forEach((bin, i) => {
    const bar = (from, to, tone) => to > from && s("rect", { class: `fill bar ${tone}`, x: x(i * each), width: wide, y: y(to), height: y(from) - y(to) },
      s("title", {}, `${(i * each).toFixed(2)} to ${((i + 1) * each).toFixed(2)}: ${whole(bin.good)} right, ${whole(bin.bad)} wrong`));
    add(bar(0, bin.bad, "bad"), bar(bin.bad, bin.bad + bin.good, "good"));
  });
  add(s("line", { class: "mark", x1: x(threshold / TICKS), x2: x(threshold / TICKS), y1: y(0), y2: y(most) }));
  return svg;
}

function sweepChart(points, best, threshold, series, width) {
  const most = Math.max(...points.map((point) => Math.max(point.located, point.clean, 0.1)).filter(Number.isFinite));
  const { svg, x, y, add } = plane({ width, height: 240, x: [0, 1], y: [0, most], xName: "threshold", yFormat: FORMAT.percent });
  const curve = (field, props) => path(points.map((point) => [x(point.threshold / TICKS), y(point[field])]), props);
  add(curve("located", { class: "curve faint bad" }), curve("clean", { class: "curve faint good" }), curve("f1", { class: `curve ${series}` }),
    s("line", { class: "mark", x1: x(threshold / TICKS), x2: x(threshold / TICKS), y1: y(0), y2: y(most) }));
  if (Number.isFinite(best.f1))
    add(whisker({ x: x(best.threshold / TICKS), y: y(best.f1), low: NaN, high: NaN, series, title: `best: ${percent(best.f1)} % at ${(best.threshold / TICKS).toFixed(2)}` }));
  return svg;
}

/** Training curves: the loss of each model that was trained, and what was held out. */
function curvesSection(data) {
  const curves = data.runs.flatMap((run) => run.curves.map((curve) => ({ ...curve, name: data.runs.length > 1 ? `${run.name}/${curve.name}` : curve.name })));
  if (!curves.length) return null;
  return h("section", { id: "training" },
    h("h2", {}, "Training"),
    h("p", { class: "lead" }, "Loss by step; where examples were held out, theirs is hollow."),
    h("div", { class: "grid" }, curves.map((curve) => chart(curve.name, (width) => lossChart(curve.rows, width)))));
}

function lossChart(rows, width) {
  const of = (name) => rows.filter((row) => Number.isFinite(row[name])).map((row) => [row.step, row[name]]);
  const [train, held] = [of("loss"), of("held_out_loss")], all = [...train, ...held];
  const { svg, x, y, add } = plane({ width, height: 200, x: [0, Math.max(1, ...all.map(([step]) => step))], y: [Math.min(0, ...all.map(([, loss]) => loss)), Math.max(0.1, ...all.map(([, loss]) => loss))], xName: "step" });
  add(path(train.map(([step, loss]) => [x(step), y(loss)]), { class: "curve series-0" }),
    path(held.map(([step, loss]) => [x(step), y(loss)]), { class: "curve faint series-1" }),
    held.map(([step, loss]) => whisker({ x: x(step), y: y(loss), low: NaN, high: NaN, series: "series-1", hollow: true, title: `held out at step ${step}: ${loss}` })));
  return svg;
}
