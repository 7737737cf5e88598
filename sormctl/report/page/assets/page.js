// Puts the page together.

/** The data of the page: JSON, compressed, as text that is no markup whatever it holds. */
async function load() {
  const text = atob(document.getElementById("data").textContent);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

/** Runs what belongs to a key, unless somebody is typing; Escape leaves a field. */
function keys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input[type=search]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function themeButton() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement.style;
  const isDark = () => (root.colorScheme ? root.colorScheme === "dark" : dark.matches);
  const toggle = () => {
    root.colorScheme = isDark() ? "light" : "dark";
  };
  keys({ t: toggle });
  return h(
    "button",
    {
      type: "button",
      id: "theme",
      title: "dark or light (t)",
      "aria-label": "dark or light",
      onclick: toggle,
    },
    "◐",
  );
}

/** Where each file came from, by the manifests. */
function filesSection(data) {
  const files = data.runs.flatMap((run) => run.files);
  if (!files.length) return null;
  const rows = files.map((file) => [
    toned("mono", file.file),
    `${file.command} ${file.version ?? ""}`,
    file.models.join(", "),
    toned("soft", file.parents.join(", ")),
    ...[file.records, file.tokens, file.seconds].map(whole),
    toned("soft", file.started.slice(0, 16).replace("T", " ")),
  ]);
  return h(
    "section",
    { id: "files" },
    h("h2", "Files"),
    h("p.lead", "Where each file came from, by the manifest beside it."),
    table(["file", "made by", "with", "from", "#records", "#tokens", "#seconds", "when"], rows),
  );
}

const TITLES = {
  answers: "Answers",
  steps: "Reward models",
  training: "Training",
  problems: "Problems",
  files: "Files",
};

async function main() {
  const data = await load();
  document.title = `${data.runs.map((run) => run.name).join(" → ")} · sormctl report`;
  const threshold = observable(Math.round(data.threshold * TICKS));
  const picked = observable(null);
  const sections = [
    answersSection(data),
    stepsSection(data, threshold),
    curvesSection(data),
    problemsSection(data, threshold, picked),
    filesSection(data),
  ].filter(Boolean);
  document.body.append(
    h(
      "nav",
      h("strong", "sormctl"),
      sections.map((section) => h("a", { href: `#${section.id}` }, TITLES[section.id])),
      themeButton(),
    ),
    h("main", header(data, picked), sections, h("p.small.soft.more", `Made by sormctl ${data.version}.`)),
  );
}

main().catch((error) => {
  document.body.append(
    h("p.failed", `This browser cannot draw the report (${error.message}); a newer one can.`),
  );
  throw error;
});
