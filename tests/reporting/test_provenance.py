"""Provenance: price, licences, limits, and the command behind a number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_tree import Tree

from polyseme.reporting.collect import Evidence
from polyseme.reporting.page import Section
from polyseme.reporting.sections import provenance
from polyseme.reporting.sections.provenance_tables import TABLES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """Of a tree with something to say about everything."""
    tree = Tree(tmp_path / "project")
    tree.params |= {
        "numerics": 7,
        "task": {
            "sst2": {"at_most": {"test": 500, "train": 1024}},
            "gone": {"at_most": {"test": 1}},
        },
        "strategy": {"full": {"most_items": 128}, "frozen": {"most_items": None}},
        "dataset": {"sst": {"title": "Sentiment", "licence": "CC0 | mine", "citation": "A 2013"}},
    }
    tree.write()
    reason = "it has no language model to tune"
    tree.record("finetune@wiki-random", seconds=1.0, refused={"gradual": reason})
    tree.record("finetune@wiki-word2vec", seconds=1.0, refused={"gradual": reason})
    tree.record("finetune@wiki-bert", seconds=1.0, joules={"rapl package-0": 1500.0})
    tree.record("probe@wiki-bert", seconds=1.0, joules={"rapl package-0": 500.0})
    return tree.collect()


def _table(section: Section, start: str) -> list[list[str]]:
    (found,) = [t for t in section.tables if t.caption.startswith(start)]
    return [[cell.text for cell in row] for row in found.rows]


def test_price_and_checks_stand_among_the_facts(evidence: Evidence) -> None:
    facts: dict[str, Any] = dict(_table(provenance.build(evidence), "Provenance"))
    assert facts["Version of the numbers (numerics)"] == "7"
    assert facts["Invariance battery"] == "3 of 3 representations passed every check"
    assert facts["Words seen, all representations"] == "4,000,000"
    assert facts["Energy, all stages"] == "2.0 kJ (rapl package-0)"
    seconds = sum(record["seconds"] for record in evidence.records.values())
    assert (
        facts["Seconds of all stages, added up (some ran side by side)"]
        == f"{seconds / 60:.1f} min"
    )


def test_energy_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    made = Tree(tmp_path / "project").write().collect()
    facts = dict(_table(provenance.build(made), "Provenance"))
    assert facts["Energy, all stages"].startswith("not readable")


def test_a_failed_check_is_named(tmp_path: Path) -> None:
    made = Tree(tmp_path / "project").write().collect()
    for row in made.rows:
        if row["stage"] == "invariance" and row["system"] == "bert" and row["metric"] == "padding":
            row["checked"] = False
    section = provenance.build(made)
    facts = dict(_table(section, "Provenance"))
    assert facts["Invariance battery"].endswith("passed every check; failed: bert")
    assert ["failed a check", "bert", "failed: padding 1e−07"] in _table(section, "What failed")


def test_what_was_refused_or_cut_is_listed(evidence: Evidence) -> None:
    evidence.tasks["sst2"]["drawn_from"] = {"train": 6920}
    lines = _table(provenance.build(evidence), "What failed")
    of = "strategy gradual, of wiki-random and wiki-word2vec"
    assert ["refused", of, "it has no language model to tune"] in lines
    cut = "at_most.test = 500, at_most.train = 1,024; drawn from 6,920 train items"
    assert ["part of the data", "sst2", cut] in lines
    assert ["fewer labels", "strategy full", "most_items = 128: no run with more labels"] in lines
    assert not [line for line in lines if "gone" in line[1] or "frozen" in line[1]]


def test_licences_are_those_of_conf_and_cards(evidence: Evidence) -> None:
    lines = _table(provenance.build(evidence), "Licences")
    assert ["data set sst", "Sentiment", "CC0 | mine", "A 2013"] in lines
    assert ["corpus wiki", "–", "CC BY-SA 4.0", "–"] in lines


def test_every_stage_of_the_pipeline_has_its_command(evidence: Evidence) -> None:
    stages = set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert set(TABLES) == stages - {"fetch", "report"}
    lines = {line[1]: line for line in _table(provenance.build(evidence), "The command")}
    assert lines["finetune"][-1] == "dvc repro --force --single-item finetune@wiki-bert"
    assert lines["pretrain"][2] == "1" and lines["static"][2] == "2"
    assert "stack" not in lines
