"""New items, nothing else edited.

A model, a probe, a measure: one python file and one conf file each. A table of labelled texts: a
conf file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.pipeline.conftest import ROOT, Project

from polyseme import results
from polyseme.tasks import base

pytestmark = pytest.mark.pipeline

MODEL = '''
"""Each word is its length: a representation that a child would think of."""

from polyseme.config import build, config
from polyseme.data.tokenizer import WordPieces
from polyseme.models.base import TOKENIZER
from polyseme.models.common.table import Table, read_words
from polyseme.models.common.vocabulary import frequent
import numpy as np

@config
class Config:
    dim: int = 8

def train(options, corpus, *, seed, progress):
    words = frequent(corpus, 1)
    vectors = np.array([[len(w) == d for d in range(options.dim)] for w in words])
    table = Table(words, options.dim, WordPieces.load(corpus / TOKENIZER), "zero")
    return table.set_vectors(vectors), 0

def restore(card, folder):
    options = build(Config, card["config"], file=str(folder))
    return Table(read_words(folder), options.dim, WordPieces.load(folder / TOKENIZER), "zero")
'''
PROBE = '''
"""The nearest class mean."""

import torch
from polyseme.config import config

@config
class Config:
    max_units: int = 1000

def predict(options, data):
    found = []
    for train_ND, test_MD in zip(data.train_LND, data.test_LMD):
        for labels_N in data.labels_VN:
            classes = [train_ND[labels_N == c] for c in range(data.num_labels)]
            means_CD = torch.stack([members.mean(0).nan_to_num(1e3) for members in classes])
            found.append(torch.cdist(test_MD, means_CD).argmin(-1))
    return torch.stack(found).unflatten(0, (len(data.train_LND), len(data.labels_VN)))
'''
MEASURE = '''
"""Letters of a word of the corpus that is known."""

from statistics import mean
from polyseme.config import config

@config
class Config:
    sentences: int = 10

FAMILIES = ()

def measure(options, representation, material):
    texts = material.sentences("test", options.sentences)
    known = [len(w) for words in texts for w in words if representation.knows(w)]
    yield {"split": "test", "metric": "letters", "value": mean(known), "num_items": len(known)}
'''
MODEL_CONF = """# @package _global_
static:
  lengths: {dim: 8}
representation:
  lengths: static
"""
PROBE_CONF = """# @package probe.nearest_mean
max_units: 500
"""


def test_a_new_model_and_a_new_probe_run_and_stand_in_the_report(
    prepared: Project, tmp_path: Path
) -> None:
    project = prepared.fork(tmp_path / "project")
    new = {
        "src/polyseme/models/lengths.py": MODEL,
        "conf/static/lengths.yaml": MODEL_CONF,
        "src/polyseme/probes/nearest_mean.py": PROBE,
        "conf/probe/nearest_mean.yaml": PROBE_CONF,
        "src/polyseme/intrinsic/letters.py": MEASURE,
        "conf/intrinsic/letters.yaml": "# @package intrinsic.letters\nsentences: 5\n",
    }
    for path, text in new.items():
        (project.folder / path).write_text(text)
    experiment = project.folder / "conf/experiment/smoke.yaml"
    text = experiment.read_text().replace("[random, word2vec]", "[random, lengths]")
    text = text.replace(
        "/probe: [linear, ", "/intrinsic: [letters]\n  - override /probe: [nearest_mean, "
    )
    text = text.replace("  linear: {epochs: 1, min_steps: 50, ranks: [2]}\n", "")
    text = text.replace("/lm: [bert]", "/lm: []")
    text = text[: text.index("\nlm:\n")] + text[text.index("\ntask:\n") :]
    text = text.replace("  word2vec: {dim: 32, budget: 80_000}\n", "")
    experiment.write_text(text)
    project.compose("runtime.progress=false")
    project.repro()
    rows = results.read(project.folder / "reports/smoke/results.parquet")
    assert {r["representation"] for r in rows if r["stage"] == "finetune"} == {"random", "lengths"}
    probed = [r for r in rows if r["probe"] == "nearest_mean" and r["representation"] == "lengths"]
    assert {r["metric"] for r in probed} == {"accuracy", "selectivity"}
    (letters,) = (r for r in rows if r["task"] == "letters" and r["representation"] == "lengths")
    assert letters["value"] > 1
    assert "lengths" in (project.folder / "reports/smoke/README.md").read_text()


def test_a_table_becomes_a_task_by_the_conf_file_that_the_page_shows(
    empty_project: Project, tmp_path: Path
) -> None:
    project = empty_project.fork(tmp_path / "project")
    page = (ROOT / "docs/tasks.md").read_text()
    (conf,) = re.findall(
        r"^```yaml\n(# @package task.reviews\n.*?)^```", page, re.DOTALL | re.MULTILINE
    )
    (project.folder / "conf/task/reviews.yaml").write_text(conf)
    (project.folder / "conf/experiment/mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /task: [reviews]\nexperiment: mine\n"
    )
    rows = [f'"Film {n} isn\'t bad, is it?",{n % 3}\n' for n in range(200)]
    (project.folder / "my_data").mkdir()
    (project.folder / "my_data/reviews.csv").write_text("review,stars\n" + "".join(rows))
    project.compose("experiment=mine")
    project.repro("task@reviews")
    folder = project.folder / "artifacts/mine/task/reviews"
    card = base.read_card(folder)
    assert sum(card["num_items"].values()) == 200
    assert card["also_in_train"] == {"valid": 0, "test": 0}
    train = base.read(folder, "train")
    assert {words[0]: words[2:] for words in train.sentences} == {
        "Film": ["isn't", "bad", ",", "is", "it", "?"]
    }
    assert base.label_names(train.labels) == ["0", "1", "2"]
