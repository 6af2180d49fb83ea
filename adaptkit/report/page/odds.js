// How sure a choice is under settings that the run did not have: adaptkit.decision.recommend draws rows again,
// and the page carries part of those draws.

const MISSING_DRAW = -32768;

// Resampled differences of each strategy, in units of `step`: one list of draws by name.
function drawsOf(task) {
  const { names, values } = task.draws;
  const bytes = Uint8Array.from(atob(values), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const n = bytes.length / 2 / names.length;
  const found = new Map(names.map((name) => [name, new Int16Array(n)]));
  names.forEach((name, k) => {
    const own = found.get(name);
    for (let i = 0; i < n; i++) own[i] = view.getInt16(2 * (i * names.length + k), true);
  });
  return found;
}

// Standard error of what a request costs on average, USD.
function requestErrorUsd(spread, assumptions, usdPerHour) {
  if (!spread) return 0;
  const price = (usdPerHour || 0) / 3600 / assumptions.utilisation;
  const variance = spread.billed + 2 * price * spread.both + price * price * spread.machine;
  return Math.sqrt(Math.max(0, variance) / spread.n);
}

// Standard normal numbers, the same at every call (G. Box and M. Muller, 1958; mulberry32 underneath).
function normals(n, seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return Float64Array.from(
    { length: n },
    () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

// In how many draws the named strategy is within the margin of the best candidate, and in how many the best
// (ties are split); null where nothing was drawn of it.
function oddsOf(task, settings, judged) {
  if (!task.draws || judged.field === null || judged.named === null) return null;
  const columns = candidateDraws(task, settings, judged);
  const own = columns.get(judged.named);
  if (!own) return null;
  // Whole units: what rounding parts by one was a tie.
  const tie = 1.01 * task.draws.step;
  let [near, best, n] = [0, 0, 0];
  for (let i = 0; i < own.length; i++) {
    const all = [...columns.values()].map((column) => column[i]).filter((value) => !Number.isNaN(value));
    if (!all.length) continue;
    n += 1;
    const highest = Math.max(...all);
    if (own[i] >= highest - judged.margin - tie) near += 1;
    if (own[i] >= highest - tie) best += 1 / all.filter((value) => value >= highest - tie).length;
  }
  return n ? { near: near / n, best: best / n } : null;
}

// Draws of the candidates, each less what a request costs in points; NaN where a draw says nothing of one.
function candidateDraws(task, settings, judged) {
  const drawn = drawsOf(task);
  const found = new Map();
  const names = [...drawn.keys()];
  for (const c of judged.field.candidates) {
    const own = drawn.get(c.strategy);
    if (!own || own.every((value) => value === MISSING_DRAW)) continue;
    const luck = costLuck(task, settings, judged, c, own.length, names.indexOf(c.strategy));
    found.set(
      c.strategy,
      Float64Array.from(own, (value, i) =>
        value === MISSING_DRAW ? NaN : value * task.draws.step - c.offset - (luck ? luck[i] : 0),
      ),
    );
  }
  return found;
}

// How far the mean cost of a request may be off, in points; null where cost is not weighed.
function costLuck(task, settings, judged, candidate, n, seed) {
  const measured = task.measured.find((m) => m.strategy === candidate.strategy);
  const cost = judged.costs.get(candidate.strategy);
  if (judged.field.atStake === null || !measured || !cost) return null;
  const error = requestErrorUsd(measured.spread, cost.assumptions, settings.usd_per_hour);
  return normals(n, seed + 1).map((z) => (z * error) / judged.field.atStake);
}
