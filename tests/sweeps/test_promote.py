"""A trial's values in conf/: only their characters change."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from tests.sweeps.toy import ROOT

from polyseme import compose
from polyseme.errors import ConfigError
from polyseme.sweeps import conf, edit, promote

TEXT = """\
# head
a:   # of a
  b: {x: 1, y: 1_600_000}  # of b
  c: 3e-3   # of c
  list: [1,
    2]

# of d
d: {}
e:
  f:
    g: "quoted"
# tail
"""


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("a.b.x", 2, "  b: {x: 2, y: 1_600_000}  # of b"),
        ("a.b.z", 0.5, "  b: {x: 1, y: 1_600_000, z: 0.5}  # of b"),
        ("a.b.z.w", True, "  b: {x: 1, y: 1_600_000, z: {w: true}}  # of b"),
        ("a.c", 1e-05, "  c: 1e-05   # of c"),
        ("a.new", "yes", "  new: 'yes'"),
        ("d.x", None, "d: {x: null}"),
        ("e.f.g", "1e-3", '    g: "1e-3"'),
        ("e.f.h", 7, "    h: 7"),
    ],
)
def test_a_value_is_set_and_every_other_line_stays(key: str, value: Any, line: str) -> None:
    new = edit.set_values(TEXT, {key: value}, where="x.yaml")
    changes = list(difflib.ndiff(TEXT.splitlines(), new.splitlines()))
    assert [each[2:] for each in changes if each.startswith("+ ")] == [line]
    assert sum(each.startswith("- ") for each in changes) <= 1
    assert OmegaConf.select(OmegaConf.create(new), key) == value


def test_a_mapping_that_is_not_there_is_added_at_the_end() -> None:
    new = edit.set_values("a: 1\n", {"b.c.d": 2, "b.c.e": 3}, where="x.yaml")
    assert new == "a: 1\nb:\n  c:\n    d: 2\n    e: 3\n"


@pytest.mark.parametrize("key", ["a.c.x", "a.list.x"])
def test_a_key_below_a_value_is_refused(key: str) -> None:
    with pytest.raises(ConfigError):
        edit.set_values(TEXT, {key: 1}, where="x.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_values_are_promoted_into_the_experiment(project: Path) -> None:
    sweep, values = conf.read("bert_lr"), {"lm.bert.lr": 0.00123, "lm.bert.budget": 5}
    changed = promote.edits(sweep, values)
    told = promote.difference(changed)
    assert list(changed) == [Path("conf/experiment/demo.yaml")]
    added = [line for line in told.splitlines() if line.startswith("+ ")]
    assert len(added) == 1
    assert "budget: 5, lr: 0.00123}" in added[0]
    promote.write(sweep, changed, values)
    params = compose.composed(["experiment=demo"])
    assert (params["lm"]["bert"]["lr"], params["lm"]["bert"]["budget"]) == (0.00123, 5)
    assert promote.edits(sweep, values) == {}


def test_values_are_promoted_into_the_item_where_the_experiment_leaves_them(project: Path) -> None:
    sweep, values = conf.read("bert_lr"), {"lm.bert.lr": 0.00123}
    changed = promote.edits(sweep, values, item=True)
    assert list(changed) == [Path("conf/lm/bert.yaml")]
    assert "    lr: 0.00123\n" in changed[Path("conf/lm/bert.yaml")]
    with pytest.raises(ConfigError, match="would not take effect"):
        promote.edits(sweep, {"lm.bert.budget": 5}, item=True)


def test_keys_of_a_packaged_file_are_found(project: Path) -> None:
    changed = promote.edits(conf.read("bert_lr"), {"strategy.full.dropout": 0.25}, item=True)
    assert "\ndropout: 0.25\n" in changed[Path("conf/strategy/full.yaml")]


def test_what_the_configuration_refuses_is_not_written(project: Path) -> None:
    before = {p: p.read_bytes() for p in project.rglob("*.yaml")}
    sweep, values = conf.read("bert_lr"), {"lm.bert.lr": -1.0}
    with pytest.raises(ConfigError, match=r"lr = -1\.0 is not allowed"):
        promote.write(sweep, promote.edits(sweep, values), values)
    assert {p: p.read_bytes() for p in project.rglob("*.yaml")} == before
