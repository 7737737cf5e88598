// How well a reward model judges steps: as sormctl/evaluation/steps.py counts, at any threshold.
// Scores are whole numbers, 0 to TICKS. A tally has the scores and labels of all steps in a row, and
// the steps of each solution in `lengths`. A label is 1, 0, or ? where a step has none.

const TICKS = 10000;

const firstBelow = (scores, threshold) => orNone(scores.findIndex((score) => score < threshold));
const firstBad = (labels) => orNone(labels.findIndex((label) => label === 0));
/** As `first_error` of sormctl/targets.py: null where no step is wrong, undefined where it is not known. */
const firstError = (labels) => {
  const bad = firstBad(labels);
  return labels.slice(0, bad ?? labels.length).includes(null) ? undefined : bad;
};
const labelOf = (sign) => (sign === "?" ? null : Number(sign));
const orNone = (index) => (index < 0 ? null : index);

/** Where the labels and the model see the first error of each solution, by the threshold. */
function judge(tally, threshold) {
  const found = {
    right: 0,
    early: 0,
    late: 0,
    missed: 0,
    passed: 0,
    alarmed: 0,
    steps: { tp: 0, fp: 0, tn: 0, fn: 0 },
  };
  let start = 0;
  for (const length of tally.lengths) {
    const labels = Array.from(tally.labels.slice(start, start + length), labelOf);
    const scores = tally.scores.slice(start, start + length);
    labels.forEach((label, i) => {
      const accepted = scores[i] >= threshold;
      if (label !== null) found.steps[label ? (accepted ? "tp" : "fn") : accepted ? "fp" : "tn"]++;
    });
    const bad = firstError(labels);
    const low = firstBelow(scores, threshold);
    if (bad === null) found[low === null ? "passed" : "alarmed"]++;
    else if (bad !== undefined && low === null) found.missed++;
    else if (bad !== undefined) found[low === bad ? "right" : low < bad ? "early" : "late"]++;
    start += length;
  }
  const withError = found.right + found.early + found.late + found.missed;
  found.located = found.right / withError;
  found.clean = found.passed / (found.passed + found.alarmed);
  found.f1 = harmonicMean(found.located, found.clean);
  const { tp, fp, tn, fn } = found.steps;
  found.accuracy = (tp + tn) / (tp + fp + tn + fn);
  return found;
}

const harmonicMean = (a, b) => (a + b ? (2 * a * b) / (a + b) : a + b === 0 ? 0 : NaN);

/** F1 at every hundredth, and the threshold at which it is best: the middle of the best ones. */
function sweep(tally) {
  const points = Array.from({ length: 101 }, (_, i) => ({
    threshold: (i * TICKS) / 100,
    ...judge(tally, (i * TICKS) / 100),
  }));
  const best = Math.max(...points.map((point) => point.f1));
  const reached = points.filter((point) => point.f1 === best);
  return { points, best: reached[Math.floor(reached.length / 2)] ?? points[50] };
}

/** Mean score and share of good steps in ten bins of the score, as `calibration_error` has them. */
function reliability(tally) {
  return binned(tally, (score) => Math.min(9, Math.floor((score * 10) / TICKS)), 10);
}

/** The same by the position of the step, the last taking all that follow. */
function byPosition(tally, most) {
  const positions = tally.lengths.flatMap((length) =>
    Array.from({ length }, (_, i) => Math.min(i, most - 1)),
  );
  return binned(tally, (_, i) => positions[i], most);
}

function binned(tally, binOf, count) {
  const bins = Array.from({ length: count }, () => ({ n: 0, score: 0, good: 0 }));
  tally.scores.forEach((score, i) => {
    if (tally.labels[i] === "?") return;
    const bin = bins[binOf(score, i)];
    bin.n++;
    bin.score += score / TICKS;
    bin.good += Number(tally.labels[i]);
  });
  return bins.map((bin, index) => ({
    index,
    n: bin.n,
    score: bin.score / bin.n,
    share: bin.good / bin.n,
    ...wilson(bin.good, bin.n),
  }));
}

/** Wilson's 95 % interval of a share, as `metrics.proportion` has it. */
function wilson(hits, n) {
  if (!n) return { low: NaN, high: NaN };
  const z = 1.959964;
  const share = hits / n;
  const scale = 1 + (z * z) / n;
  const centre = (share + (z * z) / (2 * n)) / scale;
  const half = (z / scale) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/** How many good and bad steps score in each of `count` bins. */
function histogram(tally, count = 20) {
  const bins = Array.from({ length: count }, () => ({ good: 0, bad: 0 }));
  tally.scores.forEach((score, i) => {
    if (tally.labels[i] === "?") return;
    const bin = bins[Math.min(count - 1, Math.floor((score * count) / TICKS))];
    bin[tally.labels[i] === "1" ? "good" : "bad"]++;
  });
  return bins;
}
