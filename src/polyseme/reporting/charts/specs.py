"""Specifications of the charts, each beside the figure that it takes the place of.

A specification holds no data: the script of the page puts the rows of a task there. What has two
names of one representation, its trained form and its twin of random weights, shares a colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from polyseme.reporting import probe_scores, scores
from polyseme.reporting.charts import style
from polyseme.reporting.collect import Evidence
from polyseme.reporting.figures import cost, layers, learning

ROWS = "rows"
CAPTIONS = {
    learning.NAME: "Score by number of labelled training items, on a logarithmic axis: means over "
    "seeds, bands are their intervals.",
    layers.NAME: "Score of a probe by layer, means over seeds. Dashed: the same architecture with "
    "random weights; dotted: representations with one layer; grey: baselines that look at no "
    "representation.",
    cost.NAME: "Score with the most labels against what it costs, on a logarithmic axis; upright "
    "lines are intervals over seeds. The grey line is the front: nothing cheaper scores as well.",
    "legend": "Click an entry of the legend to bring it out, with Shift for several; point at a "
    "mark to read its values.",
}
"""Of the charts, which show one task at a time where the figures show all."""
Layered = alt.LayerChart | alt.FacetChart
FAINT = 0.12
SCORE = alt.Tooltip("mean:Q", title="score", format=".4f")
INTERVAL = [
    alt.Tooltip(f"{end}:Q", title=told, format=".4f")
    for end, told in (("low", "interval from"), ("high", "interval to"))
]
SEEDS = alt.Tooltip("seeds:Q", title="seeds")


@dataclass(frozen=True)
class Charts:
    """What the page draws.

    Attributes:
        specs: name of the figure -> specification without data.
        data: what the scripts of the page read.
    """

    specs: dict[str, dict[str, Any]]
    data: dict[str, Any]


def build(evidence: Evidence) -> Charts:
    """The charts that there are rows for."""
    found, probed = scores.build(evidence), probe_scores.build(evidence)
    specs = {}
    if found:
        names = [each["name"] for each in found["systems"]]
        specs[cost.NAME] = _spec(_cost(names, found["strategies"]))
        if len(set(found["rows"]["labels"])) > 1:
            specs[learning.NAME] = _spec(_learning(names))
    if probed:
        names = list(dict.fromkeys(each["base"] for each in probed["systems"]))
        specs[layers.NAME] = _spec(_layers(names))
    return Charts(specs, {"scores": found, "probes": probed})


def _spec(chart: Layered) -> dict[str, Any]:
    sized = chart.properties(width="container", height=style.HEIGHT)
    spec: dict[str, Any] = sized.configure(**style.config()).to_dict()
    spec.pop("$schema")  # an address, which nothing has to ask for
    return spec


def _shown(names: list[str]) -> tuple[Any, alt.Color, alt.Shape, Any]:
    """Selection by the legend, colour and shape of a representation, and its opacity."""
    chosen = alt.selection_point(name="chosen", fields=["of"], bind="legend")
    legend = alt.Legend(title=None)
    colour = alt.Color(
        "of:N", scale=alt.Scale(domain=names, range=style.colours(names)), legend=legend
    )
    shape = alt.Shape(
        "of:N", scale=alt.Scale(domain=names, range=style.shapes(names)), legend=legend
    )
    return chosen, colour, shape, alt.when(chosen).then(alt.value(1)).otherwise(alt.value(FAINT))


def _learning(names: list[str]) -> Layered:
    chosen, colour, shape, opacity = _shown(names)
    band = alt.when(chosen).then(alt.value(FAINT)).otherwise(alt.value(0))
    x = alt.X("labels:Q", title="labelled training items", scale=alt.Scale(type="log", nice=False))
    y = alt.Y("mean:Q", title="score", scale=alt.Scale(zero=False))
    told = [alt.Tooltip("system:N", title="representation"), alt.Tooltip("labels:Q", format=",")]
    base = alt.Chart(alt.NamedData(ROWS)).encode(x=x, color=colour)
    return alt.layer(
        base.mark_area().encode(y=alt.Y("low:Q", title="score"), y2="high:Q", opacity=band),
        base.mark_line().encode(y=y, opacity=opacity),
        base.mark_point(size=70, filled=True)
        .encode(y=y, shape=shape, opacity=opacity, tooltip=[*told, SCORE, *INTERVAL, SEEDS])
        .add_params(chosen),
    )


def _layers(names: list[str]) -> Layered:
    chosen, colour, shape, opacity = _shown(names)
    weights = alt.Scale(
        domain=["trained", "random weights", "one layer", "baseline"],
        range=[[1, 0], [5, 4], [1, 3], [10, 4]],
    )
    dash = alt.StrokeDash("line:N", scale=weights, legend=alt.Legend(title=None))
    x = alt.X("layer:Q", title="layer", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("mean:Q", title="score", scale=alt.Scale(zero=False))
    told = [alt.Tooltip("system:N", title="representation"), alt.Tooltip("layer:Q", format="d")]
    rows = alt.Chart(alt.NamedData(ROWS))
    base = rows.encode(x=x, color=colour)
    grey = alt.datum.line == "baseline"
    return alt.layer(
        rows.transform_filter(grey)
        .mark_line(color="var(--muted)")
        .encode(x=x, y=y, strokeDash=dash, detail="system:N", tooltip=[told[0], SCORE]),
        base.transform_filter(~grey)
        .mark_line()
        .encode(y=y, strokeDash=dash, detail="system:N", opacity=opacity),
        base.transform_filter(~grey)
        .mark_point(size=60, filled=True)
        .encode(y=y, shape=shape, opacity=opacity, tooltip=[*told, SCORE, *INTERVAL, SEEDS])
        .add_params(chosen),
    )


def _cost(names: list[str], strategies: list[str]) -> Layered:
    chosen, colour, _, opacity = _shown(names)
    scale = alt.Scale(domain=strategies, range=style.shapes(strategies))
    shape = alt.Shape(
        "strategy:N", scale=scale, legend=alt.Legend(title=None, symbolFillColor="var(--muted)")
    )
    x = alt.X("cost:Q", title="cost", scale=alt.Scale(type="log", nice=False, padding=20))
    y = alt.Y("mean:Q", title="score", scale=alt.Scale(zero=False))
    told = [alt.Tooltip("system:N", title="representation"), alt.Tooltip("strategy:N")]
    told += [alt.Tooltip("cost:Q", format=",.4~g"), alt.Tooltip("labels:Q", format=",")]
    rows = alt.Chart(alt.NamedData(ROWS))
    front = alt.datum.front
    return alt.layer(
        rows.transform_filter(front)
        .mark_line(interpolate="step-after", color="var(--muted)", strokeDash=[4, 3])
        .encode(x=x, y=y),
        rows.mark_rule(opacity=0.35).encode(x=x, y="low:Q", y2="high:Q", color=colour),
        rows.mark_point(size=90, filled=True)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=shape,
            opacity=opacity,
            tooltip=[*told, SCORE, *INTERVAL, SEEDS],
        )
        .add_params(chosen),
    )
