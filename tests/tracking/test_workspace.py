"""The W&B report: what it asks the server for, and one clear line where it cannot be made."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from wandb_workspaces.reports.v2 import interface

from polyseme import cli
from polyseme.tracking import workspace

SCORES = {"bits_per_byte": {"bert": 0.7}, "static": {"senses": 0.4, "wic": 0.5}}


@pytest.fixture
def project(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a local report, on a machine without W&B."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(in_tmp / "netrc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(in_tmp / "config"))
    for name in ("loss.svg", "loss-dark.svg"):
        path = in_tmp / "reports/demo/figures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (in_tmp / "reports/demo/metrics").mkdir()
    (in_tmp / "reports/demo/metrics/summary.json").write_text(json.dumps(SCORES))
    return in_tmp


def _sent(report: Any) -> dict[str, Any]:
    """What `save` would send; the server is asked only for the number of the project."""

    def answer(api: None, query: str, variables: dict[str, str]) -> dict[str, Any]:
        return {"project": {"internalId": "id of {entityName}/{projectName}".format(**variables)}}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interface, "_get_api", lambda: None)
        patch.setattr(interface, "execute_graphql", answer)
        spec = report._to_model().spec
    sent: dict[str, Any] = json.loads(spec.model_dump_json(by_alias=True, exclude_none=True))
    return sent


def test_the_report_shows_curves_by_words_seen_and_summaries(project: Path) -> None:
    report = workspace.build('d"e', SCORES, entity="team", project="p")
    assert report.title == 'polyseme: d"e'
    grids = [block["metadata"] for block in _sent(report)["blocks"] if "metadata" in block]
    of = {"entityName": "team", "name": "p", "id": "id of team/p"}
    assert [grid["runSets"][0]["project"] for grid in grids] == [of, of]
    curves, scores = (grid["panelBankSectionConfig"]["panels"] for grid in grids)
    lines = [panel["config"] for panel in curves if panel["viewType"] == "Run History Line Plot"]
    assert {line["xAxis"] for line in lines} == {"words_seen"}
    assert ["valid_bits_per_byte"] in [line["metrics"] for line in lines]
    bars = [panel["config"]["metrics"] for panel in curves if panel["viewType"] == "Bar Chart"]
    assert ["summary_metrics.valid_bits_per_byte.min"] in bars
    bars = [panel["config"]["metrics"] for panel in scores if panel["viewType"] == "Bar Chart"]
    assert bars == [
        ["summary_metrics.bits_per_byte.bert"],
        ["summary_metrics.static.senses", "summary_metrics.static.wic"],
    ]
    text = json.dumps(grids)
    for value in ('"pretrain"', '"report"', json.dumps('d"e'), '"jobType"', '"group"'):
        assert value in text


def test_the_figures_of_the_report_are_shown_once(project: Path) -> None:
    text = json.dumps(_sent(workspace.build("demo", SCORES, entity="team", project="p")))
    assert "figures/loss" in text and "-dark" not in text


def _line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, Any]:
    with pytest.raises(SystemExit) as ended:
        cli.main(["wandb-report", *arguments])
    (line,) = capsys.readouterr().err.splitlines()
    return line, ended.value.code


def test_without_a_key_there_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line, code = _line(["demo"], capsys)
    assert (code, "no W&B key" in line, "wandb login" in line) == (2, True, True)


def test_without_a_server_there_is_one_line_without_the_key(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    line, code = _line(["demo"], capsys)
    assert code == 1 and "http://127.0.0.1:9: does not answer" in line
    assert "0123456789" not in line


def test_without_the_package_or_a_local_report_there_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line, code = _line(["other"], capsys)
    assert code == 3 and "make repro EXPERIMENT=other" in line
    monkeypatch.setitem(sys.modules, "wandb_workspaces.reports.v2", None)
    line, code = _line(["demo"], capsys)
    assert code == 2 and "pip install" in line
