// What follows from settings: limits, costs, and the choice, as adaptkit.decision.judging has it.
// `task` is the page's data of one task; `settings` what a reader may change, null where it is not stated.

const MAX_ERROR_GAP = 0.05;

// The settings that a run was made with.
function settingsOf(task) {
  const a = task.assumptions;
  return {
    requests_per_month: a.requests_per_month,
    horizon_months: a.horizon_months,
    usd_per_hour: task.machine ? task.machine.usd_per_hour : null,
    utilisation: a.utilisation,
    minutes_per_label: a.minutes_per_label,
    usd_per_hour_of_labelling: a.usd_per_hour_of_labelling,
    n_retrain_per_month: a.n_retrain_per_month,
    usd_per_success: a.usd_per_success,
    usd_per_failure: a.usd_per_failure,
    max_p95_s: null,
    max_first_token_s: null,
    max_usd_per_1k: null,
    max_usd_per_month: null,
    target_quality: null,
    margin: null,
  };
}

const ASSUMED = [
  "requests_per_month",
  "horizon_months",
  "utilisation",
  "minutes_per_label",
  "usd_per_hour_of_labelling",
  "n_retrain_per_month",
  "usd_per_success",
  "usd_per_failure",
];

function assumptionsUnder(task, settings) {
  const stated = Object.fromEntries(ASSUMED.map((name) => [name, settings[name]]));
  return { ...task.assumptions, ...stated };
}

// Requests a month: none, one number, or the lowest and the highest.
function volumesOf(assumptions) {
  const volume = assumptions.requests_per_month;
  if (volume === null) return [];
  return Array.isArray(volume) ? volume : [volume];
}

function costsUnder(task, settings) {
  const assumptions = assumptionsUnder(task, settings);
  return new Map(task.measured.map((m) => [m.strategy, costsOf(m, assumptions, settings.usd_per_hour)]));
}

// Limits.

const LIMITS = [
  ["max_p95_s", (row) => row.p95_latency_s],
  ["max_first_token_s", (row) => row.first_token_p50_s],
  ["max_usd_per_1k", (row, cost) => usdPer1k(row, cost)],
  ["max_usd_per_month", (_row, cost) => usdPerMonth(cost)],
];

function usdPer1k(row, cost) {
  if (!cost) return row.usd_per_1k_requests;
  return cost.request === null ? null : 1000 * cost.request;
}

function usdPerMonth(cost) {
  if (!cost || !volumesOf(cost.assumptions).length) return null;
  if (cost.eachMonth === null || cost.marginal === null) return null;
  return cost.eachMonth + Math.max(...volumesOf(cost.assumptions)) * cost.marginal;
}

// What breaks a requirement; what was not measured breaks none.
function exclusionsOf(rows, costs, settings) {
  const found = [];
  for (const row of rows) {
    const target = settings.target_quality;
    if (target !== null && row.quality_high !== null && row.quality_high < target)
      found.push({
        strategy: row.strategy,
        requirement: "target_quality",
        value: row.quality,
        limit: target,
      });
    for (const [requirement, figure] of LIMITS) {
      const value = figure(row, costs.get(row.strategy));
      const limit = settings[requirement];
      if (limit !== null && value !== null && value > limit)
        found.push({ strategy: row.strategy, requirement, value, limit });
    }
  }
  return found;
}

// Why these rows can rank nothing, or null.
function obstacleOf(ran) {
  if (!ran.length) return "No strategy was measured.";
  if (ran.every((row) => row.quality === 0)) return "No strategy got anything right.";
  const rates = ran.map((row) => row.n_errors / row.n);
  if (Math.max(...rates) - Math.min(...rates) > MAX_ERROR_GAP) return "Error rates differ too much to rank.";
  return ran.length === 1 ? "Only one strategy was measured, so there is nothing to compare." : null;
}

function judge(task, settings) {
  const assumptions = assumptionsUnder(task, settings);
  const costs = costsUnder(task, settings);
  // Controls are there to be compared with, not to be taken.
  const ran = task.rows.filter((r) => !r.control && r.status === "done" && r.quality !== null && r.n > 0);
  const excluded = exclusionsOf(ran, costs, settings);
  const left = ran.filter((row) => !excluded.some((e) => e.strategy === row.strategy));
  const obstacle = obstacleOf(ran);
  const margin = settings.margin || task.margin;
  const found = { costs, excluded, obstacle, margin, assumptions, field: null, choice: null };
  if (obstacle !== null || !left.length) return { ...found, ...spoken(null, obstacle) };
  const pairs =
    settings.margin === null
      ? pairsOf(task)
      : pairsOf(task).map((p) => judged({ ...p, margin }, p.p_value_adjusted));
  const field = fieldOf(left, pairs, costs, assumptions);
  const choice = choose(field, margin, settings.target_quality);
  return { ...found, field, choice, ...spoken(choice, null) };
}

// The verdict as a recommendation states it.
function spoken(choice, obstacle) {
  if (choice === null)
    return { verdict: obstacle === null ? "none" : "undecided", strategy: null, named: null };
  const named = choice.taken.strategy;
  if (choice.kind === "open") return { verdict: "undecided", strategy: null, named };
  const equal = choice.kind === "enough" && choice.tied.length > 1;
  return { verdict: equal ? "equivalent" : "recommend", strategy: named, named };
}

// At how many requests each strategy is cheaper than the one it is compared with.
function breakEvens(task, settings, costs) {
  const base = costs.get(task.baseline);
  const found = new Map();
  for (const [strategy, own] of costs) {
    if (!base || own === base) continue;
    const band = (task.savings[task.baseline] || {})[strategy];
    const width = savingWidth(band, own, base, settings.usd_per_hour);
    found.set(strategy, breakEven(own, base, width));
  }
  return found;
}
