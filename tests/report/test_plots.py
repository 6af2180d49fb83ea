"""Each kind of plot, drawn and held against the table that it is drawn from."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from invented_source import ASSUMED, CONTROL, N_ROWS, QUALITY, SECONDS, UNPRICED, UNTIMED, Invented
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from adaptkit.core.errors import ConfigError, UnknownNameError
from adaptkit.core.results import ComparisonResult
from adaptkit.decision.pareto import pareto_front
from adaptkit.report.plots import PLOTS, check_figure_path, draw, save_figure
from adaptkit.report.plots.cost import total_at

KINDS = ("quality", "pareto", "cost", "latency", "breakdown")
SOURCE = Invented()
TWO = Invented(tasks=("support_questions", "request_routing"))


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {kind: draw(kind, SOURCE) for kind in KINDS}


def marked(axes: Axes, label: str) -> tuple[float, float]:
    """Where the one point of this label is."""
    (line,) = [line for line in axes.lines if line.get_label() == label]
    (x,), (y,) = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    return float(x), float(y)


def is_filled(axes: Axes, label: str) -> bool:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return line.get_markerfacecolor() != "white"


def texts(figure: Figure) -> str:
    """All that is written outside of axes, and the titles of these."""
    return " ".join([t.get_text() for t in figure.texts] + [a.get_xlabel() for a in figure.axes])


def test_the_kinds_are_those_that_are_promised() -> None:
    assert [n for n in PLOTS.names() if n != "learning-curve"] == list(KINDS)
    with pytest.raises(UnknownNameError, match="Did you mean 'pareto'"):
        draw("paretto", SOURCE)


def test_pareto_shows_each_strategy_where_the_table_has_it(figures: dict[str, Figure]) -> None:
    cost, latency = figures["pareto"].axes
    for axes, unknown in ((cost, UNPRICED), (latency, UNTIMED)):
        assert {str(line.get_label()) for line in axes.lines} & set(QUALITY) == set(QUALITY) - {unknown}
        assert unknown in axes.get_xlabel()
    for row in SOURCE.result.rows:
        if row.strategy != UNPRICED:
            assert marked(cost, row.strategy) == (row.usd_per_1k_requests, row.quality)
        if row.strategy != UNTIMED:
            assert marked(latency, row.strategy) == (row.p95_latency_s, row.quality)


def test_pareto_fills_what_nothing_beats_and_no_control(figures: dict[str, Figure]) -> None:
    for axes, price in zip(figures["pareto"].axes, ("usd_per_1k_requests", "p95_latency_s"), strict=True):
        known = [r for r in SOURCE.result.rows if getattr(r, price) and r.strategy != CONTROL]
        front = pareto_front({r.strategy: (-(r.quality or 0), getattr(r, price)) for r in known})
        filled = {r.strategy for r in known if is_filled(axes, r.strategy)}
        assert filled == set(front)
        assert 2 <= len(front) < len(known)
        assert not is_filled(axes, CONTROL)
        (stairs,) = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
        ends = sorted(getattr(r, price) for r in known if r.strategy in front)
        assert np.asarray(stairs.get_xdata()).tolist() == ends


def test_cost_draws_the_totals_of_the_cost_table(figures: dict[str, Figure]) -> None:
    (axes,) = figures["cost"].axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lines = {str(line.get_label()): line for line in axes.lines}
    account = SOURCE.accounts()["support_questions"]
    for costs, row in zip(account.costs, account.rows, strict=True):
        if costs.strategy == UNTIMED:
            assert costs.strategy not in lines
            continue
        places, totals = (np.asarray(v) for v in lines[costs.strategy].get_data())
        assumed = ASSUMED.volumes[0]
        assert np.interp(np.log(assumed), np.log(places), totals) == pytest.approx(row.tco_low_usd, rel=0.01)
        assert totals[0] == pytest.approx(total_at(costs, places[0]))
    assert "Not drawn: knn-vote (training: its seconds were not measured)." in axes.get_xlabel()


def test_cost_rings_break_evens_where_the_two_totals_meet(figures: dict[str, Figure]) -> None:
    (axes,) = figures["cost"].axes
    account = SOURCE.accounts()["support_questions"]
    prompt = next(c for c in account.costs if c.strategy == "prompt")
    rings = {str(n.get_label()): n for n in axes.lines if str(n.get_label()).startswith("break-even of")}
    found = {r.strategy: r.break_even for r in account.rows if r.break_even and r.break_even.requests}
    assert set(rings) == {f"break-even of {name}" for name in found}
    for name, even in found.items():
        x, y = marked(axes, f"break-even of {name}")
        assert x == even.requests
        assert y == pytest.approx(total_at(prompt, x))
        assert even.words in " ".join(axes.get_xlabel().split())
    bands = sorted((p.get_x(), p.get_x() + p.get_width()) for p in axes.patches)  # type: ignore[attr-defined]
    bounds = sorted((b.low, b.high) for b in found.values() if b.low is not None and b.high is not None)
    assert bands == [pytest.approx(b) for b in bounds]


def test_without_a_horizon_cost_counts_requests_in_all() -> None:
    source = Invented(assumptions=replace(ASSUMED, horizon_months=None))
    (axes,) = draw("cost", source).axes
    assert axes.get_xlabel().startswith("requests in all")
    assert axes.get_ylabel() == "USD in all"
    costs = source.accounts()["support_questions"].costs[2]
    assert total_at(costs, 500.0) == pytest.approx((costs.once.usd or 0) + 500 * (costs.marginal.usd or 0))


def test_a_machine_that_is_kept_on_ends_a_line_at_what_it_can_answer() -> None:
    source = Invented(assumptions=replace(ASSUMED, machine_hours_per_month=1.0))
    costs = next(c for c in source.accounts()["support_questions"].costs if c.strategy == "prompt")
    assert costs.capacity is not None
    assert total_at(costs, costs.capacity) is not None
    assert total_at(costs, 1.01 * costs.capacity) is None


def test_latency_shows_every_request_and_the_percentiles_of_the_table(figures: dict[str, Figure]) -> None:
    (axes,) = figures["latency"].axes
    assert axes.get_xscale() == "log"
    dots = [line for line in axes.lines if line.get_alpha() == 0.6 and len(np.asarray(line.get_xdata()))]
    assert len(dots) == len(QUALITY) - 1
    for line in dots:
        # The last row failed.
        assert len(np.asarray(line.get_xdata())) == N_ROWS - 1
    medians = [np.asarray(n.get_xdata()).tolist() for n in axes.lines if n.get_label() == "p50"]
    tails = [np.asarray(n.get_xdata()).tolist() for n in axes.lines if n.get_label() == "p95"]
    timed = [s for name, s in SECONDS.items() if name != UNTIMED]
    assert medians == [[s] for s in timed]
    assert tails == [[1.5 * s] for s in timed]
    assert [t.get_text() for t in axes.texts] == ["not measured"]


def test_dots_of_one_strategy_stay_on_its_line(figures: dict[str, Figure]) -> None:
    (axes,) = figures["latency"].axes
    for line in (n for n in axes.lines if n.get_alpha() == 0.6 and len(np.asarray(n.get_xdata()))):
        places = np.asarray(line.get_ydata())
        assert np.ptp(places) < 0.5
        name = list(QUALITY)[round(float(places.mean()))]
        assert np.asarray(line.get_xdata()).min() == pytest.approx(0.8 * SECONDS[name])


def test_a_second_run_and_failed_rows_are_no_latencies() -> None:
    from adaptkit.report.plots.latency import requests_alone

    records = list(SOURCE.records())
    again = [replace(r, repeat=1) for r in records]
    counts = {k: len(v) for k, v in requests_alone([*records, *again]).items()}
    assert set(counts.values()) == {N_ROWS - 1}


def test_breakdown_adds_up_to_a_hundred_and_agrees_with_the_table(figures: dict[str, Figure]) -> None:
    (axes,) = figures["breakdown"].axes
    bars = parts_by_line(axes)
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names == list(QUALITY)
    for y, row in enumerate(SOURCE.result.rows):
        widths = bars[y]
        assert sum(widths.values()) == pytest.approx(1)
        assert widths["right"] == pytest.approx(row.quality)
        assert [widths["failed"], widths["cut off"]] == pytest.approx([1 / N_ROWS] * 2)
        wrong = 1 - (row.quality or 0) - 2 / N_ROWS
        assert widths.get("wrong", 0.0) == pytest.approx(wrong, abs=1e-9)


def parts_by_line(axes: Axes) -> dict[int, dict[str, float]]:
    found: dict[int, dict[str, float]] = {}
    for container in axes.containers:
        for bar in container:
            y = round(bar.get_y() + bar.get_height() / 2)
            found.setdefault(y, {})[str(container.get_label())] = bar.get_width()
    return found


def test_every_cause_has_one_part() -> None:
    from adaptkit.decision.cause_of import CAUSES
    from adaptkit.report.plots.breakdown import PARTS

    assert sorted(c for part in PARTS for c in part.causes) == sorted(CAUSES)


@pytest.mark.parametrize("kind", KINDS)
def test_several_tasks_have_panels_of_their_own(kind: str) -> None:
    titles = [axes.get_title(loc="left") for axes in draw(kind, TWO).axes]
    assert [t for t in titles if t] == list(TWO.tasks)


@pytest.mark.parametrize("kind", ["pareto", "cost"])
def test_strategies_differ_in_colour_or_mark_and_some_only_in_marks(
    kind: str, figures: dict[str, Figure]
) -> None:
    (legend,) = figures[kind].legends
    keys: list[Any] = list(legend.legend_handles)[:10]
    looks = {(k.get_color(), k.get_marker()) for k in keys}
    assert len(looks) == len(keys) >= 9
    assert len({k.get_color() for k in keys}) < len(keys)


def shown_labels(figure: Figure) -> list[Text]:
    """Titles of axes, legends, and labels of those ticks that are in sight."""
    found = [t for legend in figure.legends for t in legend.get_texts()]
    for axes in figure.axes:
        found.append(axes.xaxis.label)
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            found += [t.label1 for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
    return [t for t in found if t.get_text()]


@pytest.mark.parametrize("kind", KINDS)
def test_no_label_lies_on_another(kind: str, figures: dict[str, Figure]) -> None:
    figure = figures[kind]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    boxes = [t.get_window_extent(renderer) for t in shown_labels(figure)]
    width, height = figure.bbox.width, figure.bbox.height
    assert all(b.x0 > -1 and b.y0 > -1 and b.x1 < width + 1 and b.y1 < height + 1 for b in boxes)
    overlapping = [(i, j) for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i]) if a.overlaps(b)]
    assert overlapping == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_measured_is_said_and_not_drawn(kind: str) -> None:
    figure = draw(kind, Invented(strategies=()))
    assert figure.axes == []
    assert texts(figure) == "No strategy was measured."


@pytest.mark.parametrize(("kind", "said"), [("cost", "no records"), ("breakdown", "no answers")])
def test_a_table_without_records_says_what_is_missing(kind: str, said: str) -> None:
    figure = draw(kind, Invented(kept=False))
    assert figure.axes == []
    assert said in texts(figure)


def test_a_table_without_records_still_has_its_percentiles() -> None:
    (axes,) = draw("latency", Invented(kept=False)).axes
    assert len([n for n in axes.lines if n.get_label() == "p50"]) == len(QUALITY) - 1


def test_without_latencies_the_figure_says_so() -> None:
    figure = draw("latency", Invented(strategies=(UNTIMED,)))
    assert "No request was sent alone" in texts(figure)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_figures_are_written_by_their_suffix(suffix: str, tmp_path: Path, figures: dict[str, Figure]) -> None:
    path = save_figure(figures["breakdown"], tmp_path / "sub" / f"a{suffix}")
    start = path.read_bytes()[:100]
    assert start.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_a_figure_in_an_unknown_form_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'path' parameter of plot\(\) must be a name that ends in \.png"):
        check_figure_path("plot.doc")


def test_a_notebook_shows_the_figure(figures: dict[str, Figure]) -> None:
    shown: Any = figures["breakdown"]
    assert shown._repr_png_().startswith(b"\x89PNG")


def test_no_kind_of_plot_touches_pyplot() -> None:
    code = (
        "import sys; from invented_source import Invented; from adaptkit.report.plots import draw;"
        f"[draw(kind, Invented()) for kind in {KINDS!r}];"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    here = Path(__file__).parent
    paths = f"import sys; sys.path[:0] = [{str(here)!r}, {str(here.parent)!r}];"
    done = subprocess.run([sys.executable, "-c", paths + code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_in_dollars_is_no_formula() -> None:
    """Strategies and tasks are named by users: matplotlib reads $...$ as mathematics."""
    result = SOURCE.result
    odd = replace(
        result, rows=tuple(replace(r, task="a $x^{", strategy=f"$\\{r.strategy}$") for r in result.rows)
    )
    for kind in ("quality", "pareto", "latency"):
        draw(kind, _Given(odd)).draw_without_rendering()


class _Given(Invented):
    """The same with another table."""

    def __init__(self, result: ComparisonResult) -> None:
        super().__init__()
        object.__setattr__(self, "_given", result)

    @property
    def result(self) -> ComparisonResult:
        found: ComparisonResult = self._given  # type: ignore[attr-defined]
        return found
