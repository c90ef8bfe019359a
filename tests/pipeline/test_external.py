"""Representations from outside: one conf file each, through every stage into the report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from tests.pipeline.conftest import Project

from polyseme import results
from polyseme.models.external.common import checkpoint, source

pytestmark = pytest.mark.pipeline
pytest.importorskip("transformers")

from tests.external.checkpoints import make  # noqa: E402

EXPERIMENT = """# @package _global_
defaults:
  - override /corpus: [controlled]
  - override /static: [random]
  - override /external: [toy_glove, tiny_gpt2]
  - override /task: [senses, occurrences]
  - override /strategy: [scratch, full]
  - override /probe: [linear]
experiment: smoke
seeds: [0, 1]
static: {random: {dim: 32}}
strategy: {scratch: {epochs: 1}, full: {epochs: 1}}
probe: {linear: {epochs: 1, min_steps: 50}}
"""
SAME = ("corpus", "task")  # as the prepared project has them


def _conf(name: str, **values: object) -> str:
    content = {"external": {name: values}, "representation": {name: "external"}}
    return "# @package _global_\n" + yaml.safe_dump(content)


@pytest.fixture(scope="module")
def external(prepared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two items from outside, run."""
    project = prepared.fork(tmp_path_factory.mktemp("external") / "polyseme")
    smoke = project.folder / "conf/experiment/smoke.yaml"
    values = yaml.safe_load(smoke.read_text())
    kept = {key: values[key] for key in SAME}
    kept["task"] = {name: kept["task"][name] for name in ("senses", "occurrences")}
    smoke.write_text(EXPERIMENT + yaml.safe_dump(kept))
    vectors = project.folder / "glove.txt"
    vectors.write_text("the 1 0 2\ncrack 0 1 1\nbank 3 1 0\n")
    conf = project.folder / "conf" / "external"
    conf.mkdir(exist_ok=True)
    text = _conf(
        "toy_glove", module="text_vectors", header=False, oov="zero", path="glove.txt",
        sha256=source.digest(vectors),
    )  # fmt: skip
    (conf / "toy_glove.yaml").write_text(text)
    folder = make("gpt2", project.folder / "tiny")
    digest = source.digest(folder, checkpoint.files(folder))
    text = _conf("tiny_gpt2", module="hugging_face", path="tiny", sha256=digest, max_length=64)
    (conf / "tiny_gpt2.yaml").write_text(text)
    project.compose("runtime.progress=false")
    project.repro()
    return project


def test_items_from_outside_stand_in_every_table(external: Project) -> None:
    rows = results.read(external.folder / "reports/smoke/results.parquet")
    for stage in ("finetune", "probe", "intrinsic"):
        found = {row["representation"] for row in rows if row["stage"] == stage}
        assert {"toy_glove", "tiny_gpt2"} <= found, stage
    assert "tiny_gpt2_init" in {row["representation"] for row in rows if row["stage"] == "probe"}
    strategies = {r["strategy"] for r in rows if r["representation"] == "tiny_gpt2"}
    assert {"scratch", "full"} <= strategies
    page = (external.folder / "reports/smoke/README.md").read_text().replace("\\", "")
    assert "toy_glove" in page and "tiny_gpt2" in page


def test_nothing_is_said_about_a_pretraining_that_was_elsewhere(external: Project) -> None:
    rows = results.read(external.folder / "reports/smoke/results.parquet")
    mine = [row for row in rows if row["representation"] in ("toy_glove", "tiny_gpt2")]
    assert all(row["seconds"] is None for row in mine if row["stage"] == "pretrain")
    assert {row["words_seen"] for row in mine if row["strategy"] != "scratch"} == {None}
    page = (external.folder / "reports/smoke/README.md").read_text().replace("\\", "")
    for name, family in (("toy_glove", "static"), ("tiny_gpt2", "contextual")):
        assert f"| {name} | {family} | – | elsewhere | " in page


def test_the_sources_are_needed_no_more_and_a_change_of_the_format_reruns_its_items(
    external: Project, tmp_path: Path
) -> None:
    project = external.fork(tmp_path / "project")
    (project.folder / "glove.txt").unlink()
    (project.folder / "tiny").rename(project.folder / "gone")
    assert "up to date" in project.repro().stdout
    module = project.folder / "src/polyseme/models/external/hugging_face.py"
    module.write_text(module.read_text() + "\n# changed\n")
    (project.folder / "gone").rename(project.folder / "tiny")
    (project.folder / "glove.txt").write_text("the 1 0 2\ncrack 0 1 1\nbank 3 1 0\n")
    ran = set(re.findall(r"Running stage '([^']+)'", project.repro("probe").stdout))
    assert "probe@controlled-tiny_gpt2" in ran
    assert not {"probe@controlled-toy_glove", "probe@controlled-random"} & ran


def test_wrong_bytes_leave_nothing(external: Project, tmp_path: Path) -> None:
    project = external.fork(tmp_path / "project")
    (project.folder / "glove.txt").write_text("the 1 0 2\ncrack 0 1\n")
    conf = project.folder / "conf/external/toy_glove.yaml"
    good = conf.read_text()
    found = source.digest(project.folder / "glove.txt")
    conf.write_text(re.sub("[0-9a-f]{64}", found, good))
    project.compose("runtime.progress=false")
    done = project.repro("external", check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "glove.txt:2: 2 numbers after the word, not 3" in lines[0]
    assert "exited with 3" in done.stderr and "Traceback" not in done.stdout + done.stderr
    folder = project.folder / "artifacts/smoke/model/controlled"
    assert not list(folder.glob("*toy_glove*"))
