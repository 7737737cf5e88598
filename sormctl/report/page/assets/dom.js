"use strict";
// Elements. Text of strangers only ever becomes a text node: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element: `h("td.number", { title }, child, …)`. The first argument is a tag with its classes; then
 * may come attributes, with `on…` for listeners and `style` as an object; then children, in lists or not.
 */
const h = (selector, ...rest) => build((tag) => document.createElement(tag), selector, rest);

/** The same for an element of a drawing. */
const s = (selector, ...rest) => build((tag) => document.createElementNS(SVG, tag), selector, rest);

function build(create, selector, rest) {
  const [tag, ...classes] = selector.split(".");
  const element = create(tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  const props = rest[0]?.constructor === Object ? rest.shift() : {};
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style")
      for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else if (name === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else element.setAttribute(name, value === true ? "" : value);
  }
  const isThere = (child) => child !== null && child !== undefined && child !== false;
  element.append(...rest.flat(Infinity).filter(isThere).map(shown));
  return element;
}

/** A child: text without what steers a terminal, should it be copied into one. */
function shown(child) {
  return child instanceof Node
    ? child
    : String(child).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

const percent = (value) => (value === null || Number.isNaN(value) ? "–" : (100 * value).toFixed(1));
const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const whole = (n) => Math.round(n).toLocaleString("en");

/** A table. A heading that begins with `#` stands over numbers; a cell is a child, or a list of them. */
function table(headings, rows, props = {}) {
  const isNumber = headings.map((text) => text.startsWith("#"));
  const cell = (tag, i, ...children) => h(isNumber[i] ? `${tag}.number` : tag, ...children);
  const head = headings.map((text, i) => cell("th", i, text.replace("#", "")));
  const body = rows.map((cells) =>
    h(
      "tr",
      cells.map((child, i) => cell("td", i, child)),
    ),
  );
  return h("div.scroll", h("table", props, h("thead", h("tr", head)), h("tbody", body)));
}

const toned = (tone, ...children) => h("span", { class: tone }, ...children);

/** Buttons of which one is pressed; `choose` is called with its value. */
function choices(values, chosen, choose, label) {
  const buttons = values.map(([value, text, title]) =>
    h(
      "button",
      { type: "button", title, "aria-pressed": String(value === chosen), onclick: () => press(value) },
      text,
    ),
  );
  const press = (value) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(values[i][0] === value)));
    choose(value);
  };
  return h("div.choices", { role: "group", "aria-label": label }, buttons);
}

/** A value that tells its listeners when it changes; a `group` of them can be forgotten at once. */
function observable(value) {
  const groups = new Set();
  const api = (listeners) => ({
    get value() {
      return value;
    },
    set value(next) {
      value = next;
      groups.forEach((group) => group.forEach((listener) => listener(value)));
    },
    listen(listener) {
      listeners.push(listener);
      listener(value);
    },
    forget: () => {
      listeners.length = 0;
    },
    group() {
      const made = [];
      groups.add(made);
      return api(made);
    },
  });
  return api([]).group();
}
