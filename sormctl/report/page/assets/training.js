// Training curves.

/** Training curves: the loss of each model that was trained, and what was held out. */
function curvesSection(data) {
  const curves = data.runs.flatMap((run) =>
    run.curves.map((curve) => ({
      ...curve,
      name: data.runs.length > 1 ? `${run.name}/${curve.name}` : curve.name,
    })),
  );
  if (!curves.length) return null;
  return h(
    "section",
    { id: "training" },
    h("h2", "Training"),
    h("p.lead", "Loss by step; where examples were held out, theirs is hollow."),
    h(
      "div.grid",
      curves.map((curve) => chart(curve.name, (width) => lossChart(curve.points, width))),
    ),
  );
}

function lossChart(points, width) {
  const of = (name) =>
    points.filter((each) => Number.isFinite(each[name])).map((each) => [each.step, each[name]]);
  const [train, held] = [of("loss"), of("held_out_loss")];
  const all = [...train, ...held];
  const { svg, x, y, add } = plane({
    width,
    height: 200,
    x: [0, Math.max(1, ...all.map(([step]) => step))],
    y: [Math.min(0, ...all.map(([, loss]) => loss)), Math.max(0.1, ...all.map(([, loss]) => loss))],
    xName: "step",
  });
  add(
    path(
      train.map(([step, loss]) => [x(step), y(loss)]),
      { class: "curve series-0" },
    ),
    path(
      held.map(([step, loss]) => [x(step), y(loss)]),
      { class: "curve faint series-1" },
    ),
    held.map(([step, loss]) =>
      whisker({
        x: x(step),
        y: y(loss),
        series: "series-1",
        hollow: true,
        title: `held out at step ${step}: ${loss}`,
      }),
    ),
  );
  return svg;
}
