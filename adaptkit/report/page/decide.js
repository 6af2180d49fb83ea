// Which strategy to take: adaptkit.decision, from what the page carries of a run.
// `task` is the page's data of one task; `settings` what a reader may change, null where it is not stated.

const ALPHA = 0.05;
const MIN_ROWS = 20;
const MAX_ERROR_GAP = 0.05;
const MAX_ROWS_PLANNED = 1000000;
const Z_975 = 1.9599639845400536;
const Z_95 = 1.6448536269514715;
const Z_80 = 0.8416212335729144;

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
  "requests_per_month", "horizon_months", "utilisation", "minutes_per_label", "usd_per_hour_of_labelling",
  "n_retrain_per_month", "usd_per_success", "usd_per_failure",
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
      found.push({ strategy: row.strategy, requirement: "target_quality", value: row.quality, limit: target });
    for (const [requirement, figure] of LIMITS) {
      const value = figure(row, costs.get(row.strategy));
      const limit = settings[requirement];
      if (limit !== null && value !== null && value > limit)
        found.push({ strategy: row.strategy, requirement, value, limit });
    }
  }
  return found;
}

// Pairs.

function verdictOf(pair) {
  if (pair.delta_low === null || pair.delta_high === null) return "undecided";
  if (pair.margin !== null && isInside(pair)) return "equivalent";
  if (pair.p_value_adjusted === null || pair.p_value_adjusted >= ALPHA) return "undecided";
  if (pair.delta_low > 0) return "better";
  return pair.delta_high < 0 ? "worse" : "undecided";
}

function isInside(pair) {
  const { equivalence_low: low, equivalence_high: high, margin } = pair;
  return low !== null && high !== null && -margin <= low && high <= margin;
}

function judged(pair, pAdjusted) {
  const own = { ...pair, p_value_adjusted: pAdjusted };
  const known = own.margin !== null && own.equivalence_low !== null;
  return { ...own, verdict: verdictOf(own), non_inferior: known ? own.equivalence_low > -own.margin : null };
}

// The chance of any false alarm among them stays below alpha (S. Holm, 1979).
function holm(pValues) {
  const known = pValues.map((p, i) => [p, i]).filter(([p]) => p !== null);
  known.sort(([p, i], [q, j]) => p - q || i - j);
  const adjusted = pValues.map(() => null);
  let highest = 0;
  known.forEach(([p, i], rank) => {
    highest = Math.max(highest, Math.min(1, (known.length - rank) * p));
    adjusted[i] = highest;
  });
  return adjusted;
}

const less = (value, by) => (value === null ? null : value - by);

// A difference less what the two cost; its p-value is then a z test with the width of its interval.
function moved(pair, by) {
  if (pair.delta === null || pair.delta_low === null || pair.delta_high === null) return pair;
  const delta = pair.delta - by;
  const width = (pair.delta_high - pair.delta_low) / (2 * Z_975);
  return {
    ...pair,
    delta,
    delta_low: pair.delta_low - by,
    delta_high: pair.delta_high - by,
    p_value: width > 0 ? 2 * normalBelow(-Math.abs(delta) / width) : Number(delta === 0),
    equivalence_low: less(pair.equivalence_low, by),
    equivalence_high: less(pair.equivalence_high, by),
  };
}

// Pairs of the candidates, each less the difference of their offsets; corrected anew.
function shifted(pairs, offsets) {
  const own = pairs.filter((p) => offsets.has(p.strategy) && offsets.has(p.baseline));
  const shifts = own.map((p) => offsets.get(p.strategy) - offsets.get(p.baseline));
  if (!shifts.some((by) => by)) return own;
  const all = own.map((p, i) => moved(p, shifts[i]));
  const adjusted = holm(all.map((p) => p.p_value));
  return all.map((p, i) => judged(p, adjusted[i]));
}

const negated = (value) => (value === null ? null : -value);

// The same pair seen from the other strategy.
function turned(pair) {
  const known = pair.margin !== null && pair.equivalence_high !== null;
  return {
    ...pair,
    strategy: pair.baseline,
    baseline: pair.strategy,
    delta: negated(pair.delta),
    delta_low: negated(pair.delta_high),
    delta_high: negated(pair.delta_low),
    verdict: { better: "worse", worse: "better" }[pair.verdict] || pair.verdict,
    equivalence_low: negated(pair.equivalence_high),
    equivalence_high: negated(pair.equivalence_low),
    non_inferior: known ? pair.equivalence_high < pair.margin : null,
  };
}

function differencesOf(pairs) {
  const known = new Map(pairs.map((p) => [JSON.stringify([p.strategy, p.baseline]), p]));
  return (strategy, other) => {
    const turnedRound = known.get(JSON.stringify([other, strategy]));
    return known.get(JSON.stringify([strategy, other])) || (turnedRound ? turned(turnedRound) : null);
  };
}

// Candidates.

// What a right answer is worth over a wrong one; one that is not stated is taken for 0 where the other is.
function atStake(a) {
  return (a.usd_per_success || 0) + (a.usd_per_failure || 0) || null;
}

function candidateOf(row, cost, volume) {
  const plain = { row, strategy: row.strategy, total: null, offset: 0 };
  if (!cost) {
    const usd = row.usd_per_1k_requests;
    return { ...plain, request: usd === null ? null : usd / 1000 };
  }
  const total = totalUsd(cost, volume);
  if (total === null) return { ...plain, request: cost.request };
  return { ...plain, request: total / (volume * cost.assumptions.horizon_months), total };
}

// Cheap and reversible first; an unknown cost comes after known ones.
function inOrder(a, b, byTotal) {
  const keys = [a, b].map((c) => [
    byTotal ? c.total : 0,
    c.row.effort,
    ...["usd_per_1k_requests", "p50_latency_s", "fit_usd", "tokens_in"].map((name) => c.row[name] ?? Infinity),
    c.strategy,
  ]);
  const at = keys[0].findIndex((value, i) => value !== keys[1][i]);
  return at < 0 ? 0 : keys[0][at] < keys[1][at] ? -1 : 1;
}

function fieldOf(rows, pairs, costs, assumptions) {
  const volume = volumesOf(assumptions).length ? Math.min(...volumesOf(assumptions)) : null;
  let found = rows.map((row) => candidateOf(row, costs.get(row.strategy), volume));
  let stake = atStake(assumptions);
  if (stake !== null && found.some((c) => c.request === null)) stake = null;
  if (stake !== null) found = found.map((c) => ({ ...c, offset: c.request / stake }));
  found = found.map((c) => ({ ...c, score: c.row.quality - c.offset }));
  const byTotal = stake === null && volume !== null && found.every((c) => c.total !== null);
  const candidates = [...found].sort((a, b) => inOrder(a, b, byTotal));
  return {
    candidates,
    difference: differencesOf(shifted(pairs, new Map(found.map((c) => [c.strategy, c.offset])))),
    atStake: stake,
    byTotal,
    best: largest(candidates, (c) => c.score),
  };
}

// Choice.

const objectives = (c) => [-c.row.quality, c.request, c.row.p95_latency_s, c.row.effort];

function dominates(a, b) {
  const known = a.map((x, i) => [x, b[i]]).filter(([x, y]) => x !== null || y !== null);
  if (known.some(([x, y]) => x === null || y === null)) return false;
  return known.every(([x, y]) => x <= y) && known.some(([x, y]) => x < y);
}

// Candidates that no other beats in quality, price, time and effort at once.
function frontOf(candidates) {
  const points = candidates.map(objectives);
  return candidates.filter((_, i) => !points.some((p, k) => k !== i && dominates(p, points[i])));
}

const isBetter = (pair) => pair !== null && pair.verdict === "better";
const isAsGood = (pair) =>
  pair !== null && (isBetter(pair) || pair.verdict === "equivalent" || pair.non_inferior === true);

// What keeps the candidate at a place from being taken.
function blockersOf(field, place) {
  const own = field.candidates[place];
  const found = [];
  field.candidates.forEach((other, n) => {
    const pair = n === place ? null : field.difference(own.strategy, other.strategy);
    if (n !== place && !(n < place ? isBetter(pair) : isAsGood(pair)))
      found.push({ pair, otherIsCheaper: n < place });
  });
  return found;
}

function choose(field, margin, target) {
  const { candidates, best } = field;
  const front = frontOf(candidates);
  if (target !== null) return { ...chooseForTarget(field, target), front };
  const tied = candidates.filter((c) => c === best || !isBetter(field.difference(best.strategy, c.strategy)));
  const enoughRows = Math.min(...candidates.map((c) => c.row.n)) >= MIN_ROWS;
  const place = candidates.findIndex((_, i) => enoughRows && !blockersOf(field, i).length);
  if (place >= 0) {
    const taken = candidates[place];
    const others = candidates.filter((c) => c !== taken);
    const alone = others.every((o) => isBetter(field.difference(taken.strategy, o.strategy)));
    return { kind: alone ? "alone" : "enough", taken, tied, front, rowsNeeded: null };
  }
  const taken = forNow(field, margin, front);
  const blockers = blockersOf(field, candidates.indexOf(taken));
  return { kind: "open", taken, tied, front, rowsNeeded: rowsNeeded(blockers, margin) };
}

// The best one where cost stands in the score already, else the cheapest that looks as good.
function forNow(field, margin, front) {
  if (field.atStake !== null) return field.best;
  const near = field.candidates.filter((c) => c.score >= field.best.score - margin);
  return near.find((c) => front.includes(c)) || field.best;
}

// The cheapest that surely reaches the target; for now, the one that looks likeliest to.
function chooseForTarget(field, target) {
  const reaches = (c) => c.row.n >= MIN_ROWS && c.row.quality_low !== null && c.row.quality_low >= target;
  const sure = field.candidates.filter(reaches);
  if (sure.length) return { kind: "target", taken: sure[0], tied: sure, rowsNeeded: null };
  const likeliest = largest(field.candidates, (c) => c.row.quality);
  const looks = field.candidates.filter((c) => c.row.quality >= target);
  const taken = looks[0] || likeliest;
  return { kind: "open", taken, tied: looks.length ? looks : [likeliest], rowsNeeded: rowsToReach(taken, target) };
}

// Rows that decide the hardest of them, were the figures as they look; null for out of reach.
function rowsNeeded(blockers, margin) {
  const needed = blockers.map((b) => rowsFor(b, margin));
  if (needed.some((n) => n === null || n > MAX_ROWS_PLANNED)) return null;
  return Math.max(MIN_ROWS, ...needed);
}

function rowsFor({ pair, otherIsCheaper }, margin) {
  if (pair === null || pair.delta === null || pair.delta_low === null || pair.delta_high === null) return null;
  const lead = otherIsCheaper ? -pair.delta : pair.delta;
  const half = (pair.delta_high - pair.delta_low) / 2;
  const [low, high] = [lead - half, lead + half];
  const ways = [rowsForDifference(pair.n, lead, low, high), rowsForEquivalence(pair.n, lead, low, high, margin)];
  const known = ways.filter((n) => n !== null);
  return known.length ? Math.max(pair.n, Math.min(...known)) : null;
}

function rowsForDifference(n, delta, low, high) {
  const detectable = ((Z_975 + Z_80) * (high - low)) / (2 * Z_975);
  return delta === 0 ? null : Math.ceil(n * (detectable / delta) ** 2);
}

function rowsForEquivalence(n, delta, low, high, margin) {
  const error = (high - low) / (2 * Z_975);
  return delta <= -margin ? null : Math.ceil(n * (((Z_95 + Z_80) * error) / (margin + delta)) ** 2);
}

function rowsToReach({ row }, target) {
  if (row.quality_low === null || row.quality_high === null || row.quality === target) return null;
  const half = (row.quality_high - row.quality_low) / 2;
  const needed = Math.ceil(row.n * (half / Math.abs(row.quality - target)) ** 2);
  return needed <= MAX_ROWS_PLANNED ? Math.max(MIN_ROWS, needed) : null;
}

// Judgement.

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
    settings.margin === null ? task.pairs : task.pairs.map((p) => judged({ ...p, margin }, p.p_value_adjusted));
  const field = fieldOf(left, pairs, costs, assumptions);
  const choice = choose(field, margin, settings.target_quality);
  return { ...found, field, choice, ...spoken(choice, null) };
}

// The verdict as a recommendation states it.
function spoken(choice, obstacle) {
  if (choice === null) return { verdict: obstacle === null ? "none" : "undecided", strategy: null, named: null };
  const named = choice.taken.strategy;
  if (choice.kind === "open") return { verdict: "undecided", strategy: null, named };
  const equal = choice.kind === "enough" && choice.tied.length > 1;
  return { verdict: equal ? "equivalent" : "recommend", strategy: named, named };
}

// At how many requests each strategy is cheaper than the baseline.
function breakEvens(task, settings, costs) {
  const base = costs.get(task.baseline);
  const found = new Map();
  for (const [strategy, own] of costs) {
    if (!base || own === base) continue;
    const width = savingWidth(task.savings[strategy], own, base, settings.usd_per_hour);
    found.set(strategy, breakEven(own, base, width));
  }
  return found;
}
