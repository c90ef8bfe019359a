"""A user's own text, as the README shows it: one conf file, and a copy of the experiment."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.pipeline.conftest import Project

from polyseme.tasks import base

pytestmark = pytest.mark.pipeline

WORDS = "Anna saw the old House near a river and Peter sold his Car to NATO last May".split()


def _write_text(folder: Path) -> None:
    """Compressed files in two folders; none like another."""
    random = np.random.default_rng(0)
    for number in range(60):
        path = folder / f"part{number % 2}" / f"{number}.txt.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [" ".join(random.choice(WORDS, 30)) + "." for _ in range(40)]
        path.write_bytes(gzip.compress("\n\n".join(lines).encode()))


def test_own_text_becomes_corpus_and_task(empty_project: Project, tmp_path: Path) -> None:
    project = empty_project.fork(tmp_path / "project")
    _write_text(tmp_path / "mine")
    conf = project.folder / "conf"
    corpus = (conf / "corpus/wiki.yaml").read_text()
    for old, new in (
        ("# @package corpus.wiki", "# @package corpus.mine"),
        ("reader: mediawiki", "reader: text"),
        ("source: artifacts/data/gensim_enwiki", f"source: {tmp_path / 'mine'}"),
        ('pattern: "*.bz2"', 'pattern: "**/*.txt.gz"'),
        ("vocab_size: 8192", "vocab_size: 300"),
    ):
        assert old in corpus
        corpus = corpus.replace(old, new)
    (conf / "corpus/mine.yaml").write_text(corpus)
    experiment = (conf / "experiment/wiki.yaml").read_text()
    experiment = experiment.replace("/corpus: [wiki]", "/corpus: [mine]")
    experiment = experiment.replace("experiment: wiki", "experiment: mine")
    experiment += "task:\n"
    for task in ("truecase", "length", "word_content"):
        experiment += f"  {task}: {{source: artifacts/mine/corpus/mine}}\n"
    (conf / "experiment/mine.yaml").write_text(experiment)
    project.compose("experiment=mine", "corpus.mine.valid_fraction=0.2")
    project.repro("corpus@mine", "task@truecase")
    folder = project.folder / "artifacts/mine"
    assert (folder / "corpus/mine/card.json").exists()
    labels = base.label_names(base.read(folder / "task/truecase", "train").labels)
    assert {"lower", "title", "upper"} <= set(labels)
