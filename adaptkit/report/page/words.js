// Figures and sentences as a reader sees them. Unknown is blank.

const SHARES = ["utilisation", "target_quality", "margin"];
const MINUS = "\u2212";

// Rounded as the number is, not as its shortest decimals are: 1.005 lies below the half cent.
function withCommas(value, digits) {
  return value.toFixed(digits).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
}

// Two significant digits, without an exponent.
function significant(value) {
  if (value === 0) return "0";
  const exponent = Number(value.toExponential(1).split("e")[1]);
  return value.toFixed(Math.min(20, Math.max(0, 1 - exponent)));
}

// To the cent from a dollar on, below it two digits.
function usdText(value) {
  if (value === null || value === undefined) return "";
  const sign = value < 0 ? MINUS : "";
  const amount = Math.abs(value);
  return sign + (amount >= 1 ? withCommas(amount, 2) : significant(amount));
}

function percentText(share, digits = 1) {
  return share === null ? "" : `${(100 * share).toFixed(digits)} %`;
}

function countText(value) {
  if (value === null) return "";
  return value >= 10 ? withCommas(Math.round(value), 0) : String(Number(value.toPrecision(2)));
}

function secondsText(value) {
  return value === null ? "" : significant(value);
}

// A value of a setting, as the library writes it in sentences.
function settingText(name, value) {
  if (Array.isArray(value)) return value.map((v) => settingText(name, v)).join(" to ");
  if (SHARES.includes(name)) return `${Number((100 * value).toPrecision(3))} %`;
  return Math.abs(value) >= 1000 ? withCommas(Math.round(value), 0) : String(Number(value.toPrecision(3)));
}

function listing(names) {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

// Where the choice turns, in a sentence.
function turnText(point) {
  const put = (value) => point.words.replace("{}", settingText(point.name, value));
  if (point.at === null) {
    const range = `${settingText(point.name, point.low)} to ${settingText(point.name, point.high)}`;
    return `No change within ${point.words.replace("{}", range)}.`;
  }
  const now = point.now === null ? "not stated now" : `now ${settingText(point.name, point.now)}`;
  const named = point.strategy === null ? "no strategy meets the requirements" : `${point.strategy} is named`;
  return `${point.above ? "From" : "Up to"} ${put(point.at)} (${now}): ${named}.`;
}

// Against the baseline, in a sentence.
function evenText(strategy, found, baseline) {
  const turns = found.kind === "from" || found.kind === "up to";
  const words = breakEvenText(found);
  return turns
    ? `${strategy} costs less than ${baseline} ${words}.`
    : `${strategy} costs less than ${baseline}: ${words}.`;
}

// What keeps totals blank: parts whose price or number is not known, with the strategies that have them.
function unknownText(costs) {
  const missing = new Map();
  for (const cost of costs.values())
    for (const [part, usd] of Object.entries({ ...cost.fixed, ...cost.monthly, request: cost.request }))
      if (usd === null) missing.set(part, [...(missing.get(part) || []), cost.strategy]);
  const said = [...missing].map(([part, names]) => `${part} (${listing(names)})`);
  return said.length ? ` Not known: ${listing(said)}.` : "";
}

function breakEvenText(found) {
  const unit = found.monthly ? "requests a month" : "requests";
  if (found.kind === "unknown") return "";
  const uncertain = found.certain === false;
  if (found.kind === "always" || found.kind === "never") {
    if (!uncertain) return found.kind;
    if (found.low === null)
      return `${found.kind} by these rows, perhaps ${found.kind === "always" ? "never" : "always"}`;
    const other = found.kind === "never" ? "from" : "only up to";
    return `${found.kind} by these rows, perhaps ${other} ${countText(found.low)} ${unit}`;
  }
  let range = "";
  if (found.certain) range = ` (${countText(found.low)} to ${countText(found.high)})`;
  if (uncertain)
    range = ` (${countText(found.low)} or more, perhaps ${found.kind === "from" ? "never" : "always"})`;
  return `${found.kind} ${countText(found.requests)} ${unit}${range}`;
}

const LIMIT_TEXT = {
  target_quality: (e) => `quality surely below ${percentText(e.limit, 0)}`,
  max_p95_s: (e) => `95 % within ${secondsText(e.value)} s, limit ${settingText("", e.limit)} s`,
  max_first_token_s: (e) => `first token after ${secondsText(e.value)} s`,
  max_usd_per_1k: (e) => `${usdText(e.value)} USD for 1,000 requests, limit ${usdText(e.limit)}`,
  max_usd_per_month: (e) => `${usdText(e.value)} USD a month, limit ${usdText(e.limit)}`,
};

function exclusionText(exclusion) {
  return LIMIT_TEXT[exclusion.requirement](exclusion);
}

// The choice, and what it rests on.
function choiceText(judged, settings) {
  if (judged.obstacle !== null) return `Undecided. ${judged.obstacle}`;
  if (judged.choice === null) return "No strategy meets these requirements.";
  const { kind, tied, rowsNeeded } = judged.choice;
  const others = tied.map((c) => c.strategy).filter((s) => s !== judged.named);
  const points = Number((100 * judged.margin).toPrecision(3));
  if (kind === "target")
    return `Take ${judged.named}: the cheapest that surely reaches ${settingText("target_quality", settings.target_quality)}.`;
  if (kind === "open") {
    const rows =
      rowsNeeded === null
        ? ""
        : ` About ${withCommas(rowsNeeded, 0)} rows would, were the figures as they look.`;
    return `Undecided, for now ${judged.named}: these rows do not decide.${rows}`;
  }
  if (judged.field.candidates.length === 1)
    return `Take ${judged.named}: the only one that breaks no requirement.`;
  if (kind === "alone") return `Take ${judged.named}: shown to be better than every other.`;
  const good = others.length ? ` As good by these rows: ${listing(others)}.` : "";
  return `Take ${judged.named}: every cheaper one is shown to be worse, and none dearer more than ${points} points better.${good}`;
}

// What the named strategy costs under the settings.
function costText(judged, settings) {
  const cost = judged.costs.get(judged.named);
  if (!cost || cost.request === null) return "";
  const parts = [`1,000 requests cost ${usdText(1000 * cost.request)} USD`];
  const volumes = volumesOf(judged.assumptions);
  const whole = volumes.length ? totalUsd(cost, Math.min(...volumes)) : null;
  if (whole !== null)
    parts.push(`in all ${usdText(whole)} USD over ${settingText("", settings.horizon_months)} months`);
  return ` ${judged.named}: ${parts.join(", ")}.`;
}
