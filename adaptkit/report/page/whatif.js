// The what-if of one task: what a change of its controls sets off.

// A value beyond a turn, with four digits: rounded towards the other side, so that it is beyond it.
function beyond(point) {
  const step = 10 ** (Math.floor(Math.log10(point.at)) - 3);
  const rounded =
    (point.above ? Math.ceil(point.at / step - 1e-9) : Math.floor(point.at / step + 1e-9)) * step;
  return Number(rounded.toPrecision(4));
}

function whatIf(root, data, number) {
  // What break-evens refer to is the reader's, too.
  const task = { ...data.what_if };
  const state = { settings: settingsOf(task), waiting: 0 };
  const part = (name) => root.querySelector(`[data-part="${name}"]`);
  const fields = new Map();
  const change = (name, value) => {
    state.settings = { ...state.settings, [name]: value };
    refresh();
  };
  part("controls").append(
    ...CONTROLS.map(([title, controls]) => group(title, controls, task, number, fields, change)),
  );
  const reference = referenceField(task, number, (name) => {
    task.baseline = name;
    refresh();
  });
  if (reference) part("reference").append(reference);
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
    part("table-note").textContent = tableNote(task, state.settings, judged);
    drawAll(root, task, state.settings, judged, evens);
    clearTimeout(state.waiting);
    state.waiting = setTimeout(() => say(judged), PAUSE_MS);
  }
  function say(judged) {
    part("answer").textContent = `${choiceText(judged, state.settings)}${costText(judged, state.settings)}`;
    part("state").textContent = stateText(task, state.settings, judged);
    const points = turningPoints(task, state.settings);
    const turns = points.filter((p) => p.at !== null).map((p) => turnItem(p, fields, put));
    const stays = points.filter((p) => p.at === null).map(turnText);
    part("turns").replaceChildren(...turns, ...(stays.length ? [element("li", {}, stays.join(" "))] : []));
    root.dataset.named = judged.named || "";
  }
  root.querySelectorAll("[data-part='charts']").forEach((el) => el.removeAttribute("hidden"));
  root.querySelector("[data-part='what-if']").removeAttribute("hidden");
  refresh();
  onWidth(part("charts"), refresh);
}

// Which strategy break-evens refer to; null where there is nothing to choose from.
function referenceField(task, number, listen) {
  const names = task.measured.map((m) => [m.strategy, m.strategy]);
  if (names.length < 2) return null;
  return select(`task-${number}-reference`, "Break-evens against", names, task.baseline, listen);
}

// Settings that are not the run's, and whether these name another strategy.
function stateText(task, settings, judged) {
  const run = settingsOf(task);
  const changed = EVERY_CONTROL.filter((c) => settings[c.name] !== run[c.name]);
  const before = judge(task, run).named;
  const other = before === judged.named ? "" : ` The settings of the run name ${before || "none"}.`;
  const without = task.measured.length
    ? ""
    : " Only the table was kept: volume, prices and worth change nothing.";
  const sure = oddsText(task, settings, judged, !changed.length);
  if (!changed.length) return `These are the settings of the run.${sure}${without}`;
  const words = changed.map((c) => {
    const value = settings[c.name];
    return `${c.label.toLowerCase().replace(/^usd/, "USD")} ${value === null ? "not stated" : shownValue(c, value)}`;
  });
  return `Changed: ${listing(words)}.${other}${sure}${without}`;
}

// Of the run the library's own figures; of other settings what the page's share of its draws says.
function oddsText(task, settings, judged, ofRun) {
  const { named, p_near_best, p_best } = task.standing;
  const exact = ofRun && named !== null && p_near_best !== null;
  const odds = exact ? { near: p_near_best, best: p_best } : oddsOf(task, settings, judged);
  if (odds === null) return "";
  const about = exact ? "" : "about ";
  return ` Drawn again, ${judged.named} is within the margin of the best in ${about}${percentText(odds.near, 0)}, and the best in ${about}${percentText(odds.best, 0)}.`;
}

function turnItem(point, fields, put) {
  const item = element("li", {}, turnText(point));
  if (!fields.has(point.name)) return item;
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
