// Differences of two strategies, and what they allow to be said: adaptkit.stats and decision.candidates.

const ALPHA = 0.05;
const Z_975 = 1.9599639845400536;

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
  return bounded({
    ...own,
    verdict: verdictOf(own),
    non_inferior: known ? own.equivalence_low > -own.margin : null,
  });
}

// No rival is called better than one that a budget cut short, or as good.
function bounded(pair) {
  if (!pair.lower_bounds.length) return pair;
  const allowed = { better: pair.baseline, worse: pair.strategy }[pair.verdict];
  const kept = allowed !== undefined && !pair.lower_bounds.includes(allowed);
  return {
    ...pair,
    verdict: kept ? pair.verdict : "undecided",
    non_inferior: pair.lower_bounds.includes(pair.baseline) ? null : pair.non_inferior,
  };
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
  return bounded({
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
  });
}

const unpacked = new WeakMap();

// Pairs as the page carries them: adaptkit.report.what_if packs them.
function pairsOf(task) {
  if (!unpacked.has(task.pairs)) unpacked.set(task.pairs, unpackedPairs(task.pairs));
  return unpacked.get(task.pairs);
}

function unpackedPairs({ names, fields, verdicts, numbers, codes }) {
  const [values, coded] = [numbers, codes].map(
    (text) => new DataView(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer),
  );
  return Array.from({ length: coded.byteLength / 10 }, (_, i) => {
    const [a, b, verdict, flag, short] = [0, 1, 2, 3, 4].map((k) => coded.getUint16(10 * i + 2 * k, true));
    const found = { strategy: names[a], baseline: names[b], verdict: verdicts[verdict] };
    found.lower_bounds = [names[a], names[b]].filter((_, k) => short & (1 << k));
    fields.forEach((name, k) => {
      const value = values.getFloat64(8 * (i * fields.length + k), true);
      found[name] = Number.isNaN(value) ? null : value;
    });
    return { ...found, non_inferior: flag === 2 ? null : flag === 1 };
  });
}

function differencesOf(pairs) {
  const known = new Map(pairs.map((p) => [JSON.stringify([p.strategy, p.baseline]), p]));
  return (strategy, other) => {
    const turnedRound = known.get(JSON.stringify([other, strategy]));
    return known.get(JSON.stringify([strategy, other])) || (turnedRound ? turned(turnedRound) : null);
  };
}
