// Rows side by side: filtered by who was right, searched, and shown ten at a time.

const ROWS_SHOWN = 10;
const RIGHT = 1 - 1e-9;
// Texts of tasks and models: each from the side that its script is read from.
const WRITTEN = { dir: "auto" };

const FILTERS = [
  ["all", "every row", () => true],
  ["differ", "the two score differently", (a, b) => a !== b],
  ["first", "the first scores higher", (a, b) => a > b],
  ["second", "the second scores higher", (a, b) => b > a],
  ["both", "both are right", (a, b) => a >= RIGHT && b >= RIGHT],
  ["neither", "neither is right", (a, b) => a < RIGHT && b < RIGHT],
];

function rowsBrowser(root, rows, named, baseline, number) {
  const pair = startingPair(rows.strategies, named, baseline);
  const state = { filter: "all", first: pair[0], second: pair[1], text: "", page: 0 };
  const id = (name) => `task-${number}-rows-${name}`;
  const names = rows.strategies.map((s, i) => [String(i), s]);
  const controls = [
    select(
      id("filter"),
      "Show rows where",
      FILTERS.map(([value, words]) => [value, words]),
      state.filter,
      (v) => set({ filter: v }),
    ),
    select(id("first"), "First strategy", names, String(state.first), (v) => set({ first: Number(v) })),
    select(id("second"), "Second strategy", names, String(state.second), (v) => set({ second: Number(v) })),
    search(id("text"), (v) => set({ text: comparable(v) })),
  ];
  const count = element("p", { role: "status", class: "count" });
  const list = element("div", { class: "rows" });
  const pages = element("div", { class: "pages" });
  root.replaceChildren(element("div", { class: "filters" }, ...controls), count, list, pages);
  function set(change) {
    Object.assign(state, { page: 0 }, change);
    refresh();
  }
  function refresh() {
    const found = rows.rows.filter((row) => isShown(row, rows, state));
    const last = Math.max(0, Math.ceil(found.length / ROWS_SHOWN) - 1);
    const from = state.page * ROWS_SHOWN;
    count.textContent = countOf(found.length, from, rows);
    list.replaceChildren(...found.slice(from, from + ROWS_SHOWN).map((row) => rowCard(row, rows)));
    pages.replaceChildren(...(last ? pager(state, last, set) : []));
  }
  refresh();
}

function startingPair(strategies, named, baseline) {
  const first = Math.max(0, strategies.indexOf(named));
  const wanted = strategies.indexOf(baseline);
  const second = wanted >= 0 && wanted !== first ? wanted : strategies.findIndex((_, i) => i !== first);
  return [first, Math.max(0, second)];
}

function scoreOf(row, place) {
  const answer = row.answers[place];
  return answer === null || answer.score === null ? NaN : answer.score;
}

function isShown(row, rows, state) {
  const holds = FILTERS.find(([value]) => value === state.filter)[2];
  const [a, b] = [scoreOf(row, state.first), scoreOf(row, state.second)];
  if (state.filter !== "all" && (Number.isNaN(a) || Number.isNaN(b) || !holds(a, b))) return false;
  return state.text === "" || textOf(row).includes(state.text);
}

function textOf(row) {
  const answers = row.answers.map((a) => (a === null ? "" : a.output));
  return comparable([row.id, row.input || "", row.target, ...answers].join("\n"));
}

// An accent is found whether it is a character of its own or part of its letter.
function comparable(text) {
  return text.normalize("NFC").toLowerCase();
}

function countOf(n, from, rows) {
  const all = rows.rows.length;
  const cutRows = rows.n_rows > all ? ` The page holds ${all} of ${rows.n_rows} rows.` : "";
  if (!n) return `No row is like that.${cutRows}`;
  const to = Math.min(n, from + ROWS_SHOWN);
  return `Rows ${from + 1} to ${to} of ${n}${n < all ? ` that match, of ${all}` : ""}.${cutRows}`;
}

function pager(state, last, set) {
  const button = (words, page, off) => {
    const made = element("button", { type: "button", disabled: off }, words);
    made.addEventListener("click", () => set({ page }));
    return made;
  };
  return [
    button("Previous rows", state.page - 1, state.page === 0),
    element("span", {}, `Page ${state.page + 1} of ${last + 1}`),
    button("Next rows", state.page + 1, state.page === last),
  ];
}

function search(id, listen) {
  const made = element("input", { id, type: "search", autocomplete: "off" });
  made.addEventListener("input", () => listen(made.value));
  return element("div", { class: "field" }, element("label", { for: id }, "Containing the text"), made);
}

function rowCard(row, rows) {
  const facts = element("dl", {});
  if (row.input !== null) facts.append(element("dt", {}, "input"), element("dd", WRITTEN, row.input));
  facts.append(element("dt", {}, "target"), element("dd", WRITTEN, row.target));
  const answers = rows.strategies
    .map((name, i) => answerOf(name, row.answers[i], rows))
    .filter((a) => a !== null);
  return element(
    "article",
    { class: "row" },
    element("h4", {}, row.id),
    facts,
    element("ul", { class: "answers" }, ...answers),
  );
}

// Its sign, the strategy and the output; then the passages that it saw.
function answerOf(name, answer, rows) {
  if (answer === null) return null;
  const [mark, words, kind] = signOf(answer);
  const sign = element(
    "span",
    { class: `sign ${kind}` },
    element("span", { "aria-hidden": "true" }, mark),
    element("span", { class: "unseen" }, words),
  );
  const made = element(
    "li",
    {},
    element("p", { class: "who" }, sign, " ", name),
    element("p", { class: "output", ...WRITTEN }, answer.output || "(empty)"),
  );
  if (answer.passages.length) made.append(passagesOf(answer.passages.map((i) => rows.passages[i])));
  return made;
}

function signOf(answer) {
  if (answer.failed) return ["!", "failed", "wrong"];
  if (answer.score === null) return ["·", "not scored", "partly"];
  if (answer.score >= RIGHT) return ["✓", "right", "right"];
  return answer.score === 0 ? ["✗", "wrong", "wrong"] : [answer.score.toFixed(2), "partly right", "partly"];
}

function passagesOf(passages) {
  const summary = element("summary", {}, `${passages.length} passage${passages.length > 1 ? "s" : ""}`);
  const items = passages.map((p) => element("li", {}, element("b", {}, p.id), " ", element("bdi", {}, p.text)));
  return element("details", {}, summary, element("ol", {}, ...items));
}
