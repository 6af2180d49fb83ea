// Elements, axes and marks: what the charts are drawn with. Texts are set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function shape(tag, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

// From values to pixels; `log` for ratios.
function scaleOf(low, high, from, to, log) {
  const at = log ? Math.log10 : (v) => v;
  const span = at(high) - at(low) || 1;
  const scale = (value) => from + ((at(value) - at(low)) / span) * (to - from);
  return Object.assign(scale, { low, high, log });
}

function ticksOf(scale, most) {
  return scale.log ? powersOf(scale, most) : stepsOf(scale, most);
}

function powersOf({ low, high }, most) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const found = [];
  for (let power = first; power <= last; power += step) found.push(Number(`1e${power}`));
  if (found.length > 1) return found;
  return [1, 2, 5]
    .flatMap((m) => [m * 10 ** (first - 1), m * 10 ** first])
    .filter((v) => v >= low && v <= high)
    .sort((a, b) => a - b);
}

function stepsOf({ low, high }, most) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step)
    found.push(Number(value.toPrecision(12)));
  return found;
}

// A picture with both axes; returns it with its scales. `spec.x` and `.y`: low, high, log, label, format.
function frame(width, height, spec, label) {
  const left = 58,
    right = spec.right || 16,
    top = 14,
    bottom = 46;
  const picture = shape("svg", {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": label,
    class: "drawn",
  });
  const x = scaleOf(spec.x.low, spec.x.high, left, width - right, spec.x.log);
  const y = scaleOf(spec.y.low, spec.y.high, height - bottom, top, spec.y.log);
  for (const value of ticksOf(x, Math.max(2, Math.floor((width - left - right) / 80)))) {
    picture.append(
      shape("line", { class: "grid", x1: x(value), x2: x(value), y1: top, y2: height - bottom }),
    );
    picture.append(
      shape(
        "text",
        { class: "tick", x: x(value), y: height - bottom + 16, "text-anchor": "middle" },
        spec.x.format(value),
      ),
    );
  }
  for (const value of ticksOf(y, 5)) {
    picture.append(shape("line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }));
    picture.append(
      shape(
        "text",
        { class: "tick", x: left - 7, y: y(value) + 4, "text-anchor": "end" },
        spec.y.format(value),
      ),
    );
  }
  picture.append(
    shape(
      "text",
      { class: "axis", x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" },
      spec.x.label,
    ),
  );
  const middle = (top + height - bottom) / 2;
  picture.append(
    shape(
      "text",
      { class: "axis", x: 13, y: middle, "text-anchor": "middle", transform: `rotate(-90 13 ${middle})` },
      spec.y.label,
    ),
  );
  return { picture, x, y, left, right: width - right, top, bottom: height - bottom };
}

// Marks that differ in form as well as in colour.
const FORMS = [
  (r) => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  (r) => `M${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  (r) => `M0,${-1.2 * r}L${1.2 * r},${r}L${-1.2 * r},${r}z`,
  (r) => `M0,${-1.35 * r}L${1.35 * r},0L0,${1.35 * r}L${-1.35 * r},0z`,
  (r) => `M0,${1.2 * r}L${1.2 * r},${-r}L${-1.2 * r},${-r}z`,
  (r) =>
    `M${-r},${-r / 3}h${(2 * r) / 3}v${(-2 * r) / 3}h${(2 * r) / 3}v${(2 * r) / 3}h${(2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(2 * r) / 3}h${(-2 * r) / 3}v${(-2 * r) / 3}h${(-2 * r) / 3}z`,
  (r) =>
    `M0,${-1.3 * r}L${1.25 * r},${-0.4 * r}L${0.8 * r},${1.1 * r}L${-0.8 * r},${1.1 * r}L${-1.25 * r},${-0.4 * r}z`,
  (r) =>
    `M${-0.55 * r},${-1.2 * r}h${1.1 * r}l${0.65 * r},${1.2 * r}l${-0.65 * r},${1.2 * r}h${-1.1 * r}l${-0.65 * r},${-1.2 * r}z`,
];
const DASHES = ["", "7 4", "2 3", "9 3 2 3", "5 2", "12 4", "3 5", "1 4"];
const N_SERIES = FORMS.length;

function markAt(x, y, place, { filled = true, radius = 5 } = {}) {
  const path = FORMS[place % N_SERIES](radius);
  return shape("path", {
    class: `mark s${place % N_SERIES}${filled ? "" : " hollow"}`,
    d: path,
    transform: `translate(${x} ${y})`,
  });
}

function lineThrough(points, place) {
  const path = points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("");
  return shape("path", {
    class: `line s${place % N_SERIES}`,
    d: path,
    "stroke-dasharray": DASHES[place % N_SERIES],
  });
}

// Labels one below another where they would cover each other: moves them down or up, nearest first.
function spread(labels, least, top, bottom) {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  sorted.forEach((label, i) => {
    if (i) label.y = Math.max(label.y, sorted[i - 1].y + least);
  });
  for (let i = sorted.length - 1; i >= 0; i--) {
    const below = i === sorted.length - 1 ? bottom : sorted[i + 1].y - least;
    sorted[i].y = Math.max(top, Math.min(sorted[i].y, below));
  }
  return labels;
}

// A labelled choice among [value, words].
function select(id, label, options, value, listen) {
  const made = element("select", { id });
  made.append(...options.map(([v, words]) => element("option", { value: v, selected: v === value }, words)));
  made.addEventListener("change", () => listen(made.value));
  return element("div", { class: "field" }, element("label", { for: id }, label), made);
}
