// The charts that follow the settings: quality against cost and latency, and cost against volume.

const placeOf = (task, strategy) => task.rows.findIndex((row) => row.strategy === strategy);

// Room to both sides of values; a single one gets a decade.
function around(values, log) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) return low === high ? [low / 3, high * 3] : [low / 1.6, high * 1.6];
  return [Math.max(0, low - 0.05), Math.min(1, high + 0.05)];
}

// Quality, better upwards, against a figure that should be low; filled marks are those that nothing beats.
function paretoChart(task, judged, figure, label, width) {
  const ran = task.rows.filter((r) => r.status === "done" && r.quality !== null && figure(r) > 0);
  if (!ran.length) return null;
  const [low, high] = around(ran.map(figure), true);
  const ends = ran.flatMap((r) => [r.quality_low ?? r.quality, r.quality_high ?? r.quality]);
  const [bottom, top] = around(ends, false);
  const front = judged.choice ? judged.choice.front.map((c) => c.strategy) : [];
  const words = ran
    .map((r) => `${r.strategy} ${percentText(r.quality)} at ${significant(figure(r))}`)
    .join("; ");
  const drawn = frame(
    width,
    300,
    {
      right: 20,
      x: { low, high, log: true, label, format: significant },
      y: {
        low: bottom,
        high: top,
        log: false,
        label: task.metric,
        format: (v) => `${Math.round(100 * v)} %`,
      },
    },
    `${task.metric} against ${label}: ${words}`,
  );
  for (const row of ran) intervalOf(drawn, drawn.x(figure(row)), row, placeOf(task, row.strategy));
  for (const row of ran) {
    const place = placeOf(task, row.strategy);
    const [x, y] = [drawn.x(figure(row)), drawn.y(row.quality)];
    if (row.strategy === judged.named)
      drawn.picture.append(shape("circle", { class: "named", cx: x, cy: y, r: 11 }));
    drawn.picture.append(markAt(x, y, place, { filled: front.includes(row.strategy) }));
  }
  labelled(
    drawn,
    ran.map((r) => ({
      text: r.strategy,
      x: drawn.x(figure(r)),
      y: drawn.y(r.quality),
      bold: r.strategy === judged.named,
    })),
  );
  return drawn.picture;
}

function intervalOf(drawn, x, row, place) {
  if (row.quality_low === null || row.quality_high === null) return;
  const ends = { x1: x, x2: x, y1: drawn.y(row.quality_low), y2: drawn.y(row.quality_high) };
  drawn.picture.append(shape("line", { class: `interval s${place % N_SERIES}`, ...ends }));
}

// Names beside their marks, where they cover neither each other nor a mark; one that had to go far is tied to its own.
function labelled(drawn, labels) {
  const marks = labels.map((label) => ({ label, from: label.x - 8, to: label.x + 8, y: label.y }));
  const placed = [];
  for (const label of [...labels].sort((a, b) => a.y - b.y)) {
    const taken = [...placed, ...marks.filter((m) => m.label !== label)];
    const own = placeBeside(drawn, label, taken);
    placed.push(own);
    const end = own.right ? own.from : own.to;
    if (Math.abs(own.y - label.y) > LINE)
      drawn.picture.append(
        shape("line", { class: "leader", x1: label.x, y1: label.y, x2: end - (own.right ? 2 : -2), y2: own.y }),
      );
    const at = { x: end, y: own.y + 4, "text-anchor": own.right ? "start" : "end" };
    drawn.picture.append(shape("text", { class: label.bold ? "name bold" : "name", ...at }, label.text));
  }
}

// The nearer of the two sides, where the text is not cut off; the one with more room where both are as near.
function placeBeside(drawn, label, taken) {
  const width = LETTER * label.text.length;
  const roomy = label.x < (drawn.left + drawn.right) / 2;
  const sides = [roomy, !roomy].map((right) => {
    const from = right ? label.x + 14 : label.x - 14 - width;
    return { right, from, to: from + width, y: freeHeight(taken, from, from + width, label.y, drawn) };
  });
  const whole = sides.filter((s) => s.from >= drawn.left && s.to <= drawn.right + 16);
  const far = (s) => Math.abs(s.y - label.y);
  return (whole.length ? whole : sides.slice(0, 1)).reduce((best, s) => (far(s) < far(best) ? s : best));
}

const LETTER = 7;
const LINE = 14;

// The height nearest to the wanted one at which a text covers no other.
function freeHeight(placed, from, to, wanted, drawn) {
  const free = (y) =>
    placed.every((p) => p.to < from || p.from > to || Math.abs(p.y - y) >= LINE - 0.5) &&
    y >= drawn.top + 6 &&
    y <= drawn.bottom - 4;
  for (let by = 0; by < 12 * LINE; by += 2) for (const y of [wanted - by, wanted + by]) if (free(y)) return y;
  return wanted;
}

// Total cost over the horizon against requests a month, with the break-evens against the baseline.
function totalsChart(task, settings, judged, evens, width) {
  const known = [...judged.costs.values()].filter((c) => totalUsd(c, 1) !== null);
  if (!known.length) return null;
  const volumes = volumesOf(judged.assumptions);
  const turns = [...evens.values()].map((b) => b.requests).filter((v) => v > 0.5 && v < 1e10);
  const [low, high] = volumeRange([...volumes, ...turns]);
  const steps = Array.from({ length: 61 }, (_, i) => low * (high / low) ** (i / 60));
  const lines = known
    .map((cost) => ({
      cost,
      points: steps.map((v) => [v, totalUsd(cost, v)]).filter(([, usd]) => usd > 0),
    }))
    .filter((line) => line.points.length > 1);
  if (!lines.length) return null;
  const amounts = lines.flatMap((l) => l.points.map(([, usd]) => usd));
  const most = Math.max(...amounts);
  const drawn = frame(
    width,
    340,
    {
      right: Math.min(150, 24 + 7.4 * Math.max(...known.map((c) => c.strategy.length))),
      x: { low, high, log: true, label: "requests a month", format: shortCount },
      y: {
        low: Math.max(Math.min(...amounts), most / 1e7),
        high: most * 1.3,
        log: true,
        label: `USD over ${settingText("", settings.horizon_months)} months`,
        format: shortCount,
      },
    },
    totalsLabel(task, judged, evens, settings),
  );
  bandsOf(drawn, evens, low, high);
  for (const volume of volumes) rule(drawn, volume, "assumed");
  for (const line of lines) {
    const points = line.points
      .filter(([, usd]) => usd >= drawn.y.low)
      .map(([v, usd]) => [drawn.x(v), drawn.y(usd)]);
    if (points.length > 1) drawn.picture.append(lineThrough(points, placeOf(task, line.cost.strategy)));
  }
  endLabels(drawn, task, judged, lines);
  return drawn.picture;
}

function volumeRange(values) {
  const low = Math.min(1e2, ...values.map((v) => v / 10));
  const high = Math.max(1e6, ...values.map((v) => v * 10));
  return [Math.max(1, 10 ** Math.floor(Math.log10(low))), Math.min(1e11, 10 ** Math.ceil(Math.log10(high)))];
}

function shortCount(value) {
  if (value >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`;
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  const text = significant(value);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function totalsLabel(task, judged, evens, settings) {
  const turns = [...evens].map(([s, b]) => `${s}: ${breakEvenText(b) || "not known"}`);
  return `Total cost over ${settings.horizon_months} months against requests a month. Cheaper than ${task.baseline}: ${turns.join("; ")}`;
}

function rule(drawn, volume, kind) {
  if (volume < drawn.x.low || volume > drawn.x.high) return;
  const x = drawn.x(volume);
  drawn.picture.append(shape("line", { class: kind, x1: x, x2: x, y1: drawn.top, y2: drawn.bottom }));
}

// From where to where the break-even may lie; without an end, to the edge.
function bandsOf(drawn, evens, low, high) {
  for (const found of evens.values()) {
    if (found.requests === null || found.requests < low || found.requests > high) continue;
    if (found.certain !== null && found.low !== null) {
      const [from, to] = [Math.max(low, found.low), Math.min(high, found.high ?? high)];
      drawn.picture.append(
        shape("rect", {
          class: "band",
          x: drawn.x(from),
          width: Math.max(0, drawn.x(to) - drawn.x(from)),
          y: drawn.top,
          height: drawn.bottom - drawn.top,
        }),
      );
    }
    rule(drawn, found.requests, "even");
  }
}

function endLabels(drawn, task, judged, lines) {
  const labels = lines.map(({ cost, points }) => ({ cost, y: drawn.y(points[points.length - 1][1]) }));
  for (const { cost, y } of spread(labels, 14, drawn.top + 4, drawn.bottom - 4)) {
    drawn.picture.append(markAt(drawn.right + 9, y, placeOf(task, cost.strategy), { radius: 4 }));
    const bold = cost.strategy === judged.named ? "name bold" : "name";
    drawn.picture.append(shape("text", { class: bold, x: drawn.right + 18, y: y + 4 }, cost.strategy));
  }
}

// Quality against labelled examples; what learns from none is a level line.
function curveChart(curves, width) {
  const points = curves.flatMap((c) => c.points).filter((p) => p.quality !== null);
  const sizes = points.map((p) => p.n_labels).filter((n) => n > 0);
  if (!sizes.length) return null;
  const [low, high] = around(sizes, true);
  const [bottom, top] = around(
    points.flatMap((p) => [p.low ?? p.quality, p.high ?? p.quality]),
    false,
  );
  const drawn = frame(
    width,
    320,
    {
      right: Math.min(150, 24 + 7.4 * Math.max(...curves.map((c) => c.strategy.length))),
      x: { low, high, log: true, label: "labelled examples", format: shortCount },
      y: {
        low: bottom,
        high: top,
        log: false,
        label: curves[0].metric,
        format: (v) => `${Math.round(100 * v)} %`,
      },
    },
    `${curves[0].metric} against labelled examples; the figures are in the table below`,
  );
  // Curves are of the same sizes: side by side, each interval can be seen.
  const aside = (place) => DODGE * (place - (curves.length - 1) / 2);
  const labels = curves
    .map((curve, place) => curveLine(drawn, curve, place, aside(place)))
    .filter((l) => l !== null);
  for (const { place, y, text } of spread(labels, 14, drawn.top + 4, drawn.bottom - 4)) {
    drawn.picture.append(markAt(drawn.right + 9, y, place, { radius: 4 }));
    drawn.picture.append(shape("text", { class: "name", x: drawn.right + 18, y: y + 4 }, text));
  }
  return drawn.picture;
}

const DODGE = 5;

function curveLine(drawn, curve, place, aside) {
  const known = curve.points.filter((p) => p.quality !== null);
  if (!known.length) return null;
  const level = known.every((p) => p.n_labels === 0);
  const at = (p) => [drawn.x(p.n_labels || drawn.x.low) + aside, drawn.y(p.quality)];
  const ends = level
    ? [
        [drawn.left, at(known[0])[1]],
        [drawn.right, at(known[0])[1]],
      ]
    : known.filter((p) => p.n_labels > 0).map(at);
  drawn.picture.append(lineThrough(ends, place));
  for (const point of level ? [] : known.filter((p) => p.n_labels > 0)) {
    intervalOf(drawn, drawn.x(point.n_labels) + aside, { quality_low: point.low, quality_high: point.high }, place);
    drawn.picture.append(markAt(...at(point), place));
  }
  return { place, y: ends[ends.length - 1][1], text: curve.strategy };
}
