// Candidates in order, and which of them to take: adaptkit.decision.candidates and choice.

const MIN_ROWS = 20;
const MAX_ROWS_PLANNED = 1000000;
const Z_95 = 1.6448536269514715;
const Z_80 = 0.8416212335729144;

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
    c.row.complexity,
    ...["usd_per_1k_requests", "p50_latency_s", "fit_usd", "tokens_in"].map(
      (name) => c.row[name] ?? Infinity,
    ),
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

const objectives = (c) => [-c.row.quality, c.request, c.row.p95_latency_s, c.row.complexity];

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
  return { kind: "open", taken, tied, front, rowsNeeded: rowsNeeded(blockers, margin, Math.min(...candidates.map((c) => c.row.n))) };
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
  return {
    kind: "open",
    taken,
    tied: looks.length ? looks : [likeliest],
    rowsNeeded: rowsToReach(taken, target),
  };
}

// Rows that decide the hardest of them, more than those that did not; null for out of reach.
function rowsNeeded(blockers, margin, n) {
  const needed = blockers.map((b) => rowsFor(b, margin));
  if (needed.some((n) => n === null || n > MAX_ROWS_PLANNED)) return null;
  return Math.max(MIN_ROWS, n + 1, ...needed);
}

function rowsFor({ pair, otherIsCheaper }, margin) {
  if (pair === null || pair.lower_bounds.length || pair.delta === null || pair.delta_low === null || pair.delta_high === null)
    return null;
  const lead = otherIsCheaper ? -pair.delta : pair.delta;
  const half = (pair.delta_high - pair.delta_low) / 2;
  const [low, high] = [lead - half, lead + half];
  const ways = [
    rowsForDifference(pair.n, lead, low, high, levelOf(pair)),
    rowsForEquivalence(pair.n, lead, low, high, margin),
  ];
  const known = ways.filter((n) => n !== null);
  return known.length ? Math.max(pair.n + 1, Math.min(...known)) : null;
}

// The level that the pair's own p-value has to reach for the corrected one to reach alpha.
function levelOf({ p_value: p, p_value_adjusted: corrected }) {
  return p && corrected && p < corrected ? (ALPHA * p) / corrected : ALPHA;
}

function rowsForDifference(n, delta, low, high, alpha) {
  const z = alpha === ALPHA ? Z_975 : normalQuantile(1 - alpha / 2);
  const detectable = ((z + Z_80) * (high - low)) / (2 * Z_975);
  return delta === 0 ? null : Math.ceil(n * (detectable / delta) ** 2);
}

function rowsForEquivalence(n, delta, low, high, margin) {
  const error = (high - low) / (2 * Z_975);
  return delta <= -margin ? null : Math.ceil(n * (((Z_95 + Z_80) * error) / (margin + delta)) ** 2);
}

function rowsToReach({ row }, target) {
  if (row.quality_low === null || row.quality_high === null || row.quality === target) return null;
  const gap = row.quality - target;
  const half = gap > 0 ? row.quality - row.quality_low : row.quality_high - row.quality;
  const needed = Math.ceil(row.n * (half / gap) ** 2);
  return needed <= MAX_ROWS_PLANNED ? Math.max(MIN_ROWS, row.n + 1, needed) : null;
}
