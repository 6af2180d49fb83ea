// What would change the choice: adaptkit.decision.turning_points, by the page's own rules.

const STEP = 10 ** (1 / 6);
const HALVINGS = 40;

// Each a setting, how a value reads, how far to look, and where to start where it is not stated (null: nowhere).
const TURNING = [
  ["requests_per_month", "{} requests a month", 1, 1e9],
  ["usd_per_hour", "{} USD for an hour of the machine", 1e-4, 1e3],
  ["utilisation", "{} of the paid time used", 0.01, 1],
  ["usd_per_hour_of_labelling", "{} USD for an hour of labelling", 0.01, 1e4],
  ["n_retrain_per_month", "{} retrainings a month", 0.01, 1e3],
  ["max_p95_s", "a limit of {} s", 1e-4, 1e3],
  ["target_quality", "{} required", 0.01, 1],
  ["margin", "a margin of {}", 0.001, 0.5],
  ["usd_per_success", "{} USD gained by a right answer", 1e-6, 1e6],
  ["usd_per_failure", "{} USD lost by a wrong one", 1e-6, 1e6],
];

// Where a setting stands, and from where to look; null where it does not enter.
function standing(name, task, settings) {
  const a = assumptionsUnder(task, settings);
  const measured = task.measured.length > 0;
  const counts = measured && Boolean(volumesOf(a).length || atStake(a));
  const hasMachine = settings.usd_per_hour !== null;
  const now = {
    requests_per_month: volumesOf(a).length ? Math.min(...volumesOf(a)) : null,
    usd_per_hour: hasMachine && counts ? settings.usd_per_hour : null,
    utilisation: hasMachine && counts ? a.utilisation : null,
    usd_per_hour_of_labelling: a.minutes_per_label && counts ? a.usd_per_hour_of_labelling : null,
    n_retrain_per_month: counts ? a.n_retrain_per_month || null : null,
    max_p95_s: settings.max_p95_s,
    target_quality: settings.target_quality,
    margin: settings.margin || task.margin,
    usd_per_success: (measured && a.usd_per_success) || null,
    usd_per_failure: (measured && a.usd_per_failure) || null,
  }[name];
  const unstated = {
    requests_per_month: measured ? 1 : null,
    n_retrain_per_month: counts ? 0.01 : null,
    max_p95_s: 1e3,
  }[name];
  return { now, start: now ?? unstated ?? null };
}

// Values in equal ratios from one end to the other, the end itself the last.
// Ratios lead nowhere from 0: on the way up from below the least, that is the first value.
function grid(start, end, least) {
  const found = [];
  const up = end > start;
  let value = start;
  if (start < least && least < end) {
    value = least;
    found.push(value);
  }
  while (up ? value < end / STEP : value > end * STEP) {
    value = up ? value * STEP : value / STEP;
    found.push(value);
  }
  if (end !== start) found.push(end);
  return found;
}

function halved(unchanged, changed, differs) {
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (unchanged + changed) / 2;
    if (differs(middle)) changed = middle;
    else unchanged = middle;
  }
  return changed;
}

// The first value on the way to an end from which another strategy is taken.
function nearest(start, end, choiceAt, least) {
  const first = choiceAt(start);
  let before = start;
  for (const value of grid(start, end, least)) {
    if (choiceAt(value) !== first) {
      const at = halved(before, value, (v) => choiceAt(v) !== first);
      return { at, strategy: choiceAt(at) };
    }
    before = value;
  }
  return null;
}

function turningPoints(task, settings) {
  const found = [];
  for (const [name, words, low, high] of TURNING) {
    const { now, start } = standing(name, task, settings);
    if (start === null) continue;
    const choiceAt = (value) => judge(task, { ...settings, [name]: value }).named;
    const range = { name, words, now, low: Math.min(low, start), high: Math.max(high, start) };
    const endOf = (above) => (above ? range.high : range.low);
    const turns = [false, true].map((above) => [above, nearest(start, endOf(above), choiceAt, low)]);
    for (const [above, turn] of turns) if (turn) found.push({ ...range, above, ...turn });
    if (now !== null && turns.every(([, turn]) => turn === null))
      found.push({ ...range, above: false, at: null, strategy: null });
  }
  return found;
}
