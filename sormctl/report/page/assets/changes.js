// What is changed between two texts: their steps first, then the words of steps that differ.

/** Pairs of equal items of two lists, in order: a longest common subsequence. */
function common(one, two) {
  const width = two.length + 1;
  const table = new Uint16Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--)
    for (let j = two.length - 1; j >= 0; j--)
      table[i * width + j] =
        one[i] === two[j]
          ? table[(i + 1) * width + j + 1] + 1
          : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
  const pairs = [];
  for (let i = 0, j = 0; i < one.length && j < two.length;) {
    if (one[i] === two[j]) pairs.push([i++, j++]);
    else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i++;
    else j++;
  }
  return pairs;
}

/**
 * Lays lists of steps beside a first one. Returns, for each list, the row of each of its steps, and
 * how many rows there are; equal steps share a row, and so do those that took each other's place.
 */
function aligned(first, others) {
  const gaps = new Array(first.length + 1).fill(0); // rows that are needed before each step
  const blocks = others.map((steps) => blocksOf(first, steps));
  for (const found of blocks)
    for (const { start, end, from, to } of found) gaps[end] = Math.max(gaps[end], to - from - (end - start));
  const rows = [];
  let row = 0;
  first.forEach((_, i) => {
    row += gaps[i];
    rows.push(row++);
  });
  const total = row + gaps[first.length];
  const rowOf = (i) => (i < first.length ? rows[i] : total);
  const placed = blocks.map((found, k) => {
    const places = new Array(others[k].length);
    for (const { start, end, from, to } of found) {
      for (let j = from; j < to; j++)
        places[j] = start + (j - from) < end ? rowOf(start + (j - from)) : rowOf(end) - (to - j);
      if (end < first.length) places[to] = rowOf(end);
    }
    return places;
  });
  return { rows: [rows, ...placed], total };
}

/** The stretches between equal steps: first[start, end) has become steps[from, to). */
function blocksOf(first, steps) {
  const blocks = [];
  let start = 0;
  let from = 0;
  for (const [i, j] of [...common(first, steps), [first.length, steps.length]]) {
    blocks.push({ start, end: i, from, to: j });
    [start, from] = [i + 1, j + 1];
  }
  return blocks;
}

/** A text in parts, `changed` where its words are not those of `before`. */
function changedWords(before, after) {
  const [one, two] = [before, after].map((text) => text.match(/[\p{L}\p{N}_]+|\s+|./gsu) ?? []);
  if (one.length * two.length > 1e6) return [{ text: after, changed: true }];
  const kept = new Set(common(one, two).map(([, j]) => j));
  const isChanged = two.map((text, j) => !kept.has(j));
  two.forEach((text, j) => {
    if (!text.trim()) isChanged[j] ||= Boolean(isChanged[j - 1] && isChanged[j + 1]); // a gap between changes
  });
  const parts = [];
  two.forEach((text, j) => {
    const last = parts.at(-1);
    if (last?.changed === isChanged[j]) last.text += text;
    else parts.push({ text, changed: isChanged[j] });
  });
  return parts;
}
