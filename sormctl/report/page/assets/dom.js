"use strict";
// Elements. Text of strangers only ever becomes a text node: nothing here parses markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element; `props` are attributes, but for `class`, `on…` handlers and `style` (an object). */
function h(tag, props = {}, ...children) {
  return build(document.createElement(tag), props, children);
}

/** An element of a drawing. */
function s(tag, props = {}, ...children) {
  return build(document.createElementNS(SVG, tag), props, children);
}

function build(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false).map(shown));
  return element;
}

/** A child: text without what steers a terminal, should it be copied into one. */
function shown(child) {
  return child instanceof Node ? child : String(child).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

const percent = (value) => (value === null || Number.isNaN(value) ? "–" : (100 * value).toFixed(1));
const counted = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const whole = (n) => Math.round(n).toLocaleString("en");

/** Buttons of which one is pressed; `choose` is called with its value. */
function choices(values, chosen, choose, label) {
  const buttons = values.map(([value, text, title]) =>
    h("button", { type: "button", title, "aria-pressed": String(value === chosen), onclick: () => press(value) }, text));
  const press = (value) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(values[i][0] === value)));
    choose(value);
  };
  return h("div", { class: "choices", role: "group", "aria-label": label }, buttons);
}

/** A value that tells its listeners when it changes; a `group` of them can be forgotten at once. */
function observable(value) {
  const groups = new Set();
  const api = (listeners) => ({
    get value() { return value; },
    set value(next) {
      value = next;
      groups.forEach((group) => group.forEach((listener) => listener(value)));
    },
    listen(listener) {
      listeners.push(listener);
      listener(value);
    },
    forget: () => { listeners.length = 0; },
    group() {
      const made = [];
      groups.add(made);
      return api(made);
    },
  });
  return api([]).group();
}
