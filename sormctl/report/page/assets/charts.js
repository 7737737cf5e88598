// Charts as SVG, drawn at the width that they have: text keeps its size on every screen.

const LETTER = 6.6; // pixels of a letter, about
const FORMAT = {
  percent: (v) => `${Math.round(100 * v)}`,
  number: (v) => v.toLocaleString("en", { maximumSignificantDigits: 3 }),
};

/** A figure whose drawing is made anew when its width changes. */
function chart(caption, draw, label = caption) {
  const figure = h("figure", caption && h("figcaption", caption));
  const holder = figure.appendChild(h("div"));
  let last = 0;
  figure.redraw = () => {
    if (!last) return;
    const drawing = draw(last);
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", label);
    holder.replaceChildren(drawing);
  };
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width && width !== last) {
      last = width;
      figure.redraw();
    }
  }).observe(holder);
  return figure;
}

const MARGIN = { left: 40, right: 12, top: 8, bottom: 34 };

/** Axes around a plane, from the ranges `x` and `y`; it gives what turns values into places, and `add`s to it. */
function plane({
  width,
  height,
  x,
  y,
  xName,
  xFormat = FORMAT.number,
  yFormat = FORMAT.number,
  xTicks,
  margin = {},
}) {
  const m = { ...MARGIN, ...margin };
  const scale =
    ([low, high], from, to) =>
    (value) =>
      from + ((value - low) / (high - low || 1)) * (to - from);
  const [toX, toY] = [scale(x, m.left, width - m.right), scale(y ?? [0, 1], height - m.bottom, m.top)];
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, height });
  for (const value of y ? ticksOf(y, 5) : [])
    svg.append(
      s("line.axis", { x1: m.left, x2: width - m.right, y1: toY(value), y2: toY(value) }),
      s("text", { x: m.left - 6, y: toY(value) + 4, "text-anchor": "end" }, yFormat(value)),
    );
  for (const value of xTicks ?? ticksOf(x, Math.max(2, Math.min(6, Math.floor(width / 80)))))
    svg.append(
      s("text", { x: toX(value), y: height - m.bottom + 16, "text-anchor": "middle" }, xFormat(value)),
    );
  if (xName) svg.append(s("text", { x: width - m.right, y: height - 4, "text-anchor": "end" }, xName));
  return {
    svg,
    x: toX,
    y: toY,
    add: (...children) => svg.append(...children.flat(Infinity).filter(Boolean)),
  };
}

/** Round values across a range, about `count` of them. */
function ticksOf([low, high], count) {
  const raw = (high - low || 1) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function path(points, props) {
  const known = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  return s("path", {
    ...props,
    d: known.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""),
  });
}

/** A value, with its interval if it has one, lying or standing. */
function whisker({
  x,
  y,
  low = NaN,
  high = NaN,
  lying = false,
  series,
  hollow = false,
  title,
  radius = 4.5,
}) {
  const line = lying ? { x1: low, x2: high, y1: y, y2: y } : { x1: x, x2: x, y1: low, y2: high };
  return s(
    "g",
    title && s("title", title),
    Number.isFinite(low) && s("line", { ...line, class: `whisker ${series}` }),
    s("circle", { cx: x, cy: y, r: radius, class: `${hollow ? "hollow" : "fill"} ${series}` }),
  );
}

/** What the marks of a chart stand for. */
function key(entries) {
  return h(
    "p.small.soft.keys",
    entries.map(([series, text, hollow], i) => [
      i > 0 && "\u2003",
      s(
        "svg",
        {
          width: 12,
          height: 10,
          style: { display: "inline-block", width: "12px", "vertical-align": "baseline" },
        },
        s("circle", { cx: 6, cy: 5, r: 4, class: `${hollow ? "hollow" : "fill"} ${series}` }),
      ),
      ` ${text}`,
    ]),
  );
}
