// What follows from the settings, as a table and as charts.

// The table under the settings: standing, figures and costs of each strategy.
function table(task, settings, judged, evens) {
  const months = settings.horizon_months;
  const whole = months === null ? "in all" : `in all, ${settingText("", months)} months`;
  const header = [
    "strategy",
    "under these settings",
    task.metric,
    "p95 s",
    "USD / 1,000",
    "once",
    "a month",
    whole,
    "right answer",
    `cheaper than ${task.baseline ?? "the baseline"}`,
  ];
  const head = element(
    "thead",
    {},
    element("tr", {}, ...header.map((text) => element("th", { scope: "col" }, text))),
  );
  const body = element(
    "tbody",
    {},
    ...task.rows.filter((r) => r.status === "done").map((r) => line(r, judged, evens)),
  );
  return element("table", {}, element("caption", {}, "Costs in USD under these settings"), head, body);
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
  const made = element(
    "tr",
    { class: named ? "chosen" : null },
    element("th", { scope: "row" }, row.strategy),
  );
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
  list.replaceChildren(
    ...[...evens]
      .filter(([, b]) => b.kind !== "unknown")
      .map(([s, b]) => element("li", {}, evenText(s, b, task.baseline))),
  );
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

// What a reader of the table has to know.
function tableNote(task, settings, judged) {
  const used = settingText("utilisation", settings.utilisation);
  const speed = task.measured.some((m) => m.uses_machine)
    ? ` A request takes as long as in batched runs, where there were some, on a machine that works ${used} of its paid time.`
    : "";
  return `Unknown is blank.${speed}${unknownText(judged.costs)}`;
}
