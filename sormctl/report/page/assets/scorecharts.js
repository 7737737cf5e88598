// What step scores are worth, drawn: one chart of one reward model each.

const POSITIONS = 8; // the last takes all later steps

function reliabilityChart(tally, series, width) {
  const { svg, x, y, add } = plane({
    width,
    height: 240,
    x: [0, 1],
    y: [0, 1],
    xName: "score, %",
    xFormat: FORMAT.percent,
    yFormat: FORMAT.percent,
  });
  const bins = reliability(tally).filter((bin) => bin.n);
  const most = Math.max(...bins.map((bin) => bin.n));
  add(
    s("line.even", { x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
    path(
      bins.map((bin) => [x(bin.score), y(bin.share)]),
      { class: `curve faint ${series}` },
    ),
    bins.map((bin) =>
      whisker({
        x: x(bin.score),
        y: y(bin.share),
        low: y(bin.low),
        high: y(bin.high),
        series,
        radius: 2.5 + 3.5 * Math.sqrt(bin.n / most),
        title: `score ${percent(bin.score)} %: ${percent(bin.share)} % right, of ${whole(bin.n)}`,
      }),
    ),
  );
  return svg;
}

function positionChart(tally, series, width) {
  const bins = byPosition(tally, POSITIONS).filter((bin) => bin.n);
  const { svg, x, y, add } = plane({
    width,
    height: 240,
    x: [0.5, bins.length + 0.5],
    y: [0, 1],
    xName: "step",
    yFormat: FORMAT.percent,
    xTicks: bins.map((bin) => bin.index + 1),
    xFormat: (v) => (v === POSITIONS ? `${v}+` : v),
  });
  add(
    path(
      bins.map((bin) => [x(bin.index + 1), y(bin.score)]),
      { class: `curve faint ${series}` },
    ),
    bins.map((bin) => [
      whisker({
        x: x(bin.index + 1),
        y: y(bin.score),
        series,
        hollow: true,
        title: `step ${bin.index + 1}: mean score ${percent(bin.score)} %`,
      }),
      whisker({
        x: x(bin.index + 1),
        y: y(bin.share),
        low: y(bin.low),
        high: y(bin.high),
        series,
        title: `step ${bin.index + 1}: ${percent(bin.share)} % right, of ${whole(bin.n)}`,
      }),
    ]),
  );
  return svg;
}

function histogramChart(tally, threshold, width) {
  const bins = histogram(tally);
  const most = Math.max(...bins.map((bin) => bin.good + bin.bad));
  const { svg, x, y, add } = plane({
    width,
    height: 240,
    x: [0, 1],
    y: [0, most],
    xName: "score, %",
    xFormat: FORMAT.percent,
  });
  const each = 1 / bins.length;
  const wide = Math.max(1, x(each) - x(0) - 1.5);
  bins.forEach((bin, i) => {
    const bar = (from, to, tone) =>
      to > from &&
      s(
        "rect",
        { class: `fill bar ${tone}`, x: x(i * each), width: wide, y: y(to), height: y(from) - y(to) },
        s(
          "title",
          `${(i * each).toFixed(2)} to ${((i + 1) * each).toFixed(2)}: ${whole(bin.good)} right, ${whole(bin.bad)} wrong`,
        ),
      );
    add(bar(0, bin.bad, "bad"), bar(bin.bad, bin.bad + bin.good, "good"));
  });
  add(s("line.mark", { x1: x(threshold / TICKS), x2: x(threshold / TICKS), y1: y(0), y2: y(most) }));
  return svg;
}

function sweepChart(points, best, threshold, series, width) {
  const most = Math.max(
    ...points.map((point) => Math.max(point.located, point.clean, 0.1)).filter(Number.isFinite),
  );
  const { svg, x, y, add } = plane({
    width,
    height: 240,
    x: [0, 1],
    y: [0, most],
    xName: "threshold",
    yFormat: FORMAT.percent,
  });
  const curve = (field, props) =>
    path(
      points.map((point) => [x(point.threshold / TICKS), y(point[field])]),
      props,
    );
  add(
    curve("located", { class: "curve faint bad" }),
    curve("clean", { class: "curve faint good" }),
    curve("f1", { class: `curve ${series}` }),
    s("line.mark", { x1: x(threshold / TICKS), x2: x(threshold / TICKS), y1: y(0), y2: y(most) }),
  );
  if (Number.isFinite(best.f1))
    add(
      whisker({
        x: x(best.threshold / TICKS),
        y: y(best.f1),
        series,
        title: `best: ${percent(best.f1)} % at ${(best.threshold / TICKS).toFixed(2)}`,
      }),
    );
  return svg;
}
