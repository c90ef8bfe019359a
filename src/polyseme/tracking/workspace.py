"""A W&B report of one experiment, built with W&B's reports API (package wandb-workspaces).

    polyseme wandb-report [experiment] [--entity team] [--project name]

It shows runs that are on the server: run with `runtime.tracking=online`, or `wandb sync` the
offline runs first. Held-out losses by words seen, their best values, then scores and figures as the
run of the stage `report` states them. Which scores there are is read from the local
reports/<experiment>/metrics/summary.json.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from polyseme import paths
from polyseme.errors import ConfigError, DataError, PolysemeError
from polyseme.tracking import launch
from polyseme.tracking.mirror import PROJECT

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report

SECONDS = 10
CURVES = ("valid_bits_per_byte", "valid_loss", "valid_perplexity", "loss")
"""Logged while pre-training; runs without one have no line."""


def publish(experiment: str, *, entity: str | None, project: str | None) -> str:
    """Build the report and save it on the server; returns its address.

    Raises:
        ConfigError: wandb-workspaces is not installed, or there is no key.
        DataError: the experiment has no local report.
        PolysemeError: the server cannot be reached, or refuses.
    """
    scores = read_scores(experiment)
    project = project or os.environ.get("WANDB_PROJECT") or PROJECT
    _import()
    server = reachable()
    try:
        import wandb

        api = wandb.Api(timeout=SECONDS)
        of = entity or os.environ.get("WANDB_ENTITY") or str(api.default_entity)
        report = build(experiment, scores, entity=of, project=project)
        report.save()
        return str(report.url)
    except Exception as error:  # whatever W&B raises, it is one line
        line = f"{type(error).__name__}: {error}"
        raise PolysemeError(line, where=server, mend="check --entity, --project and key") from error


def read_scores(experiment: str) -> dict[str, Any]:
    """The content of summary.json.

    Raises:
        DataError: it is missing or not readable.
    """
    path = paths.report(experiment) / "metrics" / "summary.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        mend = f"make the report first: make repro EXPERIMENT={experiment}"
        raise DataError("is missing or not readable", where=path, mend=mend) from error
    if not isinstance(content, dict) or not all(isinstance(of, dict) for of in content.values()):
        raise DataError("is not a summary", where=path, mend="make the report again")
    return content


def reachable() -> str:
    """The address of the server, if it answers and there is a key.

    Raises:
        ConfigError: no key.
        PolysemeError: no answer.
    """
    import requests

    server = launch.server()
    if not launch.has_credentials():
        mend = "run `wandb login`, or set WANDB_API_KEY"
        raise ConfigError("no W&B key, so no report", where=server, mend=mend)
    try:
        requests.get(server, timeout=SECONDS)
    except (requests.RequestException, ValueError) as error:
        what = f"does not answer ({type(error).__name__}), so no W&B report"
        mend = "try again with a network; offline runs and the local report are complete"
        raise PolysemeError(what, where=server, mend=mend) from error
    return server


def _import() -> Any:
    """wandb_workspaces, an optional package."""
    try:
        import wandb_workspaces.reports.v2 as reports
    except ImportError as error:
        mend = "pip install 'polyseme[workspaces]', or `pip install wandb-workspaces`"
        raise ConfigError(
            "is not installed, so no W&B report", where="wandb-workspaces", mend=mend
        ) from error
    return reports


def build(experiment: str, scores: dict[str, Any], *, entity: str, project: str) -> Report:
    """The report as an object; nothing is sent.

    Args:
        scores: names of groups, each with the names of its scores; as summary.json.
    """
    of = _import()
    from wandb_workspaces.expr import And, Metric

    def runs(kind: str) -> Any:
        filters = And(Metric("Group") == experiment, Metric("JobType") == kind)
        return of.Runset(entity=entity, project=project, name=kind, filters=filters)

    curves = [of.LinePlot(title=name, x="words_seen", y=[name]) for name in CURVES]
    best = [
        of.BarPlot(title=f"best {name}", metrics=[of.SummaryMetric(f"{name}.min")])
        for name in CURVES[:-1]
    ]
    bars = [
        of.BarPlot(title=group, metrics=[of.SummaryMetric(f"{group}.{name}") for name in names])
        for group, names in scores.items()
    ]
    media = of.MediaBrowser(title="figures", media_keys=_figures(experiment))
    table = of.WeavePanelSummaryTable(table_name="results")
    return of.Report(
        entity=entity,
        project=project,
        title=f"polyseme: {experiment}"[:128],
        description="Static and contextualized word representations compared.",
        width="fluid",
        blocks=[
            of.P("Made from runs of polyseme; the report with statistics and ties lies beside it."),
            of.H2("Pre-training"),
            of.PanelGrid(runsets=[runs("pretrain")], panels=[*curves, *best]),
            of.H2("Scores"),
            of.PanelGrid(runsets=[runs("report")], panels=[*bars, media, table]),
        ],
    )


def _figures(experiment: str) -> list[str]:
    """Keys under which the stage `report` logged its figures."""
    found = sorted((paths.report(experiment) / "figures").glob("*.svg"))
    return [f"figures/{path.stem}" for path in found if not path.stem.endswith("-dark")]
