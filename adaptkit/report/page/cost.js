// What a strategy costs under some assumptions: adaptkit.costs.cost, from what the page carries of a run.
// Unknown is null, never 0.

// The assumptions that hold for one strategy.
function assumptionsOf(assumptions, strategy) {
  return { ...assumptions, ...((assumptions.by_strategy || {})[strategy] || {}) };
}

// All of it, or null where a part is unknown.
function total(parts) {
  return parts.some((usd) => usd === null) ? null : exactSum(parts);
}

// Seconds of the own machine and what others billed.
function spentUsd(spent, usdPerHour) {
  if (spent.seconds === null || spent.billed_usd === null) return null;
  if (usdPerHour === null && spent.seconds > 0) return null;
  return spent.billed_usd + (usdPerHour === null ? 0 : (spent.seconds / 3600) * usdPerHour);
}

function labelsUsd(nUsed, a) {
  const n = a.n_labels === null || nUsed === 0 ? nUsed : a.n_labels;
  if (n === 0) return 0;
  if (n === null || a.minutes_per_label === null || a.usd_per_hour_of_labelling === null) return null;
  return ((n * a.minutes_per_label) / 60) * a.usd_per_hour_of_labelling;
}

// What never happens costs nothing, also where its price is unknown.
function times(usd, factor) {
  if (factor === 0) return 0;
  return usd === null ? null : factor * usd;
}

function paidByMonth(m, a) {
  return m.uses_machine && a.machine_hours_per_month > 0;
}

function hostingUsd(m, a, usdPerHour) {
  if (!paidByMonth(m, a)) return a.hosting_usd_per_month;
  if (usdPerHour === null) return null;
  return a.hosting_usd_per_month + ((a.machine_hours_per_month * 3600) / 3600) * usdPerHour;
}

// Seconds of the machine that one request takes: of batched runs where there were some.
function machineSeconds(m) {
  return m.rows_per_s ? 1 / m.rows_per_s : m.alone_s;
}

function machineUsd(m, a, usdPerHour) {
  const seconds = machineSeconds(m);
  if (seconds === null || usdPerHour === null) return null;
  return ((seconds / 3600) * usdPerHour) / a.utilisation;
}

// One request with an own machine paid by the hour.
function requestUsd(m, a, usdPerHour) {
  const parts = m.billed ? [m.bill_usd] : [];
  if (m.uses_machine) parts.push(machineUsd(m, a, usdPerHour));
  return parts.length ? total(parts) : null;
}

// What one more request adds: no time of a machine that is kept on, and paid by the month.
function marginalUsd(m, a, usdPerHour) {
  if (paidByMonth(m, a)) return total(m.billed ? [m.bill_usd] : []);
  return requestUsd(m, a, usdPerHour);
}

// Requests a month that the hours of the machine suffice for; null for no bound.
function capacityOf(m, a) {
  const seconds = machineSeconds(m);
  return paidByMonth(m, a) && seconds ? (a.machine_hours_per_month * 3600) / seconds : null;
}

function costsOf(m, assumptions, usdPerHour) {
  const a = assumptionsOf(assumptions, m.strategy);
  const spent = (name) => spentUsd(m[name], usdPerHour);
  const fixed = {
    labels: labelsUsd(m.n_labels, a),
    tuning: spent("tuning"),
    failed: spent("failed"),
    training: spent("training"),
    index: spent("index"),
    evaluation: spent("evaluation"),
  };
  const monthly = {
    hosting: hostingUsd(m, a, usdPerHour),
    retraining: times(fixed.training, a.n_retrain_per_month),
    reindexing: times(fixed.index, a.n_reindex_per_month * a.changed_share),
    maintenance: a.maintenance_usd_per_month,
  };
  return {
    strategy: m.strategy,
    quality: m.quality,
    assumptions: a,
    fixed,
    monthly,
    once: total(Object.values(fixed)),
    eachMonth: total(Object.values(monthly)),
    request: requestUsd(m, a, usdPerHour),
    marginal: marginalUsd(m, a, usdPerHour),
    exact: paidByMonth(m, a) && !m.billed,
    capacity: capacityOf(m, a),
  };
}

// Over the horizon at so many requests a month.
function totalUsd(costs, volume) {
  const months = costs.assumptions.horizon_months;
  const known = [costs.once, costs.eachMonth, costs.marginal].every((usd) => usd !== null);
  if (!known || volume === null || months === null) return null;
  if (costs.capacity !== null && volume > costs.capacity) return null;
  return costs.once + months * (costs.eachMonth + volume * costs.marginal);
}

// One right answer: wrong ones are paid for too.
function usdPerCorrect(costs) {
  return costs.request === null || !costs.quality ? null : costs.request / costs.quality;
}

// What a request brings on average, its cost taken off.
function utilityUsd(costs) {
  const { usd_per_success: success, usd_per_failure: failure } = costs.assumptions;
  const q = costs.quality;
  if (q === null || costs.request === null || success === null || failure === null) return null;
  return q * success - (1 - q) * failure - costs.request;
}

function breakEvenKind(advance, saving) {
  if (advance > 0) return saving > 0 ? "from" : "never";
  if (advance < 0) return saving < 0 ? "up to" : "always";
  return saving > 0 ? "always" : "never";
}

function breakEvenVolume(advance, saving) {
  return ["from", "up to"].includes(breakEvenKind(advance, saving)) ? quotient(advance, saving) : null;
}

// At how many requests s is cheaper than t: a month over the horizon, or in all without one. `width` says how
// far the saving of a request may lie below and above its mean, USD; null for no interval.
function breakEven(s, t, width) {
  const known = [s, t].every((c) => [c.once, c.eachMonth, c.marginal].every((usd) => usd !== null));
  if (!known) return { kind: "unknown", requests: null, low: null, high: null, certain: null, monthly: true };
  const months = s.assumptions.horizon_months;
  const once = difference(s.once, t.once);
  const eachMonth = difference(s.eachMonth, t.eachMonth);
  if (months === null && eachMonth)
    return { kind: "unknown", requests: null, low: null, high: null, certain: null, monthly: true };
  const advance = months === null ? once : difference(once / months, -eachMonth);
  const saving = difference(t.marginal, s.marginal);
  const found = {
    kind: breakEvenKind(advance, saving),
    requests: breakEvenVolume(advance, saving),
    low: null,
    high: null,
    certain: null,
    monthly: months !== null,
  };
  return width === null ? found : { ...found, ...bounds(advance, saving + width.low, saving + width.high) };
}

// A larger saving pays an advance sooner; where requests cost more, it puts off the end.
function bounds(advance, low, high) {
  const [first, last] = advance > 0 ? [high, low] : [low, high];
  return {
    low: breakEvenVolume(advance, first),
    high: breakEvenVolume(advance, last),
    certain: breakEvenKind(advance, low) === breakEvenKind(advance, high),
  };
}

// The interval of a saving in USD: drawn once in seconds of the machine (or as billed), it grows with the price.
function savingWidth(band, s, t, usdPerHour) {
  if (!band || (s.exact && t.exact)) return null;
  if (band.unit === "billed") return { low: band.low, high: band.high };
  const used = s.assumptions.utilisation;
  if (usdPerHour === null || used !== t.assumptions.utilisation || s.exact || t.exact) return null;
  const usdPerSecond = usdPerHour / 3600 / used;
  return { low: band.low * usdPerSecond, high: band.high * usdPerSecond };
}
