// The list of problems: filters, search, keys, and the problem that is open.

/** A section; `picked` is a filter that was asked for elsewhere on the page. */
function problemsSection(data, threshold, picked) {
  const entries = entriesOf(data);
  return entries.length ? new ProblemBrowser(entries, data, threshold, picked).section : null;
}

class ProblemBrowser {
  wanted = new Set(); // names of filters
  visible = []; // the problems that pass
  current = null;

  constructor(entries, data, threshold, picked) {
    Object.assign(this, { entries, data, shown: threshold.group() });
    this.build();
    threshold.listen((value) => {
      for (const entry of entries) findDisagreements(entry, value);
      this.update();
    });
    picked.listen((name) => name && this.pick(name));
    keys({ j: () => this.move(1), k: () => this.move(-1), "/": () => this.find() });
    setTimeout(() => entries.forEach(textOf), 1000); // the first search is quick, too
    this.openAddress();
  }

  build() {
    this.search = h("input", {
      type: "search",
      id: "search",
      placeholder: "search problems, steps, answers",
      "aria-label": "search",
      oninput: () => this.update(),
    });
    for (const entry of this.entries)
      entry.item = h(
        "li",
        itemOf(entry, () => this.open(entry)),
      );
    this.list = h(
      "ul.list",
      { id: "list", onkeydown: (event) => this.step(event) },
      this.entries.map((entry) => entry.item),
    );
    this.count = h("p.small.soft", { id: "count", "aria-live": "polite" });
    const titles = { ...this.data.filters, ...OF_RUNS };
    this.chips = FILTERS.map(([name]) =>
      h("button", {
        type: "button",
        title: titles[name],
        "data-filter": name,
        onclick: () => this.press(name),
      }),
    );
    this.detail = h("div.panel");
    const hints = h(
      "span.hints",
      h("kbd", "j"),
      " ",
      h("kbd", "k"),
      " next, previous · ",
      h("kbd", "/"),
      " search",
    );
    this.section = h(
      "section",
      { id: "problems" },
      h("h2", "Problems"),
      h("div.choices", { role: "group", "aria-label": "filters" }, this.chips),
      h(
        "div.browser.more",
        h("div.finder", this.search, h("div.small.soft", this.count, hints), this.list),
        this.detail,
      ),
    );
  }

  press(name) {
    if (!this.wanted.delete(name)) this.wanted.add(name);
    this.update();
  }

  pick(name) {
    this.wanted.clear();
    this.search.value = "";
    this.press(name);
    this.section.scrollIntoView();
  }

  find() {
    this.section.scrollIntoView();
    this.search.focus();
  }

  /** Shows the problems that pass, and how many pass each filter. */
  update() {
    const { entries, wanted } = this;
    const words = this.search.value.toLowerCase().trim();
    const passes = (entry) =>
      [...wanted].every((name) => entry.filters.has(name)) && (!words || textOf(entry).includes(words));
    this.visible = entries.filter(passes);
    const seen = new Set(this.visible);
    for (const entry of entries) entry.item.hidden = !seen.has(entry);
    FILTERS.forEach(([name, text], i) => {
      const n = entries.filter((entry) => entry.filters.has(name)).length;
      this.chips[i].hidden = !n && !wanted.has(name);
      this.chips[i].setAttribute("aria-pressed", String(wanted.has(name)));
      this.chips[i].replaceChildren(text, h("span.soft", ` ${whole(n)}`));
    });
    const all = counted(entries.length, "problem");
    this.count.textContent = seen.size === entries.length ? all : `${whole(seen.size)} of ${all}`;
    if (seen.size && !seen.has(this.current)) this.show(this.visible[0]);
  }

  /** Shows a problem; only that one of the list is on the way of the Tab key. */
  show(entry) {
    const buttons = [this.current, entry].map((each) => each?.item.firstChild);
    buttons[0]?.setAttribute("aria-current", "false");
    buttons[0]?.setAttribute("tabindex", "-1");
    buttons[1].setAttribute("aria-current", "true");
    buttons[1].setAttribute("tabindex", "0");
    this.current = entry;
    this.shown.forget();
    this.detail.replaceChildren(problemView(entry, this.data, this.shown));
  }

  /** Shows a problem that somebody asked for, and puts it into the address. */
  open(entry) {
    this.show(entry);
    entry.item.scrollIntoView({ block: "nearest" });
    history.replaceState(null, "", addressOf(entry));
  }

  move(by) {
    const next = this.visible[this.visible.indexOf(this.current) + by];
    if (next) this.open(next);
    const { top } = this.detail.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) this.section.scrollIntoView();
  }

  /** The arrow keys, within the list. */
  step(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const next = by && this.visible[this.visible.indexOf(this.current) + by];
    if (!next) return;
    event.preventDefault();
    this.open(next);
    next.item.firstChild.focus();
  }

  openAddress() {
    const entry = this.entries.find((each) => addressOf(each) === location.hash);
    if (!entry) return;
    this.open(entry);
    requestAnimationFrame(() => this.section.scrollIntoView());
  }
}

const addressOf = (entry) => `#problem=${encodeURIComponent(entry.id)}`;

/** A problem in the list: draft and answer given, or all that may be it; of two runs, their answers. */
function itemOf(entry, open) {
  const problem = entry.sides.findLast(Boolean);
  const given = givenOf(problem);
  const main = problem.solutions.filter((solution) => solution.kind !== "sample");
  const one = given ? [draftOf(problem), given] : main;
  const sides = entry.sides.length > 1 ? entry.sides.map((side) => side && givenOf(side)) : one;
  const signs = sides.filter(Boolean).map((solution) => VERDICTS.get(solution.correct));
  return h(
    "button",
    { type: "button", tabindex: "-1", onclick: open },
    h(
      "span.dots",
      signs.map(([tone, sign], i) => [i > 0 && h("span.soft", "→"), h("span", { class: tone }, sign)]),
    ),
    h("span.said", problem.question),
    h("span.id.mono.said", problem.id),
  );
}
