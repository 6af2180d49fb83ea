"""What every form of the report says about a task, worked out once from the plain result.

Of the manifest these entries are read, all of them optional:

    baseline          name of the strategy that ``delta`` is measured against
    interval_method   how quality's interval was made: a sentence, or a mapping from task to one
    tasks             [{"name", "notes": [...], ...}, ...]
    price             {"usd_per_hour", "label", "source", "date"} of the machine, or null
    price_note        why some or all USD are blank
    billed_by         the provider that bills the model's tokens, or null; ``model_price`` its price
    hardware          {"cpu", "n_cores", "gpu_name", ...}
    model             {"id", "notes": [...], ...}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adaptkit.core.results import ComparisonResult, NoiseFloor, Pair, Row, TaskRecommendation
from adaptkit.decision.wording import busy_machine, listing, points
from adaptkit.stats import detectable_difference
from adaptkit.tasks import read_cut

COUNTED = (
    ("held reasoning, which is no part of the answer and is not scored", "n_reasoned"),
    (
        "ended within their reasoning, before an answer (let the model reason: thinking=true, with more "
        "thinking_tokens; or turn its reasoning off)",
        "n_reasoning_cut",
    ),
    ("cut off at the token limit", "n_truncated"),
    ("empty", "n_empty"),
    ("not in the task's form", "n_off_format"),
    ("declined by the model", "n_refused"),
)
# Below this many requests a 95th percentile moves by more than a sixth from one run to the next.
_ROUGH_P95 = 100


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """One task of a comparison.

    Attributes:
        ran: rows with results, in the order of the comparison; ``absent`` those that failed or were skipped.
        metric: name of the primary metric.
        baseline: strategy that differences are measured against, None when there are no differences.
        notes: footnotes, one sentence or two each.
        costs: rows of the cost table, ``cost_notes`` what they rest on.
        leakage: what was looked for in what strategies learn from, None where nobody looked.
    """

    task: str
    ran: tuple[Row, ...]
    absent: tuple[Row, ...]
    pairs: tuple[Pair, ...]
    metric: str
    baseline: str | None
    recommendation: TaskRecommendation | None
    notes: tuple[str, ...]
    costs: tuple[Mapping[str, Any], ...] = ()
    cost_notes: tuple[str, ...] = ()
    leakage: Mapping[str, Any] | None = None

    def label(self, row: Row) -> str:
        """Name a row: its strategy, with the model where the task was run on several."""
        models = {r.model for r in (*self.ran, *self.absent)}
        return row.strategy if len(models) == 1 else f"{row.strategy} ({row.model})"

    def chosen(self, row: Row) -> bool:
        """Whether this row is the recommended one."""
        return self.recommendation is not None and row.strategy == self.recommendation.named


def task_views(result: ComparisonResult) -> list[TaskView]:
    """Split a result by task, in order of appearance."""
    return [_task_view(result, task) for task in dict.fromkeys(row.task for row in result.rows)]


def _task_view(result: ComparisonResult, task: str) -> TaskView:
    rows = [row for row in result.rows if row.task == task]
    ran = tuple(row for row in rows if row.status == "done")
    pairs = tuple(pair for pair in result.pairs if pair.task == task)
    leakage = _leakage(result.manifest, task)
    return TaskView(
        task=task,
        ran=ran,
        absent=tuple(row for row in rows if row.status != "done"),
        pairs=pairs,
        metric=rows[0].metric,
        baseline=_baseline(ran, result.manifest),
        recommendation=next((r for r in result.recommendation if r.task == task), None),
        notes=(
            *(f"≥ lower bound: {r.cut_short}." for r in ran if r.cut_short),
            *_task_notes(ran, pairs, _interval_method(result.manifest, task), _n_test(result.manifest, task)),
            *_fewer_train_rows(result.manifest, task),
            *_reading(result.manifest, task),
            *_stopped(ran),
            *_leaks(leakage),
            *_warnings(ran),
            *(_noise(n) for n in result.noise if n.task == task),
        ),
        costs=tuple(c for c in result.costs if c["task"] == task),
        cost_notes=tuple(result.manifest.get("cost_notes") or ()),
        leakage=leakage,
    )


def _baseline(ran: tuple[Row, ...], manifest: Mapping[str, Any]) -> str | None:
    """Return the strategy that the others' deltas refer to: the manifest names it, or it has none itself."""
    if all(row.delta is None for row in ran):
        return None
    named = manifest.get("baseline")
    if isinstance(named, str):
        return named
    return next((row.strategy for row in ran if row.delta is None), None)


def _n_test(manifest: Mapping[str, Any], task: str) -> int | None:
    """Test rows that the task has, whether or not they were used."""
    named = [t for t in manifest.get("tasks") or () if t.get("name") == task]
    return named[0].get("n_test") if named else None


def _interval_method(manifest: Mapping[str, Any], task: str) -> str:
    method = manifest.get("interval_method", "")
    if isinstance(method, Mapping):
        method = method.get(task, "")
    return str(method)


def _task_notes(ran: tuple[Row, ...], pairs: tuple[Pair, ...], method: str, n_test: int | None) -> list[str]:
    if not ran:
        return []
    how = f" ({method})" if method else ""
    used = max(r.n for r in ran)
    of_all = f" of {n_test}" if n_test is not None and used < n_test else ""
    notes = [
        f"{_span([r.n for r in ran])}{of_all} test rows; 95 % intervals{how}. {_seeds(ran)}",
        *_partly_scored(ran),
    ]
    if tuned := [r for r in ran if r.fit_notes.get("tuning")]:
        rows_used = _span([r.fit_notes["tuning"]["n_rows"] for r in tuned])
        counts = _span([len(r.fit_notes["tuning"]["tried"]) for r in tuned])
        notes.append(f"Tuned on {rows_used} validation rows among {counts} configurations each.")
    notes += [*_labels_by(ran), *_formats_tried(ran)]
    if closest := _closest(pairs):
        notes.append(closest)
    for text, count in COUNTED:
        affected = [f"{r.strategy} {getattr(r, count)}" for r in ran if getattr(r, count)]
        if affected:
            notes.append(f"Completions {text}: {listing(affected)}.")
    return notes


def _labels_by(ran: tuple[Row, ...]) -> list[str]:
    """Say how each strategy gets its labels, and that each chose for itself where it did."""
    told = {r.strategy: r.fit_notes["labels_by"] for r in ran if r.fit_notes.get("labels_by")}
    if not told:
        return []
    chose = {s: t for s, t in told.items() if t["scores"]}
    sentences = []
    if chose:
        n_rows, n_ways = (
            _span([t["n_rows"] for t in chose.values()]),
            len(next(iter(chose.values()))["scores"]),
        )
        taken = ", ".join(f"{s} {t['way']} ({100 * t['scores'][t['way']]:.0f}%)" for s, t in chose.items())
        sentences.append(
            f"How labels are got, the best of {n_ways} ways on {n_rows} validation rows for each strategy: "
            f"{taken}."
        )
    if given := [f"{s} {t['way']}" for s, t in told.items() if s not in chose]:
        sentences.append(f"How labels are got, not chosen on validation rows: {', '.join(given)}.")
    return sentences


def _formats_tried(ran: tuple[Row, ...]) -> list[str]:
    """Say what trying formats and wordings of the prompt brought."""
    notes = []
    for row in ran:
        if tried := row.fit_notes.get("format_spread"):
            chosen = " and ".join(f"{what} '{tried['chosen'][what]}'" for what in ("format", "wording"))
            given, best = tried["tried"][0]["score"], tried["max"]
            notes.append(
                f"{row.strategy}: {len(tried['tried'])} prompts tried on {tried['n_rows']} validation rows, "
                f"{chosen} taken: {100 * best:.0f}% where the plain one has {100 * given:.0f}%."
            )
    return notes


def _fewer_train_rows(manifest: Mapping[str, Any], task: str) -> list[str]:
    """Say where a task had fewer train rows than its name says it was cut to."""
    cut = read_cut(task)
    known = [t.get("n_train") for t in manifest.get("tasks") or () if t.get("name") == task]
    if cut is None or not known or known[0] is None or known[0] >= cut.n_train:
        return []
    return [f"{cut.n_train:,} train rows were asked for; there are {known[0]:,}, and all of them are used."]


def _partly_scored(ran: tuple[Row, ...]) -> list[str]:
    """Say of each metric that left rows out of its mean how many it is of."""
    notes = []
    for name in dict.fromkeys(m for r in ran for m in r.metrics_n):
        known = [(r.metrics_n[name], r.n) for r in ran if name in r.metrics_n]
        if any(scored != n for scored, n in known):
            scored, of = _span([s for s, _ in known]), _span([n for _, n in known])
            notes.append(f"{name} is of {scored} of the {of} rows: it cannot score the others.")
    return notes


def _warnings(ran: tuple[Row, ...]) -> list[str]:
    """What fits warn of, each text once, with the strategies that it is about."""
    about: dict[str, list[str]] = {}
    for row in ran:
        for text in row.fit_notes.get("warning", ()):
            about.setdefault(text, []).append(row.strategy)
    return [f"{listing(strategies)}: {text}" for text, strategies in about.items()]


def _reading(manifest: Mapping[str, Any], task: str) -> list[str]:
    """What was guessed when the task was read, and what of it is not used."""
    described: Mapping[str, Any] = next((t for t in manifest.get("tasks") or () if t.get("name") == task), {})
    return [f"Task: {note}" for note in described.get("notes") or ()]


def _stopped(ran: tuple[Row, ...]) -> list[str]:
    short = [r for r in ran if r.n_planned is not None and r.n < r.n_planned]
    if not short:
        return []
    counts = listing([f"{r.strategy} {r.n}" for r in ran])
    return [
        f"Stopped before the last of {short[0].n_planned} rows: {counts}. Differences between strategies "
        "hold though the run was looked at before its end; intervals of single ones do not allow for it."
    ]


def _leakage(manifest: Mapping[str, Any], task: str) -> Mapping[str, Any] | None:
    found = manifest.get("leakage")
    return (found.get(task) or None) if isinstance(found, Mapping) else None


def _leaks(report: Mapping[str, Any] | None) -> list[str]:
    if not report:
        return []
    # The weightiest come first; all of them stand in the manifest.
    shown = report["sentences"][: 1 if report["verdict"] == "ok" else 2]
    return [f"Leakage: {text}" for text in shown]


def _noise(noise: NoiseFloor) -> str:
    score = "" if noise.delta is None else f" and its score by {points(noise.delta)} points"
    return (
        f"Noise floor: a second, identical run of {noise.strategy} changed {noise.n_changed} of {noise.n} "
        f"answers{score}."
    )


def _closest(pairs: tuple[Pair, ...]) -> str | None:
    """Say what these rows can show about the two strategies that lie closest, the hardest to tell apart."""
    known = [
        (abs(p.delta), detectable_difference(p.delta_low, p.delta_high), p)
        for p in pairs
        if p.delta is not None and p.delta_low is not None and p.delta_high is not None
    ]
    if not known:
        return None
    _, smallest, pair = min(known, key=lambda item: item[:2])
    return (
        f"Between {pair.baseline} and {pair.strategy}, a true difference below {100 * smallest:.0f} points "
        f"would be missed on {pair.n} rows in more than one run of five."
    )


def _seeds(ran: tuple[Row, ...]) -> str:
    if all(row.seeds == 1 for row in ran):
        return "One seed each: the intervals cover other rows, not another training run."
    several = [f"{row.strategy} {row.seeds}" for row in ran if row.seeds > 1]
    return f"Mean over seeds: {listing(several)}; one seed otherwise."


def _span(numbers: list[int]) -> str:
    return str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"


def warning_at_top(result: ComparisonResult) -> str | None:
    """What to know before reading any of it."""
    if not result.manifest.get("quick"):
        return None
    what = "Quick look: few rows, and every training was cut short."
    return f"{what} Do not decide by it: run again without --quick."


def general_notes(result: ComparisonResult) -> list[str]:
    """Return the footnotes that hold for all tasks: marks, latency, price, model."""
    ran = [row for row in result.rows if row.status == "done"]
    notes = []
    if any(row.delta is not None for row in ran):
        notes.append(
            "Δ: points against the baseline, rows paired; ▲ better, ▼ worse, = equivalent, ? undecided "
            "(p adjusted after Holm for the pairs of a task, level .05). Failed rows count as wrong."
        )
    notes.extend(_latency_notes(ran))
    notes.extend(_price_notes(ran, result.manifest))
    model = result.manifest.get("model")
    if isinstance(model, Mapping):
        notes.extend(f"{model.get('id', 'Model')}: {text}" for text in model.get("notes", ()))
    return notes


def _latency_notes(ran: list[Row]) -> list[str]:
    counts = [row.n_latency for row in ran if row.p50_latency_s is not None]
    if not counts:
        return ["Latency is blank: no request was sent alone."] if ran else []
    rough = "; p95 of so few is rough" if min(counts) < _ROUGH_P95 else ""
    return [
        *busy_machine(ran),
        f"Latency: median and 95th percentile of {_span(counts)} requests sent alone{rough}. "
        "Tokens: mean of a request, in/out.",
    ]


def _price_notes(ran: list[Row], manifest: Mapping[str, Any]) -> list[str]:
    reason, notes = manifest.get("price_note"), []
    if any(row.usd_per_1k_requests is not None for row in ran):
        if isinstance(price := manifest.get("model_price"), Mapping):
            notes.append(f"USD: tokens billed by {manifest['billed_by']}, {_source(price)}")
        if isinstance(price := manifest.get("price"), Mapping):
            used = (manifest.get("cost_assumptions") or {}).get("utilisation")
            share = "" if used is None else f", paid for while it works {100 * used:.0f} % of the time"
            notes.append(f"USD: {price.get('usd_per_hour', 0):.4g} an hour{share}. {_source(price)}")
    if any(row.usd_per_1k_requests is None for row in ran):
        notes.append(f"Blank USD: {reason or _no_price(manifest)}.")
    return notes


def _source(price: Mapping[str, Any]) -> str:
    """What is priced, as of when, and who says so."""
    dated = f", as of {price['date']}" if price.get("date") else ""
    return f"{price.get('label', '')}{dated}. Source: {price.get('source', 'unknown')}"


def _no_price(manifest: Mapping[str, Any]) -> str:
    hardware = manifest.get("hardware")
    gpu = hardware.get("gpu_name") if isinstance(hardware, Mapping) else None
    return f"no price is known for {gpu or 'the machine'}, or no latency was measured"


def headline(recommendation: TaskRecommendation) -> str:
    """Return the recommendation's first words, e.g. ``Take few-shot``."""
    if recommendation.verdict == "none":
        return "None meets the requirements"
    if recommendation.strategy is None:
        return f"Undecided, for now {recommendation.for_now}" if recommendation.for_now else "Undecided"
    others = [s for s in recommendation.tied if s != recommendation.strategy]
    as_good = f", as good as {listing(others)}" if recommendation.verdict == "equivalent" else ""
    return f"Take {recommendation.strategy}{as_good}"
