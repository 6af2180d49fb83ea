// The what-if of one task: controls, the answer under them, the table, what would change it, and two charts.

// Each a setting, its words, by how much what is typed is multiplied, the least, the most, and a slider's ends.
const CONTROLS = [
  ["Demand", [
    { name: "requests_per_month", label: "Requests a month", above: 0, slider: [1, 1e8] },
    { name: "horizon_months", label: "Months in all", above: 0 },
  ]],
  ["Prices", [
    { name: "usd_per_hour", label: "USD for an hour of the machine", least: 0, slider: [1e-3, 1e2] },
    { name: "utilisation", label: "Share of its paid time used, %", unit: 100, above: 0, most: 100, slider: [1, 100], needed: true },
    { name: "minutes_per_label", label: "Minutes for a label", least: 0 },
    { name: "usd_per_hour_of_labelling", label: "USD for an hour of labelling", least: 0 },
  ]],
  ["Worth", [
    { name: "usd_per_success", label: "USD gained by a right answer", least: 0 },
    { name: "usd_per_failure", label: "USD lost by a wrong answer", least: 0 },
  ]],
  ["Requirements", [
    { name: "max_p95_s", label: "95 % of requests within, s", above: 0 },
    { name: "max_usd_per_1k", label: "USD for 1,000 requests at most", above: 0 },
    { name: "target_quality", label: "Quality required, %", unit: 100, least: 0, most: 100 },
    { name: "margin", label: "Margin, points", unit: 100, above: 0, most: 100 },
  ]],
];
const EVERY_CONTROL = CONTROLS.flatMap(([, controls]) => controls);
// Typing pauses before what is read aloud, and what takes a tenth of a second, is worked out.
const PAUSE_MS = 250;

// What was typed as a value; undefined where it is none.
function typed(control, text) {
  if (text.trim() === "") return control.needed ? undefined : null;
  const number = Number(text.trim().replace(/,/g, ""));
  const tooLow = "above" in control ? !(number > control.above) : !(number >= control.least);
  if (!Number.isFinite(number) || tooLow || number > (control.most ?? Infinity)) return undefined;
  return number / (control.unit || 1);
}

function shownValue(control, value) {
  if (value === null || Array.isArray(value)) return "";
  return String(Number((value * (control.unit || 1)).toPrecision(12)));
}

// A value beyond a turn, with four digits: rounded towards the other side, so that it is beyond it.
function beyond(point) {
  const step = 10 ** (Math.floor(Math.log10(point.at)) - 3);
  const rounded = (point.above ? Math.ceil(point.at / step - 1e-9) : Math.floor(point.at / step + 1e-9)) * step;
  return Number(rounded.toPrecision(4));
}

function whatIf(root, data, number) {
  const task = data.what_if;
  const state = { settings: settingsOf(task), waiting: 0 };
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const fields = new Map();
  const change = (name, value) => {
    state.settings = { ...state.settings, [name]: value };
    refresh();
  };
  part("controls").append(...CONTROLS.map(([title, controls]) => group(title, controls, task, number, fields, change)));
  root.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  part("reset").addEventListener("click", () => {
    state.settings = settingsOf(task);
    for (const [name, field] of fields) field.show(state.settings[name]);
    refresh();
  });
  function put(name, value) {
    fields.get(name).show(value);
    change(name, value);
  }
  function refresh() {
    const judged = judge(task, state.settings);
    const evens = breakEvens(task, state.settings, judged.costs);
    part("table").replaceChildren(table(task, state.settings, judged, evens));
    drawAll(root, task, state.settings, judged, evens);
    clearTimeout(state.waiting);
    state.waiting = setTimeout(() => say(judged), PAUSE_MS);
  }
  function say(judged) {
    part("answer").textContent = `${choiceText(judged, state.settings)}${costText(judged, state.settings)}`;
    part("state").textContent = stateText(task, state.settings, judged);
    part("turns").replaceChildren(...turningPoints(task, state.settings).map((p) => turnItem(p, fields, put)));
    root.dataset.named = judged.named || "";
  }
  root.querySelectorAll("[data-part='charts']").forEach((el) => el.removeAttribute("hidden"));
  root.querySelector("[data-part='what-if']").removeAttribute("hidden");
  refresh();
  onWidth(part("charts"), refresh);
}

function group(title, controls, task, number, fields, change) {
  const made = element("fieldset", {}, element("legend", {}, title));
  for (const control of controls) {
    const field = inputOf(control, settingsOf(task)[control.name], number, change);
    fields.set(control.name, field);
    made.append(field.element);
  }
  return made;
}

// A labelled number, for some with a slider beside it; what is no such number is said, and changes nothing.
function inputOf(control, start, number, change) {
  const id = `task-${number}-${control.name}`;
  const input = element("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", "aria-describedby": `${id}-note`, "data-setting": control.name });
  const note = element("span", { id: `${id}-note`, class: "note" });
  const slider = control.slider ? sliderOf(control, input) : null;
  const show = (value) => {
    input.value = shownValue(control, value);
    input.placeholder = Array.isArray(value) ? settingText(control.name, value) : "not stated";
    told(input, note, "");
    if (slider) slider.value = positionOf(control, value);
  };
  const take = () => {
    const value = typed(control, input.value);
    told(input, note, value === undefined ? wanted(control) : "");
    if (value === undefined) return;
    if (slider) slider.value = positionOf(control, value);
    change(control.name, value);
  };
  input.addEventListener("input", take);
  show(start);
  const made = element("div", { class: "field" }, element("label", { for: id }, control.label), input, slider, note);
  return { element: made, show };
}

function told(input, note, problem) {
  note.textContent = problem;
  if (problem) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function wanted(control) {
  const low = "above" in control ? `above ${control.above}` : `from ${control.least} on`;
  return `A number ${low}${control.most ? `, at most ${control.most}` : ""}.`;
}

const SLIDER_STEPS = 1000;

function sliderOf(control, input) {
  const slider = element("input", { type: "range", min: 0, max: SLIDER_STEPS, step: 1, "aria-label": `${control.label}, slider` });
  const [low, high] = control.slider;
  slider.addEventListener("input", () => {
    const value = low * (high / low) ** (slider.value / SLIDER_STEPS);
    input.value = String(Number(value.toPrecision(3)));
    slider.setAttribute("aria-valuetext", input.value);
    input.dispatchEvent(new Event("input"));
  });
  return slider;
}

function positionOf(control, value) {
  const [low, high] = control.slider;
  const number = (Array.isArray(value) ? value[0] : value) * (control.unit || 1);
  if (!(number > 0)) return 0;
  return Math.round((SLIDER_STEPS * Math.log(number / low)) / Math.log(high / low));
}

// Settings that are not the run's, and whether these name another strategy.
function stateText(task, settings, judged) {
  const run = settingsOf(task);
  const changed = EVERY_CONTROL.filter((c) => settings[c.name] !== run[c.name]);
  const before = judge(task, run).named;
  const other = before === judged.named ? "" : ` The settings of the run name ${before || "none"}.`;
  if (!changed.length) return `These are the settings of the run.${standingText(task)}`;
  const words = changed.map((c) => {
    const value = settings[c.name];
    return `${c.label.toLowerCase().replace(/^usd/, "USD")} ${value === null ? "not stated" : shownValue(c, value)}`;
  });
  return `Changed: ${listing(words)}.${other}`;
}

function standingText(task) {
  const { named, p_near_best: near, p_best: best } = task.standing;
  if (named === null || near === null) return "";
  return ` Drawn again, ${named} is within the margin of the best in ${percentText(near, 0)}, and the best in ${percentText(best, 0)}.`;
}

function turnItem(point, fields, put) {
  const item = element("li", {}, turnText(point));
  if (point.at === null || !fields.has(point.name)) return item;
  const value = beyond(point);
  const button = element("button", { type: "button", class: "try" }, "Try it");
  const control = EVERY_CONTROL.find((c) => c.name === point.name);
  button.setAttribute("aria-label", `Try it: ${control.label} ${shownValue(control, value)}`);
  button.addEventListener("click", () => {
    put(point.name, value);
    fields.get(point.name).element.querySelector("input").focus();
  });
  item.append(" ", button);
  return item;
}

// The table under the settings: standing, figures and costs of each strategy.
function table(task, settings, judged, evens) {
  const months = settings.horizon_months;
  const whole = months === null ? "in all" : `in all, ${settingText("", months)} months`;
  const header = ["strategy", "under these settings", task.metric, "p95 s", "USD / 1,000", "once", "a month", whole, "right answer", `cheaper than ${task.baseline ?? "the baseline"}`];
  const head = element("thead", {}, element("tr", {}, ...header.map((text) => element("th", { scope: "col" }, text))));
  const body = element("tbody", {}, ...task.rows.filter((r) => r.status === "done").map((r) => line(r, judged, evens)));
  const caption = `Costs in USD under these settings; unknown is blank.${unknownText(judged.costs)}`;
  return element("table", {}, element("caption", {}, caption), head, body);
}

function line(row, judged, evens) {
  const cost = judged.costs.get(row.strategy);
  const volumes = cost ? volumesOf(cost.assumptions) : [];
  const totals = volumes.map((v) => usdText(totalUsd(cost, v)));
  const even = evens.get(row.strategy);
  const cells = [
    standingOf(row, judged),
    percentText(row.quality),
    secondsText(row.p95_latency_s),
    usdText(usdPer1k(row, cost)),
    cost ? usdText(cost.once) : "",
    cost ? usdText(cost.eachMonth) : "",
    [...new Set(totals)].filter(Boolean).join(" to "),
    cost ? usdText(usdPerCorrect(cost)) : "",
    even ? breakEvenText(even) : "",
  ];
  const named = row.strategy === judged.named;
  const made = element("tr", { class: named ? "chosen" : null }, element("th", { scope: "row" }, row.strategy));
  made.append(...cells.map((text) => element("td", {}, text)));
  return made;
}

function standingOf(row, judged) {
  if (row.control) return "control";
  const broken = judged.excluded.filter((e) => e.strategy === row.strategy);
  if (broken.length) return `✗ ${broken.map(exclusionText).join("; ")}`;
  if (row.strategy === judged.named) return judged.strategy === null ? "named for now" : "taken";
  if (judged.choice && judged.choice.tied.some((c) => c.strategy === row.strategy)) return "? not told apart";
  return "";
}

function drawAll(root, task, settings, judged, evens) {
  const room = root.querySelector("[data-part='charts']");
  const width = Math.max(260, Math.min(560, room.clientWidth || 560));
  const cost = (r) => usdPer1k(r, judged.costs.get(r.strategy));
  const drawn = {
    "quality-cost": paretoChart(task, judged, cost, "USD for 1,000 requests", width),
    "quality-latency": paretoChart(task, judged, (r) => r.p95_latency_s, "seconds, 95 % of requests", width),
    totals: totalsChart(task, settings, judged, evens, Math.max(260, Math.min(900, room.clientWidth || 900))),
  };
  for (const [name, picture] of Object.entries(drawn)) {
    const place = root.querySelector(`[data-chart="${name}"]`);
    place.replaceChildren(picture || element("p", { class: "empty" }, EMPTY_CHART[name]));
  }
  const list = root.querySelector("[data-part='evens']");
  list.replaceChildren(...[...evens].filter(([, b]) => b.kind !== "unknown").map(([s, b]) => element("li", {}, evenText(s, b, task.baseline))));
}

const EMPTY_CHART = {
  "quality-cost": "No cost of a request is known under these settings.",
  "quality-latency": "No request was sent alone, so no latency was measured.",
  totals: "No total is known: it takes the price of the machine, months, and what a label costs.",
};

// Draws again when the room changes.
function onWidth(room, refresh) {
  let last = room.clientWidth;
  new ResizeObserver(() => {
    if (Math.abs(room.clientWidth - last) < 8) return;
    last = room.clientWidth;
    refresh();
  }).observe(room);
}
